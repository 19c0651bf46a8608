//! One connection to a host through the system's `ssh`, shared by everything one target does there.
//!
//! The host's key is pinned before the first connection and nothing is learned from it; the user's own configuration,
//! agent and known hosts are not looked at. The private key is handed over through memory: it is in no file, no argument
//! and no environment, so there is nothing to clean up after a crash. The connection ends by itself a minute after its
//! last use, should `cap` die without ending it.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::host_key::{self, HostKey};
use crate::job::ErrorClass;
use crate::limits::REPLY_BYTES;
use crate::ports::{PortError, PortResult};
use crate::target::output;

/// Limit on connecting, in seconds, name resolution and login included.
const CONNECT: u64 = 20;
/// Seconds that an unused connection stays.
const PERSIST: u32 = 60;

/// Who logs in where, and how the host is known.
pub(super) struct Login {
    pub address: String,
    pub port: u16,
    pub user: String,
    pub key: Zeroizing<Vec<u8>>,
    pub host_key: HostKey,
}

/// An open connection.
pub(super) struct Session {
    folder: Folder,
    port: u16,
    user: String,
    address: String,
}

/// A private folder for the control socket and the host's pinned key; nothing in it is secret.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
        let mut bytes = [0; 8];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
        let name = format!("cap-ssh-{:016x}", u64::from_be_bytes(bytes));
        let path = base.unwrap_or_else(std::env::temp_dir).join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The key as a file in memory that `ssh` can open by a path.
