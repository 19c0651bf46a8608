//! Taking over what a plan imports: its private keys are read again and sealed in the vault, before any record names them.

use std::collections::BTreeMap;

use super::super::Engine;
use super::files;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, codes::plan as codes};
use crate::job::RunId;
use crate::job::machine::keys_of;
use crate::plan::{Importing, Plan, Step};
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

fn names(step: &Step, importing: &Importing, run: &RunId) -> Vec<KeyId> {
    (1..=importing.keys.len()).map(|at| KeyId(format!("{}/{run}/imported/{at}", step.address))).collect()
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
