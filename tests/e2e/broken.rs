//! Machines that fail under `cap`: a directory that is read-only, a disk that is full, ports that are closed, another run
//! at the same time, an interrupt. Each ends in one clear report, and nothing is done by halves.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{Place, Ran};
use crate::peers::free_port;

/// Longest time to wait for something that happens at once.
const PATIENCE: Duration = Duration::from_secs(30);

fn finished(child: Child) -> Ran {
    Ran::of(child.wait_with_output().expect("it is our child"))
}

fn spawned(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cap runs")
}

fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, signal: libc::c_int) {
    let id = libc::pid_t::try_from(child.id()).expect("an id of a process");
    // SAFETY: a plain system call; the process is our child and has not been waited for, so the id is still its.
    assert_eq!(unsafe { libc::kill(id, signal) }, 0);
}

/// The quickstart, whose reload says that it was called and then waits until it may go on.
fn held_up() -> Place {
    let place = Place::quickstart();
    let here = place.path().display();
    let script = format!("touch {here}/called; while ! test -e {here}/go; do sleep 0.02; done");
    let reload = format!("file_target \"local\" {{\n  reload = {:?}\n", ["sh", "-c", &script]);
    place.write("main.cap.hcl", place.read("main.cap.hcl").replace("file_target \"local\" {\n", &reload));
    place
}

fn has(place: &Place, name: &str) -> bool {
    place.path().join(name).exists()
}

/// One error, said once, and no word of a panic.
fn one_report(ran: &Ran) {
    assert_eq!(ran.err.matches("CAP0").count(), 1, "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn a_run_beside_another_one_is_refused_or_waits() {
    let place = held_up();
    let first = spawned(place.command("apply -auto-approve"));
    wait_until("the reload", || has(&place, "called"));
    let refused = place.expect("apply -auto-approve", 1);
    refused.reports("Lock Info").reports("Operation: OperationTypeApply").reports("cap force-unlock");
    one_report(&refused);
    place.expect("jobs resume", 1).reports("Lock Info");
    place.expect("state list", 0).says("certificate.www");
    let second = spawned(place.command("apply -auto-approve -lock-timeout=60s"));
    place.write("go", "");
    assert_eq!(finished(first).code, 0);
    let second = finished(second);
    assert_eq!(second.code, 0, "{}", second.err);
    second.says("No changes.");
}

#[test]
fn an_interrupt_lets_what_has_begun_come_to_its_end() {
    let place = held_up();
    let run = spawned(place.command("apply -auto-approve"));
    wait_until("the reload", || has(&place, "called"));
    signal(&run, libc::SIGINT);
    place.write("go", "");
    let run = finished(run);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    run.reports("cap jobs resume");
    one_report(&run);
    assert!(run.out.contains("Gracefully shutting down...") || run.err.contains("Gracefully shutting down..."));
    place.expect("jobs resume", 0).says("0 failed");
    place.expect("plan -detailed-exitcode", 0).says("No changes.");
    place.expect("timeline verify", 0);
}

#[test]
fn a_second_interrupt_ends_it_at_once_and_nothing_is_lost() {
    let place = held_up();
    let run = spawned(place.command("apply -auto-approve"));
    wait_until("the reload", || has(&place, "called"));
    signal(&run, libc::SIGINT);
    let begin = Instant::now();
    // Two signals of one kind that arrive together count as one: the second is sent until it is heard.
    let mut run = run;
    while run.try_wait().expect("it is our child").is_none() {
        assert!(begin.elapsed() < PATIENCE, "it does not end");
        signal(&run, libc::SIGINT);
        std::thread::sleep(Duration::from_millis(50));
    }
    let run = finished(run);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    place.write("go", "");
    place.expect("apply -auto-approve", 0);
    place.expect("plan -detailed-exitcode", 0).says("No changes.");
    assert_eq!(
        place.expect("jobs list -all -json", 0).json_lines().iter().filter(|job| job["work"] == "issue").count(),
        1
    );
}

/// Runs the binary as somebody who is not root: whoever runs the tests, unless that is root.
fn as_somebody(place: &Place, line: &str) -> Command {
    let mut command = place.command(line);
    // SAFETY: a plain system call that cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        let program = place.path().join("cap-of-somebody");
        if !program.exists() {
            std::fs::copy(env!("CARGO_BIN_EXE_cap"), &program).expect("a copy that anybody can run");
        }
        let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = Command::new(program);
        command
            .args(words)
            .current_dir(place.path())
            .env_clear()
            .env("HOME", place.path())
            .env("PATH", "/usr/bin:/bin");
        command.uid(65534).gid(65534);
    }
    command
}

