//! Running a command: no shell, a cleared environment, a limit on its time, and as much of its output as helps.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::target::output;

/// How long output is waited for after the command itself has ended: what it started may hold its streams open for ever.
const AFTER_END: Duration = Duration::from_millis(200);

/// Runs a command to its end.
///
/// # Errors
/// `Rejected` with its output when it fails or cannot be started, `Transient` when it takes too long.
pub(super) async fn run(words: &[String], limit: Duration) -> PortResult<()> {
    let mut child = start(words)?;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let readers =
        [child.stdout.take().map(|from| keep(from, &kept)), child.stderr.take().map(|from| keep(from, &kept))];
    let ended = tokio::time::timeout(limit, child.wait()).await;
    if ended.is_err() {
        end_group(&child);
        let _ = child.wait().await;
    }
    for reader in readers.into_iter().flatten() {
        let _ = tokio::time::timeout(AFTER_END, reader).await;
    }
    let text = output::tail(&kept.lock().unwrap_or_else(PoisonError::into_inner));
    match ended {
        Err(_) => Err(output::too_long(words, limit, &text)),
        Ok(Err(error)) => {
            Err(PortError::new(ErrorClass::Transient, format!("cannot wait for {}: {error}", words.join(" "))))
        }
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(output::failed(words, &describe(status), &text)),
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}

fn start(words: &[String]) -> PortResult<Child> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| output::PATH.into());
    let (program, arguments) =
        words.split_first().ok_or_else(|| PortError::new(ErrorClass::Bug, "an empty command"))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", path).env("LANG", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that a limit ends whatever the command has started, too.
    command.process_group(0).kill_on_drop(true);
    command.spawn().map_err(|error| {
        let error = PortError::new(ErrorClass::Rejected, format!("cannot start {program}: {error}"));
        error.remedy("name an installed program, by its absolute path where PATH does not reach it")
    })
}

/// Reads a stream to its end and keeps the last part of it.
fn keep(mut from: impl AsyncRead + Unpin + Send + 'static, kept: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let kept = Arc::clone(kept);
    tokio::spawn(async move {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            output::append(&mut kept.lock().unwrap_or_else(PoisonError::into_inner), &chunk[..length]);
        }
    })
}

fn end_group(child: &Child) {
    if let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // SAFETY: a plain system call. The child has not been waited for, so its id, which is its group's, is still its own.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(words: &[&str], limit: Duration, expected: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let got = run(&words, limit).await.map_or_else(|error| error.message, |()| "ok".to_owned());
        assert!(got.contains(expected), "{got}");
    }

    #[tokio::test]
    async fn commands_end_with_a_clear_word() {
        let long = Duration::from_secs(60);
        check(&["true"], long, "ok").await;
        check(&["sh", "-c", "echo no good >&2; exit 3"], long, "exit status 3: no good").await;
        check(&["no-program-has-this-name"], long, "cannot start no-program-has-this-name").await;
        // Words are words: nothing is expanded, nothing is run in between.
        check(&["test", "$(id)", "=", "$(id)"], long, "ok").await;
        // The environment is not handed on.
        check(&["sh", "-c", "test -z \"$CARGO_MANIFEST_DIR$HOME\""], long, "ok").await;
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_it_started() {
        let script = "sleep 600 & echo $!; wait";
        check(&["sh", "-c", script], Duration::from_millis(300), "did not end within 300ms").await;
        let words: Vec<String> = ["sh", "-c", script].map(str::to_owned).to_vec();
        let error = run(&words, Duration::from_millis(300)).await.expect_err("it hangs");
        let child = error.message.split_whitespace().last().expect("the id of what it started").to_owned();
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let is_gone = || state().is_empty() || state().contains(") Z ");
        // The kernel ends a killed process when it is next scheduled, which may be a moment later.
        let gone = async {
            while !is_gone() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("what it started is ended too");
    }
}
