//! `cap test`: the tests that modules and examples bring along pass, and what a test file says is what happens.

use super::{Place, Ran};

/// `cap` in the checkout: tests write nothing.
fn here(line: &str) -> Ran {
    let place = Place::new();
    let mut command = place.command(line);
    Ran::of(command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cap runs"))
}

#[test]
fn what_modules_and_examples_bring_along_passes() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut played = 0;
    for folder in ["modules", "examples"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder").flatten() {
            let directory = format!("{folder}/{}", entry.file_name().to_string_lossy());
            assert!(entry.path().join("README.md").is_file(), "{directory} says what it is");
            let ran = here(&format!("test {directory}"));
            assert_eq!(ran.code, 0, "{directory}\n{}{}", ran.out, ran.err);
            assert!(!ran.out.contains("Success! 0 passed"), "{directory} brings tests along\n{}", ran.out);
            played += 1;
        }
    }
    assert!(played >= 9, "{played}");
}

const ESTATE: &str = r#"
variable "days" {
  type    = number
  default = 90
  validation {
    condition     = var.days <= 90
    error_message = "Ninety days at most."
  }
}

variable "token" {
  type      = string
  sensitive = true
  default   = "none"
}

project "demo" {}

private_ca "house" {
  common_name = "House CA"
}

certificate "www" {
  issuer      = private_ca.house
  common_name = "www.example.test"
  lifetime    = "${var.days}d"
}

member "robot" {
  email = "robot@example.test"
  token = var.token
}

output "expires" {
  value = certificate.www.not_after
}

output "hidden" {
  value     = "marked"
  sensitive = true
}
"#;

/// An estate with this test file.
fn tested(text: &str) -> Place {
    let place = Place::new();
    place.write("main.cap.hcl", ESTATE);
    place.write("tests/main.captest.hcl", text);
    place
}

/// A test file, the exit code, and parts of what is printed and reported.
fn check(text: &str, code: i32, says: &[&str], reports: &[&str]) {
    let place = tested(text);
    let ran = place.expect("test", code);
    says.iter().for_each(|part| _ = ran.says(part));
    reports.iter().for_each(|part| _ = ran.reports(part));
    assert!(!format!("{}{}", ran.out, ran.err).contains("marked"), "{}{}", ran.out, ran.err);
    assert!(!place.path().join(".cap").exists(), "tests keep nothing");
}

#[test]
fn runs_share_state_and_time_goes_on() {
    check(
        r#"
        clock = "2027-01-01T00:00:00Z"
        run "made" {
          assert {
            condition     = plan.add == 4 && plan.changes["certificate.www"].reasons[0] == "not_in_state"
            error_message = "All is new."
          }
        }
        run "still_there" {
          command = plan
          advance = "1d"
          assert {
            condition     = length(plan.changes) == 0
            error_message = "Nothing is to do."
          }
        }
        run "renewed" {
          clock = "2027-03-15T00:00:00Z"
          assert {
            condition     = plan.renew == 1 && timecmp(output.expires, run.made.expires) > 0
            error_message = "It is renewed."
          }
        }
        run "asked_for" {
          plan_options {
            replace = [private_ca.house]
          }
          assert {
            condition     = plan.changes["private_ca.house"].action == "replace"
            error_message = "It was asked for."
          }
        }
        "#,
        0,
        &["tests/main.captest.hcl... in progress", "  run \"renewed\"... pass", "Success! 4 passed, 0 failed."],
        &[],
    );
}

#[test]
fn what_does_not_hold_is_shown_with_its_values_but_for_sensitive_ones() {
    check(
        r#"
        run "wrong" {
          variables {
            days = 47
          }
          assert {
            condition     = var.days == 90 && output.hidden == "x" && run == {}
            error_message = "It is ninety."
          }
        }
        run "goes_on" {
          assert {
            condition     = run.wrong.hidden == "x"
            error_message = "Earlier runs are hidden, too."
          }
        }
        "#,
        1,
        &["  run \"wrong\"... fail", "  run \"goes_on\"... fail", "Failure! 0 passed, 2 failed."],
        &[
            "CAP0730",
            "It is ninety.",
            "var.days is 47",
            "output.hidden is (sensitive value)",
            "run.wrong.hidden is (sensitive value)",
            "tests/main.captest.hcl:7:29",
        ],
    );
}

#[test]
fn what_is_to_fail_fails_and_nothing_else() {
    let run = |days: u32| {
        format!(
            "run \"a\" {{\n command = plan\n variables {{\n days = {days}\n }}\n expect_failures = [var.days]\n}}\n"
        )
    };
    check(&run(400), 0, &["Success! 1 passed, 0 failed."], &[]);
    check(&run(30), 1, &["run \"a\"... fail"], &["CAP0731", "var.days was expected", "main.captest.hcl:6:"]);
    let unexpected = "run \"a\" {\n  variables {\n    days = 400\n  }\n}\nrun \"b\" {}\n";
    let says = ["  run \"a\"... error", "  run \"b\"... skip", "Failure! 0 passed, 1 failed, 1 skipped."];
    check(unexpected, 1, &says, &["Ninety days at most."]);
}