#[test]
fn a_directory_that_is_read_only_is_named_and_left_alone() {
    let place = Place::quickstart();
    let mode =
        |bits: u32| std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(bits)).expect("a mode");
    let warm = as_somebody(&place, "version").output().expect("cap runs");
    assert!(warm.status.success(), "{}", String::from_utf8_lossy(&warm.stderr));
    mode(0o555);
    let before = std::fs::read_dir(place.path()).expect("the place").count();
    let planned = Ran::of(as_somebody(&place, "plan").output().expect("cap runs"));
    assert_eq!(planned.code, 0, "a plan needs to write nothing: {}", planned.err);
    for line in ["apply -auto-approve", "apply -auto-approve -store=sqlite:absent/state.db"] {
        let ran = Ran::of(as_somebody(&place, line).output().expect("cap runs"));
        assert_eq!(ran.code, 1, "{line}: {}", ran.out);
        ran.reports("state.db").reports("Permission denied");
        one_report(&ran);
    }
    assert_eq!(std::fs::read_dir(place.path()).expect("the place").count(), before);
    mode(0o755);
}

#[test]
fn a_disk_that_is_full_costs_nothing_but_a_report() {
    let mut failed = 0;
    // Blocks of 512 bytes that a file may have: at each of these, another write is the first that does not fit.
    for blocks in [0, 8, 64, 160, 240, 320] {
        let place = Place::quickstart();
        let cap = place.command("");
        let mut command = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" apply -auto-approve");
        command.args(["-c", &script]).arg(cap.get_program()).current_dir(place.path());
        command.env_clear().env("HOME", place.path()).env("PATH", "/usr/bin:/bin");
        let ran = finished(spawned(command));
        if ran.code == 0 {
            continue;
        }
        failed += 1;
        assert_eq!(ran.code, 1, "{blocks} blocks: {}{}", ran.out, ran.err);
        assert!(ran.err.contains("CAP0") && !ran.err.contains("panicked"), "{blocks} blocks: {}", ran.err);
        place.expect("apply -auto-approve", 0);
        place.expect("plan -detailed-exitcode", 0).says("No changes.");
        place.expect("timeline verify", 0);
    }
    assert!(failed >= 3, "only {failed} did not fit");
}

#[test]
fn a_store_of_another_version_is_refused_as_it_is() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let file = place.path().join(".cap/state.db");
    let store = rusqlite::Connection::open(&file).expect("a database");
    store.pragma_update(None, "user_version", 99).expect("another version");
    drop(store);
    for line in ["plan", "apply -auto-approve", "destroy -auto-approve", "state list", "timeline verify"] {
        let ran = place.expect(line, 1);
        ran.reports("format 99");
        one_report(&ran);
    }
    let store = rusqlite::Connection::open(&file).expect("a database");
    store.pragma_update(None, "user_version", 1).expect("our version");
    drop(store);
    place.expect("plan -detailed-exitcode", 0).says("No changes.");
}

/// Peers that are not there are tried again for two minutes; whoever does not want to wait interrupts, and is told.
fn closed_port(blocks: &str, address: &str, job: &str) {
    let place = Place::new();
    place.write("main.cap.hcl", blocks);
    place.write("key", "-----BEGIN OPENSSH PRIVATE KEY-----\nnone\n-----END OPENSSH PRIVATE KEY-----\n");
    let run = spawned(place.command("apply -auto-approve"));
    wait_until("a wait", || place.cap("jobs list").out.contains(address));
    signal(&run, libc::SIGINT);
    let run = finished(run);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    one_report(&run);
    place.expect("jobs list", 0).says("waiting").says(job).says(address);
}

#[test]
fn a_port_that_is_closed_is_named_while_it_is_tried_again() {
    let port = free_port();
    let account = format!(
        "project \"p\" {{}}\nacme_account \"away\" {{\n  directory = \"https://127.0.0.1:{port}/dir\"\n  email = \"a@example.test\"\n}}\n"
    );
    closed_port(&account, &format!("127.0.0.1:{port}"), "acme_account.away");
    let host = format!(
        "project \"p\" {{}}\nprivate_ca \"ca\" {{\n  common_name = \"CA\"\n}}\n\
         ssh_target \"away\" {{\n  address = \"127.0.0.1\"\n  port = {port}\n  user = \"nobody\"\n  key = secret_file(\"key\")\n  \
         host_key = \"SHA256:wHm5sG8nq1zKQhT3Jt7mF0ZxC2eVbYdA9uRkL4pNoXs\"\n  files {{ directory = \"/nowhere\" }}\n}}\n\
         certificate \"www\" {{\n  issuer = private_ca.ca\n  common_name = \"www.example.test\"\n  targets = [ssh_target.away]\n}}\n"
    );
    closed_port(&host, "127.0.0.1", "certificate.www@ssh_target.away");
}
