//! Which policy a certificate is held to: the one it names, or that of its project.

use std::collections::HashMap;

use super::projects::Projects;
use super::{certificate, certificate_policy, rules};
use crate::address::ResourceAddress;
use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::{Desired, Instance};
use crate::eval::value::Value;
use crate::policy::Policy;

/// Whether its own rules can be held to; those of another one are reported where they stand, and nobody is held to them.
fn sound(policy: &Instance) -> bool {
    let mut faults = Diagnostics::default();
    certificate_policy::check(policy, &mut faults);
    !faults.has_errors()
}

/// All policies, by address and by project.
pub struct Policies<'a> {
    all: HashMap<&'a ResourceAddress, (&'a Instance, Policy)>,
    of_project: HashMap<&'a ResourceAddress, Vec<&'a ResourceAddress>>,
}

impl<'a> Policies<'a> {
    /// Reads them.
    pub fn gather(desired: &'a Desired, projects: &'a Projects<'_>) -> Self {
        let declared =
            || desired.instances.iter().filter(|one| &*one.address.kind == "certificate_policy" && sound(one));
        let mut of_project = HashMap::<_, Vec<_>>::new();
        for (policy, project) in declared().filter_map(|one| Some((one, projects.get(&one.address)?))) {
            of_project.entry(&**project).or_default().push(&policy.address);
        }
        Self { all: declared().map(|one| (&one.address, (one, Policy::of(&one.value)))).collect(), of_project }
    }

    /// Holds a certificate against its policy.
    pub fn check(&self, instance: &Instance, project: &ResourceAddress, faults: &mut Diagnostics) {
        let Some((policy, rules)) = faults.take(self.find(instance, project)).flatten() else { return };
        let names: Vec<(String, &str)> = certificate::names_of(instance).collect();
        for violation in rules.violations(&instance.address.name, &instance.value, &names) {
            let detail = format!("{} is not what {} allows: {}.", instance.address, policy.address, violation.detail);
            let fault = Diagnostic::error(&model::POLICY_VIOLATED, detail)
                .at(rules::place(instance, &violation.argument))
                .related(rules::place(policy, violation.rule), "the rule");
            faults.push(fault.about(&instance.address));
        }
    }

    fn find(
        &self,
        instance: &Instance,
        project: &ResourceAddress,
    ) -> Result<Option<&(&'a Instance, Policy)>, Diagnostic> {
        if let Some(named) = instance.get("policy").and_then(Value::as_ref_address) {
            return Ok(self.all.get(&**named));
        }
        match self.of_project.get(project).map(Vec::as_slice) {
            None => Ok(None),
            Some([only]) => Ok(self.all.get(only)),
            Some(several) => Err(self.ambiguous(instance, project, several)),
        }
    }

    fn ambiguous(&self, instance: &Instance, project: &ResourceAddress, several: &[&ResourceAddress]) -> Diagnostic {
        let detail = format!("{} names no policy, and {project} has {}.", instance.address, several.len());
        let fault = Diagnostic::error(&model::AMBIGUOUS_POLICY, detail).at(instance.span).about(&instance.address);
        let fault = fault.hint("set the argument policy, or merge the policies");
        several
            .iter()
            .filter_map(|one| self.all.get(one))
            .fold(fault, |fault, (policy, _)| fault.related(policy.span, "one of them"))
    }
}
