//! `cap apply` and `cap destroy`: submit a plan, and carry its jobs out with the embedded worker.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::address::Address;
use crate::cli::actor::Actor;
use crate::cli::args::{ApplyArgs, DestroyArgs, PlanningArgs};
use crate::cli::desk::Desk;
use crate::cli::execute::{self, Work};
use crate::cli::place::Place;
use crate::cli::planning::Purpose;
use crate::cli::progress::Drawing;
use crate::cli::shell::{ERROR, Failure, OK, Outcome, Shell, port, stored};
use crate::cli::view::{self, output, stream};
use crate::cli::wiring::clock::SystemClock;
use crate::cli::wiring::location::Location;
use crate::cli::wiring::session::Session;
use crate::cli::{actor, conditions, given, leftovers, permission, planning, process};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::lock::Held;
use crate::engine::{self, SubmitFault, load, prepare};
use crate::job::{Job, JobId, JobStatus, RunId};
use crate::limits;
use crate::plan::summary::Summary;
use crate::plan::{self, Plan, Step};
use crate::ports::clock::Clock as _;
use crate::ports::store::{JobFilter, Snapshot};
use crate::time::Duration;

/// Carries it out. With a file, that plan and nothing else; otherwise a plan of the directory is made first.
pub async fn run(shell: &mut Shell, store: Option<&str>, args: &ApplyArgs) -> Outcome {
    planning::check(&args.planning)?;
    match args.path.as_deref().filter(|path| !path.is_dir()) {
        Some(file) => saved(shell, store, file, args).await,
        None => planned(shell, store, args).await,
    }
}

/// `cap destroy`: an apply of a plan that is made now, and never of a saved one.
pub async fn destroy(shell: &mut Shell, store: Option<&str>, args: &DestroyArgs) -> Outcome {
    if let Some(file) = args.dir.dir.as_deref().filter(|path| path.is_file()) {
        let file = file.display();
        let detail = format!("{file} is a file, and `cap destroy` takes the directory of a configuration.");
        let hint =
            format!("A plan that was saved by `cap plan -destroy -out=PLAN` is carried out by `cap apply {file}`.");
        return Err(Diagnostic::error(&codes::shell::USAGE, detail).hint(hint).into());
    }
    let args = args.as_apply();
    planning::check(&args.planning)?;
    planned(shell, store, &args).await
}

async fn planned(shell: &mut Shell, store: Option<&str>, args: &ApplyArgs) -> Outcome {
    let place = Place::enter(args.path.as_deref())?;
    let purpose = if args.auto_approve { Purpose::Apply } else { Purpose::Propose };
    let mut desk = Desk::open(shell, &place, store, &args.planning, purpose).await?;
    let who = process::name(&actor::user_and_host());
    let lock = take_lock(&desk.session, &who, &args.planning).await?;
    let outcome = async {
        actor::acting(&*desk.session.engine.store, &*desk.session.vault).await?;
        let done = leftovers::settle(shell, &desk.session, &who, args, lock.as_ref()).await?;
        let mut plan = desk.plan(shell, &args.planning).await?;
        if !plan.has_changes() {
            let held = held_up(&desk.session, &plan).await?;
            let snapshot = stored(desk.session.engine.store.snapshot().await)?;
            return conclude(shell, &snapshot, &plan, &done, &held);
        }
        if !args.auto_approve {
            approve(shell, &plan, args).await?;
        }
        if !desk.session.kept {
            return begun(shell, &mut desk, &who, args, &mut plan).await;
        }
        let (session, args) = (&desk.session, &args.planning);
        let going = Going { session, who: &who, args, lock: lock.as_ref(), done, made_now: true };
        going.carry_out(shell, &plan).await
    };
    let outcome = outcome.await;
    release(lock).await;
    outcome
}

/// What was deferred for a job that still waits is not done, and whoever applies has to know.
async fn held_up(session: &Session, plan: &Plan) -> Result<Diagnostics, Diagnostic> {
    if plan.deferred.is_empty() || plan.refresh_only {
        return Ok(Diagnostics::default());
    }
    let holding: HashSet<&JobId> = plan.deferred.iter().map(|one| &one.job).collect();
    let mut jobs = leftovers::of(session).await?;
    jobs.retain(|job| holding.contains(&job.id));
    Ok(execute::waiting(&jobs))
}

/// The steps of a plan are done: says so, or that not everything is, where jobs hold the rest up.
fn conclude(shell: &mut Shell, snapshot: &Snapshot, plan: &Plan, counts: &Summary, held: &Diagnostics) -> Outcome {
    if held.has_errors() {
        let message = format!("Apply incomplete: {}. {} deferred.", done(counts), plan.deferred.len());
        tell_incomplete(shell, counts, &message);
        return Err(held.clone().into());
    }
    complete(shell, snapshot, plan, counts)?;
    shell.report(held, &Default::default());
    Ok(OK)
}

