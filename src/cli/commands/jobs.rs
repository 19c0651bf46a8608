//! `cap jobs list`, `cap jobs show` and `cap jobs cancel`.

use crate::cli::shell::{OK, Outcome, Shell, port, stored};
use crate::cli::view::job;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::{self, WithdrawFault};
use crate::job::{Job, JobId};
use crate::ports::store::{JobFilter, Store};
use crate::ports::vault::KeyVault;

/// Lists jobs: of all runs, or of the last one and whatever is unfinished.
pub async fn list(shell: &mut Shell, store: &dyn Store, all: bool, json: bool) -> Outcome {
    let jobs = stored(store.jobs(&JobFilter::default()).await)?;
    let last = jobs.last().map(|job| job.run.clone());
    let wanted = |job: &&Job| all || !job.status.is_final() || Some(&job.run) == last.as_ref();
    let jobs: Vec<&Job> = jobs.iter().filter(wanted).collect();
    if json {
        let lines: String = jobs.iter().map(|one| job::json(one, &[]).to_string() + "\n").collect();
        shell.print(&lines);
    } else if jobs.is_empty() {
        shell.line("No jobs.");
    } else {
        shell.print(&job::table(&jobs, shell.style));
    }
    Ok(OK)
}

/// Shows one job with its log.
pub async fn show(shell: &mut Shell, store: &dyn Store, id: &str, json: bool) -> Outcome {
    let id = JobId(id.to_owned());
    let found = stored(store.job(&id).await)?;
    let Some(job) = found else {
        let fault = Diagnostic::error(&codes::store::NO_SUCH_RECORD, format!("The store holds no job {id}."));
        return Err(fault.hint("cap jobs list -all shows all jobs.").into());
    };
    let mut log = stored(store.log(&id).await)?;
    log.extend_from_slice(&job.pending.log);
    let text = if json { job::json(&job, &log).to_string() + "\n" } else { job::human(&job, &log, shell.style) };
    shell.print(&text);
    Ok(OK)
}

/// Withdraws jobs that have had no effect outside: one, or all. One that has may have left something behind, such as a
/// challenge in a zone, which only its own end clears away.
pub async fn cancel(shell: &mut Shell, store: &dyn Store, vault: &dyn KeyVault, only: Option<&str>) -> Outcome {
    let unfinished = JobFilter { unfinished: true, ..JobFilter::default() };
    let mut jobs = stored(store.jobs(&unfinished).await)?;
    if let Some(id) = only {
        jobs.retain(|job| job.id.0 == id);
        if jobs.is_empty() {
            let fault = Diagnostic::error(&codes::store::NO_SUCH_RECORD, format!("There is no unfinished job {id}."));
            return Err(fault.hint("cap jobs list shows what is unfinished.").into());
        }
    }
    let kept = stored(engine::withdraw(store, vault, &jobs).await)?;
    shell.line(&format!("{} cancelled.", jobs.len() - kept.len()));
    let faults: Vec<Diagnostic> = kept.iter().map(|(job, fault)| not_cancelled(job, fault)).collect();
    if faults.is_empty() { Ok(OK) } else { Err(Diagnostics(faults).into()) }
}

fn not_cancelled(job: &Job, fault: &WithdrawFault) -> Diagnostic {
    if let WithdrawFault::Store(fault) = fault {
        return port(&codes::store::STORE_FAILED, fault);
    }
    let detail = format!("{} cannot be cancelled: {fault}.", job.id);
    let report = Diagnostic::error(&codes::shell::NOT_CANCELLED, detail).about(job.address());
    report.hint("Let it come to its end with `cap jobs resume`.")
}
