//! Taking over what a plan imports: its private keys are read again and sealed in the vault, before any record names them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Engine;
use super::files;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, codes::plan as codes};
use crate::job::machine::keys_of;
use crate::job::{JobId, JobStatus, RunId};
use crate::plan::{Action, Importing, Plan, Step, Work};
use crate::ports::PortError;
use crate::state::facts::{Facts, KeyId};

/// Why the key of an import could not be taken over.
#[derive(Debug)]
pub(in crate::engine) enum KeyFault {
    /// It is not what it was while planning.
    Changed(Box<Diagnostic>),
    /// The vault failed.
    Port(PortError),
}

/// The facts of what a plan imports, by address. The keys that they name are in the vault.
#[derive(Default)]
pub(in crate::engine) struct Taken(pub BTreeMap<Address, Facts>);

impl Taken {
    /// Removes the keys again: no record names them. What cannot be removed is of no use to anybody.
    pub(in crate::engine) async fn give_back(&self, engine: &Engine) {
        for key in self.0.values().flat_map(keys_of) {
            let _ = engine.vault.remove(&key).await;
        }
    }
}

/// Keys that earlier attempts at what this plan begins to manage have left, and that no record names: of a submission that
/// came to nothing, or of a job that failed. To be looked for before this one is written, and removed afterwards: a
/// submission that has sealed its keys and is still on its way is refused then, because the record is another one.
pub(in crate::engine) async fn abandoned(engine: &Engine, plan: &Plan) -> Result<Vec<KeyId>, PortError> {
    let begins = |step: &&Step| match step.action {
        Action::Import => step.importing.as_ref().is_some_and(|importing| !importing.keys.is_empty()),
        Action::Create => matches!(step.work, Work::Issue | Work::Register | Work::Establish),
        _ => false,
    };
    let beginning: BTreeSet<String> = plan.steps.iter().filter(begins).map(|step| step.address.to_string()).collect();
    if beginning.is_empty() {
        return Ok(Vec::new());
    }
    let is_of_these = |key: &KeyId| maker(key).is_some_and(|(of, _)| beginning.contains(of));
    let left: Vec<KeyId> = engine.vault.ids().await?.into_iter().filter(is_of_these).collect();
    if left.is_empty() {
        return Ok(left);
    }
    let runs: BTreeSet<RunId> = engine.store.runs().await?.into_iter().map(|run| run.id).collect();
    // What moved names its keys as they were named before.
    let named = engine.store.snapshot().await?.state.records;
    let named: BTreeSet<KeyId> = named.values().flat_map(|record| keys_of(&record.facts)).collect();
    let mut abandoned = Vec::new();
    for key in left.into_iter().filter(|key| !named.contains(key)) {
        let is_abandoned = match maker(&key) {
            Some((_, Maker::Run(run))) => !runs.contains(&run),
            Some((_, Maker::Job(job))) => {
                let job = engine.store.job(&job).await?;
                job.is_some_and(|job| job.status.is_final() && job.status != JobStatus::Succeeded)
            }
            None => false,
        };
        abandoned.extend(is_abandoned.then_some(key));
    }
    Ok(abandoned)
}

/// Seals the keys of every import of a plan under new names. After a fault none of them is left.
pub(in crate::engine) async fn take(engine: &Engine, plan: &Plan, run: &RunId) -> Result<Taken, KeyFault> {
    let mut taken = Taken::default();
    for step in &plan.steps {
        let Some(importing) = &step.importing else { continue };
        let names = names(step, importing, run);
        // Noted before they are sealed, so that one that was cut short is removed too.
        taken.0.insert(step.address.clone(), named(importing.facts.clone(), &names));
        if let Err(fault) = seal(engine, step, importing, &names).await {
            taken.give_back(engine).await;
            return Err(fault);
        }
    }
    Ok(taken)
}

/// What stands before the number in the name of an imported key.
const IMPORTED: &str = "imported";

fn names(step: &Step, importing: &Importing, run: &RunId) -> Vec<KeyId> {
    (1..=importing.keys.len()).map(|at| KeyId(format!("{}/{run}/{IMPORTED}/{at}", step.address))).collect()
}

/// Who has put a key into the vault.
enum Maker {
    /// A run that imported it.
    Run(RunId),
    /// A job that made it.
    Job(JobId),
}

/// The address that a key was put there for and who did, by its name; nothing where the name says no address.
fn maker(key: &KeyId) -> Option<(&str, Maker)> {
    let mut parts = key.0.rsplitn(4, '/').skip(1);
    if let (Some(IMPORTED), Some(run), Some(address)) = (parts.next(), parts.next(), parts.next()) {
        return Some((address, Maker::Run(RunId(run.to_owned()))));
    }
    let mut parts = key.0.rsplitn(3, '/').skip(1);
    let (job, address) = (parts.next()?, parts.next()?);
    Some((address, Maker::Job(JobId(job.to_owned()))))
}

async fn seal(engine: &Engine, step: &Step, importing: &Importing, names: &[KeyId]) -> Result<(), KeyFault> {
    for (key, name) in importing.keys.iter().zip(names) {
        let pkcs8 = files::again(key).map_err(|why| changed(step, &why))?;
        engine.vault.put(name, &pkcs8).await.map_err(KeyFault::Port)?;
    }
    Ok(())
}

fn changed(step: &Step, why: &str) -> KeyFault {
    let detail = format!("{} cannot be imported: {why}", step.address);
    let report = Diagnostic::error(&codes::IMPORT, detail).about(&step.address);
    KeyFault::Changed(Box::new(report.hint("Make a new plan.")))
}

/// The facts with the names of their keys.
fn named(mut facts: Facts, names: &[KeyId]) -> Facts {
    match (&mut facts, names) {
        (Facts::Certificate(facts), [key]) => {
            facts.versions.iter_mut().for_each(|version| version.key = Some(key.clone()));
        }
        (Facts::Account(facts), [key]) => facts.key = key.clone(),
        (Facts::Authority(facts), _) => facts.keys = names.to_vec(),
        _ => {}
    }
    facts
}
