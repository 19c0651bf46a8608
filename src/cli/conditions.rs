//! Conditions that read facts, held to what the store knows: while planning for what the plan does not change, and after
//! apply for everything.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::view::output::Known;
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::eval::checks::truth;
use crate::eval::desired;
use crate::eval::residual;
use crate::plan::{Condition, Plan, Step};
use crate::source::Sources;
use crate::state::State;

/// Conditions apart from those that are about something the plan defers, or read facts of it: nothing can be said of these
/// before it is planned. What those are about is returned beside them.
pub fn decidable<'c>(
    conditions: &'c [desired::Condition],
    plan: &Plan,
) -> (Vec<&'c desired::Condition>, HashSet<String>) {
    let deferred: HashSet<&Address> = plan.deferred.iter().map(|one| &one.address).collect();
    let is_deferred = |one: &&desired::Condition| {
        let is_about = || one.subject.parse::<Address>().is_ok_and(|address| deferred.contains(&address));
        !deferred.is_empty() && (is_about() || reads(&one.condition, &deferred) || reads(&one.message, &deferred))
    };
    let (left, decidable): (Vec<_>, Vec<_>) = conditions.iter().partition(is_deferred);
    (decidable, left.into_iter().map(|one| one.subject.clone()).collect())
}

/// Conditions as a plan keeps them.
pub fn kept(conditions: &[&desired::Condition], sources: &Sources) -> Vec<Condition> {
    let keep = |one: &&desired::Condition| Condition {
        guard: one.guard,
        subject: one.subject.clone(),
        condition: one.condition.clone(),
        message: one.message.clone(),
        origin: Some(sources.position(one.span)),
    };
    conditions.iter().map(keep).collect()
}

/// What the conditions of a plan that read facts came to while it was made.
#[derive(Default)]
pub struct Decided {
    /// Those that do not hold already now.
    pub failures: Vec<Diagnostic>,
    /// What those are about that are known after apply only: they read facts of something that the plan changes.
    pub later: HashSet<String>,
}

/// Decides conditions as far as the plan leaves what they read alone.
pub fn while_planning(conditions: &[&desired::Condition], plan: &Plan, state: &State) -> Decided {
    let changed: HashSet<&Address> = plan.steps.iter().map(|step: &Step| &step.address).collect();
    let mut decided = Decided::default();
    for (one, kept) in conditions.iter().zip(&plan.conditions) {
        if reads(&kept.condition, &changed) || reads(&kept.message, &changed) {
            decided.later.insert(kept.subject.clone());
        } else {
            decided.failures.extend(judge(kept, state).map(|failure| failure.at(one.span)));
        }
    }
    decided
}

/// Conditions that do not hold after everything was done.
pub fn after_apply(plan: &Plan, state: &State) -> Vec<Diagnostic> {
    let placed = |one: &Condition| {
        let mut failure = judge(one, state)?;
        if let Some(origin) = &one.origin {
            failure.detail.push_str(&format!(" (The condition stands at {origin}.)"));
        }
        Some(failure)
    };
    plan.conditions.iter().filter_map(placed).collect()
}

/// Whether a residual refers to any of these.
fn reads(residual: &Json, changed: &HashSet<&Address>) -> bool {
    match residual {
        Json::Object(entries) => match entries.get("$ref").and_then(Json::as_str) {
            Some(text) => text.parse::<Address>().is_ok_and(|address| changed.contains(&address)),
            None => entries.values().any(|inner| reads(inner, changed)),
        },
        Json::Array(items) => items.iter().any(|item| reads(item, changed)),
        _ => false,
    }
}

/// The report of a condition that does not hold, or cannot be decided.
fn judge(one: &Condition, state: &State) -> Option<Diagnostic> {
    let known = Known(state);
    let text = match residual::resolve(&one.condition, &known).as_ref().map(truth) {
        Ok(Some(true)) => return None,
        Ok(Some(false)) => match residual::resolve(&one.message, &known) {
            Ok(message) => message.as_str().unwrap_or("The condition does not hold.").to_owned(),
            Err(_) => "The condition does not hold.".to_owned(),
        },
        Ok(None) => "The condition is neither true nor false.".to_owned(),
        Err(faults) => faults.iter().map(|fault| fault.detail.as_str()).collect::<Vec<_>>().join(" "),
    };
    Some(one.guard.failure(text).about(&one.subject))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::eval::desired::Guard;
    use crate::plan::Deferred;
    use crate::source::{SourceId, Span};
    use crate::time::Timestamp;

    #[test]
    fn of_what_is_deferred_no_condition_is_held() {
        let reading = |address: &str| json!({ "$residual": { "scope": { "c": { "$ref": address } } } });
        let condition = |subject: &str, read: &str| desired::Condition {
            guard: Guard::Postcondition,
            subject: subject.to_owned(),
            condition: reading(read),
            message: json!("It does not hold."),
            span: Span::new(SourceId(0), 0..1),
        };
        let conditions = [
            condition("certificate.a", "certificate.b"),
            condition("certificate.b", "certificate.c"),
            condition("check.c", "certificate.a"),
            condition("check.d", "certificate.c"),
        ];
        let deferred = Deferred {
            address: "certificate.a".parse().expect("an address"),
            job: crate::job::RunId("r".to_owned()).job(1),
            waits_for: None,
            action: None,
            before: None,
            after: None,
            moved_from: None,
            keeps_old: false,
        };
        let mut plan = Plan::of(Vec::new(), Timestamp::from_millis(0), String::new());
        let subjects = |plan: &Plan| {
            let (decidable, left) = decidable(&conditions, plan);
            (decidable.iter().map(|one| one.subject.clone()).collect::<Vec<_>>(), left.len())
        };
        assert_eq!(subjects(&plan).1, 0);
        plan.deferred.push(deferred);
        assert_eq!(subjects(&plan), (vec!["certificate.b".to_owned(), "check.d".to_owned()], 2));
    }
}
