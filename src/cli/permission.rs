//! What a plan would need an approval for. Approvals are recorded and cannot be given yet: what waits for one is refused.
//! Pure: a plan and the records in, a report out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::address::Address;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Action, Plan, Step, Work};
use crate::state::State;
use crate::state::record::Spec;

/// Steps named in a report before it only counts.
const NAMED: usize = 5;

/// Operations that wait, by the address of the project.
type Waiting<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The steps of a plan by address.
type Planned<'a> = HashMap<&'a Address, &'a Step>;

/// A report that names the steps which an approval policy makes wait. The policies are those in force and those that the
/// plan brings: neither removing nor adding one together with what it covers goes around it.
pub fn approvals(plan: &Plan, state: &State) -> Option<Diagnostic> {
    let waiting = policies(plan, state);
    if waiting.is_empty() {
        return None;
    }
    let planned: Planned<'_> = plan.steps.iter().map(|step| (&step.address, step)).collect();
    let covered: Vec<String> = plan.steps.iter().filter_map(|step| covered(step, &planned, state, &waiting)).collect();
    let first = covered.first()?;
    let more = covered.len().saturating_sub(NAMED);
    let mut named = covered.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    let detail =
        format!("An approval_policy makes these wait for an approval, which cannot be given in this version: {named}.");
    let hint = "Remove the operation from the policy's required_for, apply that alone, and then apply the rest.";
    let address = first.split_once(' ').map_or(first.as_str(), |(_, address)| address);
    Some(Diagnostic::error(&codes::plan::APPROVAL_NEEDED, detail).about(address).hint(hint))
}

fn policies<'a>(plan: &'a Plan, state: &'a State) -> Waiting<'a> {
    let is_policy = |address: &Address| address.kind() == "approval_policy";
    let recorded = state.records.values().filter(|record| is_policy(&record.address));
    let planned = plan.steps.iter().filter(|step| is_policy(&step.address));
    let recorded = recorded.filter_map(|record| record.spec.as_deref());
    let planned = planned.filter_map(|step| Some(&step.after.as_ref()?.spec));
    let mut waiting = Waiting::new();
    for spec in recorded.chain(planned) {
        let operations = spec.get("required_for").and_then(|value| value.as_array()).into_iter().flatten();
        if let Some(project) = project(spec) {
            waiting.entry(project).or_default().extend(operations.filter_map(|value| value.as_str()));
        }
    }
    waiting
}

fn project(spec: &Spec) -> Option<&str> {
    spec.get("project")?.get("$ref")?.as_str()
}

/// `issue certificate.www`, if that waits.
fn covered(step: &Step, planned: &Planned<'_>, state: &State, waiting: &Waiting<'_>) -> Option<String> {
    let operation = match (step.work, step.action) {
        (Work::Issue, Action::Renew) => "renew",
        (Work::Issue, _) => "issue",
        (Work::Deploy, _) => "deploy",
        _ => return None,
    };
    let operations = waiting.get(project_of(&step.address, planned, state)?)?;
    operations.contains(operation).then(|| format!("{operation} {}", step.address))
}

/// The project of an object; a deployment is in that of its certificate.
fn project_of<'a>(address: &Address, planned: &Planned<'a>, state: &'a State) -> Option<&'a str> {
    let owner = match address {
        Address::Deployment { certificate, .. } => Address::Resource(certificate.clone()),
        Address::Resource(_) => address.clone(),
    };
    let planned =
        planned.get(&owner).and_then(|step| step.after.as_ref().map(|draft| &draft.spec).or(step.before.as_ref()));
    planned.or_else(|| state.records.get(&owner)?.spec.as_deref()).and_then(project)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::job::sample;
    use crate::state::Record;
    use crate::state::record::Draft;

    fn spec(json: Json) -> Spec {
        json.as_object().cloned().unwrap_or_default()
    }

    fn step(address: &str, work: Work, after: Json) -> Step {
        let step = sample::step(address, work);
        let draft = Draft {
            address: step.address.clone(),
            spec: spec(after),
            secrets: BTreeMap::new(),
            protected: false,
            forget: false,
            depends_on: Vec::new(),
            origin: None,
        };
        Step { after: Some(draft), ..step }
    }

    fn check(operations: &[&str], expected: &[&str]) {
        let in_project = json!({"project": {"$ref": "project.p"}});
        let steps = vec![
            step("certificate.c", Work::Issue, in_project),
            step("certificate.c@file_target.t", Work::Deploy, json!({})),
            step("certificate.other", Work::Issue, json!({"project": {"$ref": "project.q"}})),
        ];
        let plan = Plan::of(steps, crate::time::Timestamp::from_millis(0), String::new());
        let policy = json!({"project": {"$ref": "project.p"}, "required_for": operations});
        let mut record = Record::new("approval_policy.a".parse().expect("an address"));
        record.spec = Some(spec(policy).into());
        let state = State { records: [(record.address.clone(), record)].into() };
        let detail = approvals(&plan, &state).map(|report| report.detail).unwrap_or_default();
        for part in ["issue certificate.c", "deploy certificate.c@file_target.t", "certificate.other"] {
            assert_eq!(detail.contains(part), expected.contains(&part), "{operations:?}: {detail}");
        }
    }

    #[test]
    fn what_a_policy_covers_waits_in_its_project_only() {
        check(&["revoke"], &[]);
        check(&["issue"], &["issue certificate.c"]);
        check(&["issue", "deploy"], &["issue certificate.c", "deploy certificate.c@file_target.t"]);
    }
}
