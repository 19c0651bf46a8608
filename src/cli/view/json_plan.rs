//! A plan for programs, in the shape of `terraform show -json PLAN` (format 1.2), with what is `cap`'s own under `cap`.
//!
//! Objects without changes are in saved plans only, and so are `planned_values`, `prior_state` and `configuration`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::address::{Address, Key};
use crate::plan::{Absence, Action, Deferred, Drift, OutputChange, Plan, Reason, Step, StoredOutput, Surroundings};
use crate::state::record::Spec;

/// The version of Terraform's format that this follows.
pub const FORMAT_VERSION: &str = "1.2";

/// The whole document.
pub fn plan(plan: &Plan) -> Json {
    let mut out = json!({
        "format_version": FORMAT_VERSION,
        "terraform_version": plan.cap_version,
        "variables": plan.variables.iter().map(|(name, value)| (name.clone(), variable(value))).collect::<Map<_, _>>(),
        "resource_drift": plan.drift.iter().map(drift).collect::<Vec<_>>(),
        "resource_changes": plan.steps.iter().map(change).collect::<Vec<_>>(),
        "output_changes": plan.outputs.iter().map(|output| (output.name.clone(), output_change(output))).collect::<Map<_, _>>(),
        "timestamp": plan.created_at,
        "applyable": plan.has_changes(),
        "complete": plan.deferred.is_empty(),
        "errored": false,
        "cap": { "store": plan.store, "summary": plan.summary() },
    });
    if !plan.deferred.is_empty() {
        out["deferred_changes"] = plan.deferred.iter().map(deferred).collect();
    }
    if let Some(around) = &plan.surroundings {
        surround(&mut out, plan, around);
    }
    out
}

/// A sensitive variable has no value here.
fn variable(value: &Json) -> Json {
    if value.get("$secret").is_some() { json!({ "sensitive": true }) } else { json!({ "value": value }) }
}

/// Adds what was and what will be, whole, and the configuration.
fn surround(out: &mut Json, plan: &Plan, around: &Surroundings) {
    let same = || around.unchanged.iter();
    // What is deferred stays as it is as far as this plan goes.
    let left = || plan.deferred.iter().filter_map(|one| Some((one.present(), one.before.as_ref()?)));
    let (before, after) = (
        plan.steps
            .iter()
            .filter_map(|step| Some((step.moved_from.as_ref().unwrap_or(&step.address), step.before.as_ref()?))),
        plan.steps.iter().filter_map(|step| Some((&step.address, &step.after.as_ref()?.spec))),
    );
    let outputs = |changed: fn(&OutputChange) -> (Option<&StoredOutput>, Option<&Json>)| -> Map<String, Json> {
        let same =
            around.outputs.iter().map(|(name, value)| (name.clone(), json!({ "sensitive": false, "value": value })));
        let changed = plan.outputs.iter().filter_map(|one| {
            let (output, value) = changed(one);
            Some((one.name.clone(), json!({ "sensitive": output?.sensitive, "value": value })))
        });
        same.chain(changed).collect()
    };
    out["prior_state"] = json!({
        "format_version": "1.0",
        "terraform_version": plan.cap_version,
        "values": {
            "outputs": outputs(|one| (one.before.as_ref(), one.was.as_ref())),
            "root_module": root_module(same().chain(left()).chain(before).map(|(address, spec)| (address, resource(address, Some(spec))))),
        },
    });
    out["planned_values"] = json!({
        "outputs": outputs(|one| (one.after.as_ref(), one.becomes.as_ref())),
        "root_module": root_module(same().chain(left()).chain(after).map(|(address, spec)| (address, resource(address, Some(spec))))),
    });
    out["configuration"] = around.configuration.clone();
    out["checks"] = json!(around.checks);
    if let Some(changes) = out["resource_changes"].as_array_mut() {
        changes.extend(same().map(|(address, spec)| no_op(address, spec)));
    }
}

/// An object as it is, as an element of `resources`.
pub fn resource(address: &Address, spec: Option<&Spec>) -> Json {
    let mut out = identity(address);
    let marks = spec.map_or(json!({}), |spec| sensitive(&Json::Object(spec.clone())));
    out.insert("mode".to_owned(), json!("managed"));
    out.insert("provider_name".to_owned(), json!("cap"));
    out.insert("schema_version".to_owned(), json!(0));
    out.insert("values".to_owned(), json!(spec));
    out.insert("sensitive_values".to_owned(), marks);
    Json::Object(out)
}

/// An object that stays as it is, as an element of `resource_changes`.
fn no_op(address: &Address, spec: &Spec) -> Json {
    let marks = sensitive(&Json::Object(spec.clone()));
    let mut out = identity(address);
    out.insert("mode".to_owned(), json!("managed"));
    out.insert("provider_name".to_owned(), json!("cap"));
    out.insert(
        "change".to_owned(),
        json!({
            "actions": ["no-op"],
            "before": spec,
            "after": spec,
            "after_unknown": {},
            "before_sensitive": marks,
            "after_sensitive": marks,
        }),
    );
    Json::Object(out)
}

