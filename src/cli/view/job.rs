//! Jobs for people and for programs.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::plan;
use super::style::Style;
use crate::address::Address;
use crate::job::{Job, JobId, JobStatus, RunId};
use crate::plan::{Action, Work};
use crate::ports::store::LogLine;
use crate::source::Position;
use crate::time::Timestamp;

/// One line a job.
pub fn table(jobs: &[&Job], style: Style) -> String {
    let id = jobs.iter().map(|job| job.id.0.len()).max().unwrap_or(0).max(3);
    let work = 9;
    let mut out =
        style.bold(&format!("{:id$}  {:work$}  {:<10}  {:<8}  ADDRESS", "JOB", "WORK", "STATUS", "TOOK")) + "\n";
    for job in jobs {
        let (status, paint) = status(&job.status);
        let status = paint_with(paint, style, &format!("{status:<10}"));
        let took = took(job);
        let _ = writeln!(
            out,
            "{:id$}  {:work$}  {status}  {took:<8}  {}",
            job.id.0,
            self::work(job.step.work),
            job.address()
        );
        if let Some(note) = note(&job.status) {
            let _ = writeln!(out, "{:id$}  {}", "", style.dim(&note));
        }
    }
    out
}

/// Jobs that an earlier run left, as an apply shows them before it goes on with them.
pub fn left(jobs: &[Job], style: Style) -> String {
    let number = jobs.len();
    let mut out = format!("An earlier run left {number} job{} unfinished:\n\n", if number == 1 { "" } else { "s" });
    for job in jobs {
        let mark = plan::mark(job.step.action).show(style);
        let _ = writeln!(out, "{mark} {} ({})", job.address(), work(job.step.work));
        if let Some(note) = note(&job.status) {
            let _ = writeln!(out, "      {}", style.dim(&note));
        }
    }
    out.push('\n');
    out
}

/// The word for what a job does.
pub fn work(work: Work) -> &'static str {
    match work {
        Work::Record => "record",
        Work::Register => "register",
        Work::Establish => "establish",
        Work::Rewrap => "rewrap",
        Work::Issue => "issue",
        Work::Deploy => "deploy",
        Work::Undeploy => "undeploy",
    }
}

#[derive(Clone, Copy)]
enum Paint {
    Good,
    Bad,
    Open,
}

fn paint_with(paint: Paint, style: Style, text: &str) -> String {
    match paint {
        Paint::Good => style.green(text),
        Paint::Bad => style.red(text),
        Paint::Open => style.yellow(text),
    }
}

fn status(status: &JobStatus) -> (&'static str, Paint) {
    match status {
        JobStatus::Ready => ("ready", Paint::Open),
        JobStatus::Waiting { .. } => ("waiting", Paint::Open),
        JobStatus::Succeeded => ("succeeded", Paint::Good),
        JobStatus::Failed { .. } => ("failed", Paint::Bad),
        JobStatus::Skipped { .. } => ("skipped", Paint::Bad),
        JobStatus::Cancelled => ("cancelled", Paint::Bad),
    }
}

fn note(status: &JobStatus) -> Option<String> {
    match status {
        JobStatus::Waiting { until, why, .. } => Some(format!("until {until}: {why}")),
        JobStatus::Failed { failure } => Some(failure.message.clone()),
        JobStatus::Skipped { because } => Some(format!("because {because} failed")),
        _ => None,
    }
}

fn took(job: &Job) -> String {
    match (job.started_at, job.ended_at) {
        (Some(begin), Some(end)) => end.since(begin).to_string(),
        _ => "-".to_owned(),
    }
}

/// One job whole, with its log.
pub fn human(job: &Job, log: &[LogLine], style: Style) -> String {
    let (word, paint) = status(&job.status);
    let mut out = String::new();
    let _ = writeln!(out, "{} {}", style.bold("job:     "), job.id);
    let _ = writeln!(out, "{} {} {}", style.bold("work:    "), work(job.step.work), job.address());
    let _ = writeln!(out, "{} {}", style.bold("status:  "), paint_with(paint, style, word));
    if let Some(note) = note(&job.status) {
        let _ = writeln!(out, "          {note}");
    }
    if let JobStatus::Failed { failure } = &job.status
        && let Some(remedy) = &failure.remedy
    {
        let _ = writeln!(out, "          {remedy}");
    }
    let _ = writeln!(out, "{} {}", style.bold("by:      "), job.actor);
    let _ = writeln!(out, "{} {}", style.bold("created: "), job.created_at);
    let _ = writeln!(out, "{} {} in {} attempt(s)", style.bold("took:    "), took(job), job.attempt);
    if let Some(origin) = &job.step.origin {
        let _ = writeln!(out, "{} {origin}", style.bold("file:    "));
    }
    for line in log {
        let _ = writeln!(out, "{}  {:>8}  {:<12}  {}", line.at, line.took.to_string(), line.effect, line.message);
    }
    out
}

/// A job as programs read it.
#[derive(Serialize, JsonSchema)]
pub struct Shown<'j> {
    /// Its name.
    id: &'j JobId,
    /// The apply it belongs to.
    run: &'j RunId,
    /// What it works on.
    address: &'j Address,
    /// What it does.
    work: Work,
    /// What is done, in the words people know.
    action: Action,
    /// Where it stands.
    status: &'j JobStatus,
    /// Jobs that must have succeeded first.
    needs: &'j [JobId],
    /// Attempts begun so far.
    attempt: u32,
    /// Who submitted it.
    actor: &'j str,
    /// When it was submitted.
    created_at: Timestamp,
    /// When its first attempt began.
    started_at: Option<Timestamp>,
    /// When it came to its end.
    ended_at: Option<Timestamp>,
    /// Where its block stands.
    origin: Option<&'j Position>,
    /// What it did, in a list of jobs left out.
    log: &'j [LogLine],
}

/// A job for programs.
pub fn json(job: &Job, log: &[LogLine]) -> Json {
    let shown = Shown {
        id: &job.id,
        run: &job.run,
        address: job.address(),
        work: job.step.work,
        action: job.step.action,
        status: &job.status,
        needs: &job.needs,
        attempt: job.attempt,
        actor: &job.actor,
        created_at: job.created_at,
        started_at: job.started_at,
        ended_at: job.ended_at,
        origin: job.step.origin.as_ref(),
        log,
    };
    json!(shown)
}
