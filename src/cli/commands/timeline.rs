//! `cap timeline`: what ever happened to an object, and whether the record of it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::json;

use crate::cli::args::{TimelineArgs, TimelineCommand};
use crate::cli::files;
use crate::cli::shell::{OK, Outcome, Shell, port, stored};
use crate::cli::view::event;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::chains::Chains;
use crate::engine::load;
use crate::ports::store::Store;
use crate::state::Event;
use crate::timeline::{Checkpoint, Finding, Flaw, Head, Sealed, extends};
use crate::vault::Vault;

/// Carries it out.
pub async fn run(shell: &mut Shell, store: &dyn Store, vault: &Vault, args: &TimelineArgs) -> Outcome {
    match (&args.command, &args.address) {
        (Some(TimelineCommand::Verify { checkpoint, against }), _) => {
            verify(shell, store, vault, checkpoint.as_deref(), against.as_deref()).await
        }
        (None, Some(address)) => show(shell, store, vault, address, args.json).await,
        (None, None) => Err(Diagnostic::error(&codes::shell::USAGE, "An address is missing.").into()),
    }
}

/// What happened to one object, and to the deployments of a certificate, by time. Earlier objects of that address too.
async fn show(shell: &mut Shell, store: &dyn Store, vault: &Vault, address: &str, as_json: bool) -> Outcome {
    let heads = stored(store.heads().await)?;
    let about = |head: &&Head| {
        let named = head.chain.rsplit_once('#').map_or(head.chain.as_str(), |(address, _)| address);
        named == address || named.split_once('@').is_some_and(|(certificate, _)| certificate == address)
    };
    let mut names: BTreeSet<String> = heads.iter().filter(about).map(|head| head.chain.clone()).collect();
    names.extend(recorded(store, address).await?);
    if names.is_empty() {
        return Err(without(store, address).await?.into());
    }
    let by_name: BTreeMap<&str, &Head> = heads.iter().map(|head| (head.chain.as_str(), head)).collect();
    let mut faults = Diagnostics::default();
    let mut entries = Vec::new();
    let mut chains = Chains::new(store, vault);
    for name in &names {
        let (links, judgement) = stored(chains.read(name, by_name.get(name.as_str()).copied()).await)?;
        faults.0.extend(judgement.err().as_ref().map(broken));
        entries.extend(links.into_iter().map(read));
    }
    entries.sort_by_key(|(link, event)| (event.as_ref().map(|event| event.at), link.chain.clone(), link.sequence));
    let line =
        |(link, event): &(Sealed, Option<Event>)| if as_json { as_object(link) } else { as_line(link, event.as_ref()) };
    shell.print(&entries.iter().map(line).collect::<String>());
    if faults.is_empty() { Ok(OK) } else { Err(faults.into()) }
}

/// Chains of the records with that address, which an older address may have named.
async fn recorded(store: &dyn Store, address: &str) -> Result<Vec<String>, Diagnostic> {
    let Ok(address) = address.parse() else { return Ok(Vec::new()) };
    let records = stored(store.records(&[address]).await)?;
    Ok(records.into_iter().filter_map(|record| record.chain).collect())
}

/// There is no chain: of an object that has none, or of nothing.
async fn without(store: &dyn Store, text: &str) -> Result<Diagnostic, Diagnostic> {
    let named = text.parse().ok().into_iter().collect::<Vec<_>>();
    if stored(store.records(&named).await)?.is_empty() {
        return Ok(super::state::unknown(store, text).await);
    }
    let detail = format!("{text} has no timeline: certificates have one, and so have their deployments.");
    Ok(Diagnostic::error(&codes::store::NO_SUCH_RECORD, detail)
        .hint(format!("`cap state show {text}` shows what is recorded of it, `cap jobs list -all` what was done.")))
}

fn read(link: Sealed) -> (Sealed, Option<Event>) {
    let event = serde_json::from_str(&link.entry).ok();
    (link, event)
}

