//! `cap console` as scripts and people use it: values in Terraform's notation, reports and exit codes, and a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::process::Stdio;

use super::Place;

const CONFIGURATION: &str = r#"
variable "hosts" {
  type    = map(string)
  default = { a = "10.0.0.1" }
}

variable "token" {
  type      = string
  sensitive = true
  default   = "hush"
}

variable "unset" {}

locals {
  names = [for name, address in var.hosts : "${name}=${address}"]
  wrong = 1 + "x"
}

member "m" {
  email = "m@example.com"
}
"#;

/// The value of one expression.
fn check(place: &Place, line: &str, expression: &str, shown: &str) {
    let ran = place.piped(line, expression);
    assert_eq!((ran.code, ran.out.as_str()), (0, format!("{shown}\n").as_str()), "{expression}\n{}", ran.err);
}

#[test]
fn one_expression_goes_in_and_its_value_comes_out() {
    let place = Place::new();
    for (expression, shown) in [
        ("1 + 2", "3"),
        ("\"a\\tb\"", "\"a\\tb\""),
        ("null", "null"),
        ("[1, true]", "[\n  1,\n  true,\n]"),
        ("tolist([\"a\"])", "tolist([\n  \"a\",\n])"),
        ("{ a = {}, b = [] }", "{\n  \"a\" = {}\n  \"b\" = []\n}"),
        ("toset([])", "toset([])"),
        ("\"x\\ny\\n\"", "<<EOT\nx\ny\n\nEOT"),
        ("type([\"a\"])", "tuple([\n    string,\n])"),
        ("type(tolist([tolist([{}])]))", "list(list(\n    object({}),\n))"),
        ("type({ a = tolist([1]) })", "object({\n    a: list(number),\n})"),
        ("[\n  for n in [1, 2] :\n  n * 2\n]\n", "[\n  2,\n  4,\n]"),
        ("1 + \\\n2\n", "3"),
        ("1\n2\n3\n", "3"),
        ("1\nexit\n2\n", ""),
    ] {
        let shown = if shown.is_empty() { None } else { Some(shown) };
        let ran = place.piped("console", expression);
        assert_eq!(
            (ran.code, ran.out),
            (0, shown.map_or_else(String::new, |text| format!("{text}\n"))),
            "{expression}"
        );
    }
}

#[test]
fn expressions_see_the_root_module_and_values_from_outside() {
    let place = Place::new();
    place.write("main.cap.hcl", CONFIGURATION);
    check(&place, "console", "local.names", "[\n  \"a=10.0.0.1\",\n]");
    place.write("x.capvars", "hosts = { b = \"10.0.0.2\" }\n");
    check(&place, "console -var-file=x.capvars", "local.names[0]", "\"b=10.0.0.2\"");
    check(&place, "console -var-file=x.capvars -var hosts={c=\"d\"}", "keys(var.hosts)", "tolist([\n  \"c\",\n])");
    check(&place, "console", "member.m.email", "\"m@example.com\"");
    check(&place, "console -var unset=1", "var.unset", "\"1\"");
}

#[test]
fn secrets_stay_where_they_are() {
    let place = Place::new();
    place.write("main.cap.hcl", CONFIGURATION);
    check(&place, "console", "var.token", "(sensitive value)");
    check(&place, "console", "[var.token]", "[\n  (sensitive value),\n]");
    check(&place, "console", "secret_env(\"HOME\")", "secret_env(\"HOME\")");
    let ran = place.piped("console", "upper(var.token)");
    assert!(ran.code == 1 && !ran.out.contains("HUSH") && !ran.err.to_lowercase().contains("hush"), "{}", ran.err);
}

#[test]
fn faults_are_reported_where_they_lie() {
    let place = Place::new();
    place.write("main.cap.hcl", CONFIGURATION);
    let check = |expression: &str, reports: &[&str]| {
        let ran = place.piped("console", expression);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{expression}\n{}", ran.err);
        reports.iter().for_each(|part| _ = ran.reports(part));
    };
    check("local.nmaes", &["<console>:1:1", "Did you mean \"names\"?"]);
    check("local.wrong", &["main.cap.hcl:17:15", "Invalid operand"]);
    check("var.unset", &["The variable \"unset\" is not set"]);
    check("1 +", &["<console>:1"]);
    check("[1,", &["<console>:1"]);
    check("\u{1}", &["<console>:1"]);
    place.write("broken.cap.hcl", "zone {");
    check("1", &["broken.cap.hcl:1"]);
}