#[test]
fn faults_of_test_files_stand_where_they_are() {
    for (text, reports) in [
        ("rnu \"a\" {}", &["1:1", "Did you mean \"run\"?"] as &[&str]),
        ("run \"a\" {\n  comand = plan\n}", &["2:3", "Did you mean \"command\"?"]),
        ("run \"a\" {\n  command = \"plan\"\n}", &["2:13", "plan, apply"]),
        ("run \"a\" {}\nrun \"a\" {}", &["2:1", "already declared"]),
        ("run {}", &["1:1", "run \"name\""]),
        ("clock = \"soon\"", &["1:9", "\"clock\" cannot be taken"]),
        ("run \"a\" {\n  clock = \"2020-01-01T00:00:00Z\"\n}", &["1:1", "before the one before it"]),
        ("run \"a\" {\n  assert {\n    condition = true\n  }\n}", &["2:3", "error_message"]),
        ("run \"a\" {\n  variables {\n    days = nothing.x\n  }\n}", &["3:12", "not known here"]),
        ("run \"a\" {\n  module {\n    source = \"./absent\"\n  }\n}", &["1:1", "absent"]),
        ("run \"a\" {\n  expect_failures = var.days\n}", &["2:21", "list of references"]),
        ("run \"a\" {", &["1:9", "CAP0101"]),
    ] {
        check(text, 1, &["Failure!"], reports);
    }
}

#[test]
fn results_are_written_for_programs_and_build_servers() {
    let place =
        tested("run \"a\" {}\nrun \"b\" {\n  assert {\n    condition = false\n    error_message = \"<no>\"\n  }\n}\n");
    place.write("tests/other.captest.hcl", "run \"c\" {}\n");
    let lines = place.expect("test -json -junit-xml=results.xml", 1).json_lines();
    assert_eq!(lines[0]["test_abstract"]["tests/main.captest.hcl"], serde_json::json!(["a", "b"]));
    let summary = &lines.last().expect("a summary")["test_summary"];
    assert_eq!((&summary["passed"], &summary["failed"]), (&2.into(), &1.into()));
    assert!(lines.iter().any(|line| line["diagnostic"]["code"] == "CAP0730"));
    let xml = place.read("results.xml");
    for part in
        ["<testcase name=\"a\" classname=\"tests/main.captest.hcl\"", "failures=\"1\"", "message=\"&lt;no&gt;\""]
    {
        assert!(xml.contains(part), "{part} is missing in {xml}");
    }
    place.expect("test -filter=tests/other.captest.hcl", 0).says("Success! 1 passed, 0 failed.");
    place.expect("test -filter=tests/othre.captest.hcl", 1).reports("Did you mean tests/other.captest.hcl?");
    place.expect("test -verbose -filter=tests/other.captest.hcl", 0).says("certificate.www will be created");
    let none = Place::new();
    none.expect("test", 0).says("Success! 0 passed, 0 failed.");
}

#[test]
fn test_files_in_the_json_form_say_the_same() {
    let place = Place::new();
    place.write("main.cap.hcl", ESTATE);
    let text = r#"{
      "clock": "2027-01-01T00:00:00Z",
      "variables": { "days": 30 },
      "run": {
        "made": {
          "assert": [
            { "condition": "${plan.add == 4 && var.days == 30}", "error_message": "All is new." },
            { "condition": "${output.expires == \"2027-01-30T23:55:00Z\"}", "error_message": "${output.expires}" }
          ]
        },
        "refused": {
          "command": "plan",
          "variables": { "days": 91 },
          "expect_failures": ["var.days"]
        },
        "asked_for": {
          "plan_options": { "refresh": false, "replace": ["private_ca.house"] },
          "assert": { "condition": "${plan.changes[\"private_ca.house\"].action == \"replace\"}", "error_message": "no" }
        }
      }
    }"#;
    place.write("main.captest.json", text);
    place.expect("test", 0).says("run \"refused\"... pass").says("Success! 3 passed, 0 failed.");
    place.write("main.captest.json", text.replace("\"plan\"", "\"apple\"").replace("\"assert\": {", "\"asert\": {"));
    let ran = place.expect("test", 1);
    ran.reports("\"command\" is one of plan, apply.").reports("main.captest.json:12:22");
    ran.reports("takes no argument named \"asert\"").reports("Did you mean \"assert\"?");
}
