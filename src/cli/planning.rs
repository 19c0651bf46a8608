//! From a configuration and a store to a plan: looks behind secrets and at what is there, compares, puts in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::actor::Actor;
use super::args::PlanningArgs;
use super::conditions;
use super::configuration::Configuration;
use super::outputs::{self, Outputs};
use super::permission;
use super::shell::{Failure, environment, stored};
use super::view::{deferred, json_checks};
use super::wiring::session::Session;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, codes};
use crate::diff::moves::{self, Relocation};
use crate::diff::scope::{self, Patterns};
use crate::diff::{self, Options};
use crate::engine::progress::Progress;
use crate::engine::{adopt, prepare, refresh};
use crate::eval::desired::Moved;
use crate::job::{Job, JobId};
use crate::observed::Observed;
use crate::plan::{self, Importing, Location, Plan, Surroundings};
use crate::ports::store::{JobFilter, Snapshot, Store};
use crate::source::Span;
use crate::state::State;
use crate::state::facts::Facts;
use crate::time::Timestamp;

/// A plan, and what the user should know beside it.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Warnings, and errors of what could not be planned beside the rest.
    pub diagnostics: Diagnostics,
}

/// What is to become of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is shown.
    Look,
    /// It is shown and saved, with what stands around its changes.
    Save,
    /// It is carried out here once it is approved: until then no store is made.
    Propose,
    /// It is carried out here, in a store that is made where there is none.
    Apply,
}

/// When and where a plan is made, and who hears what is looked at for it.
pub struct Occasion {
    /// Where.
    pub location: Location,
    /// The `now` of the diff.
    pub now: Timestamp,
    /// What for.
    pub purpose: Purpose,
    /// Who hears.
    pub progress: Arc<dyn Progress>,
}

/// Combinations that make no sense, in Terraform's words.
pub fn check(args: &PlanningArgs) -> Result<(), Diagnostic> {
    let refused = |detail: &str| Err(Diagnostic::error(&codes::shell::USAGE, detail));
    if args.destroy && args.refresh_only {
        return refused("The -destroy and -refresh-only options are mutually-exclusive.");
    }
    let targets = !args.target.is_empty() || !args.target_file.is_empty();
    if targets && !(args.exclude.is_empty() && args.exclude_file.is_empty()) {
        return refused(
            "The target and exclude planning options are mutually-exclusive: name what to plan, or what not to.",
        );
    }
    if args.parallelism == 0 {
        return refused("-parallelism must be at least 1.");
    }
    if args.refresh_only && !args.refresh {
        return refused(
            "It doesn't make sense to use -refresh-only at the same time as -refresh=false, because there would be nothing to do.",
        );
    }
    if args.refresh_only && !args.replace.is_empty() {
        return refused("The -refresh-only and -replace options are mutually-exclusive.");
    }
    Ok(())
}

