//! Stopping `cap` in the middle: by Ctrl-C, and by killing it at any moment. Whoever comes next goes on where it stood.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{Place, Ran};

/// Rounds of killing, each at another moment.
const ROUNDS: u32 = 20;

const ESTATE: &str = r#"
project "p" {}

private_ca "ca" {
  common_name = "Root"
}

file_target "disk" {
  files {
    directory = "out/${certificate.name}"
  }
}

certificate "c" {
  for_each    = toset(["a", "b", "c", "d", "e", "f"])
  issuer      = private_ca.ca
  common_name = "${each.key}.example.test"
  targets     = [file_target.disk]
}
"#;

fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: a plain system call; the process is our own child and has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
}

#[test]
fn one_interrupt_lets_what_runs_come_to_its_end() {
    let place = Place::quickstart();
    let text = place
        .read("main.cap.hcl")
        .replace("layout    = \"versioned\"\n  }", "layout    = \"versioned\"\n  }\n  reload = [\"sleep\", \"1\"]");
    place.write("main.cap.hcl", text + "\ncertificate \"later\" {\n  issuer = private_ca.house\n  common_name = \"later.example.test\"\n  targets = [file_target.local]\n  depends_on = [certificate.www]\n}\n");
    let mut command = place.command("apply -auto-approve -parallelism=1");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cap runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("@file_target.local: Creating...") {
        assert_ne!(out.read_line(&mut said).expect("UTF-8"), 0, "{said}");
    }
    signal(&child, libc::SIGINT);
    std::io::Read::read_to_string(&mut out, &mut said).expect("UTF-8");
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 1, "{said}{}", ran.err);
    assert!(said.contains("Interrupt received.") && said.contains("Creation complete after"), "{said}");
    ran.reports("CAP0704").reports("cap jobs resume");
    place.expect("plan", 1).reports("cap jobs resume");
    place.expect("jobs resume", 0).says("0 failed");
    place.expect("plan -detailed-exitcode", 0);
}

/// How long an undisturbed apply takes here and now.
fn undisturbed() -> Duration {
    let place = Place::new();
    place.write("main.cap.hcl", ESTATE);
    let begin = Instant::now();
    place.expect("apply -auto-approve", 0);
    begin.elapsed()
}

#[test]
fn killed_at_any_moment_it_is_brought_to_the_same_end() {
    let whole = undisturbed();
    let mut cut_short = 0;
    for round in 1..=ROUNDS {
        let place = Place::new();
        place.write("main.cap.hcl", ESTATE);
        let mut command = place.command("apply -auto-approve");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cap runs");
        std::thread::sleep(whole * round / ROUNDS);
        signal(&child, libc::SIGKILL);
        cut_short += u32::from(!child.wait().expect("it ends").success());
        place.expect("apply -auto-approve", 0);
        place.expect("plan -detailed-exitcode", 0);
        place.expect("timeline verify", 0);
        assert_eq!(place.expect("state list certificate.*", 0).out.lines().count(), 12);
        for key in ["a", "b", "c", "d", "e", "f"] {
            let record = place.expect(&format!("state show -json certificate.c[\"{key}\"]"), 0).json();
            assert_eq!(record["facts"]["versions"].as_array().map(Vec::len), Some(1), "round {round}: issued once");
        }
    }
    assert!(cut_short > ROUNDS / 4, "most rounds have to be cut short: {cut_short} of {ROUNDS} were");
}
