//! The figure of ACME: what one certificate costs, P-256, one after the other, at Pebble without sleeps and BIND with TSIG
//! on loopback, measured on the real binary.
//!
//!     cargo bench --bench acme
//!
//! Two applies are measured, of a few certificates and of many. What the many cost more is what a certificate costs; the
//! rest is the run's own: start, plan, the system's roots and the end. Own waiting is what is left of the wall time of the
//! many once the time inside requests to the CA and to DNS is taken off, by the log that every job keeps; that log counts
//! whole milliseconds, rounded down, so the figure errs against us.

#[expect(dead_code, reason = "one whole run is measured here, and no median")]
mod measure;
#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of the tests; this measures with two of them")]
mod peers;

use std::process::{Command, ExitCode};
use std::time::Duration;

use peers::Scratch;
use peers::bind::Bind;
use peers::pebble::{Options, Pebble};
use peers::public;
use serde_json::Value as Json;

/// The zone all names lie in.
const ZONE: &str = "example.test";
/// Certificates that are issued, one after the other: by the first run, and by the second.
const FEW: u32 = 10;
const MANY: u32 = 210;
/// Limits a certificate: CPU, own waiting.
const LIMITS: [Duration; 2] = [Duration::from_millis(3), Duration::from_millis(40)];
/// What asks the CA or DNS; all else is ours.
const ASKS: [&str; 9] =
    ["order", "challenges", "present", "look", "respond", "status", "finalize", "download", "retract"];

/// Where `cap` runs, and the secret it updates the zone with.
struct Place<'a> {
    scratch: &'a Scratch,
    secret: &'a str,
}

impl Place<'_> {
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cap"));
        command.args(line.split_whitespace()).env_clear().env("TSIG", self.secret).env("HOME", self.scratch.join(""));
        command.current_dir(self.scratch.join(""));
        command
    }

    fn run(&self, line: &str) -> measure::Cost {
        let cost = measure::run(&mut self.command(line)).expect("cap runs");
        assert_eq!(cost.code, 0, "cap {line}: {}", self.said(line));
        cost
    }

    fn said(&self, line: &str) -> String {
        let output = self.command(line).output().expect("cap runs");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Time inside requests, over all certificates.
    fn asking(&self) -> Duration {
        let jobs = self.said("jobs list -json");
        let jobs = jobs.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let issues = jobs.filter(|job| job["work"] == "issue").filter_map(|job| Some(job["id"].as_str()?.to_owned()));
        let logs = issues.map(|id| serde_json::from_str::<Json>(&self.said(&format!("jobs show {id} -json"))));
        logs.map(|job| asking(&job.expect("a job"))).sum()
    }
}

fn asking(job: &Json) -> Duration {
    let lines = job["log"].as_array().expect("a log").iter();
    let asked = lines.filter(|line| ASKS.iter().any(|effect| line["effect"] == *effect));
    let took =
        |line: &Json| serde_json::from_value::<cap::time::Duration>(line["took"].clone()).expect("a length of time");
    asked.map(|line| took(line).to_std()).sum()
}

fn configuration(bind: &Bind, pebble: &Pebble, certificates: u32) -> String {
    let certificates = format!(
        r#"
certificate "c" {{
  count       = {certificates}
  issuer      = acme_account.pebble
  common_name = "c${{count.index}}.{ZONE}"
  key_type    = "ecdsa-p256"
}}
"#
    );
    "project \"bench\" {}\n".to_owned() + &public::declared(ZONE, bind, pebble) + &certificates
}

fn line(what: &str, each: Duration, limit: Option<Duration>) -> bool {
    let holds = limit.is_none_or(|limit| each <= limit);
    let verdict = match limit {
        Some(limit) => format!("≤ {} ms {}", limit.as_millis(), if holds { "holds" } else { "MISSED" }),
        None => String::new(),
    };
    println!("| {what:<52} | {:>8.2} ms | {verdict}", each.as_secs_f64() * 1000.0);
    holds
}

fn main() -> ExitCode {
    let options = Options { nonce_reject: 0, ..Options::default() };
    let Some((bind, pebble)) = public::start(ZONE, options) else { return ExitCode::FAILURE };
    let scratch = Scratch::new("acme-bench");
    let place = Place { scratch: &scratch, secret: &bind.secret };
    let write = |name: &str, text: String| std::fs::write(scratch.join(name), text).expect("written");
    write("ca.pem", pebble.trust.clone());
    write("main.cap.hcl", configuration(&bind, &pebble, 0));
    place.run("apply -auto-approve");
    write("main.cap.hcl", configuration(&bind, &pebble, FEW));
    let few = place.run("apply -auto-approve -parallelism=1");
    let asked = place.asking();
    write("main.cap.hcl", configuration(&bind, &pebble, FEW + MANY));
    let many = place.run("apply -auto-approve -parallelism=1");
    assert_eq!(pebble.issued(), (FEW + MANY) as usize);
    let asking = (place.asking() - asked) / MANY;
    let each = many.cpu.saturating_sub(few.cpu) / (MANY - FEW);
    let wall = many.wall / MANY;
    println!("ACME, P-256, one after the other; each of {MANY} certificates:");
    let good = [
        line("CPU of cap", each, Some(LIMITS[0])),
        line("own waiting: wall time outside requests", wall.saturating_sub(asking), Some(LIMITS[1])),
        line("inside requests to the CA and to DNS", asking, None),
        line("wall time", wall, None),
        line("and once a run: CPU of start, plan and end", few.cpu.saturating_sub(each * FEW), None),
    ];
    if good.iter().all(|holds| *holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
