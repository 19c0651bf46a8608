//! Conditions that read facts: held to what is there after apply, and while planning where nothing changes it.

use super::Place;

const LIFECYCLE: &str = "
check \"names\" {
  assert {
    condition     = certificate.www.serial == \"\"
    error_message = \"The serial of ${certificate.www.common_name} is not empty.\"
  }
}
";

#[test]
fn checks_warn_and_postconditions_stop() {
    let place = Place::quickstart();
    let text = place.read("main.cap.hcl");
    place.write("main.cap.hcl", text.clone() + LIFECYCLE);
    let planned = place.expect("plan", 0);
    assert!(!planned.err.contains("Check block assertion failed"), "known after apply\n{}", planned.err);
    let applied = place.expect("apply -auto-approve", 0);
    applied.says("Apply complete!").reports("Check block assertion failed").reports("is not empty");
    place.expect("plan -detailed-exitcode", 0).reports("is not empty");
    let condition = "  lifecycle {\n    postcondition {\n      condition     = self.serial == \"\"\n      error_message = \"The serial is ${self.serial}.\"\n    }\n  }\n";
    let head = "certificate \"www\" {\n";
    assert!(text.contains(head));
    place.write("main.cap.hcl", text.replace(head, &format!("{head}{condition}")));
    place.expect("plan", 1).reports("Resource postcondition failed").reports("The serial is ");
}
