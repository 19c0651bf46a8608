//! Stopping `cap` in the middle: by Ctrl-C, and by killing it at any moment. Whoever comes next goes on where it stood.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::terminal::Terminal;
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

/// A place in which two certificates are wanted, and reloading takes a second.
pub(super) fn slow() -> Place {
    let place = Place::quickstart();
    let reload = format!("touch {} && sleep 1", reloading(&place).display());
    let text = place.read("main.cap.hcl").replace(
        "layout    = \"versioned\"\n  }",
        &format!("layout    = \"versioned\"\n  }}\n  reload = [\"sh\", \"-c\", \"{reload}\"]"),
    );
    place.write("main.cap.hcl", text + "\ncertificate \"later\" {\n  issuer = private_ca.house\n  common_name = \"later.example.test\"\n  targets = [file_target.local]\n  depends_on = [certificate.www]\n}\n");
    place
}

/// The file that a reload makes as it begins.
fn reloading(place: &Place) -> PathBuf {
    place.path().join("reloading")
}

/// Waits until the first deployment is at work. That it is announced does not tell: an interrupt may come before it begins.
fn until_reloading(place: &Place) {
    let begin = Instant::now();
    while !reloading(place).exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "nothing is reloaded");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs it and interrupts it while the first certificate is deployed.
pub(super) fn interrupted(place: &Place, line: &str) {
    let mut child = place.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cap runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("@file_target.local: Creating...") {
        assert_ne!(out.read_line(&mut said).expect("UTF-8"), 0, "{said}");
    }
    until_reloading(place);
    signal(&child, libc::SIGINT);
    std::io::Read::read_to_string(&mut out, &mut said).expect("UTF-8");
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 1, "{said}{}", ran.err);
    assert!(said.contains("Interrupt received.") && said.contains("Creation complete after"), "{said}");
    ran.reports("CAP0704").reports("cap jobs resume");
}

#[test]
fn one_interrupt_lets_what_runs_come_to_its_end() {
    let place = slow();
    interrupted(&place, "apply -auto-approve -parallelism=1");
    place.expect("plan", 0).reports("cap jobs resume").says("This is a partial plan.");
    let unasked = place.expect("apply", 1);
    unasked.says("An earlier run left 2 jobs unfinished").reports("-auto-approve");
    assert!(!unasked.out.contains("Creating..."), "nothing begins unapproved\n{}", unasked.out);
    let mut terminal = Terminal::run(place.command("apply"));
    terminal.until("+ certificate.later@file_target.local (deploy)").until("Enter a value:").enter("yes\n");
    let (code, said) = terminal.end();
    assert!(code == 0 && said.contains("Apply complete!") && said.contains("Outputs:"), "{said}");
    assert!(said.contains("2 added, 0 changed, 0 destroyed"), "{said}");
    place.expect("plan -detailed-exitcode", 0);
}

#[test]
fn what_an_earlier_run_left_is_tried_once_by_an_apply() {
    let place = slow();
    interrupted(&place, "apply -auto-approve -parallelism=1");
    // The next one cannot write there any more.
    let _ = std::fs::remove_dir_all(place.path().join("out"));
    place.write("out", "a file stands in the way");
    let failed = place.expect("apply -auto-approve", 1);
    failed.says("what an earlier run left has failed").reports("CAP0601");
    assert_eq!(failed.out.matches("certificate.www@file_target.local: Creating...").count(), 1, "{}", failed.out);
    std::fs::remove_file(place.path().join("out")).expect("removed");
    place.expect("apply -auto-approve", 0);
    place.expect("plan -detailed-exitcode", 0);
}

#[test]
fn a_saved_plan_goes_on_where_it_was_interrupted() {
    let place = slow();
    place.expect("plan -out=p", 0);
    interrupted(&place, "apply -parallelism=1 p");
    let resumed = place.expect("apply p", 0);
    resumed.says("The plan goes on where it was interrupted.").says("Apply complete! Resources: 9 added");
    place.expect("plan -detailed-exitcode", 0);
}

/// An estate whose deployment takes longer than anybody waits.
fn endless() -> Place {
    let place = slow();
    place.write("main.cap.hcl", place.read("main.cap.hcl").replace("sleep 1", "sleep 30"));
    place
}

/// Interrupts an apply while it deploys, and once more. Returns its exit code and all that it said.
fn cut_off(place: &Place, mut terminal: Terminal) -> (i32, String) {
    terminal.until("@file_target.local: Creating...");
    until_reloading(place);
    signal(&terminal.child, libc::SIGINT);
    terminal.until("Gracefully shutting down...");
    signal(&terminal.child, libc::SIGINT);
    terminal.end()
}

#[test]
fn after_the_second_interrupt_nothing_is_drawn() {
    let place = endless();
    let (code, said) = cut_off(&place, Terminal::run(place.command("apply -auto-approve")));
    let after = said.split("Two interrupts received.").nth(1).expect("it is said");
    assert!(code == 1 && !after.contains("creating "), "{said}");
}

#[test]
fn a_lock_that_is_held_and_an_interrupt_have_exit_codes_of_their_own() {
    let place = endless();
    let mut terminal = Terminal::run(place.command("-exit-codes=extended apply -auto-approve"));
    terminal.until("@file_target.local: Creating...");
    place.expect("-exit-codes=extended apply -auto-approve", 6).reports("CAP0504");
    place.expect("apply -auto-approve", 1).reports("CAP0504");
    assert_eq!(cut_off(&place, terminal).0, 130);
}

#[test]
fn what_has_left_traces_is_not_withdrawn() {
    let place = endless();
    assert_eq!(cut_off(&place, Terminal::run(place.command("apply -auto-approve -parallelism=1"))).0, 1);
    let refused = place.expect("jobs cancel", 1);
    refused.reports("CAP0712").reports("certificate.www@file_target.local").reports("cap jobs resume");
    let left = place.expect("jobs list", 0).out;
    assert!(left.contains("certificate.www@file_target.local"), "{left}");
}

/// Reads what it says up to the `wanted`-th line on jobs. Whoever drops the rest closes its output.
fn until_line(child: &mut Child, wanted: u32) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut of_jobs = lines.map(|line| line.expect("UTF-8")).filter(|line| line.contains(": Creati"));
    assert_eq!(of_jobs.by_ref().take(wanted as usize).count(), wanted as usize, "it has said less");
    of_jobs
}

#[test]
fn killed_at_any_moment_it_is_brought_to_the_same_end() {
    let mut cut_short = 0;
    for round in 0..ROUNDS {
        let place = Place::new();
        place.write("main.cap.hcl", ESTATE);
        let mut command = place.command("apply -auto-approve");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("cap runs");
        // By what it says, for how long it takes depends on what else runs here; and some time after that.
        let rest = until_line(&mut child, round);
        std::thread::sleep(Duration::from_micros(700) * (round % 5));
        signal(&child, libc::SIGKILL);
        cut_short += u32::from(!child.wait().expect("it ends").success());
        drop(rest);
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
