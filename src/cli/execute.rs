//! Carrying jobs out from the command line: the lock, the embedded worker, its progress, and signals.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinError;

use super::progress::Drawing;
use super::shell::{port, stored};
use super::{process, view};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::lock::{self, Held, Wanted};
use crate::engine::{self, Engine, Stop, WorkOptions, WorkReport};
use crate::job::{ErrorClass, Job, JobStatus, RunId};
use crate::ports::store::{LockError, Store};
use crate::ports::{PortError, PortResult};
use crate::time::Duration;

/// The lock of everything that changes the estate.
const LOCK: &str = "apply";
/// How long the lock and the leases of jobs outlive a process that died without a word.
const LEASE: Duration = Duration::from_secs(30);
/// How long effects may take to be cut off after the second interrupt.
const CUT_OFF: std::time::Duration = std::time::Duration::from_secs(3);

/// Takes the lock. A holder that ran on this machine and is gone is not waited for: its lock and leases are taken over.
pub async fn lock(store: &Arc<dyn Store>, who: &str, operation: &str, timeout: Duration) -> Result<Held, Diagnostic> {
    let wanted = Wanted { name: LOCK, who, operation, ttl: LEASE, timeout };
    match lock::hold(Arc::clone(store), &wanted, process::is_gone).await {
        Ok(held) => Ok(held),
        Err(LockError::Held(held)) => Err(view::lock::held(&held)),
        Err(fault) => Err(unproven(fault)),
    }
}

/// Sees to it that the lock is ours still: somebody may have broken it while a person was asked.
pub async fn prove(lock: Option<&Held>) -> Result<(), Diagnostic> {
    let Some(lock) = lock else { return Ok(()) };
    lock.prove().await.map_err(unproven)
}

fn unproven(fault: LockError) -> Diagnostic {
    match fault {
        LockError::Held(_) | LockError::Lost => view::lock::lost(),
        LockError::Store(fault) => port(&codes::store::STORE_FAILED, &fault),
    }
}

/// How to work.
pub struct Work<'a> {
    /// With what.
    pub engine: &'a Engine,
    /// Names this process in leases.
    pub who: &'a str,
    /// Jobs of this run only, or of all.
    pub run: Option<RunId>,
    /// Jobs at once.
    pub parallelism: usize,
    /// The lock under which it is done, unless the user does without.
    pub lock: Option<&'a Held>,
    /// Jobs that wait for longer are left waiting; without it they are waited for.
    pub patience: Option<Duration>,
}

/// What interrupts the worker.
enum Interruption {
    /// A signal.
    Signal,
    /// Somebody broke the lock, or it ran out.
    LockLost,
}

/// Works until nothing is left, or until it is interrupted: once gracefully, twice at once.
///
/// The worker is a task of its own: what it wakes and what wakes it then mostly runs on the same thread.
pub async fn work(work: &Work<'_>, drawing: &Arc<Drawing>) -> Result<WorkReport, Diagnostic> {
    let stop = Stop::default();
    let options = WorkOptions {
        parallelism: work.parallelism,
        run: work.run.clone(),
        ttl: LEASE,
        patience: work.patience,
        ..WorkOptions::new(work.who)
    };
    let mut signals = Signals::listen()?;
    let mut ticks = tokio::time::interval(drawing.pace());
    let (engine, progress, stopping) = (work.engine.clone(), Arc::clone(drawing), stop.clone());
    let mut working = tokio::spawn(async move { engine::work(&engine, &options, &*progress, &stopping).await });
    let (mut interrupted, mut signalled) = (false, false);
    let ended = loop {
        let interruption = tokio::select! {
            ended = &mut working => break Some(ended),
            _ = ticks.tick() => { drawing.tick(); continue }
            () = signals.heard() => Interruption::Signal,
            () = lost(work.lock), if !interrupted => Interruption::LockLost,
        };
        if interrupt(&interruption, signalled, &stop, drawing) {
            break tokio::time::timeout(CUT_OFF, &mut working).await.ok();
        }
        interrupted = true;
        signalled |= matches!(interruption, Interruption::Signal);
    };
    if !matches!(ended, Some(Ok(_))) {
        working.abort();
        // Nobody works under these leases any more; whoever works next need not wait for their end.
        let _ = work.engine.store.break_leases(work.who).await;
    }
    match ended {
        Some(ended) => finish(ended, drawing, interrupted),
        None => Err(left(None)),
    }
}

async fn lost(lock: Option<&Held>) {
    match lock {
        Some(lock) => lock.lost().await,
        None => std::future::pending().await,
    }
}

/// Passes an interruption on; whether the worker is to end at once.
fn interrupt(what: &Interruption, again: bool, stop: &Stop, drawing: &Drawing) -> bool {
    match what {
        Interruption::Signal if again => {
            drawing.end("\nTwo interrupts received. Exiting immediately. What was done so far is recorded.");
            stop.at_once();
            true
        }
        Interruption::Signal => {
            drawing.say(
                "\nInterrupt received.\nPlease wait for cap to finish what it is doing. What is left can be resumed.\n\nGracefully shutting down...\n",
            );
            stop.gracefully();
            false
        }
        Interruption::LockLost => {
            drawing.say("\nThe lock was lost: somebody else may be at work. Gracefully shutting down...\n");
            stop.gracefully();
            false
        }
    }
}

