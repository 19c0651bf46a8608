//! A plan for people: Terraform's symbols, phrases and order, one block a step, a summary line at the end.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::deferred;
use super::difference::{Mark, Notes, Writer, inline};
use super::style::Style;
use crate::plan::{Absence, Action, OutputChange, Plan, Reason, Step, StoredOutput, Work};
use crate::state::record::Spec;

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Every difference.
    Full,
    /// One line a step.
    Concise,
}

/// The whole text of a plan.
pub fn plan(plan: &Plan, detail: Detail, style: Style) -> String {
    let mut out = drift(plan, style);
    out.push_str(&deferred::note(&plan.deferred, style));
    if plan.steps.is_empty() && plan.outputs.is_empty() {
        out.push_str(&nothing(plan, style));
        return out;
    }
    if !plan.steps.is_empty() {
        out.push_str(&legend(plan, style));
        out.push_str("\ncap will perform the following actions:\n\n");
        out.push_str(&steps(plan, detail, style));
        let _ = writeln!(out, "{}", summary(plan, style));
    }
    out.push_str(&outputs(&plan.outputs, style));
    if plan.steps.is_empty() {
        out.push_str(OUTPUTS_ONLY);
    }
    out
}

const OUTPUTS_ONLY: &str =
    "\nYou can apply this plan to save these new output values to the store, without changing anything else.\n";

/// What could be planned, where errors kept the rest from it: no summary, since it would count a part.
pub fn part(plan: &Plan, detail: Detail, style: Style) -> String {
    let mut out = drift(plan, style);
    if plan.steps.is_empty() {
        let what = "cap encountered an error while generating this plan.";
        let _ = writeln!(out, "{} {what}\n", style.bold(&style.red("Planning failed.")));
        return out;
    }
    out.push_str(&legend(plan, style));
    out.push_str("\ncap planned the following actions, but then encountered a problem:\n\n");
    out + &steps(plan, detail, style)
}

fn steps(plan: &Plan, detail: Detail, style: Style) -> String {
    let mut steps: Vec<&Step> = plan.steps.iter().collect();
    steps.sort_by(|a, b| a.address.cmp(&b.address));
    steps.into_iter().map(|one| step(one, detail, style)).collect()
}

fn nothing(plan: &Plan, style: Style) -> String {
    if plan.refresh_only && !plan.drift.is_empty() {
        return REFRESH_ONLY.to_owned();
    }
    if !plan.deferred.is_empty() {
        return format!("{} {}\n", style.bold("No changes now."), style.bold("What is not deferred stays as it is."));
    }
    let what = match (plan.destroy, plan.refresh_only) {
        (true, _) => "No objects need to be destroyed.",
        (_, true) => "Your estate still matches the configuration.",
        _ => "Your estate matches the configuration.",
    };
    format!("{} {}\n", style.bold(&style.green("No changes.")), style.bold(what))
}

const REFRESH_ONLY: &str = "This is a refresh-only plan, so cap will not take any actions to undo these. Plan without \
     -refresh-only to see what\nwould put them right.\n";

fn drift(plan: &Plan, style: Style) -> String {
    if plan.drift.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n\n", style.bold("Note: Objects have changed outside of cap"));
    for one in &plan.drift {
        let head = format!("# {} has changed", one.address);
        let _ =
            writeln!(out, "  {}\n      {} {} -> {}\n", style.bold(&head), style.yellow("~"), one.expected, one.found);
    }
    out
}

const LEGEND: [(Mark, &str); 4] = [
    (Mark::Add, "create"),
    (Mark::Change, "update in-place"),
    (Mark::Remove, "destroy"),
    (Mark::Replace, "destroy and then create replacement"),
];

fn legend(plan: &Plan, style: Style) -> String {
    let used: Vec<Mark> = plan.steps.iter().map(|step| mark(step.action)).collect();
    let mut out = "cap compared the files, the store and what is there. Actions are marked so:\n".to_owned();
    for (mark, text) in LEGEND.iter().filter(|(mark, _)| used.contains(mark)) {
        let _ = writeln!(out, "{} {text}", mark.show(style));
    }
    out
}

/// What stands before a step.
pub fn mark(action: Action) -> Mark {
    match action {
        Action::Create => Mark::Add,
        Action::Update | Action::Renew => Mark::Change,
        Action::Replace => Mark::Replace,
        Action::Delete => Mark::Remove,
        Action::Forget | Action::Move | Action::Import => Mark::Same,
    }
}

fn step(step: &Step, detail: Detail, style: Style) -> String {
    let mut out = format!("  {}\n", style.bold(&format!("# {}", headline(step))));
    for note in step.reasons.iter().filter_map(note) {
        let _ = writeln!(out, "  # ({note})");
    }
    if let Some(importing) = &step.importing {
        let _ = writeln!(out, "  # (imported from {:?})", importing.id);
    }
    if step.work == Work::Issue && step.action == Action::Update {
        out.push_str("  # (a new version is issued)\n");
    }
    if let Some(from) = &step.moved_from
        && step.action != Action::Move
    {
        let _ = writeln!(out, "  # (moved from {from})");
    }
    if step.keeps_old && step.action == Action::Replace {
        out.push_str("  # (what lies in the place it leaves stays there: destroy = false)\n");
    }
    let bare = matches!(step.action, Action::Move | Action::Forget);
    if detail == Detail::Full && !bare {
        let mark = mark(step.action).show(style);
        let _ = writeln!(out, "{mark} {} {{\n{}    }}", block(step), body(step, style));
    }
    out.push('\n');
    out
}

