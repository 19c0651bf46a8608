//! `cap jobs list` and `cap jobs show`.

use crate::cli::shell::{OK, Outcome, Shell, stored};
use crate::cli::view::job;
use crate::diagnostic::{Diagnostic, codes};
use crate::job::{Job, JobId};
use crate::ports::store::{JobFilter, Store};

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
    let log = stored(store.log(&id).await)?;
    let text = if json { job::json(&job, &log).to_string() + "\n" } else { job::human(&job, &log, shell.style) };
    shell.print(&text);
    Ok(OK)
}
