//! `cap apply` and `cap destroy`: submit a plan, and carry its jobs out with the embedded worker.

use std::collections::HashSet;
use std::path::Path;

use crate::address::Address;
use crate::cli::actor::Actor;
use crate::cli::args::{ApplyArgs, PlanningArgs};
use crate::cli::desk::Desk;
use crate::cli::execute::{self, Work};
use crate::cli::place::Place;
use crate::cli::progress::Drawing;
use crate::cli::shell::{ERROR, Failure, OK, Outcome, Shell, port, stored};
use crate::cli::view::{output, stream};
use crate::cli::wiring::clock::SystemClock;
use crate::cli::wiring::location::Location;
use crate::cli::wiring::session::Session;
use crate::cli::{actor, conditions, configuration, permission, planning, process};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::lock::Held;
use crate::engine::{self, SubmitFault, load};
use crate::job::{Job, JobStatus, RunId};
use crate::limits;
use crate::plan::summary::Summary;
use crate::plan::{self, Plan, Step};
use crate::ports::clock::Clock as _;
use crate::ports::store::JobFilter;
use crate::time::Duration;

/// Carries it out. With a file, that plan and nothing else; otherwise a plan of the directory is made first.
pub async fn run(shell: &mut Shell, store: Option<&str>, args: &ApplyArgs) -> Outcome {
    planning::check(&args.planning)?;
    match args.path.as_deref().filter(|path| !path.is_dir()) {
        Some(file) => saved(shell, store, file, args).await,
        None => planned(shell, store, args).await,
    }
}

async fn planned(shell: &mut Shell, store: Option<&str>, args: &ApplyArgs) -> Outcome {
    let place = Place::enter(args.path.as_deref())?;
    let mut desk = Desk::open(&place, store, &args.planning).await?;
    let who = process::name(&actor::user_and_host());
    let lock = take_lock(&desk.session, &who, &args.planning).await?;
    let outcome = async {
        actor::acting(&*desk.session.engine.store, &*desk.session.vault).await?;
        resume(shell, &desk.session, &who, &args.planning, lock.as_ref()).await?;
        let plan = desk.plan(shell, &args.planning).await?;
        if !plan.has_changes() {
            return Ok(OK);
        }
        if !args.auto_approve {
            approve(shell, &plan, args)?;
        }
        carry_out(shell, &desk.session, &plan, &who, &args.planning, lock.as_ref()).await
    };
    let outcome = outcome.await;
    release(lock).await;
    outcome
}

/// A saved plan: nothing of the configuration is read.
async fn saved(shell: &mut Shell, store: Option<&str>, file: &Path, args: &ApplyArgs) -> Outcome {
    let plan = read(file)?;
    no_planning(&args.planning)?;
    let directory = Some(Path::new(&plan.location.directory)).filter(|directory| !directory.as_os_str().is_empty());
    let place = Place::enter(directory)?;
    let flag = store.map(|url| place.store(url));
    let location = Location::find(flag.as_deref(), plan.location.store.as_deref(), Path::new(""));
    let session = Session::open(&location, configuration::given_again(&place, &args.planning.vars)?).await?;
    let who = process::name(&actor::user_and_host());
    let lock = take_lock(&session, &who, &args.planning).await?;
    let outcome = async {
        if plan.store != stored(session.engine.store.identity().await)?.id {
            return Err(planning::other_store());
        }
        actor::acting(&*session.engine.store, &*session.vault).await?;
        resume(shell, &session, &who, &args.planning, lock.as_ref()).await?;
        carry_out(shell, &session, &plan, &who, &args.planning, lock.as_ref()).await
    };
    let outcome = outcome.await;
    release(lock).await;
    outcome
}

/// Reads a plan file.
pub fn read(file: &Path) -> Result<Plan, Diagnostic> {
    let bytes = load::bounded(file, limits::PLAN_BYTES).map_err(|fault| {
        let detail = format!("{} cannot be read: {fault}.", file.display());
        Diagnostic::error(&codes::shell::UNREADABLE, detail)
            .hint("Name a plan that `cap plan -out=FILE` has written, or the directory of a configuration.")
    })?;
    plan::file::decode(&bytes).map_err(|fault| fault.about(file.display()))
}

/// A saved plan has been planned already.
fn no_planning(args: &PlanningArgs) -> Result<(), Diagnostic> {
    let narrowed = !args.target.is_empty() || !args.exclude.is_empty() || !args.replace.is_empty();
    if narrowed || args.destroy || args.refresh_only || !args.refresh {
        let detail =
            "Planning options cannot be given together with a saved plan: it is carried out exactly as it was made.";
        return Err(Diagnostic::error(&codes::shell::USAGE, detail).hint("Make a new plan with these options."));
    }
    Ok(())
}

async fn take_lock(session: &Session, who: &str, args: &PlanningArgs) -> Result<Option<Held>, Diagnostic> {
    if !args.lock {
        return Ok(None);
    }
    execute::lock(&session.engine.store, who, "OperationTypeApply", args.lock_timeout).await.map(Some)
}

/// The lock ends by itself when it cannot be given back.
async fn release(lock: Option<Held>) {
    if let Some(lock) = lock {
        let _ = lock.release().await;
    }
}

