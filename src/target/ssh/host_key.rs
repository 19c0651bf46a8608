//! How a host is known: by the fingerprint of its key, by the key itself, or by a known_hosts file. Never by what it
//! shows first.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use tokio::process::Command;

use super::session::{Login, missing};
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::target::output;

/// How the host is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostKey {
    /// By the SHA-256 fingerprint of its key: base64 without padding.
    Fingerprint(String),
    /// By the key itself: type and base64.
    Key(String, String),
    /// By this file.
    KnownHosts(PathBuf),
}

impl HostKey {
    /// The fingerprint of the key, `SHA256:…`, where the configuration says it.
    pub(super) fn fingerprint(&self) -> Option<String> {
        let digest = match self {
            Self::Fingerprint(digest) => digest.clone(),
            Self::Key(_, key) => fingerprint(key)?,
            Self::KnownHosts(_) => return None,
        };
        Some(format!("SHA256:{digest}"))
    }
}

/// `SHA256:…` or `ssh-ed25519 AAAA…`.
pub(super) fn parse(text: &str) -> Result<HostKey, String> {
    let fault = || "it is neither a fingerprint (SHA256:…, 43 characters) nor a key (ssh-ed25519 AAAA…)".to_owned();
    if let Some(digest) = text.strip_prefix("SHA256:") {
        let digest = digest.trim_end_matches('=');
        let bytes = STANDARD_NO_PAD.decode(digest).map_err(|_| fault())?;
        return if bytes.len() == 32 { Ok(HostKey::Fingerprint(digest.to_owned())) } else { Err(fault()) };
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else { return Err(fault()) };
    STANDARD.decode(key).map_err(|_| fault())?;
    Ok(HostKey::Key(kind.to_owned(), key.to_owned()))
}

/// The known_hosts file that this login is held to.
pub(super) async fn known_hosts(login: &Login, folder: &Path) -> PortResult<PathBuf> {
    let (kind, key) = match &login.host_key {
        HostKey::KnownHosts(path) => return Ok(path.clone()),
        HostKey::Key(kind, key) => (kind.clone(), key.clone()),
        HostKey::Fingerprint(digest) => find(login, digest).await?,
    };
    let path = folder.join("known_hosts");
    let host = match login.port {
        22 => login.address.clone(),
        port => format!("[{}]:{port}", login.address),
    };
    std::fs::write(&path, format!("{host} {kind} {key}\n"))
        .map_err(|error| PortError::new(ErrorClass::Transient, format!("cannot write {}: {error}", path.display())))?;
    Ok(path)
}

/// Asks the host for its keys and takes the one that has the fingerprint; the connection is then held to that key.
async fn find(login: &Login, pinned: &str) -> PortResult<(String, String)> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| output::PATH.into());
    let mut command = Command::new("ssh-keyscan");
    command.env_clear().env("PATH", path).env("LC_ALL", "C").kill_on_drop(true).stdin(Stdio::null());
    command.args(["-T", "10", "-p", &login.port.to_string(), "--", &login.address]);
    let scanned = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
    let host = format!("{}:{}", login.address, login.port);
    let unreachable = |why: &str| {
        let error = PortError::new(ErrorClass::Transient, format!("{host} shows no host key: {why}"));
        error.remedy("see that the host runs an SSH server on that port")
    };
    let scanned = scanned.map_err(|_| unreachable("it took too long"))?.map_err(|error| missing(&error))?;
    let text = String::from_utf8_lossy(&scanned.stdout);
    let shown: Vec<(String, String)> = text.lines().filter_map(line).collect();
    if let Some(found) = shown.iter().find(|(_, key)| fingerprint(key).as_deref() == Some(pinned)) {
        return Ok(found.clone());
    }
    if shown.is_empty() {
        return Err(unreachable(&output::tail(&scanned.stderr)));
    }
    let all: Vec<String> =
        shown.iter().filter_map(|(kind, key)| Some(format!("{kind} SHA256:{}", fingerprint(key)?))).collect();
    Err(changed(&host, &format!("SHA256:{pinned} is none of the keys it shows, which are {}", all.join(", "))))
}

/// `host type key`.
fn line(line: &str) -> Option<(String, String)> {
    let mut words = line.split_ascii_whitespace();
    let (host, kind, key) = (words.next()?, words.next()?, words.next()?);
    (!host.starts_with('#')).then(|| (kind.to_owned(), key.to_owned()))
}

fn fingerprint(key: &str) -> Option<String> {
    Some(STANDARD_NO_PAD.encode(Digest::of(STANDARD.decode(key).ok()?).0))
}

/// The error of a host that is not the one it should be.
pub(super) fn changed(host: &str, why: &str) -> PortError {
    let what = format!("{host} is not the host that is pinned: {why}");
    let remedy = "nothing was sent to it. If the host was set up anew, compare its fingerprint at its own console \
                  (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) and change host_key or known_hosts";
    PortError::new(ErrorClass::Unauthorized, what).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keys_have_two_forms() {
        let digest = "A".repeat(43);
        assert_eq!(parse(&format!("SHA256:{digest}")), Ok(HostKey::Fingerprint(digest)));
        let key = HostKey::Key("ssh-ed25519".to_owned(), "AAAA".to_owned());
        assert_eq!(parse("ssh-ed25519 AAAA root@web1"), Ok(key));
        assert!(parse("SHA256:short").is_err());
        assert!(parse("MD5:00:11").is_err());
    }
}
