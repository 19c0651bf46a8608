//! What an earlier run left unfinished: shown and asked about like a plan, and brought to its end before anything new is
//! planned, since what a job still works on is deferred, with all that has to come after it.

use std::collections::HashMap;
use std::sync::Arc;

use super::args::{ApplyArgs, PlanningArgs};
use super::execute::{self, Work};
use super::progress::Drawing;
use super::shell::{Failure, Shell, stored};
use super::view::job;
use super::wiring::session::Session;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, codes};
use crate::engine::lock::Held;
use crate::job::{Job, RunId};
use crate::plan::summary::Summary;
use crate::plan::{Plan, Step};
use crate::ports::store::JobFilter;
use crate::time::Duration;

/// How long an apply waits for jobs of earlier runs: what they are about may have nothing to do with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// `1 job`, `2 jobs`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Jobs that have not come to their end.
pub async fn of(session: &Session) -> Result<Vec<Job>, Diagnostic> {
    stored(session.engine.store.jobs(&JobFilter { unfinished: true, ..JobFilter::default() }).await)
}

/// Brings what is left to its end, once that is approved. Says how much was done. What fails ends the apply: the next one
/// finds nothing left, and plans it anew.
pub async fn settle(
    shell: &mut Shell,
    session: &Session,
    who: &str,
    args: &ApplyArgs,
    lock: Option<&Held>,
) -> Result<Summary, Failure> {
    let left = of(session).await?;
    if left.is_empty() {
        return Ok(Summary::default());
    }
    if !args.planning.json {
        shell.print(&job::left(&left, shell.style));
    }
    if !args.auto_approve {
        approve(shell, &args.planning).await?;
        execute::prove(lock).await?;
    }
    finish(shell, session, who, &args.planning, lock).await
}

async fn approve(shell: &mut Shell, args: &PlanningArgs) -> Result<(), Failure> {
    if !args.input || args.json {
        let detail =
            "An earlier run left jobs unfinished, and nobody may be asked (-input=false or -json) whether they go on.";
        let report = Diagnostic::error(&codes::shell::NOT_CONFIRMED, detail);
        return Err(report.hint("Pass -auto-approve, or finish them with `cap jobs resume`.").into());
    }
    let question = format!(
        "\n{}\n  cap will go on with the jobs above where they stood, and then plan what is left to do.\n  Only 'yes' will be accepted to approve.\n\n  {} ",
        shell.style.bold("Do you want to finish what an earlier run left?"),
        shell.style.bold("Enter a value:")
    );
    let answer = shell.confirm(&question).await;
    shell.line(if answer.is_ok() { "" } else { "\nApply cancelled." });
    Ok(answer?)
}

async fn finish(
    shell: &mut Shell,
    session: &Session,
    who: &str,
    args: &PlanningArgs,
    lock: Option<&Held>,
) -> Result<Summary, Failure> {
    let drawing = Arc::new(Drawing::new(shell, args.json));
    let patience = Some(PATIENCE);
    let work = Work { engine: &session.engine, who, run: None, parallelism: args.parallelism, lock, patience };
    let report = execute::work(&work, &drawing).await?;
    if report.left > 0 {
        drawing.say(&format!("{} still wait; this apply goes on without them.", count(report.left, "job")));
    }
    drawing.say("");
    let failures = execute::failures(&report.failed);
    if failures.has_errors() {
        // To plan now would be to try the same again at once, at a CA or a target that has just refused it.
        shell.line_for_people("Apply incomplete: what an earlier run left has failed. Nothing new was planned.");
        return Err(failures.into());
    }
    let mut done = Summary::default();
    report.succeeded.iter().for_each(|job| done.count(&job.step));
    Ok(done)
}

/// The unfinished run that this very plan began: every job of it is a step of the plan, as it was planned. Jobs that the plan
/// goes around may be left beside it.
pub async fn own(session: &Session, plan: &Plan, left: &[Job]) -> Result<Option<RunId>, Diagnostic> {
    let steps: HashMap<&Address, &Step> = plan.steps.iter().map(|step| (&step.address, step)).collect();
    let planned = |job: &Job| steps.get(job.address()).is_some_and(|step| **step == *job.step);
    let mut seen: Vec<&RunId> = Vec::new();
    for job in left {
        if seen.contains(&&job.run) {
            continue;
        }
        seen.push(&job.run);
        // The others of its run need no look when this one is another's already.
        let filter = JobFilter { run: Some(job.run.clone()), unfinished: false };
        if planned(job) && stored(session.engine.store.jobs(&filter).await)?.iter().all(planned) {
            return Ok(Some(job.run.clone()));
        }
    }
    Ok(None)
}
