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

#[test]
fn a_saved_plan_says_what_became_of_each_condition() {
    let place = Place::quickstart();
    let text = place.read("main.cap.hcl");
    let more = "
variable \"n\" {
  default = 1
  validation {
    condition     = var.n > 0
    error_message = \"It is positive.\"
  }
}
check \"now\" {
  assert {
    condition     = var.n > 1
    error_message = \"It is ${var.n}.\"
  }
}
";
    place.write("main.cap.hcl", text + LIFECYCLE + more);
    let checks = |place: &Place| -> Vec<(String, String, serde_json::Value)> {
        place.expect("plan -out=p", 0);
        let plan = place.expect("show -json p", 0).json();
        let all = plan["checks"].as_array().expect("checks").clone();
        let word = |one: &serde_json::Value| one.as_str().expect("a word").to_owned();
        let each = all.iter().map(|one| {
            let problems = one["instances"][0]["problems"].clone();
            (word(&one["address"]["to_display"]), word(&one["status"]), problems)
        });
        each.collect()
    };
    let row = |name: &str, status: &str, problems| (name.to_owned(), status.to_owned(), problems);
    let now = row("check.now", "fail", serde_json::json!([{ "message": "It is 1." }]));
    let valid = row("var.n", "pass", serde_json::Value::Null);
    let later = row("check.names", "unknown", serde_json::Value::Null);
    assert_eq!(checks(&place), [later, now.clone(), valid.clone()]);
    place.expect("apply -auto-approve", 0);
    let message = "The serial of www.example.test is not empty.";
    let fails = row("check.names", "fail", serde_json::json!([{ "message": message }]));
    assert_eq!(checks(&place), [fails, now, valid]);
}
