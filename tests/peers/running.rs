//! A peer while it runs: started with its own folder and log, ended when the test is over, never left behind.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A folder of its own for one test, removed afterwards; kept when the test fails, so that one can look.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one. The name is for people.
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a scratch folder");
        Self(path)
    }

    /// A path within.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A program that runs until this is dropped. Its output goes to `<name>.log`, which is shown when the test fails.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it with nothing on stdin and both streams in the log.
    pub fn start(name: &str, command: &mut Command, scratch: &Scratch) -> Self {
        let log = scratch.join(format!("{name}.log"));
        let out = File::create(&log).expect("a log file");
        let err = out.try_clone().expect("a second handle on the log");
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        die_with_parent(command);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { child, log }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, with whatever it has begun itself, and waits for that a while.
    pub fn quit(&mut self) {
        let begin = Instant::now();
        while !self.has_ended() && begin.elapsed() < Duration::from_secs(5) {
            // SAFETY: a signal to our own child, which has not been waited for.
            unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Whether it has come to an end by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("---- end of {}", self.log.display());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// Asks the kernel to end the child when the thread that started it ends, so that a test that is killed leaves none.
fn die_with_parent(command: &mut Command) {
    let ask = || match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    };
    // SAFETY: the closure makes one system call that is safe between fork and exec, and touches no memory.
    unsafe { command.pre_exec(ask) };
}

/// Polls until `ready`, or panics after `limit` with what was waited for. The guard is watched: a peer that ends by
/// itself is not waited for.
pub fn wait_until(what: &str, limit: Duration, peer: &mut Running, mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(!peer.has_ended(), "it ended before {what}");
        assert!(begin.elapsed() < limit, "waited {limit:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Polls until something accepts connections on a port of loopback.
pub fn wait_port(port: u16, limit: Duration, peer: &mut Running) {
    wait_until(&format!("port {port}"), limit, peer, || TcpStream::connect(("127.0.0.1", port)).is_ok());
}
