//! Bad input: each ends in one clear report and exit code 1, and leaves nothing behind.

use std::os::unix::fs::PermissionsExt as _;

use super::{Place, Ran};

/// A configuration, a command, and what its report has to say.
fn check(text: &str, line: &str, reports: &[&str]) {
    let place = Place::new();
    place.write("main.cap.hcl", text);
    let ran = place.expect(line, 1);
    for part in reports {
        ran.reports(part);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    assert!(!place.path().join("out").exists());
}

#[test]
fn what_is_wrong_in_a_file_is_shown_where_it_stands() {
    for (text, parts) in [
        ("member \"a\" {", &["main.cap.hcl:1", "CAP01"] as &[&str]),
        ("certificat \"a\" {}", &["main.cap.hcl:1:1", "Did you mean"]),
        ("member \"a\" {\n  emial = \"a@b.c\"\n}", &["main.cap.hcl:2:3", "email"]),
        ("member \"a\" {\n  email = [1]\n}", &["main.cap.hcl:2"]),
        ("member \"a\" {\n  email = member.b.email\n}", &["main.cap.hcl:2:11"]),
        ("member \"a\" {\n  email = \"a@b.cd\"\n}\nmember \"a\" {\n  email = \"a@b.cd\"\n}", &["main.cap.hcl:4"]),
        ("locals {\n  a = local.b\n  b = local.a\n}", &["local.a", "local.b"]),
        ("zone \"z\" {\n  apex = \"co.uk\"\n}", &["co.uk"]),
        ("cap {\n  required_version = \">= 99\"\n}", &["99", "main.cap.hcl:2"]),
    ] {
        check(text, "validate", parts);
        check(text, "plan", parts);
    }
}

#[test]
fn a_secret_from_a_source_that_is_not_there_yet_is_refused_where_it_is_written() {
    let text = "locals {\n  a = secret_vault(\"kv/acme\", \"hmac\")\n}";
    check(text, "validate", &["main.cap.hcl:2:7", "not supported in this release", "secret_env(name) or secret_file"]);
}

#[test]
fn a_store_that_fails_is_said_to() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let store = rusqlite::Connection::open(place.path().join(".cap/state.db")).expect("a database");
    store.execute_batch("DROP TABLE heads").expect("a table that cap needs");
    let ran = place.expect("timeline verify", 1);
    ran.reports("CAP0502").reports("no such table: heads");
    assert_eq!(ran.err.matches("CAP0").count(), 1, "{}", ran.err);
}

#[test]
fn a_file_above_the_limit_is_refused_for_its_size() {
    let place = Place::new();
    place.write("main.cap.hcl", "");
    let file = std::fs::OpenOptions::new().write(true).open(place.path().join("main.cap.hcl")).expect("a file");
    file.set_len((64 << 20) + 1).expect("a file of holes");
    let ran = place.expect("validate", 1);
    ran.reports("it has more than 67108864 bytes").reports("divide it into several");
    assert!(!ran.err.contains("permissions"), "{}", ran.err);
}