fn key_in_memory(key: &[u8]) -> io::Result<File> {
    // SAFETY: a plain system call on a constant, terminated name.
    let number = unsafe { libc::memfd_create(c"cap-ssh-key".as_ptr(), libc::MFD_CLOEXEC) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the number is that of a fresh descriptor which nobody else owns.
    let mut file = unsafe { File::from_raw_fd(number) };
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(key)?;
    // `secret_file` takes one final newline away, without which OpenSSH's own form does not parse.
    if !key.ends_with(b"\n") {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn local(error: &io::Error) -> PortError {
    PortError::new(ErrorClass::Transient, format!("cannot prepare a connection by ssh: {error}"))
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var_os("PATH").unwrap_or_else(|| output::PATH.into());
    command.env_clear().env("PATH", path).env("LC_ALL", "C").kill_on_drop(true);
    command
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    /// `Unauthorized` when the host is not the pinned one or refuses the key, `Transient` when it cannot be reached.
    pub(super) async fn open(login: &Login) -> PortResult<Self> {
        let folder = Folder::new().map_err(|error| local(&error))?;
        let known = host_key::known_hosts(login, &folder.0).await?;
        let key = key_in_memory(&login.key).map_err(|error| local(&error))?;
        let log = folder.0.join("log");
        let session = Self { folder, port: login.port, user: login.user.clone(), address: login.address.clone() };
        let mut command = session.ssh();
        let identity = format!("/proc/{}/fd/{}", std::process::id(), key.as_raw_fd());
        command.args(["-f", "-N", "-M", "-a", "-x"]).arg("-E").arg(&log).args(["-i", &identity]);
        for option in options(&known) {
            command.arg("-o").arg(option);
        }
        command.args(session.destination()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let limit = Duration::from_secs(CONNECT + 5);
        let ended = tokio::time::timeout(limit, command.status()).await;
        let said = std::fs::read(&log).map(|bytes| output::tail(&bytes)).unwrap_or_default();
        match ended {
            Ok(Ok(status)) if status.success() => Ok(session),
            Ok(Err(error)) => Err(missing(&error)),
            Ok(Ok(_)) => Err(refusal(login, &said)),
            Err(_) => Err(refusal(login, "it took too long")),
        }
    }

    fn ssh(&self) -> Command {
        let mut command = program("ssh");
        command.args(["-F", "none", "-T", "-S"]).arg(self.folder.0.join("ctl"));
        command
    }

    fn destination(&self) -> [OsString; 6] {
        let port = self.port.to_string();
        ["-p", &port, "-l", &self.user, "--", &self.address].map(OsString::from)
    }

    /// Runs a command line of the host's shell with this on its stdin.
    ///
    /// # Errors
    /// `Transient` when the connection breaks or the time is over.
    pub(super) async fn execute(&self, line: &str, stdin: &[u8], limit: Duration) -> PortResult<Output> {
        let mut command = self.ssh();
        // Should the connection be gone, `ssh` must not make one of its own: this "proxy" fails at once.
        command.args([
            "-o",
            "ControlMaster=no",
            "-o",
            "ProxyCommand=false",
            "-o",
            "BatchMode=yes",
            "-o",
            "LogLevel=ERROR",
        ]);
        command.args(self.destination()).arg(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| missing(&error))?;
        let (Some(mut to), Some(out), Some(err)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(PortError::new(ErrorClass::Bug, "a stream of ssh is missing"));
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let write = async move {
            // A host that fails early does not read to the end; its status says why.
            let _ = to.write_all(stdin).await;
        };
        let cap = 8 * REPLY_BYTES as u64;
        let (mut out, mut err) = (out.take(cap), err.take(cap));
        let talk = async {
            let streams = async { tokio::join!(write, out.read_to_end(&mut stdout), err.read_to_end(&mut stderr)) };
            let (_, status) = tokio::join!(streams, child.wait());
            status
        };
        let status =
            tokio::time::timeout(limit, talk).await.map_err(|_| self.lost(&format!("no end within {limit:?}")))?;
        let status = status.map_err(|error| self.lost(&error.to_string()))?;
        Ok(Output { status, stdout, stderr })
    }

    /// Whether the connection still stands.
    pub(super) async fn is_alive(&self) -> bool {
        let mut command = self.ssh();
        command.args(["-O", "check"]).args(self.destination());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().await.is_ok_and(|status| status.success())
    }

    /// The error of a connection that broke.
    pub(super) fn lost(&self, why: &str) -> PortError {
        let what = format!("the connection to {} by ssh was lost: {why}", self.address);
        PortError::new(ErrorClass::Transient, what)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let path = std::env::var_os("PATH").unwrap_or_else(|| output::PATH.into());
        let mut command = std::process::Command::new("ssh");
        command.env_clear().env("PATH", path).args(["-F", "none", "-S"]).arg(self.folder.0.join("ctl"));
        command.args(["-O", "exit"]).args(self.destination());
        // A request to a local socket: it takes milliseconds, and without it the connection ends by itself.
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn options(known: &std::path::Path) -> Vec<OsString> {
    let mut user_known = OsString::from("UserKnownHostsFile=\"");
    user_known.push(known);
    user_known.push("\"");
    let persist = format!("ControlPersist={PERSIST}");
    let connect = format!("ConnectTimeout={CONNECT}");
    let fixed = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=none",
        "UpdateHostKeys=no",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PreferredAuthentications=publickey",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ServerAliveInterval=15",
        "LogLevel=ERROR",
        persist.as_str(),
        connect.as_str(),
    ];
    fixed.iter().map(OsString::from).chain([user_known]).collect()
}

pub(super) fn missing(error: &io::Error) -> PortError {
    let error = PortError::new(ErrorClass::Rejected, format!("cannot start ssh: {error}"));
    error.remedy("install OpenSSH's client (Debian: openssh-client)")
}

/// What `ssh` complained about, as whose fault it is. Its messages are the only thing that tells these apart; it runs in
/// the C locale, so they are always these.
fn refusal(login: &Login, said: &str) -> PortError {
    let host = format!("{}:{}", login.address, login.port);
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["HOST IDENTIFICATION HAS CHANGED", "Host key verification failed", "host key is known for"]) {
        return host_key::changed(&host, "its key is not the one in the configuration");
    }
    let (class, what, remedy) = if has(&["Load key", "invalid format", "error in libcrypto"]) {
        (
            ErrorClass::Unauthorized,
            "the private key cannot be used",
            "give a key without a passphrase, in OpenSSH or PEM form",
        )
    } else if has(&["Permission denied", "Too many authentication failures"]) {
        (
            ErrorClass::Unauthorized,
            "the login was refused",
            "add the key's public half to the user's authorized_keys on the host; a key with a passphrase cannot be used",
        )
    } else {
        (ErrorClass::Transient, "the host cannot be reached", "see that it runs an SSH server on that port")
    };
    let message = format!("{}@{host}: {what}: {}", login.user, said.lines().last().unwrap_or_default());
    PortError::new(class, message).remedy(remedy)
}