/// Objects as Terraform nests them: those of the root, and those of each module below it.
pub fn root_module<'a>(objects: impl Iterator<Item = (&'a Address, Json)>) -> Json {
    let mut root = Module::default();
    for (address, object) in objects {
        let (Address::Resource(place) | Address::Deployment { certificate: place, .. }) = address;
        let steps = place.module.iter().map(ToString::to_string);
        let module = steps.fold(&mut root, |module, step| module.children.entry(step).or_default());
        module.resources.push(object);
    }
    root.json("")
}

/// A module while its objects are gathered.
#[derive(Default)]
struct Module {
    resources: Vec<Json>,
    children: BTreeMap<String, Module>,
}

impl Module {
    fn json(self, address: &str) -> Json {
        let mut out = json!({ "resources": self.resources });
        if !address.is_empty() {
            out["address"] = json!(address);
        }
        let below = |name: &str| if address.is_empty() { name.to_owned() } else { format!("{address}.{name}") };
        let children: Vec<Json> = self.children.into_iter().map(|(name, module)| module.json(&below(&name))).collect();
        if !children.is_empty() {
            out["child_modules"] = json!(children);
        }
        out
    }
}

/// One step, as an element of `resource_changes`.
pub fn change(step: &Step) -> Json {
    let mut before = step.before.clone().map(Json::Object);
    let after =
        step.after.as_ref().filter(|_| step.action != Action::Delete).map(|draft| Json::Object(draft.spec.clone()));
    if step.importing.is_some() {
        before.clone_from(&after);
    }
    let mut out = identity(&step.address);
    out.insert("mode".to_owned(), json!("managed"));
    out.insert("provider_name".to_owned(), json!("cap"));
    if let Some(from) = &step.moved_from {
        out.insert("previous_address".to_owned(), json!(from));
    }
    if let Some(reason) = step.reasons.iter().find_map(action_reason) {
        out.insert("action_reason".to_owned(), json!(reason));
    }
    out.insert(
        "change".to_owned(),
        json!({
            "actions": actions(step.action, step.keeps_old),
            "before_sensitive": before.as_ref().map_or(json!(false), sensitive),
            "after_sensitive": after.as_ref().map_or(json!(false), sensitive),
            "after_unknown": {},
            "replace_paths": replace_paths(&step.reasons),
            "before": before,
            "after": after,
        }),
    );
    if let Some(importing) = &step.importing {
        out["change"]["importing"] = json!({ "id": importing.id });
    }
    out.insert("cap".to_owned(), json!({ "action": step.action, "work": step.work, "reasons": step.reasons }));
    Json::Object(out)
}

/// What is left to a later plan, as an element of `deferred_changes`.
fn deferred(one: &Deferred) -> Json {
    let spec = |spec: &Option<Spec>| spec.clone().map(Json::Object);
    let (before, after) = (spec(&one.before), spec(&one.after));
    let mut change = identity(&one.address);
    change.insert("mode".to_owned(), json!("managed"));
    change.insert("provider_name".to_owned(), json!("cap"));
    if let Some(from) = &one.moved_from {
        change.insert("previous_address".to_owned(), json!(from));
    }
    change.insert(
        "change".to_owned(),
        json!({
            "actions": one.action.map_or(json!(["no-op"]), |action| actions(action, one.keeps_old)),
            "before_sensitive": before.as_ref().map_or(json!(false), sensitive),
            "after_sensitive": after.as_ref().map_or(json!(false), sensitive),
            "after_unknown": {},
            "before": before,
            "after": after,
        }),
    );
    let mut own = json!({ "job": one.job });
    if let Some(other) = &one.waits_for {
        own["waits_for"] = json!(other);
    }
    json!({ "reason": deferral(one), "resource_change": change, "cap": own })
}

/// Why something is deferred: it waits for something that is, in Terraform's word, or a job works on it.
pub fn deferral(one: &Deferred) -> &'static str {
    if one.waits_for.is_some() { "deferred_prereq" } else { "unfinished_job" }
}

/// Address, type, name, index and module of an object, under Terraform's names.
pub fn identity(address: &Address) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("address".to_owned(), json!(address));
    out.insert("type".to_owned(), json!(address.kind()));
    match address.resource() {
        Some(resource) => {
            out.insert("name".to_owned(), json!(resource.name));
            match &resource.key {
                Some(Key::Index(at)) => out.insert("index".to_owned(), json!(at)),
                Some(Key::Name(name)) => out.insert("index".to_owned(), json!(name)),
                None => None,
            };
            let module: Vec<String> = resource.module.iter().map(ToString::to_string).collect();
            if !module.is_empty() {
                out.insert("module_address".to_owned(), json!(module.join(".")));
            }
        }
        None => {
            out.insert("name".to_owned(), json!(address.to_string()));
        }
    }
    out
}

