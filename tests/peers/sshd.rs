//! OpenSSH's server on an unprivileged port: whoever runs the tests can log in with a fresh key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::{Outcome, Peer, Running, Scratch, free_port, missing, report, wait_port};

/// A server.
pub struct Sshd {
    _running: Running,
    scratch: Scratch,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// The user that can log in.
    pub user: String,
    /// The private key that can, as text.
    pub key: String,
    /// Fingerprint of the host's key: `SHA256:…`.
    pub fingerprint: String,
}

impl Sshd {
    /// Starts one, or reports that it did not run.
    pub fn start() -> Option<Self> {
        Self::start_among(Tools::TheSystem)
    }

    /// One on a host whose tools are all busybox's, but for openssl.
    pub fn start_among_busybox() -> Option<Self> {
        let busybox = Peer::find_or_report("busybox")?;
        report("busybox", &Outcome::Ran { version: busybox.version(&[]) });
        Self::start_among(Tools::Busybox(busybox, Peer::find_or_report("openssl")?))
    }

    fn start_among(tools: Tools) -> Option<Self> {
        let sshd = Peer::find_or_report("sshd")?;
        let (keygen, _) = (Peer::find_or_report("ssh-keygen")?, Peer::find_or_report("ssh")?);
        let version = Peer::find_or_report("ssh")?.version(&["-V"]);
        let scratch = Scratch::new("sshd");
        for name in ["host", "user"] {
            make_key(&keygen, scratch.join(name));
        }
        std::fs::copy(scratch.join("user.pub"), scratch.join("authorized_keys")).expect("authorized keys");
        put_sudo(&scratch);
        let path = tools.path(&scratch);
        let port = free_port();
        std::fs::write(scratch.join("sshd_config"), configuration(&scratch, port, &path)).expect("a configuration");
        // As root it insists on its empty directory, which the system's own service would make.
        if is_root() && std::fs::create_dir_all("/run/sshd").is_err() {
            missing("sshd", "/run/sshd is not there and cannot be made");
            return None;
        }
        report("sshd", &Outcome::Ran { version });
        let mut running =
            Running::start("sshd", sshd.command().args(["-D", "-e", "-f"]).arg(scratch.join("sshd_config")), &scratch);
        wait_port(port, Duration::from_secs(20), &mut running);
        let key = std::fs::read_to_string(scratch.join("user")).expect("a key");
        let fingerprint = fingerprint(&keygen, scratch.join("host.pub"));
        Some(Self { _running: running, scratch, port, user: user(), key, fingerprint })
    }

    /// The host's public key: type and base64.
    pub fn host_key(&self) -> String {
        let line = std::fs::read_to_string(self.scratch.join("host.pub")).expect("a key");
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// A known_hosts file that knows the host by this key.
    pub fn known_hosts(&self, key: &str) -> PathBuf {
        let path = self.scratch.join("known_hosts");
        std::fs::write(&path, format!("[127.0.0.1]:{} {key}\n", self.port)).expect("a file");
        path
    }

    /// How often the stand-in for sudo was asked.
    pub fn sudo_asked(&self) -> usize {
        std::fs::read_to_string(self.scratch.join("asked")).map_or(0, |text| text.lines().count())
    }

    /// Makes the stand-in for sudo refuse from now on.
    pub fn refuse_sudo(&self) {
        std::fs::write(self.scratch.join("refuse"), "").expect("a file");
    }

    /// Another key, which nobody knows: private and public text.
    pub fn stranger(&self) -> (String, String) {
        let path = self.scratch.join("stranger");
        make_key(&Peer::find("ssh-keygen").expect("it made the others"), path.clone());
        let read = |path: PathBuf| std::fs::read_to_string(path).expect("a key");
        (read(path.clone()), read(path.with_extension("pub")))
    }
}

/// The programs that a host has.
enum Tools {
    /// Those of this machine.
    TheSystem,
    /// Those of busybox, and openssl.
    Busybox(Peer, Peer),
}

impl Tools {
    /// Where they are found.
    fn path(&self, scratch: &Scratch) -> String {
        let Self::Busybox(busybox, openssl) = self else { return "/usr/local/bin:/usr/bin:/bin".to_owned() };
        let applets = scratch.join("applets");
        std::fs::create_dir_all(&applets).expect("a folder");
        let made = busybox.command().args(["--install", "-s"]).arg(&applets).status();
        assert!(made.is_ok_and(|status| status.success()), "busybox makes no links");
        let _ = std::fs::remove_file(applets.join("openssl"));
        std::os::unix::fs::symlink(&openssl.path, applets.join("openssl")).expect("a link");
        applets.to_string_lossy().into_owned()
    }
}

/// A stand-in for sudo, first on the PATH of who logs in: it notes that it was asked, and refuses when told to. The real
/// one needs a system that is configured for it.
fn put_sudo(scratch: &Scratch) {
    let here = scratch.join("");
    let here = here.to_string_lossy();
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2\" = '-n --' ] || exit 9\nshift 2\n\
         if [ -e {here}refuse ]; then echo 'sudo: a password is required' >&2; exit 1; fi\n\
         echo asked >>{here}asked\nexec \"$@\"\n"
    );
    std::fs::create_dir_all(scratch.join("bin")).expect("a folder");
    std::fs::write(scratch.join("bin/sudo"), script).expect("a script");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(scratch.join("bin/sudo"), mode).expect("a mode");
}

fn is_root() -> bool {
    // SAFETY: a plain system call that cannot fail.
    unsafe { libc::geteuid() == 0 }
}

fn user() -> String {
    let output = std::process::Command::new("id").arg("-un").output().expect("coreutils are there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn make_key(keygen: &Peer, path: PathBuf) {
    let _ = std::fs::remove_file(&path);
    let made = keygen.command().args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).stdin(Stdio::null()).status();
    assert!(made.is_ok_and(|status| status.success()), "ssh-keygen makes no key");
}

fn fingerprint(keygen: &Peer, path: PathBuf) -> String {
    let output = keygen.command().arg("-lf").arg(path).output().expect("ssh-keygen runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().find(|word| word.starts_with("SHA256:")).expect("a fingerprint").to_owned()
}

fn configuration(scratch: &Scratch, port: u16, path: &str) -> String {
    let here = scratch.join("");
    let here = here.to_string_lossy();
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {here}host\nPidFile {here}sshd.pid\n\
         AuthorizedKeysFile {here}authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nMaxStartups 100\nLogLevel VERBOSE\n\
         SetEnv PATH={here}bin:{path}\n"
    )
}
