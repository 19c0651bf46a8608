//! Real programs that tests run against: finding them, starting them on loopback, ending them, and saying which ran.
//!
//! A peer comes from the environment or from PATH. It is never downloaded here, and its absence is never silent.

pub mod bind;
pub mod knot;
pub mod nginx;
pub mod pebble;
pub mod public;
mod report;
mod running;
pub mod sshd;

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

pub use report::{Outcome, report};
pub use running::{Running, Scratch, wait_port, wait_until};

/// A program that was found.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The name it goes by in the report.
    pub name: &'static str,
    /// Where it lies.
    pub path: PathBuf,
}

impl Peer {
    /// Finds a program: the path in `CAP_TEST_<NAME>` (upper case, dashes as underscores), else on PATH, else where
    /// Debian puts servers.
    pub fn find(name: &'static str) -> Option<Self> {
        from_environment(name).or_else(|| on_path(name)).map(|path| Self { name, path })
    }

    /// Finds a program, or reports that it did not run. With CI=true it must be there.
    pub fn find_or_report(name: &'static str) -> Option<Self> {
        let found = Self::find(name);
        if found.is_none() {
            missing(name, &format!("{name} is not installed"));
        }
        found
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        Command::new(&self.path)
    }

    /// The first line it prints (on either stream) when asked with `arguments`, for the report.
    pub fn version(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output();
        let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("version unknown").to_owned()
    }
}

/// Reports that a peer which `tests/run` can install did not run; with CI=true that is a failure. For a peer that cannot
/// be installed everywhere, [`report`] it instead.
pub fn missing(name: &str, why: &str) {
    report(name, &Outcome::NotRun { why: why.to_owned() });
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "CI demands {name}: {why}");
}

/// A port of loopback that nothing listens on at this moment, neither by TCP nor by UDP.
pub fn free_port() -> u16 {
    (0..100).find_map(|_| both_protocols()).expect("a free port on loopback")
}

fn both_protocols() -> Option<u16> {
    let tcp = TcpListener::bind(("127.0.0.1", 0)).ok()?;
    let port = tcp.local_addr().ok()?.port();
    UdpSocket::bind(("127.0.0.1", port)).ok().map(|_| port)
}

fn from_environment(name: &str) -> Option<PathBuf> {
    let variable = format!("CAP_TEST_{}", name.to_uppercase().replace('-', "_"));
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(debian).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[test]
fn a_program_on_path_is_found_and_asked_for_its_version() {
    let cargo = Peer::find_or_report("cargo").expect("cargo runs this test");
    assert_eq!(cargo.name, "cargo");
    assert!(cargo.version(&["--version"]).starts_with("cargo "));
    assert!(Peer::find("no-program-has-this-name").is_none());
}

#[test]
fn what_was_started_ends_with_its_guard() {
    let scratch = Scratch::new("guard");
    let sleep = Peer::find("sleep").expect("coreutils are there");
    let running = Running::start("sleep", sleep.command().arg("600"), &scratch);
    let process = PathBuf::from(format!("/proc/{}", running.id()));
    assert!(process.exists());
    drop(running);
    assert!(!process.exists());
}

#[test]
#[should_panic(expected = "it ended before port")]
fn a_peer_that_ends_by_itself_is_not_waited_for() {
    let scratch = Scratch::new("ended");
    let program = Peer::find("true").expect("coreutils are there");
    let mut running = Running::start("true", &mut program.command(), &scratch);
    wait_port(free_port(), std::time::Duration::from_secs(60), &mut running);
}