/// What an earlier run left unfinished is brought to its end first.
async fn resume(
    shell: &mut Shell,
    session: &Session,
    who: &str,
    args: &PlanningArgs,
    lock: Option<&Held>,
) -> Result<(), Failure> {
    let unfinished = JobFilter { unfinished: true, ..JobFilter::default() };
    let jobs = stored(session.engine.store.jobs(&unfinished).await)?;
    if jobs.is_empty() {
        return Ok(());
    }
    let drawing = Drawing::new(shell, args.json);
    drawing.say(&format!("An earlier run left {} unfinished: they go on where they stood.", count(jobs.len(), "job")));
    let patience = Some(PATIENCE_WITH_OTHERS);
    let work = Work { engine: &session.engine, who, run: None, parallelism: args.parallelism, lock, patience };
    let report = execute::work(&work, &drawing).await?;
    if report.left > 0 {
        drawing.say(&format!("{} still wait; this apply goes on without them.", count(report.left, "job")));
    }
    drawing.say("");
    let failures = execute::failures(&report.failed);
    shell.report(&failures, &Default::default());
    Ok(())
}

/// How long an apply waits for jobs of earlier runs: what they are about may have nothing to do with it.
const PATIENCE_WITH_OTHERS: Duration = Duration::from_secs(60);
/// How long an apply waits for its own jobs: longer than a zone takes to spread, shorter than a rate limit lasts.
const PATIENCE: Duration = Duration::from_secs(600);

/// `1 job`, `2 jobs`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn approve(shell: &mut Shell, plan: &Plan, args: &ApplyArgs) -> Result<(), Failure> {
    let destroy = plan.destroy || args.planning.destroy;
    let (question, meaning) = if destroy {
        (
            "Do you really want to destroy all resources?",
            "cap will destroy everything it manages here, as shown above.\n  There is no undo. Only 'yes' will be accepted to confirm.",
        )
    } else {
        (
            "Do you want to perform these actions?",
            "cap will perform the actions described above.\n  Only 'yes' will be accepted to approve.",
        )
    };
    let question =
        format!("\n{}\n  {meaning}\n\n  {} ", shell.style.bold(question), shell.style.bold("Enter a value:"));
    if !args.planning.input || args.planning.json {
        let detail = "Nobody may be asked (-input=false or -json), so nothing was done.";
        return Err(Diagnostic::error(&codes::shell::NOT_CONFIRMED, detail).hint("Pass -auto-approve.").into());
    }
    match shell.confirm(&question) {
        Ok(()) => {
            shell.line("");
            Ok(())
        }
        Err(refused) => {
            shell.line(if destroy { "\nDestroy cancelled." } else { "\nApply cancelled." });
            Err(refused.into())
        }
    }
}

/// Submits the plan and works until its run has come to an end.
async fn carry_out(
    shell: &mut Shell,
    session: &Session,
    plan: &Plan,
    who: &str,
    args: &PlanningArgs,
    lock: Option<&Held>,
) -> Outcome {
    let actor = permitted(session, plan).await?;
    if !args.json {
        shell.line("");
    }
    let run = engine::submit(&session.engine, plan, &actor.name).await.map_err(refused)?;
    let drawing = Drawing::new(shell, args.json);
    told_recorded(&drawing, session, plan, &run, args.json).await?;
    let work = Work {
        engine: &session.engine,
        who,
        run: Some(run.clone()),
        parallelism: args.parallelism,
        lock,
        patience: Some(PATIENCE),
    };
    let report = execute::work(&work, &drawing).await?;
    drop(drawing);
    finish(shell, session, plan, &run, &execute::failures(&report.failed), args.json).await
}

/// Whoever acts, if they may, and if nothing waits for an approval.
async fn permitted(session: &Session, plan: &Plan) -> Result<Actor, Failure> {
    let actor = actor::acting(&*session.engine.store, &*session.vault).await?;
    let state = stored(session.engine.store.snapshot().await)?.state;
    match permission::approvals(plan, &state) {
        None => Ok(actor),
        Some(refusal) => Err(refusal.into()),
    }
}

fn refused(fault: SubmitFault) -> Failure {
    match fault {
        SubmitFault::Stale(addresses) => planning::stale(&addresses).into(),
        SubmitFault::OtherStore { .. } => planning::other_store(),
        SubmitFault::Busy(busy) => {
            let named: Vec<String> = busy.iter().map(|(address, job)| format!("{address} ({job})")).collect();
            let detail = format!("Unfinished jobs work on resources of the plan: {}.", named.join(", "));
            Diagnostic::error(&codes::plan::BUSY, detail).hint("Finish them with `cap jobs resume`.").into()
        }
        SubmitFault::Changed(report) => (*report).into(),
        SubmitFault::Store(fault) => port(&codes::store::STORE_FAILED, &fault).into(),
    }
}

