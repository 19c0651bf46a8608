//! Which project everything belongs to, and that no reference leaves it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{rules, walk};
use crate::address::{ModuleStep, ResourceAddress};
use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::{Desired, Instance};
use crate::eval::value::Value;

/// The project of every instance that has one. Projects count as belonging to themselves.
pub type Projects<'a> = HashMap<&'a ResourceAddress, Arc<ResourceAddress>>;

/// Finds the project of each instance: the one it names, or the only one of its module or of a module around it.
pub fn find<'a>(desired: &'a Desired, faults: &mut Diagnostics) -> Projects<'a> {
    let declared = by_module(desired);
    let mut projects = Projects::new();
    for instance in &desired.instances {
        if &*instance.address.kind == "project" {
            projects.insert(&instance.address, Arc::new(instance.address.clone()));
        } else if instance.kind.in_project
            && let Some(project) = faults.take(project_of(instance, &declared))
        {
            projects.insert(&instance.address, project);
        }
    }
    projects
}

type Declared<'a> = BTreeMap<&'a [ModuleStep], Vec<&'a Instance>>;

fn by_module(desired: &Desired) -> Declared<'_> {
    let mut declared = Declared::new();
    for instance in desired.instances.iter().filter(|instance| &*instance.address.kind == "project") {
        declared.entry(&instance.address.module).or_default().push(instance);
    }
    declared
}

fn project_of(instance: &Instance, declared: &Declared<'_>) -> Result<Arc<ResourceAddress>, Diagnostic> {
    if let Some(named) = instance.get("project").and_then(Value::as_ref_address) {
        return Ok(named.clone());
    }
    let module = &instance.address.module;
    let nearest = (0..=module.len()).rev().find_map(|length| declared.get(&module[..length]));
    match nearest.map(Vec::as_slice) {
        Some([only]) => Ok(Arc::new(only.address.clone())),
        Some(several) => {
            Err(several.iter().fold(not_clear(instance, "several projects are declared"), |fault, project| {
                fault.related(project.span, "one of them")
            }))
        }
        None => Err(not_clear(instance, "no project is declared").hint("declare one: project \"main\" {}")),
    }
}

fn not_clear(instance: &Instance, why: &str) -> Diagnostic {
    let detail = format!("{} names no project, and {why}: it must belong to exactly one.", instance.address);
    let fault = Diagnostic::error(&model::NO_PROJECT, detail).at(instance.span).about(&instance.address);
    fault.hint("set the argument project")
}

/// Holds every reference of an instance against its project.
pub fn check_references(
    instance: &Instance,
    desired: &Desired,
    known: &HashMap<&ResourceAddress, &Instance>,
    projects: &Projects<'_>,
    faults: &mut Diagnostics,
) {
    let own = projects.get(&instance.address);
    walk::leaves(&instance.value, &mut |path, leaf| {
        let Some(address) = leaf.as_ref_address() else { return };
        let Some(other) = known.get(&**address) else {
            if !desired.has_failed(address) {
                faults.push(undeclared(instance, path, address));
            }
            return;
        };
        if let (Some(own), Some(others)) = (own, projects.get(&other.address))
            && own != others
            && path != "project"
        {
            faults.push(crossing(instance, path, own, other, others));
        }
    });
}

fn undeclared(instance: &Instance, path: &str, address: &ResourceAddress) -> Diagnostic {
    let detail =
        format!("{} refers to {address} in \"{path}\", and nothing of this address is declared.", instance.address);
    let fault = Diagnostic::error(&model::NO_SUCH_RESOURCE, detail).at(rules::place(instance, path));
    fault.about(&instance.address)
}

fn crossing(
    instance: &Instance,
    path: &str,
    own: &ResourceAddress,
    other: &Instance,
    others: &ResourceAddress,
) -> Diagnostic {
    let detail = format!(
        "{} belongs to {own}, but \"{path}\" refers to {}, which belongs to {others}.",
        instance.address, other.address
    );
    Diagnostic::error(&model::CROSS_PROJECT, detail)
        .at(rules::place(instance, path))
        .related(other.place("project"), format!("belongs to {others}"))
        .about(&instance.address)
        .hint("declare what is needed once in each project")
}
