//! Zones by apex: which one publishes the challenge of a name. The longest match wins; aliases count as apexes.

use std::collections::{BTreeMap, HashMap};

use super::{certificate, names, rules, zone};
use crate::address::{Address, ResourceAddress};
use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::eval::desired::{Desired, Instance};

use super::projects::Projects;

/// Zones of every project by apex.
#[derive(Default)]
pub struct Zones<'a> {
    by_apex: HashMap<(&'a ResourceAddress, String), &'a Instance>,
    /// Whether there are more, whose apex is not known.
    incomplete: bool,
}

impl<'a> Zones<'a> {
    /// Gathers them, and reports apexes that two zones of one project hold.
    pub fn gather(desired: &'a Desired, projects: &'a Projects<'_>, faults: &mut Diagnostics) -> Self {
        let incomplete = desired.failed.iter().any(|address| &*address.kind == "zone");
        let mut zones = Self { incomplete, ..Self::default() };
        let declared = desired.instances.iter().filter(|instance| &*instance.address.kind == "zone");
        for (instance, project) in declared.filter_map(|one| Some((one, projects.get(&one.address)?))) {
            for (path, apex) in zone::apexes(instance) {
                let before = zones.by_apex.insert((project, apex.to_ascii_lowercase()), instance);
                if let Some(before) = before {
                    faults.push(twice(instance, &path, apex, before));
                }
            }
        }
        zones
    }

    /// The zone of a name, with or without a wildcard.
    fn find(&self, project: &'a ResourceAddress, name: &str) -> Option<&'a Instance> {
        let mut rest = identifier(name);
        loop {
            // Few levels a name, so one key a level is cheap enough.
            if let Some(zone) = self.by_apex.get(&(project, rest.to_owned())) {
                return Some(zone);
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// The zone of each name of an ACME certificate, by the name that its challenge is for: without `*.`.
    pub fn of_certificate(
        &self,
        instance: &Instance,
        project: &'a ResourceAddress,
        faults: &mut Diagnostics,
    ) -> BTreeMap<String, Address> {
        let mut found = BTreeMap::new();
        for (path, name) in certificate::names_of(instance).filter(|(_, name)| !names::is_address(name)) {
            match self.find(project, name) {
                Some(zone) => _ = found.insert(identifier(name).to_owned(), zone.address.clone().into()),
                None if !self.incomplete && names::of_certificate(name).is_ok() => {
                    faults.push(self.missing(instance, project, &path, name))
                }
                None => {}
            }
        }
        found
    }

    fn missing(&self, instance: &Instance, project: &ResourceAddress, path: &str, name: &str) -> Diagnostic {
        let detail = format!("No zone of {project} holds \"{name}\", so nobody can publish its challenge.");
        let fault =
            Diagnostic::error(&model::NO_ZONE, detail).at(rules::place(instance, path)).about(&instance.address);
        let apexes = self.by_apex.keys().filter(|(owner, _)| *owner == project).map(|(_, apex)| apex.as_str());
        let registered = psl::domain_str(identifier(name)).unwrap_or(name);
        match did_you_mean(registered, apexes) {
            Some(apex) => fault.hint(format!("did you mean a name in \"{apex}\"?")),
            None => fault.hint(format!("declare a zone with apex = \"{registered}\"")),
        }
    }
}

/// A name as its challenge names it.
fn identifier(name: &str) -> &str {
    name.strip_prefix("*.").unwrap_or(name)
}

fn twice(instance: &Instance, path: &str, apex: &str, before: &Instance) -> Diagnostic {
    let place = |zone: &Instance| {
        let path = zone::apexes(zone).find(|(_, held)| held.eq_ignore_ascii_case(apex)).map(|(path, _)| path);
        rules::place(zone, path.as_deref().unwrap_or("apex"))
    };
    let detail = format!("{} and {} both hold \"{apex}\" in one project.", before.address, instance.address);
    Diagnostic::error(&model::DUPLICATE_ZONE, detail)
        .at(rules::place(instance, path))
        .related(place(before), "held here already")
        .about(&instance.address)
}
