//! Override files.

use serde_json::json;

use super::{CATALOG, Inputs, TestFiles, evaluate};
use crate::eval::encode::to_json;
use crate::source::Sources;
use crate::syntax;
use crate::time::Timestamp;

/// The instances and the faults of a configuration and an override file.
fn overridden(base: &str, overrides: &str) -> (Vec<serde_json::Value>, Vec<String>) {
    let mut sources = Sources::default();
    let mut files = [base, overrides].map(|text| syntax::parse(sources.add("x", text), text).0);
    files[1].overrides = true;
    let (evaluation, faults) = evaluate(&files, &Inputs::default(), &CATALOG, &TestFiles, Timestamp::from_millis(0));
    let values = evaluation.desired.instances.iter().map(|one| to_json(&one.value)).collect();
    (values, faults.iter().map(|one| one.detail.clone()).collect())
}

#[test]
fn arguments_are_overridden_and_nested_blocks_replaced() {
    let base = concat!(
        "locals {\n  a = 1\n  b = 2\n}\nvariable \"n\" {\n  default = \"base\"\n}\n",
        "project \"p\" {\n  grant {\n    role = \"viewer\"\n  }\n  grant {\n    role = \"admin\"\n  }\n}\n",
        "certificate \"c\" {\n  count = 1\n  common_name = var.n\n  days = local.a + local.b\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n",
    );
    let overrides = concat!(
        "locals {\n  b = 10\n}\nvariable \"n\" {\n  default = \"other\"\n}\nproject \"p\" {\n  grant {\n    role = \"operator\"\n  }\n}\n",
        "certificate \"c\" {\n  for_each = { k = \"san\" }\n  sans = [each.value]\n  lifecycle {\n    ignore_changes = all\n  }\n}\n",
    );
    let (values, faults) = overridden(base, overrides);
    assert_eq!(faults, [""; 0]);
    let reference = json!({"$ref": "project.p"});
    let certificate = json!({"project": reference, "common_name": "other", "sans": ["san"], "days": 11});
    assert_eq!(values, [certificate, json!({"grant": [{"role": "operator"}]})]);
}

#[test]
fn what_is_not_there_cannot_be_overridden() {
    let overrides = "locals {\n  x = 1\n}\nzone \"z\" {\n  apex = \"a\"\n}\nmoved {}\nproject \"p\" {\n  depends_on = [zone.z]\n}\nproject \"q\" {\n  depends_on = []\n  lifecycle {\n    precondition {}\n  }\n}\n";
    let (_, faults) = overridden("project \"p\" {}\nproject \"q\" {}\n", overrides);
    assert_eq!(
        faults,
        [
            "There is no local value named \"x\" to override.",
            "There is no block zone \"z\" to override.",
            "Blocks of type \"moved\" cannot be overridden.",
            "The argument depends_on cannot be overridden.",
            "Blocks of type \"precondition\" cannot be overridden.",
        ]
    );
}