/// The worker has ended: what was drawn over is taken back.
fn finish(
    report: Result<PortResult<WorkReport>, JoinError>,
    drawing: &Drawing,
    interrupted: bool,
) -> Result<WorkReport, Diagnostic> {
    drawing.tick();
    let report =
        report.unwrap_or_else(|error| Err(PortError::new(ErrorClass::Bug, format!("the worker ended early: {error}"))));
    let report = stored(report)?;
    if interrupted { Err(left(Some(&report))) } else { Ok(report) }
}

/// What an interrupt left; without a report nobody counted what was done.
fn left(report: Option<&WorkReport>) -> Diagnostic {
    let done = match report.map(|report| report.succeeded.len()) {
        Some(1) => "1 job was done before the interrupt; what",
        Some(done) => &format!("{done} jobs were done before the interrupt; what"),
        None => "What",
    };
    let detail = format!("{done} is left stays recorded, with where it stood.");
    Diagnostic::error(&codes::shell::INTERRUPTED, detail).hint("Go on with `cap jobs resume`, or apply again.")
}

/// The signals that ask a program to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Diagnostic> {
        let listen = |kind| {
            signal(kind).map_err(|fault| {
                Diagnostic::error(&codes::shell::NO_RUNTIME, format!("Signals cannot be listened to: {fault}."))
            })
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A report for each job that waits for longer than an apply does: until when, and for what.
pub fn waiting(jobs: &[Job]) -> Diagnostics {
    let report = |job: &Job| {
        let JobStatus::Waiting { until, why, .. } = &job.status else { return None };
        let place = job.step.origin.as_ref().map(|origin| format!("\n  on {origin}")).unwrap_or_default();
        let detail = format!("It waits until {until}: {why}{place}, job {}", job.id);
        let report = if job.delivered {
            Diagnostic::warning(&codes::apply::JOB_TIDIES, detail)
        } else {
            Diagnostic::error(&codes::apply::JOB_WAITS, detail)
        };
        let report = report.about(job.address());
        Some(report.hint("Then go on with `cap jobs resume`, or apply again."))
    };
    Diagnostics(jobs.iter().filter_map(report).collect())
}

/// A report for each job that does not begin before one of another run has come to its end.
pub fn kept_back(jobs: &[Job], others: &[Job]) -> Diagnostics {
    let report = |job: &Job| {
        let other = others.iter().find(|other| engine::goes_before(other, job))?;
        let detail = format!(
            "{} holds an order for the same names at the same issuer, which the CA may hand out again: job {} does not \
             begin before job {} of another run has come to its end",
            other.address(),
            job.id,
            other.id
        );
        let report = Diagnostic::error(&codes::apply::JOB_WAITS, detail).about(job.address());
        Some(report.hint("`cap jobs resume` finishes both, and so does applying again once the other one is due."))
    };
    Diagnostics(jobs.iter().filter_map(report).collect())
}

/// A report for each job that was given up: what, where its block stands, why, what to do.
pub fn failures(failed: &[Job]) -> Diagnostics {
    let report = |job: &Job| {
        let JobStatus::Failed { failure } = &job.status else { return None };
        let place = job.step.origin.as_ref().map(|origin| format!("\n  on {origin}")).unwrap_or_default();
        let detail = format!("{}{place}, job {}", failure.message, job.id);
        let report = Diagnostic::error(&codes::apply::JOB_FAILED, detail).about(job.address());
        let remedy = failure.remedy.clone().unwrap_or_else(|| format!("`cap jobs show {}` tells more.", job.id));
        Some(report.hint(remedy))
    };
    Diagnostics(failed.iter().filter_map(report).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sample;
    use crate::plan::Work;
    use crate::time::Timestamp;

    fn waits(delivered: bool) -> Job {
        let status = JobStatus::Waiting {
            until: Timestamp::from_millis(0),
            why: "the zone is locked".to_owned(),
            of_account: false,
        };
        Job { status, delivered, ..sample::job(1, sample::step("certificate.www", Work::Issue)) }
    }

    #[test]
    fn a_job_that_only_tidies_up_is_no_failure_of_the_apply() {
        let only_tidies = waiting(&[waits(true)]);
        assert!(!only_tidies.has_errors() && only_tidies.0[0].detail.contains("the zone is locked"), "{only_tidies:?}");
        let one_is_due = waiting(&[waits(true), waits(false)]);
        let found: Vec<String> = one_is_due.iter().map(|report| report.code.to_string()).collect();
        assert!(one_is_due.has_errors() && found == ["CAP0603", "CAP0602"], "{found:?}");
    }

    #[test]
    fn a_job_behind_an_order_of_another_run_says_whose() {
        let issue = |address| {
            let spec = serde_json::json!({ "common_name": "a.test", "issuer": { "$ref": "acme_account.a" } });
            let mut step = sample::step(address, Work::Issue);
            step.after = Some(sample::draft(&step.address, &spec));
            sample::job(1, step)
        };
        let (mut other, own) = (issue("certificate.b"), issue("certificate.c"));
        other.run = RunId("earlier".to_owned());
        other.id = other.run.job(1);
        let jobs = [other, own.clone()];
        assert!(kept_back(&jobs[1..], &jobs).is_empty());
        let jobs = jobs.map(sample::with_order);
        assert!(kept_back(&jobs[1..], &jobs).is_empty(), "it goes on with its own");
        let found = kept_back(std::slice::from_ref(&own), &jobs).0;
        assert!(found.len() == 1 && found[0].code.to_string() == "CAP0602", "{found:?}");
        assert!(
            found[0].detail.starts_with("certificate.b holds") && found[0].detail.contains("earlier.1"),
            "{found:?}"
        );
    }
}
