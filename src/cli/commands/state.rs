//! `cap state list` and `cap state show`.

use crate::address::{Address, ModuleStep};
use crate::cli::args::StateCommand;
use crate::cli::shell::{OK, Outcome, Shell, stored};
use crate::cli::view::record;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::glob;
use crate::ports::store::Store;

/// Carries it out.
pub async fn run(shell: &mut Shell, store: &dyn Store, command: &StateCommand) -> Outcome {
    match command {
        StateCommand::List { addresses } => list(shell, store, addresses).await,
        StateCommand::Show { address, json } => show(shell, store, address, *json).await,
    }
}

async fn list(shell: &mut Shell, store: &dyn Store, patterns: &[String]) -> Outcome {
    let snapshot = stored(store.snapshot().await)?;
    let mut out = String::new();
    for (address, record) in &snapshot.state.records {
        let text = address.to_string();
        let covers = |pattern: &String| glob::matches(pattern, &text) || is_part(pattern, address);
        let wanted = patterns.is_empty() || patterns.iter().any(covers);
        if wanted && record.spec.is_some() {
            out.push_str(&text);
            out.push('\n');
        }
    }
    shell.print(&out);
    Ok(OK)
}

/// Whether the address is an instance of the block, or stands in the module, that the text names.
fn is_part(text: &str, address: &Address) -> bool {
    let (Address::Resource(place) | Address::Deployment { certificate: place, .. }) = address;
    let modules = place.module.iter();
    let outer: Vec<String> = modules.map(ToString::to_string).collect();
    let in_module = (1..=outer.len()).any(|depth| {
        let last = ModuleStep { key: None, ..place.module[depth - 1].clone() };
        let block = [&outer[..depth - 1], &[last.to_string()]].concat().join(".");
        outer[..depth].join(".") == text || block == text
    });
    in_module || address.resource().is_some_and(|one| one.block().to_string() == text)
}

/// Shows a record, or those of all instances of a block.
async fn show(shell: &mut Shell, store: &dyn Store, text: &str, json: bool) -> Outcome {
    let address: Address = text
        .parse()
        .map_err(|fault: crate::address::AddressError| Diagnostic::error(&codes::shell::USAGE, fault.to_string()))?;
    let mut found = stored(store.records(std::slice::from_ref(&address)).await)?;
    if found.is_empty() {
        found = stored(store.snapshot().await)?.state.records.into_values().collect();
        found.retain(|record| is_part(text, &record.address));
    }
    found.retain(|record| record.spec.is_some());
    if found.is_empty() {
        return Err(unknown(store, text).await.into());
    }
    let one = |record| if json { record::json(record).to_string() + "\n" } else { record::human(record, shell.style) };
    let texts: Vec<String> = found.iter().map(one).collect();
    shell.print(&texts.join(if json { "" } else { "\n" }));
    Ok(OK)
}

/// Nothing has that address: the report, with the closest one that there is.
pub async fn unknown(store: &dyn Store, text: &str) -> Diagnostic {
    let fault = Diagnostic::error(&codes::store::NO_SUCH_RECORD, format!("The store holds no record of {text}."));
    let known: Vec<String> = match store.snapshot().await {
        Ok(snapshot) => snapshot.state.records.keys().map(ToString::to_string).collect(),
        Err(_) => Vec::new(),
    };
    match did_you_mean(text, known.iter().map(String::as_str)) {
        Some(close) => fault.hint(format!("Did you mean {close}?")),
        None => fault.hint("cap state list shows all addresses."),
    }
}