/// What is done to it, in one sentence.
pub fn headline(step: &Step) -> String {
    let address = &step.address;
    match step.action {
        Action::Create => format!("{address} will be created"),
        Action::Import => format!("{address} will be imported"),
        Action::Update if step.work == Work::Deploy => format!("{address} will be updated on its target"),
        Action::Update => format!("{address} will be updated in-place"),
        Action::Replace if step.reasons.contains(&Reason::Requested) => {
            format!("{address} will be replaced, as requested")
        }
        Action::Replace => format!("{address} must be replaced"),
        Action::Delete => format!("{address} will be destroyed"),
        Action::Forget => format!("{address} will be removed from the store but will not be destroyed"),
        Action::Move => match &step.moved_from {
            Some(from) => format!("{from} has moved to {address}"),
            None => format!("{address} has moved"),
        },
        Action::Renew => format!("{address} will be renewed"),
    }
}

/// Why, where the headline does not say it already.
pub fn note(reason: &Reason) -> Option<String> {
    Some(match reason {
        Reason::NotInState | Reason::Requested | Reason::Changed { .. } | Reason::CannotUpdate { .. } => return None,
        Reason::NotInConfiguration { why } => format!("because {}", absence(*why)),
        Reason::Destroy | Reason::Moved { .. } => return None,
        Reason::SecretChanged { paths } => format!("because another secret stands behind {}", paths.join(", ")),
        Reason::Incomplete => "an earlier job on it did not come to its end".to_owned(),
        Reason::RenewalDue { since, not_after, suggested } => {
            let who = if *suggested { "its CA asks for it since" } else { "its renewal window opened" };
            format!("{who} {since}; it ends {not_after}")
        }
        Reason::KeyRaised { version } => {
            format!("every data key is wrapped anew, under version {version} of the key-encryption key")
        }
        Reason::NewVersion => "the certificate gets a new version".to_owned(),
        Reason::Drifted { found } => format!("the target holds something else: {found}"),
        Reason::IssuerReplaced { address } => format!("because {address} was replaced since it was issued"),
        Reason::DependencyReplaced { address } => format!("because {address} is replaced"),
    })
}

fn absence(why: Absence) -> &'static str {
    match why {
        Absence::NoBlock => "it is not in configuration",
        Absence::EachKey => "its key is not in for_each map",
        Absence::CountIndex => "its index is out of range for count",
        Absence::WrongRepetition => "its block uses another kind of repetition",
        Absence::Disabled => "its block is not enabled",
        Absence::NoModule => "its module is not in configuration",
        Absence::NotATarget => "the certificate does not name this target",
        Absence::RemovedBlock => "a removed block says so",
    }
}

fn block(step: &Step) -> String {
    match step.address.resource() {
        Some(resource) => format!("{} \"{}\"", resource.kind, resource.name),
        None => "deployment".to_owned(),
    }
}

fn body(step: &Step, style: Style) -> String {
    let mut notes = Notes::default();
    for reason in &step.reasons {
        match reason {
            Reason::CannotUpdate { paths } => notes.forces_replacement.extend(paths.iter().map(String::as_str)),
            Reason::SecretChanged { paths } => notes.secret_changed.extend(paths.iter().map(String::as_str)),
            _ => {}
        }
    }
    let after = step.after.as_ref().map(|draft| flat(&draft.spec));
    // What is imported is what the block says: only then it is taken.
    let before = if step.action == Action::Import { after.clone() } else { step.before.as_ref().map(flat) };
    let after = if step.action == Action::Delete { None } else { after };
    Writer::new(style, notes).body(before.as_ref(), after.as_ref(), 1)
}

/// A deployment's configuration reads better beside its two references than under `config`.
fn flat(spec: &Spec) -> Spec {
    spec.clone()
}

/// The summary line, which tools parse.
pub fn summary(plan: &Plan, style: Style) -> String {
    let counts = plan.summary();
    let mut parts = vec![
        format!("{} to add", counts.add),
        format!("{} to change", counts.change),
        format!("{} to destroy", counts.destroy),
    ];
    if counts.import > 0 {
        parts.insert(0, format!("{} to import", counts.import));
    }
    if counts.forget > 0 {
        parts.push(format!("{} to forget", counts.forget));
    }
    format!("{} {}.", style.bold("Plan:"), parts.join(", "))
}

fn outputs(changes: &[OutputChange], style: Style) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut out = "\nChanges to Outputs:\n".to_owned();
    let width = changes.iter().map(|change| change.name.chars().count()).max().unwrap_or(0);
    for change in changes {
        let name = format!("{:width$}", change.name);
        let was = change.before.as_ref().map(|before| shown(before, change.was.as_ref(), "(not known)"));
        let becomes = change.after.as_ref().map(|after| shown(after, change.becomes.as_ref(), "(known after apply)"));
        let (mark, value) = match (was, becomes) {
            (None, Some(becomes)) => (Mark::Add, becomes),
            (Some(was), None) => (Mark::Remove, format!("{was} -> null")),
            (Some(was), Some(becomes)) => (Mark::Change, format!("{was} -> {becomes}")),
            (None, None) => continue,
        };
        let _ = writeln!(out, "{} {name} = {value}", mark.show(style));
    }
    out
}

/// An output's value as the plan may show it.
fn shown(output: &StoredOutput, value: Option<&serde_json::Value>, unknown: &str) -> String {
    match value {
        _ if output.sensitive => "(sensitive value)".to_owned(),
        Some(value) => inline(value),
        None => unknown.to_owned(),
    }
}

/// Addresses that the plan touches, for hints.
pub fn addresses(plan: &Plan) -> BTreeSet<String> {
    plan.steps.iter().map(|step| step.address.to_string()).collect()
}
