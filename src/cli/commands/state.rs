//! `cap state list` and `cap state show`.

use crate::address::Address;
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
        let wanted = patterns.is_empty() || patterns.iter().any(|pattern| glob::matches(pattern, &text));
        if wanted && record.spec.is_some() {
            out.push_str(&text);
            out.push('\n');
        }
    }
    shell.print(&out);
    Ok(OK)
}

async fn show(shell: &mut Shell, store: &dyn Store, text: &str, json: bool) -> Outcome {
    let address: Address = text
        .parse()
        .map_err(|fault: crate::address::AddressError| Diagnostic::error(&codes::shell::USAGE, fault.to_string()))?;
    let found = stored(store.records(std::slice::from_ref(&address)).await)?;
    let Some(record) = found.into_iter().find(|record| record.spec.is_some()) else {
        return Err(unknown(store, text).await.into());
    };
    let text = if json { record::json(&record).to_string() + "\n" } else { record::human(&record, shell.style) };
    shell.print(&text);
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
