//! The real binary is killed at random moments, again and again, while it issues and deploys. Whoever comes next goes on at
//! once, and in the end nothing was done twice and nothing is left behind.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Public, ZONE};

/// Times it is killed.
const KILLS: u32 = 20;
/// Certificates that are renewed in each round.
const NAMES: [&str; 3] = ["a", "b", "c"];
/// A run after a kill must not wait for the lease of the dead, which lasts thirty seconds.
const AT_ONCE: Duration = Duration::from_secs(20);

fn estate(public: &Public) -> String {
    let certificate = |name: &&str| {
        format!(
            "\ncertificate \"{name}\" {{\n  issuer      = acme_account.pebble\n  common_name = \"{name}.{ZONE}\"\n  \
             sans        = [\"*.{name}.{ZONE}\"]\n  key_type    = \"ecdsa-p256\"\n  targets     = [file_target.local]\n}}\n"
        )
    };
    let target =
        "\nfile_target \"local\" {\n  files {\n    directory = \"${path.module}/out/${certificate.name}\"\n  }\n}\n";
    public.head() + target + &NAMES.iter().map(certificate).collect::<String>()
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    /// A share of a whole, in thousandths.
    fn share(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) % 1000).expect("below a thousand")
    }
}

/// Runs a line and kills it after a while; the time it took when it came to its end before.
fn kill(public: &Public, line: &str, after: Duration) -> Option<Duration> {
    let mut command = public.command(line);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("cap runs");
    let begin = Instant::now();
    while begin.elapsed() < after {
        if child.try_wait().expect("it is our child").is_some() {
            return Some(begin.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1).min(after.saturating_sub(begin.elapsed())));
    }
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
    None
}

/// How a job of the store ended, and of which work.
fn jobs(public: &Public) -> Vec<(String, String)> {
    let text = |json: &serde_json::Value| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let lines = public.expect("jobs list -all -json", 0).json_lines();
    lines.iter().map(|job| (text(&job["work"]), job["status"].to_string())).collect()
}

#[test]
fn nothing_is_done_twice_and_nothing_is_left() {
    let Some(public) = Public::start() else { return };
    public.place.write("main.cap.hcl", estate(&public));
    public.expect("apply -auto-approve", 0);
    let renewal =
        NAMES.iter().fold("apply -auto-approve".to_owned(), |line, name| line + " -replace=certificate." + name);
    let begin = Instant::now();
    public.expect(&renewal, 0);
    let mut undisturbed = begin.elapsed();

    let (mut dice, mut round, mut kills) = (Dice(20), 0, 0);
    while kills < KILLS {
        // Every third time whoever goes on is killed as well.
        let lines = [renewal.as_str(), "jobs resume"];
        for line in &lines[..if round % 3 == 2 { 2 } else { 1 }] {
            match kill(&public, line, undisturbed * dice.share() / 1000) {
                None => kills += 1,
                Some(took) if *line == renewal => undisturbed = took,
                Some(_) => {}
            }
        }
        let begin = Instant::now();
        public.expect(if round % 2 == 0 { "apply -auto-approve" } else { "jobs resume" }, 0);
        assert!(begin.elapsed() < AT_ONCE, "round {round}: it waited for the dead");
        round += 1;
        assert!(round < 4 * KILLS, "it comes to its end before it can be killed");
    }

    let jobs = jobs(&public);
    assert!(jobs.iter().all(|(_, status)| status.contains("succeeded")), "{jobs:?}");
    let issues = jobs.iter().filter(|(work, _)| work == "issue").count();
    let what = format!("{issues} issues, killed {kills} times in {round} rounds");
    assert_eq!(public.pebble.issued(), issues, "certificates: {what}");
    assert_eq!(public.pebble.orders(), issues, "orders: {what}");
    for name in NAMES {
        public.no_challenge_is_left(&[&format!("{name}.{ZONE}")]);
    }
    public.expect("plan -detailed-exitcode", 0).says("No changes.");
    public.expect("timeline verify", 0);
}
