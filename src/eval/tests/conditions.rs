//! Conditions: decided at once where they read no facts, kept where they do.

use serde_json::json;

use super::{Inputs, Run, run, shown};
use crate::address::ResourceAddress;
use crate::diagnostic::Severity;
use crate::eval::checks::truth;
use crate::eval::desired::Guard;
use crate::eval::encode::to_json;
use crate::eval::residual::{FactSource, resolve};
use crate::eval::value::Value;

struct Facts(&'static str);

impl FactSource for Facts {
    fn fact(&self, _: &ResourceAddress, name: &str) -> Option<Value> {
        (name == "not_after").then(|| Value::string(self.0))
    }

    fn attribute(&self, _: &ResourceAddress, name: &str) -> Option<Value> {
        (name == "common_name").then(|| Value::string("cn"))
    }
}

fn ran(text: &str) -> Run {
    run(&[&format!("project \"p\" {{}}\n{text}")], &Inputs::default())
}

fn certificate(lifecycle: &str) -> String {
    format!(
        "certificate \"c\" {{\n  for_each = {{ a = 1, b = 2 }}\n  common_name = each.key\n  lifecycle {{\n{lifecycle}\n}}\n}}\n"
    )
}

#[test]
fn what_reads_no_facts_is_decided_at_once() {
    let text = certificate("precondition {\n condition = each.value < 2\n error_message = \"No ${each.key}.\"\n}")
        + "check \"c\" {\n  assert {\n    condition = length(certificate.c) == 1\n    error_message = \"Two.\"\n  }\n}\n"
        + "output \"o\" {\n  value = 1\n  precondition {\n    condition = length(certificate.c) == 1\n    error_message = \"Never.\"\n  }\n}\n";
    let run = ran(&text);
    let found: Vec<_> = run
        .diagnostics
        .iter()
        .map(|one| (one.severity, one.code.number, one.detail.as_str(), one.address.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        found,
        [
            (Severity::Error, 164, "No b.", "certificate.c[\"b\"]"),
            (Severity::Error, 167, "Never.", "output.o"),
            (Severity::Warning, 166, "Two.", "check.c"),
        ]
    );
}

#[test]
fn what_reads_facts_waits_for_them() {
    let text = certificate(
        "postcondition {\n condition = self.not_after == \"ok\"\n error_message = \"${self.common_name} ends ${self.not_after}.\"\n}",
    ) + "check \"c\" {\n  assert {\n    condition = certificate.c[\"a\"].not_after != \"bad\"\n    error_message = \"Bad.\"\n  }\n}\n";
    let run = ran(&text);
    assert_eq!(shown(&run), [""; 0]);
    let conditions = &run.evaluation.desired.conditions;
    let subjects: Vec<_> = conditions.iter().map(|one| (one.guard, one.subject.as_str())).collect();
    assert_eq!(
        subjects,
        [
            (Guard::Postcondition, "certificate.c[\"a\"]"),
            (Guard::Postcondition, "certificate.c[\"b\"]"),
            (Guard::Check, "check.c")
        ]
    );
    let holds =
        |facts| conditions.iter().map(move |one| truth(&resolve(&one.condition, &Facts(facts)).expect("a value")));
    assert_eq!(holds("ok").collect::<Vec<_>>(), [Some(true); 3]);
    assert_eq!(holds("bad").collect::<Vec<_>>(), [Some(false); 3]);
    let message = resolve(&conditions[0].message, &Facts("bad")).expect("a message");
    assert_eq!(to_json(&message), json!("cn ends bad."));
}

#[test]
fn conditions_are_well_formed() {
    let text = certificate("precondition {\n condition = self.not_after == \"\"\n error_message = \"\"\n}")
        + "check \"c\" {}\ncheck \"d\" {\n  assert {\n    condition = 1\n  }\n}\ncheck \"d\" {\n  assert {}\n}\n";
    let run = ran(&text);
    let found = shown(&run);
    for part in [
        "7:14 `self.not_after`",
        "`check \"c\"` A check block needs at least one block",
        "`assert` An assert block needs \"error_message\".",
        "A check named \"d\" is already declared.",
    ] {
        assert!(found.iter().any(|one| one.contains(part)), "{part}\n{found:#?}");
    }
}