/// Steps of the run that became no job: they were done with the submission.
async fn told_recorded(
    drawing: &Drawing,
    session: &Session,
    plan: &Plan,
    run: &RunId,
    as_json: bool,
) -> Result<(), Failure> {
    let filter = JobFilter { run: Some(run.clone()), unfinished: false };
    let jobs = stored(session.engine.store.jobs(&filter).await)?;
    let jobs: HashSet<&Address> = jobs.iter().map(|job| job.address()).collect();
    let recorded: Vec<&Step> = plan.steps.iter().filter(|step| !jobs.contains(&step.address)).collect();
    if as_json {
        recorded.iter().for_each(|step| drawing.write(&stream::recorded(step, SystemClock.now())));
    } else if !recorded.is_empty() {
        drawing.say(&format!("{} recorded in the store.", count(recorded.len(), "change")));
    }
    Ok(())
}

/// Says what came of it.
async fn finish(
    shell: &mut Shell,
    session: &Session,
    plan: &Plan,
    run: &RunId,
    failures: &Diagnostics,
    as_json: bool,
) -> Outcome {
    let filter = JobFilter { run: Some(run.clone()), unfinished: false };
    let jobs = stored(session.engine.store.jobs(&filter).await)?;
    let undone: HashSet<&Address> =
        jobs.iter().filter(|job| job.status != JobStatus::Succeeded && !job.delivered).map(Job::address).collect();
    let mut counts = Summary::default();
    plan.steps.iter().filter(|step| !undone.contains(&step.address)).for_each(|step| counts.count(step.action));
    let skipped = jobs.iter().filter(|job| matches!(job.status, JobStatus::Skipped { .. })).count();
    let now = SystemClock.now();
    if !undone.is_empty() {
        let waiting = jobs.iter().filter(|job| !job.status.is_final() && !job.delivered).count();
        let failed = undone.len() - skipped - waiting;
        if !as_json {
            let waiting = if waiting > 0 { format!(", {waiting} waiting") } else { String::new() };
            shell.line(&format!("\nApply incomplete: {}. {failed} failed, {skipped} skipped{waiting}.", done(&counts)));
        }
        let mut diagnostics = failures.clone();
        diagnostics.extend(execute::waiting(&jobs));
        return Err(Failure { diagnostics, sources: Default::default() });
    }
    let snapshot = stored(session.engine.store.snapshot().await)?;
    let conditions = Diagnostics(conditions::after_apply(plan, &snapshot.state));
    if conditions.has_errors() {
        return Err(Failure { diagnostics: conditions, sources: Default::default() });
    }
    shell.report(&conditions, &Default::default());
    shell.report(&execute::waiting(&jobs), &Default::default());
    let outputs = output::resolve(&snapshot);
    if as_json {
        shell.line(&stream::summary(&counts, if plan.destroy { "destroy" } else { "apply" }, now));
        shell.line(&stream::outputs(&outputs, now));
        return Ok(OK);
    }
    let complete = if plan.destroy {
        format!("Destroy complete! Resources: {} destroyed.", counts.destroy)
    } else {
        format!("Apply complete! Resources: {}.", done(&counts))
    };
    shell.line(&format!("\n{}", shell.style.bold(&shell.style.green(&complete))));
    if !outputs.is_empty() {
        shell.print(&format!("\n{}\n\n{}", shell.style.bold(&shell.style.green("Outputs:")), output::lines(&outputs)));
    }
    Ok(OK)
}

fn done(counts: &Summary) -> String {
    let forgotten = if counts.forget > 0 { format!(", {} forgotten", counts.forget) } else { String::new() };
    let imported = if counts.import > 0 { format!("{} imported, ", counts.import) } else { String::new() };
    format!("{imported}{} added, {} changed, {} destroyed{forgotten}", counts.add, counts.change, counts.destroy)
}

/// `cap jobs resume`: brings everything unfinished to its end.
pub async fn resume_all(
    shell: &mut Shell,
    session: &Session,
    parallelism: usize,
    lock_timeout: crate::time::Duration,
) -> Outcome {
    actor::acting(&*session.engine.store, &*session.vault).await?;
    let who = process::name(&actor::user_and_host());
    let lock = execute::lock(&session.engine.store, &who, "OperationTypeResume", lock_timeout).await?;
    let drawing = Drawing::new(shell, false);
    let work = Work { engine: &session.engine, who: &who, run: None, parallelism, lock: Some(&lock), patience: None };
    let report = execute::work(&work, &drawing).await;
    release(Some(lock)).await;
    let report = report?;
    let failures = execute::failures(&report.failed);
    let (succeeded, failed, skipped) = (report.succeeded.len(), report.failed.len(), report.skipped.len());
    shell.line(&format!("{succeeded} succeeded, {failed} failed, {skipped} skipped."));
    if failures.is_empty() { Ok(if failed > 0 { ERROR } else { OK }) } else { Err(failures.into()) }
}

/// Shows a saved plan.
pub fn show_saved(shell: &mut Shell, file: &Path, as_json: bool) -> Outcome {
    let plan = read(file)?;
    if as_json {
        shell.line(&crate::cli::view::json_plan::plan(&plan).to_string());
    } else {
        let text = crate::cli::view::plan::plan(&plan, crate::cli::view::plan::Detail::Full, shell.style);
        shell.print(&text);
    }
    Ok(OK)
}