#[test]
fn facts_are_those_of_the_store() {
    let place = Place::quickstart();
    check(&place, "console", "certificate.www.not_after", "(known after apply)");
    check(&place, "console", "certificate.www", "certificate.www");
    let parts = "[(certificate.www.not_after), { a = [1, certificate.www.serial] }]";
    let shown = "[\n  (known after apply),\n  {\n    \"a\" = [\n      1,\n      (known after apply),\n    ]\n  },\n]";
    check(&place, "console", parts, shown);
    place.expect("apply -auto-approve", 0);
    let expires = place.expect("output -raw expires", 0).out;
    check(&place, "console", "certificate.www.not_after", &format!("\"{expires}\""));
    check(&place, "console", "certificate.www.common_name", "\"www.example.test\"");
}

/// A terminal with the program on its other side.
struct Terminal {
    screen: File,
    seen: String,
    child: std::process::Child,
}

impl Terminal {
    fn new(place: &Place, line: &str) -> Self {
        let (mut ours, mut theirs) = (0, 0);
        let none = std::ptr::null_mut();
        // SAFETY: both pointers are to live locals, and the others may be null.
        let made = unsafe { libc::openpty(&mut ours, &mut theirs, none, none.cast(), none.cast()) };
        assert_eq!(made, 0, "a terminal");
        // SAFETY: openpty has opened both for us alone.
        let (screen, end) = unsafe { (File::from_raw_fd(ours), File::from_raw_fd(theirs)) };
        let side = || Stdio::from(end.try_clone().expect("a copy"));
        let mut command = place.command(line);
        command.env("TERM", "xterm").stdin(side()).stdout(side()).stderr(side());
        Self { screen, seen: String::new(), child: command.spawn().expect("cap runs") }
    }

    fn types(&mut self, typed: &str) {
        self.screen.write_all(typed.as_bytes()).expect("it reads");
    }

    /// Types, and reads until this is shown and it is ready for more.
    fn expect(&mut self, typed: &str, shown: &str) {
        self.types(typed);
        self.seen.clear();
        while self.seen.find(shown).is_none_or(|at| !self.seen[at + shown.len()..].contains("> ")) {
            let mut waiting = libc::pollfd { fd: self.screen.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one live structure, and its count.
            let ready = unsafe { libc::poll(&mut waiting, 1, 60_000) };
            assert!(ready > 0, "{shown:?} never comes after {typed:?}: {:?}", self.seen);
            let mut bytes = [0; 4096];
            let count = self.screen.read(&mut bytes).unwrap_or(0);
            assert!(count > 0, "it ended before {shown:?}: {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}

#[test]
fn a_person_has_history_completion_and_lines_that_go_on() {
    let place = Place::new();
    place.write("main.cap.hcl", CONFIGURATION);
    let mut terminal = Terminal::new(&place, "console -no-color");
    terminal.expect("", "");
    terminal.expect("40 + 2\r", "\n42");
    terminal.expect("local.n\t[0]\r", "\"a=10.0.0.1\"");
    terminal.expect("[\r7,\r]\r", "  7,");
    terminal.expect("nothing.at.all\r", "nothing");
    // Ctrl-P three times: past the last two inputs.
    terminal.expect("\u{10}\u{10}\u{10}\r", "\"a=10.0.0.1\"");
    terminal.types("\u{4}");
    assert!(terminal.child.wait().expect("an end").success());
    assert!(place.read(".local/state/cap/console_history").contains("40 + 2"));
    let mut again = Terminal::new(&place, "console -no-color");
    again.expect("", "");
    again.expect("\u{12}40\r", "\n42");
    again.types("exit\r");
    assert!(again.child.wait().expect("an end").success());
}