/// Makes a plan. Errors in the result are of objects that cannot be planned; the rest is planned beside them.
pub async fn plan(
    session: &Session,
    configuration: &mut Configuration,
    args: &PlanningArgs,
    patterns: &Patterns,
    Occasion { location, now, purpose, progress }: Occasion,
) -> Result<Planned, Diagnostics> {
    let store = &session.engine.store;
    let identity = stored(store.identity().await)?;
    let Snapshot { mut state, outputs } = stored(store.snapshot().await)?;
    let jobs = at_work(&**store, &state).await?;
    let mut diagnostics = Diagnostics::default();
    let relocation = relocate(&mut state, configuration, args, &mut diagnostics);
    let observed = observe(session, configuration, &mut state, args, (now, &progress), &mut diagnostics).await;
    let imports = imports(session, configuration, &state, args, now, &mut diagnostics).await;
    let options = Options { relocation, imports, jobs, ..options(configuration, &state, args, patterns)? };
    let (changes, faults) = diff::diff(&configuration.estate, &state, &observed, now, &options);
    diagnostics.extend(faults);
    let meta = plan::Meta {
        cap_version: env!("CARGO_PKG_VERSION").to_owned(),
        store: if session.kept { identity.id } else { String::new() },
        location,
        created_at: now,
        outputs: outputs.clone(),
    };
    let mut plan = plan::make(changes, meta)?;
    diagnostics.extend(plan::refused(&plan.deferred, &options, &configuration.estate));
    plan.variables = configuration.variables();
    plan.optional = configuration.optional();
    let mut later = None;
    let is_part = options.only.is_some() || !plan.deferred.is_empty();
    outputs::settle(&mut plan, &outputs, &state, &options.relocation, is_part);
    if !args.destroy && !args.refresh_only && options.only.is_none() {
        let (found, left) = conditions::decidable(&configuration.evaluation.desired.conditions, &plan);
        plan.conditions = conditions::kept(&found, &configuration.sources);
        let mut decided = conditions::while_planning(&found, &plan, &state);
        diagnostics.extend(Diagnostics(decided.failures));
        decided.later.extend(left);
        later = Some(decided.later);
    }
    if !diagnostics.iter().any(|one| one.is_error() && *one.code == codes::plan::BUSY) {
        diagnostics.0.extend(deferred::warning(&plan.deferred));
    }
    if options.only.is_some() {
        diagnostics.push(targeted());
    }
    diagnostics.extend(unpermitted(session, &plan, &state).await);
    if purpose == Purpose::Save {
        let checks = later.map(|later| {
            let failures = configuration.diagnostics.iter().chain(diagnostics.iter());
            json_checks::checks(&configuration.evaluation.desired.guarded, failures, &later)
        });
        plan.surroundings = Some(Box::new(Surroundings {
            checks: checks.unwrap_or_default(),
            ..surroundings(&plan, &outputs, &state, configuration)
        }));
    }
    // Giving a large estate's records back one by one would cost more than the comparison did.
    std::mem::forget((state, observed));
    Ok(Planned { plan, diagnostics })
}

/// The jobs that claim records. What ended since the records were read is among them: the records do not say so yet.
async fn at_work(store: &dyn Store, state: &State) -> Result<Vec<Job>, Diagnostic> {
    let mut claims: BTreeSet<&JobId> = state.records.values().filter_map(|record| record.claim.as_ref()).collect();
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let mut jobs = stored(store.jobs(&JobFilter { unfinished: true, ..JobFilter::default() }).await)?;
    jobs.retain(|job| claims.remove(&job.id));
    for ended in claims {
        jobs.extend(stored(store.job(ended).await)?);
    }
    Ok(jobs)
}

/// What is asked of the diff. Without patterns nothing is resolved, so that it costs nothing in a large estate.
fn options(
    configuration: &Configuration,
    state: &State,
    args: &PlanningArgs,
    patterns: &Patterns,
) -> Result<Options, Diagnostics> {
    let PlanningArgs { destroy, refresh_only, .. } = *args;
    if patterns.is_empty() {
        return Ok(Options { destroy, refresh_only, ..Options::default() });
    }
    let options = scope::resolve(&configuration.estate, state, patterns, destroy)?;
    Ok(Options { refresh_only, ..options })
}