#[test]
fn what_a_variable_file_holds_is_never_shown() {
    for values in
        ["limit = \"marked\"", "other = \"marked\"", "limit = \"a\" marked", "limit = marked", "limit = 1\nmarked"]
    {
        let place = Place::new();
        place.write("main.cap.hcl", "variable \"limit\" {\n  type = number\n  default = 1\n}\n");
        place.write("given.capvars", values);
        for line in
            ["plan -var-file=given.capvars", "validate -json -var-file=given.capvars", "fmt -check given.capvars"]
        {
            let ran = place.cap(line);
            assert!(!format!("{}{}", ran.out, ran.err).contains("marked"), "{line}: {}{}", ran.out, ran.err);
            let faulty = values != "other = \"marked\"" && !line.starts_with("fmt");
            assert!(!faulty || format!("{}{}", ran.out, ran.err).contains("given.capvars"), "{}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn deep_nesting_and_foreign_bytes_are_faults_like_any_other() {
    let deep = format!("locals {{\n  a = {}1{}\n}}", "[".repeat(5000), "]".repeat(5000));
    check(&deep, "validate", &["main.cap.hcl"]);
    let place = Place::new();
    place.write("main.cap.hcl", b"locals { a = \"\xff\" }");
    place.expect("validate", 1).reports("UTF-8");
    let empty = Place::new();
    empty.expect("plan", 1).reports("*.cap.hcl");
    assert!(!empty.path().join(".cap").exists(), "a plan of nothing makes no store");
}

#[test]
fn arguments_that_do_not_fit_together_are_refused() {
    let place = Place::quickstart();
    for (line, part) in [
        ("plan -destroy -refresh-only", "The -destroy and -refresh-only options are mutually-exclusive."),
        (
            "plan -refresh-only -refresh=false",
            "It doesn't make sense to use -refresh-only at the same time as -refresh=false",
        ),
        ("plan -frobnicate", "-frobnicate"),
        ("frobnicate", "frobnicate"),
        ("plan -var nothing=1", "nothing"),
        ("plan -var-file=absent.capvars", "absent.capvars"),
        ("-chdir=absent plan", "absent"),
        ("apply absent.plan", "absent.plan"),
        ("apply main.cap.hcl", "main.cap.hcl"),
        ("explain CAP9999", "CAP9999"),
    ] {
        place.expect(line, 1).reports(part);
    }
    assert!(!place.path().join(".cap").exists(), "nothing of this needs a store");
}

#[test]
fn a_saved_plan_takes_no_planning_options_and_belongs_to_its_store() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve -store=sqlite:other.db -target=project.demo", 0);
    place.expect("apply -auto-approve -target=project.demo", 0);
    place.expect("plan -out=p", 0);
    place.expect("apply -target=member.alice p", 1).reports("saved plan");
    place.expect("apply -store=sqlite:other.db p", 1).reports("different state lineage");
    let content = std::fs::read(place.path().join("p")).expect("the plan");
    place.write("cut", &content[..content.len() / 2]);
    place.expect("apply cut", 1).reports("cut");
    let mode = std::fs::metadata(place.path().join("p")).expect("the plan").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let place = Place::quickstart();
    place.expect("apply", 1).reports("-auto-approve");
    place.expect("state list", 1).reports("There is no store");
}

#[test]
fn a_store_that_is_not_ours_is_left_alone() {
    let place = Place::quickstart();
    place.write(".cap/state.db", "this is no database, and has never been one: it is only here to be in the way");
    place.expect("plan", 1).reports("state.db");
    assert!(place.read(".cap/state.db").starts_with("this is no database"));
    place.expect("plan -store=mongodb://127.0.0.1:1/cap?serverSelectionTimeoutMS=200", 1).reports("127.0.0.1:1");
    place.expect("plan -store=postgres://db", 1).reports("postgres");
}

#[test]
fn a_store_with_another_key_is_refused() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let mut command = place.command("plan");
    command.env("CAP_ENCRYPTION_KEY_V1", "00".repeat(32));
    let ran = super::Ran::of(command.output().expect("cap runs"));
    assert_eq!(ran.code, 1, "{}", ran.out);
    ran.reports("key");
}

#[test]
fn a_directory_that_cannot_be_written_is_one_report() {
    let place = Place::quickstart();
    place.write("readonly/main.cap.hcl", place.read("main.cap.hcl"));
    place.expect("plan -out=absent/p", 1).reports("absent/p");
    // A device that is always full, where the system has one.
    if std::path::Path::new("/dev/full").exists() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it opens");
        let status = place.command("version").stdout(full).status().expect("cap runs");
        assert_eq!(status.code(), Some(1));
    }
}

#[test]
fn secrets_that_cannot_be_read_are_named_where_they_are_asked_for() {
    let text =
        "project \"p\" {}\nmember \"robot\" {\n  email = \"r@example.com\"\n  token = secret_env(\"NOT_SET\")\n}\n";
    check(text, "plan", &["NOT_SET", "main.cap.hcl:4"]);
}

#[test]
fn a_member_without_the_right_changes_nothing_whatever_the_command() {
    let place = Place::new();
    let members =
        "member \"robot\" {\n  email = \"r@example.com\"\n  role  = \"viewer\"\n  token = secret_env(\"ROBOT\")\n}\n";
    place.write("main.cap.hcl", format!("project \"p\" {{}}\n{members}"));
    let run = |line: &str, token: Option<&str>| {
        let mut command = place.command(line);
        command.env("ROBOT", "t0ken");
        token.map(|token| command.env("CAP_TOKEN", token));
        Ran::of(command.output().expect("cap runs"))
    };
    assert_eq!(run("apply -auto-approve", None).code, 0);
    for line in ["apply -auto-approve", "jobs resume", "jobs cancel", "force-unlock -force x"] {
        let refused = run(line, Some("t0ken"));
        assert_eq!(refused.code, 1, "{line}: {}", refused.out);
        assert!(refused.err.contains("member.robot"), "{line}: {}", refused.err);
        assert!(run(line, Some("wrong")).err.contains("CAP_TOKEN"), "{line}");
    }
}
