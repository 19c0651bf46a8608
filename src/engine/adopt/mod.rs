//! Importing: what an `import` block names is looked at while planning, and taken over with the submission. The plan holds
//! what is public; private keys are read again from where they lie, and only for an instant. At a CA an account is looked
//! for and nothing is made.

mod account;
mod described;
mod files;
mod take;

pub(super) use take::{KeyFault, abandoned, take};

use std::collections::BTreeMap;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::plan as codes};
use crate::eval::desired::Import;
use crate::model::{Estate, Resource, organization};
use crate::plan::{Importing, Work};
use crate::ports::providers::Providers;
use crate::state::State;
use crate::state::facts::Facts;
use crate::time::Timestamp;

/// What the imports of a configuration take over, by address. What has a record already is managed already.
pub async fn look(
    imports: &[Import],
    estate: &Estate,
    state: &State,
    providers: &dyn Providers,
    now: Timestamp,
) -> (BTreeMap<Address, Importing>, Diagnostics) {
    let mut found: BTreeMap<Address, Importing> = BTreeMap::new();
    let mut faults = Diagnostics::default();
    for import in imports {
        let address = Address::from(import.to.clone());
        // What is imported to nothing that can be made was reported with the configuration.
        let Some(resource) = estate.resources.get(&address) else { continue };
        if state.records.get(&address).is_some_and(|record| record.spec.is_some()) {
            continue;
        }
        let importing = importing(import, resource, providers, now).await;
        let importing = importing.map_err(|(detail, hint)| refused(import, detail).hint(hint));
        if let Some(importing) = faults.take(importing) {
            found.insert(address, importing);
        }
    }
    (found, faults)
}

fn refused(import: &Import, detail: String) -> Diagnostic {
    Diagnostic::error(&codes::IMPORT, detail).at(import.span).about(&import.to)
}

/// Why something is not taken over, and what to do.
type Refusal = (String, &'static str);

const PATHS: &str =
    "The id is a PEM file with the certificates and the private key, or several of them: \"chain.pem,key.pem\".";
const DESCRIBE: &str = "Make the block say what is there, then import.";

async fn importing(
    import: &Import,
    resource: &Resource,
    providers: &dyn Providers,
    now: Timestamp,
) -> Result<Importing, Refusal> {
    let (id, spec) = (import.id.as_str(), &resource.draft.spec);
    match resource.work {
        Work::Record | Work::Rewrap if organization::sealing_version(spec) > 1 => {
            let detail =
                "An organization is imported with active_version = 1, under which the store was made.".to_owned();
            Err((detail, "Import it so, or create it without an import, and raise active_version afterwards."))
        }
        Work::Record | Work::Rewrap => Ok(Importing { id: id.to_owned(), facts: Facts::None, keys: Vec::new() }),
        Work::Issue => described::certificate(id, spec, now),
        Work::Establish => described::authority(id, spec, now),
        Work::Register => account::account(id, spec, providers).await,
        Work::Deploy | Work::Undeploy => {
            let detail = format!("A {} cannot be imported.", import.to.kind);
            Err((detail, "Leave the import out: what lies in a slot is seen when it is planned."))
        }
    }
}

fn same(argument: &str, wanted: Option<&str>, found: &str) -> Result<(), Refusal> {
    if wanted.is_none_or(|wanted| wanted == found) {
        return Ok(());
    }
    let detail =
        format!("\"{argument}\" of what is there is \"{found}\", and the block says \"{}\".", wanted.unwrap_or(""));
    Err((detail, DESCRIBE))
}