/// What `import` blocks take over, where anything of the configuration is to be made.
async fn imports(
    session: &Session,
    configuration: &Configuration,
    state: &State,
    args: &PlanningArgs,
    now: Timestamp,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<Address, Importing> {
    if args.destroy || args.refresh_only {
        return BTreeMap::new();
    }
    let imports = &configuration.evaluation.desired.imports;
    let (found, faults) = adopt::look(imports, &configuration.estate, state, &*session.engine.providers, now).await;
    diagnostics.extend(faults);
    found
}

/// Gives records the addresses that `moved` blocks say, where anything of the configuration is to be made.
fn relocate(
    state: &mut State,
    configuration: &Configuration,
    args: &PlanningArgs,
    diagnostics: &mut Diagnostics,
) -> Relocation {
    if args.destroy || args.refresh_only {
        return Relocation::default();
    }
    let desired = &configuration.evaluation.desired;
    let implied = moves::implied(state, &desired.blocks, &desired.moved);
    let all: Vec<Moved> = desired.moved.iter().cloned().chain(implied).collect();
    let (relocation, faults) = moves::relocate(state, &all);
    diagnostics.extend(faults);
    relocation
}

/// Looks behind secrets, and at what is there unless it was asked not to.
async fn observe(
    session: &Session,
    configuration: &mut Configuration,
    state: &mut State,
    args: &PlanningArgs,
    (now, progress): (Timestamp, &Arc<dyn Progress>),
    diagnostics: &mut Diagnostics,
) -> Observed {
    let mut observed = Observed::default();
    // What is removed needs no secret of the configuration.
    if !args.destroy {
        let instances = &configuration.evaluation.desired.instances;
        let place = |address: &Address, path: &str| -> Option<Span> {
            let address = address.resource()?;
            let at = instances.binary_search_by(|instance| instance.address.cmp(address)).ok()?;
            Some(instances[at].place(path))
        };
        let (secrets, vault) = (&*session.secrets, &*session.engine.vault);
        let (fingerprints, faults) =
            prepare::prepare(&mut configuration.estate, secrets, vault, args.parallelism, &place).await;
        observed.secrets = fingerprints;
        diagnostics.extend(faults);
    }
    if args.refresh {
        let providers = &session.engine.providers;
        observed.slots = refresh::slots(state, providers, args.parallelism, progress).await;
        for (address, window) in refresh::windows(state, &**providers, now, args.parallelism, &**progress).await {
            let record = state.records.get_mut(&address);
            if let Some(Facts::Certificate(facts)) = record.map(|record| &mut record.facts) {
                facts.window = Some(window);
            }
        }
    }
    observed
}

fn surroundings(plan: &Plan, before: &Outputs, state: &State, configuration: &mut Configuration) -> Surroundings {
    let changed = |step: &plan::Step| [Some(step.address.clone()), step.moved_from.clone()];
    let deferred = plan.deferred.iter().map(|one| one.address.clone());
    let changed: BTreeSet<Address> = plan.steps.iter().flat_map(changed).flatten().chain(deferred).collect();
    let same = state.records.values().filter(|record| !changed.contains(&record.address));
    Surroundings {
        unchanged: same.filter_map(|record| Some((record.address.clone(), record.spec.as_deref()?.clone()))).collect(),
        outputs: outputs::unchanged(plan, before, state),
        configuration: configuration.described.take().unwrap_or_default(),
        checks: Vec::new(),
    }
}

fn targeted() -> Diagnostic {
    let detail = "Resource targeting is in effect: the plan leaves out whatever was not asked for, and outputs stay as they are unless they read what it removes. It is for exceptional situations such as recovering from errors.";
    Diagnostic::warning(&codes::shell::TARGETING, detail).hint("Plan again without -target and -exclude afterwards.")
}

/// What apply will refuse, said while planning already.
async fn unpermitted(session: &Session, plan: &Plan, state: &State) -> Diagnostics {
    let token = environment(super::actor::TOKEN);
    let refused = match Actor::identify(state, &*session.engine.vault, token.as_deref()) {
        Ok(actor) => actor.refusal(state),
        Err(unknown) => Some(unknown),
    };
    let all = [refused, permission::approvals(plan, state)].into_iter().flatten();
    Diagnostics(all.map(|one| Diagnostic { severity: Severity::Warning, ..one }).collect())
}

/// Addresses whose records changed since the plan was made, in Terraform's words.
pub fn stale(addresses: &[Address]) -> Diagnostic {
    let names: BTreeSet<String> = addresses.iter().map(ToString::to_string).collect();
    let names: Vec<String> = names.into_iter().collect();
    let detail = format!(
        "The given plan file can no longer be applied because the state was changed by another operation after the plan was created. Changed since: {}.",
        names.join(", ")
    );
    Diagnostic::error(&codes::plan::STALE, detail).hint("Make a new plan with `cap plan`.")
}

/// The plan belongs to another store.
pub fn other_store() -> Failure {
    let detail = "The given plan file can not be applied because it was created from a different state lineage.";
    Diagnostic::error(&codes::plan::STALE, detail)
        .hint("Name the store that the plan was made against with -store.")
        .into()
}

/// Whether carrying the plan out would change anything, or drift is what was asked for and there is some; or whether there may
/// be changes that only a later plan can tell.
pub fn may_change(plan: &plan::Plan, refresh_only: bool) -> bool {
    plan.has_changes() || !plan.deferred.is_empty() || (refresh_only && !plan.drift.is_empty())
}
