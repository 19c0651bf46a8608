//! `-target`, `-exclude` and `-replace`: patterns over addresses, and the part of a plan that they leave.

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::glob;
use crate::plan::{Plan, Step};

/// Which part of a plan is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these and what they need; all when empty.
    pub targets: Vec<String>,
    /// Not these, nor what needs them.
    pub excludes: Vec<String>,
}

impl Selection {
    /// Whether everything is wanted.
    pub fn is_everything(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty()
    }

    /// The plan's steps that are wanted, in their order.
    #[must_use]
    pub fn narrow(&self, plan: Plan) -> Plan {
        let kept = self.kept(&plan.steps);
        let mut place = vec![0; kept.len()];
        let mut steps = Vec::new();
        for (at, mut step) in plan.steps.into_iter().enumerate().filter(|(at, _)| kept[*at]) {
            place[at] = steps.len();
            step.needs = step.needs.iter().filter(|need| kept[**need]).map(|need| place[*need]).collect();
            steps.push(step);
        }
        Plan { steps, ..plan }
    }

    /// Which steps stay. Needs point backwards, so that one pass in each direction carries them on.
    fn kept(&self, steps: &[Step]) -> Vec<bool> {
        let mut kept: Vec<bool> =
            steps.iter().map(|step| self.targets.is_empty() || any_matches(&self.targets, step)).collect();
        for at in (0..steps.len()).rev().filter(|_| !self.targets.is_empty()) {
            if kept[at] {
                steps[at].needs.iter().for_each(|need| kept[*need] = true);
            }
        }
        let mut dropped = vec![false; steps.len()];
        for (at, step) in steps.iter().enumerate() {
            dropped[at] = any_matches(&self.excludes, step) || step.needs.iter().any(|need| dropped[*need]);
        }
        kept.iter().zip(dropped).map(|(kept, dropped)| *kept && !dropped).collect()
    }
}

fn any_matches(patterns: &[String], step: &Step) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let texts = [Some(&step.address), step.moved_from.as_ref()].into_iter().flatten().map(ToString::to_string);
    texts.into_iter().any(|text| patterns.iter().any(|pattern| matches(pattern, &text)))
}

/// Whether a pattern names an address: as a glob, as the block of an instance, or as the module around it.
pub fn matches(pattern: &str, address: &str) -> bool {
    let inside = address.strip_prefix(pattern).is_some_and(|rest| {
        rest.starts_with('[') && !rest.contains('@') || pattern.starts_with("module.") && rest.starts_with('.')
    });
    inside || glob::matches(pattern, address)
}

/// A report for each pattern that names nothing.
pub fn unknown<'a>(patterns: impl IntoIterator<Item = &'a String>, known: &[&Address]) -> Diagnostics {
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let nothing = |pattern: &&String| !known.iter().any(|address| matches(pattern, address));
    let report = |pattern: &String| {
        let detail = format!("Nothing in the configuration or the store is named {pattern}.");
        let report = Diagnostic::error(&codes::shell::NO_SUCH_ADDRESS, detail);
        match did_you_mean(pattern, known.iter().map(String::as_str)) {
            Some(close) => report.hint(format!("Did you mean {close}?")),
            None => report.hint("`cap state list` shows the addresses of the store; * and ? are allowed."),
        }
    };
    Diagnostics(patterns.into_iter().filter(nothing).map(report).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Work};

    /// Steps named by letters, each with what it needs.
    fn plan(steps: &[(&str, &[usize])]) -> Plan {
        let step = |(name, needs): &(&str, &[usize])| Step {
            address: format!("zone.{name}").parse().expect("an address"),
            action: Action::Create,
            reasons: Vec::new(),
            base: 0,
            before: None,
            after: None,
            work: Work::Record,
            needs: needs.to_vec(),
            origin: None,
            zones: Default::default(),
            moved_from: None,
        };
        Plan {
            format_version: String::new(),
            cap_version: String::new(),
            created_at: crate::time::Timestamp::from_millis(0),
            store: String::new(),
            location: None,
            destroy: false,
            steps: steps.iter().map(step).collect(),
            drift: Vec::new(),
            outputs: Vec::new(),
            new_outputs: Default::default(),
        }
    }

    fn check(targets: &[&str], excludes: &[&str], expected: &str) {
        let all = plan(&[("a", &[]), ("b", &[0]), ("c", &[]), ("d", &[1, 2]), ("e", &[2])]);
        let owned = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let narrowed = Selection { targets: owned(targets), excludes: owned(excludes) }.narrow(all);
        let text: Vec<String> = narrowed.steps.iter().map(|step| format!("{}{:?}", step.address, step.needs)).collect();
        assert_eq!(text.join(" ").replace("zone.", ""), expected, "{targets:?} {excludes:?}");
    }

    #[test]
    fn what_is_needed_comes_along_and_what_needs_goes_too() {
        check(&[], &[], "a[] b[0] c[] d[1, 2] e[2]");
        check(&["zone.b"], &[], "a[] b[0]");
        check(&[], &["zone.a"], "c[] e[0]");
        check(&["zone.d"], &["zone.c"], "a[] b[0]");
        check(&["zone.?"], &["*.b"], "a[] c[] e[1]");
    }

    #[test]
    fn a_block_stands_for_its_instances_and_a_module_for_its_content() {
        for (pattern, address, expected) in [
            ("zone.z", "zone.z[0]", true),
            ("zone.z", "zone.zz", false),
            ("module.m", "module.m.zone.z", true),
            ("certificate.c", "certificate.c[\"a\"]@file_target.t", false),
            ("certificate.c*", "certificate.c@file_target.t", true),
        ] {
            assert_eq!(matches(pattern, address), expected, "{pattern} {address}");
        }
    }
}
