//! Repositories: cloned by the program `git`, with argument vectors and never a shell. What a source says is handed over
//! behind `--` or as a full name, so that nothing in it can be taken for an option.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};

/// Time for one command of git: a large repository over a slow line, and an end to one that hangs.
const PATIENCE: Duration = Duration::from_secs(600);
/// Characters of git's own words that are shown.
const SHOWN: usize = 600;
/// Settings that keep git to copying files: no helpers named by URLs, no hooks, the same bytes everywhere.
const SETTINGS: [&str; 5] = [
    "protocol.ext.allow=never",
    "protocol.file.allow=always",
    "core.hooksPath=/dev/null",
    "core.autocrlf=false",
    "advice.detachedHead=false",
];

/// Puts the files of a commit into `into`, and returns the commit.
pub(super) async fn fetch(url: &str, reference: Option<&str>, pinned: Option<&str>, into: &Path) -> PortResult<String> {
    let directory = into.as_os_str();
    let clone = ["clone", "--quiet", "--no-checkout", "--template=", "--"].map(OsStr::new);
    git(&[&clone[..], &[OsStr::new(url), directory]].concat()).await?;
    let commit = commit(into, pinned.or(reference)).await?;
    let checkout = ["checkout", "--quiet", "--detach", &commit].map(OsStr::new);
    git(&[&[OsStr::new("-C"), directory], &checkout[..]].concat()).await?;
    std::fs::remove_dir_all(into.join(".git")).map_err(|fault| {
        PortError::new(ErrorClass::Bug, format!("the repository's own files cannot be removed: {fault}"))
    })?;
    Ok(commit)
}

/// The commit that a name stands for: a tag, else a branch of the repository, else a commit. A commit that is written in
/// full is that commit, whatever tags and branches are called.
async fn commit(repository: &Path, name: Option<&str>) -> PortResult<String> {
    let candidates = match name {
        Some(name) if is_whole(name) => vec![name.to_owned()],
        Some(name) => {
            vec![format!("refs/tags/{name}"), format!("refs/remotes/origin/{name}"), name.to_owned()]
        }
        None => vec!["refs/remotes/origin/HEAD".to_owned(), "HEAD".to_owned()],
    };
    for candidate in candidates {
        let peeled = format!("{candidate}^{{commit}}");
        let parse = ["rev-parse", "--quiet", "--verify", "--end-of-options", &peeled].map(OsStr::new);
        if let Ok(found) = git(&[&[OsStr::new("-C"), repository.as_os_str()], &parse[..]].concat()).await {
            // `--end-of-options` is echoed by some versions of git.
            let commit = found.lines().last().unwrap_or("").trim().to_owned();
            let is_asked = name.is_none_or(|name| !is_whole(name) || name.eq_ignore_ascii_case(&commit));
            if is_whole(&commit) && is_asked {
                return Ok(commit);
            }
        }
    }
    let what = name.map_or("a default branch".to_owned(), |name| format!("a branch, tag or commit \"{name}\""));
    Err(PortError::new(ErrorClass::NotFound, format!("the repository has no {}.", what.trim_start_matches("a ")))
        .remedy("Check ?ref=… behind the source; a commit is written in full."))
}

/// Whether a name is that of a commit in full, by SHA-1 or SHA-256.
fn is_whole(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn git(arguments: &[&OsStr]) -> PortResult<String> {
    let mut command = Command::new("git");
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    // Whatever repository this process may have been started in is none of git's business here.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
        command.env_remove(name);
    }
    // Nobody is there to answer a question.
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_LFS_SKIP_SMUDGE", "1").env("LC_ALL", "C");
    if std::env::var_os("GIT_SSH_COMMAND").is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(|fault| {
        PortError::new(ErrorClass::Rejected, format!("git cannot be started: {fault}."))
            .remedy("Install git, and see that it is on the PATH.")
    })?;
    match tokio::time::timeout(PATIENCE, child.wait_with_output()).await {
        Err(_) => {
            let detail = format!("git came to no end within {} seconds.", PATIENCE.as_secs());
            Err(PortError::new(ErrorClass::Transient, detail))
        }
        Ok(Err(fault)) => Err(PortError::new(ErrorClass::Transient, format!("git failed: {fault}."))),
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let said: String = said.join("; ").chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            Err(PortError::new(ErrorClass::Rejected, format!("git says: {said}.")).remedy(
                "Check the source, the network, and what git needs to sign in: try the same URL with git clone.",
            ))
        }
    }
}