fn tell_incomplete(shell: &mut Shell, counts: &Summary, message: &str) {
    shell.tell(|now| vec![stream::counted(counts, "apply", message, now)]);
    shell.line_for_people(&format!("\n{message}"));
}

/// A plan that was made where there was no store, and is approved now: the store is made, and the plan is carried out as a
/// saved one would be.
async fn begun(shell: &mut Shell, desk: &mut Desk, who: &str, args: &ApplyArgs, plan: &mut Plan) -> Outcome {
    desk.make_store().await?;
    let lock = take_lock(&desk.session, who, &args.planning).await?;
    let (session, args, done) = (&desk.session, &args.planning, Summary::default());
    let going = Going { session, who, args, lock: lock.as_ref(), done, made_now: true };
    let outcome = going.saved(shell, plan).await;
    release(lock).await;
    outcome
}

/// A saved plan: nothing of the configuration is read.
async fn saved(shell: &mut Shell, store: Option<&str>, file: &Path, args: &ApplyArgs) -> Outcome {
    let mut plan = read(file)?;
    no_planning(&args.planning)?;
    let directory = Some(Path::new(&plan.location.directory)).filter(|directory| !directory.as_os_str().is_empty());
    let place = Place::enter(directory)?;
    let flag = store.map(|url| place.store(url));
    let location = Location::find(flag.as_deref(), plan.location.store.as_deref(), Path::new(""));
    let sensitive = given::for_plan(&place, &args.planning.vars, &plan)?;
    // Only a plan that was made where there was no store makes one.
    let session = match plan.store.is_empty() {
        true => Session::open(&location, sensitive).await?,
        false => Session::existing(&location, sensitive).await?,
    };
    let who = process::name(&actor::user_and_host());
    let lock = take_lock(&session, &who, &args.planning).await?;
    let done = Summary::default();
    let args = &args.planning;
    let going = Going { session: &session, who: &who, args, lock: lock.as_ref(), done, made_now: false };
    let outcome = going.saved(shell, &mut plan).await;
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
    let narrowed = narrowed || !args.target_file.is_empty() || !args.exclude_file.is_empty();
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

/// How long an apply waits for its own jobs: longer than a zone takes to spread, shorter than a rate limit lasts.
const PATIENCE: Duration = Duration::from_secs(600);

async fn approve(shell: &mut Shell, plan: &Plan, args: &ApplyArgs) -> Result<(), Failure> {
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
    match shell.confirm(&question).await {
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

/// What a plan is carried out with.
struct Going<'a> {
    session: &'a Session,
    who: &'a str,
    args: &'a PlanningArgs,
    lock: Option<&'a Held>,
    /// What was done before this plan.
    done: Summary,
    /// Whether the plan was made by this command, so that all of it is to be done. A saved one is done once its own steps are:
    /// what it defers was known when it was saved.
    made_now: bool,
}

impl Going<'_> {
    /// Carries a saved plan out, or goes on with it where it was interrupted. Jobs of other plans are left alone.
    async fn saved(&self, shell: &mut Shell, plan: &mut Plan) -> Outcome {
        let store = &self.session.engine.store;
        if plan.store.is_empty() {
            let Session { secrets, engine, .. } = self.session;
            let faults = prepare::again(plan, &**secrets, &*engine.vault, self.args.parallelism).await;
            if faults.has_errors() {
                return Err(faults.into());
            }
        } else if plan.store != stored(store.identity().await)?.id {
            return Err(planning::other_store());
        }
        let mut left = leftovers::of(self.session).await?;
        let own = leftovers::own(self.session, plan, &left).await?;
        left.retain(|job| Some(&job.run) != own.as_ref());
        if !left.is_empty() {
            let left = leftovers::count(left.len(), "job");
            shell
                .line_for_people(&format!("{left} of an earlier run are left alone: `cap jobs resume` finishes them."));
        }
        if let Some(run) = own {
            permitted(self.session, plan).await?;
            shell.line_for_people("The plan goes on where it was interrupted.\n");
            return self.work(shell, plan, &run).await;
        }
        if plan.store.is_empty() {
            let there: Vec<Address> = stored(store.snapshot().await)?.state.records.into_keys().collect();
            if !there.is_empty() {
                return Err(planning::stale(&there).into());
            }
        }
        self.carry_out(shell, plan).await
    }

    /// Submits the plan and works until its run has come to an end.
    async fn carry_out(&self, shell: &mut Shell, plan: &Plan) -> Outcome {
        let actor = permitted(self.session, plan).await?;
        shell.line_for_people("");
        execute::prove(self.lock).await?;
        let lock = self.lock.map(Held::lock);
        let run = engine::submit(&self.session.engine, plan, &actor.name, lock).await.map_err(refused)?;
        told_recorded(&Drawing::new(shell, self.args.json), self.session, plan, &run, self.args.json).await?;
        self.work(shell, plan, &run).await
    }

    async fn work(&self, shell: &mut Shell, plan: &Plan, run: &RunId) -> Outcome {
        let drawing = Arc::new(Drawing::new(shell, self.args.json));
        let work = Work {
            engine: &self.session.engine,
            who: self.who,
            run: Some(run.clone()),
            parallelism: self.args.parallelism,
            lock: self.lock,
            patience: Some(PATIENCE),
        };
        let report = execute::work(&work, &drawing).await?;
        drop(drawing);
        self.finish(shell, plan, run, &execute::failures(&report.failed)).await
    }

    /// Says what came of it.
    async fn finish(&self, shell: &mut Shell, plan: &Plan, run: &RunId, failures: &Diagnostics) -> Outcome {
        let session = self.session;
        let filter = JobFilter { run: Some(run.clone()), unfinished: false };
        let jobs = stored(session.engine.store.jobs(&filter).await)?;
        let undone: HashSet<&Address> =
            jobs.iter().filter(|job| job.status != JobStatus::Succeeded && !job.delivered).map(Job::address).collect();
        let mut counts = self.done;
        plan.steps.iter().filter(|step| !undone.contains(&step.address)).for_each(|step| counts.count(step));
        if !undone.is_empty() {
            let message = incomplete(&jobs, undone.len(), &counts);
            tell_incomplete(shell, &counts, &message);
            let mut diagnostics = failures.clone();
            diagnostics.extend(execute::waiting(&jobs));
            let left = leftovers::of(session).await?;
            diagnostics.extend(execute::kept_back(&jobs, &left));
            diagnostics.extend(execute::waiting(&limited(run, left)));
            return Err(Failure { diagnostics, sources: Default::default() });
        }
        let snapshot = stored(session.engine.store.snapshot().await)?;
        let conditions = Diagnostics(conditions::after_apply(plan, &snapshot.state));
        if conditions.has_errors() {
            return Err(Failure { diagnostics: conditions, sources: Default::default() });
        }
        shell.report(&conditions, &Default::default());
        shell.report(&execute::waiting(&jobs), &Default::default());
        let held = if self.made_now { held_up(session, plan).await? } else { Diagnostics::default() };
        conclude(shell, &snapshot, plan, &counts, &held)
    }
}

/// Jobs of other runs that wait for the limit of an account: those of this run that have not begun may wait for it too.
fn limited(run: &RunId, mut left: Vec<Job>) -> Vec<Job> {
    let held = left.iter().any(|job| job.run == *run && job.status == JobStatus::Ready);
    left.retain(|job| held && job.run != *run && job.status.account_limit().is_some());
    left
}

/// What was done, and what was not.
fn incomplete(jobs: &[Job], undone: usize, counts: &Summary) -> String {
    let skipped = jobs.iter().filter(|job| matches!(job.status, JobStatus::Skipped { .. })).count();
    let waiting = jobs.iter().filter(|job| !job.status.is_final() && !job.delivered).count();
    let failed = undone - skipped - waiting;
    let waiting = if waiting > 0 { format!(", {waiting} waiting") } else { String::new() };
    format!("Apply incomplete: {}. {failed} failed, {skipped} skipped{waiting}.", done(counts))
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
        SubmitFault::LockLost => view::lock::lost().into(),
        SubmitFault::Changed(report) => (*report).into(),
        SubmitFault::Broken(finding) => {
            let detail = format!("{finding}. Nothing was written: a new entry would be sealed after what was changed.");
            Diagnostic::error(&codes::shell::TIMELINE_BROKEN, detail)
                .hint("Run `cap timeline verify`, keep a copy of the store as it is, and put a backup back from before it was changed.")
                .into()
        }
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
    recorded.iter().for_each(|step| drawing.tell_programs(&stream::recorded(step, SystemClock.now())));
    if !as_json && !recorded.is_empty() {
        drawing.say(&format!("{} recorded in the store.", leftovers::count(recorded.len(), "change")));
    }
    Ok(())
}

/// Everything that was planned is done: how much that was, and the outputs.
fn complete(shell: &mut Shell, snapshot: &Snapshot, plan: &Plan, counts: &Summary) -> Outcome {
    let Plan { destroy, ref deferred, .. } = *plan;
    let outputs = output::resolve(snapshot);
    let operation = if destroy { "destroy" } else { "apply" };
    shell.tell(|now| vec![stream::summary(counts, operation, now), stream::outputs(&outputs, now)]);
    if shell.json {
        return Ok(OK);
    }
    let complete = if destroy {
        format!("Destroy complete! Resources: {} destroyed.", counts.destroy)
    } else {
        format!("Apply complete! Resources: {}.", done(counts))
    };
    let left = match deferred.len() {
        0 => String::new(),
        left => format!(" {left} deferred."),
    };
    shell.line(&format!("\n{}{left}", shell.style.bold(&shell.style.green(&complete))));
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
    let drawing = Arc::new(Drawing::new(shell, false));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apply_that_does_not_begin_because_its_lock_is_gone_says_so() {
        let failure = refused(SubmitFault::LockLost);
        let found: Vec<String> = failure.diagnostics.iter().map(|report| report.code.to_string()).collect();
        assert_eq!(found, ["CAP0506"]);
    }
}