/// Terraform's list of actions. A renewal is an update; what it is more closely stands under `cap`.
fn actions(action: Action, keeps_old: bool) -> Json {
    match action {
        Action::Create => json!(["create"]),
        Action::Update | Action::Renew => json!(["update"]),
        Action::Replace if keeps_old => json!(["forget", "create"]),
        Action::Replace => json!(["delete", "create"]),
        Action::Delete => json!(["delete"]),
        Action::Forget => json!(["forget"]),
        Action::Move | Action::Import => json!(["no-op"]),
    }
}

/// Terraform's word for a reason, where it has one.
pub fn action_reason(reason: &Reason) -> Option<&'static str> {
    match reason {
        Reason::Requested => Some("replace_by_request"),
        Reason::CannotUpdate { .. } => Some("replace_because_cannot_update"),
        Reason::DependencyReplaced { .. } | Reason::IssuerReplaced { .. } => Some("replace_by_triggers"),
        Reason::NotInConfiguration { why } => Some(match why {
            Absence::NoBlock | Absence::NotATarget | Absence::RemovedBlock => "delete_because_no_resource_config",
            Absence::EachKey => "delete_because_each_key",
            Absence::CountIndex => "delete_because_count_index",
            Absence::WrongRepetition => "delete_because_wrong_repetition",
            Absence::Disabled => "delete_because_enabled_false",
            Absence::NoModule => "delete_because_no_module",
        }),
        _ => None,
    }
}

fn replace_paths(reasons: &[Reason]) -> Vec<Vec<&str>> {
    let paths = reasons.iter().filter_map(|reason| match reason {
        Reason::CannotUpdate { paths } => Some(paths),
        _ => None,
    });
    paths.flatten().map(|path| path.split('.').collect()).collect()
}

/// The value's shape with `true` where a secret is referred to; `{}` and `[]` where none is.
pub fn sensitive(value: &Json) -> Json {
    match value {
        Json::Object(entries) if entries.contains_key("$secret") => json!(true),
        Json::Object(entries) => {
            let marked = entries.iter().map(|(name, value)| (name.clone(), sensitive(value)));
            Json::Object(marked.filter(|(_, mark)| *mark != json!({}) && *mark != json!(false)).collect())
        }
        Json::Array(items) => {
            let marks: Vec<Json> = items.iter().map(sensitive).collect();
            if marks.iter().all(|mark| *mark == json!(false)) { json!(false) } else { Json::Array(marks) }
        }
        _ => json!(false),
    }
}

fn drift(drift: &Drift) -> Json {
    let mut out = identity(&drift.address);
    out.insert("mode".to_owned(), json!("managed"));
    out.insert(
        "change".to_owned(),
        json!({ "actions": ["update"], "before": { "content": drift.expected }, "after": { "content": drift.found } }),
    );
    Json::Object(out)
}

fn output_change(change: &OutputChange) -> Json {
    let action = match (&change.before, &change.after) {
        (None, _) => "create",
        (_, None) => "delete",
        _ => "update",
    };
    let hidden = change.before.iter().chain(&change.after).any(|output| output.sensitive);
    let unknown = change.after.is_some() && !hidden && change.becomes.is_none();
    json!({
        "actions": [action],
        "before": change.was,
        "after": change.becomes,
        "after_unknown": unknown,
        "before_sensitive": hidden,
        "after_sensitive": hidden,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_marked_where_they_stand() {
        let spec =
            json!({"a": {"$secret": {"env": "X"}}, "b": 1, "c": [{"k": {"$secret": {"env": "Y"}}}, {}], "d": ["x"]});
        assert_eq!(sensitive(&spec), json!({"a": true, "c": [{"k": true}, {}]}));
    }

    #[test]
    fn what_is_deferred_is_told_as_it_will_be_planned() {
        let told = |keeps_old: bool| {
            let one = Deferred {
                address: "certificate.c@file_target.t".parse().expect("an address"),
                job: crate::job::RunId("r".to_owned()).job(1),
                waits_for: None,
                action: Some(Action::Replace),
                before: None,
                after: None,
                moved_from: None,
                keeps_old,
            };
            deferred(&one)["resource_change"]["change"]["actions"].clone()
        };
        assert_eq!((told(true), told(false)), (json!(["forget", "create"]), json!(["delete", "create"])));
    }

    #[test]
    fn an_instance_in_a_module_says_which() {
        let address: Address = "module.m[\"k\"].zone.z[2]".parse().expect("an address");
        let identity = Json::Object(identity(&address));
        assert_eq!(
            identity,
            json!({"address": "module.m[\"k\"].zone.z[2]", "type": "zone", "name": "z", "index": 2, "module_address": "module.m[\"k\"]"})
        );
    }
}