fn as_line(link: &Sealed, event: Option<&Event>) -> String {
    match event {
        Some(event) => {
            let what = event::sentence(&event.body);
            format!("{}  {}  {}  {what}  (by {}, {})\n", event.at, link.sequence, event.address, event.actor, event.job)
        }
        None => format!("?  {}  {}  an entry that this version cannot read\n", link.sequence, link.chain),
    }
}

fn as_object(link: &Sealed) -> String {
    json!(event::link(link)).to_string() + "\n"
}

/// Every chain of the store, and every chain that a record or a checkpoint says must be there.
async fn verify(
    shell: &mut Shell,
    store: &dyn Store,
    vault: &Vault,
    checkpoint: Option<&Path>,
    against: Option<&Path>,
) -> Outcome {
    let before = match against {
        Some(path) => Some(kept(store, vault, path).await?),
        None => None,
    };
    let heads = stored(store.heads().await)?;
    let by_name: BTreeMap<&str, &Head> = heads.iter().map(|head| (head.chain.as_str(), head)).collect();
    let snapshot = stored(store.snapshot().await)?;
    let recorded = snapshot.state.records.values().filter_map(|record| record.chain.as_deref());
    let names: BTreeSet<&str> = by_name.keys().copied().chain(recorded).collect();
    let mut findings = Vec::new();
    let mut entries = 0;
    let mut chains = Chains::new(store, vault);
    for name in &names {
        let (links, judgement) = stored(chains.read(name, by_name.get(name).copied()).await)?;
        entries += links.len();
        findings.extend(judgement.err());
        if links.is_empty() {
            findings.push(Finding::new(name, 1, Flaw::Vanished));
        }
    }
    for mark in before.iter().flat_map(|checkpoint| &checkpoint.marks) {
        let links = stored(store.chain(&mark.chain).await)?;
        findings.extend(extends(mark, &links, by_name.get(mark.chain.as_str()).copied()).err());
    }
    if !findings.is_empty() {
        return Err(Diagnostics(findings.iter().map(broken).collect()).into());
    }
    shell.line(&format!("{} chains with {entries} entries are whole.", names.len()));
    if let Some(before) = before {
        shell.line(&format!("They go on from where the checkpoint of {} saw them.", before.at));
    }
    match checkpoint {
        Some(path) => write(shell, store, vault, path, &heads).await,
        None => Ok(OK),
    }
}

fn broken(finding: &Finding) -> Diagnostic {
    Diagnostic::error(&codes::shell::TIMELINE_BROKEN, finding.to_string())
        .hint("Keep a copy of the store as it is, and find out who could write it; a checkpoint kept elsewhere says since when.")
}

/// An earlier checkpoint, if this store made it.
async fn kept(store: &dyn Store, vault: &Vault, path: &Path) -> Result<Checkpoint, Diagnostic> {
    let refused = |why: String| {
        Diagnostic::error(&codes::shell::CHECKPOINT_REFUSED, format!("{}: {why}", path.display()))
            .hint("Name a checkpoint that `cap timeline verify -checkpoint` of this store has written.")
    };
    let (checkpoint, key) = Checkpoint::read(&load::read(path)?).map_err(|fault| refused(fault.to_string()))?;
    let own = vault.checkpoint_key_id().await.map_err(|fault| port(&codes::store::STORE_FAILED, &fault))?;
    let identity = stored(store.identity().await)?;
    if key != own || checkpoint.store != identity.id {
        return Err(refused("it was made by another store".to_owned()));
    }
    Ok(checkpoint)
}

async fn write(shell: &mut Shell, store: &dyn Store, vault: &Vault, path: &Path, heads: &[Head]) -> Outcome {
    let now = stored(store.now().await)?;
    let text = vault.checkpoint(now, heads).await.map_err(|fault| port(&codes::store::STORE_FAILED, &fault))?;
    files::write_private(path, text.as_bytes())?;
    shell.line(&format!(
        "Signed checkpoint written to {}: keep it where nobody who can write the store can change it.",
        path.display()
    ));
    Ok(OK)
}
