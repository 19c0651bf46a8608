//! `cap show`: the estate as the store knows it, or a saved plan.

use serde_json::{Value as Json, json};

use crate::cli::shell::{OK, Outcome, Shell, stored};
use crate::cli::view::{json_plan, output, record};
use crate::ports::store::{Snapshot, Store};

/// Shows the estate.
pub async fn estate(shell: &mut Shell, store: &dyn Store, as_json: bool) -> Outcome {
    let snapshot = stored(store.snapshot().await)?;
    let text = if as_json { document(&snapshot).to_string() + "\n" } else { human(&snapshot, shell) };
    shell.print(&text);
    Ok(OK)
}

fn human(snapshot: &Snapshot, shell: &Shell) -> String {
    let records = snapshot.state.records.values().filter(|record| record.spec.is_some());
    let mut out: String = records.map(|one| record::human(one, shell.style) + "\n").collect();
    if out.is_empty() {
        out.push_str("The store holds no objects.\n");
    }
    let outputs = output::resolve(snapshot);
    if !outputs.is_empty() {
        out.push_str(&format!("\nOutputs:\n\n{}", output::lines(&outputs)));
    }
    out
}

/// The shape of `terraform show -json`, with what is `cap`'s own under `cap`.
fn document(snapshot: &Snapshot) -> Json {
    let records = snapshot.state.records.values().filter(|record| record.spec.is_some());
    let resources = records.map(|one| {
        let mut out = json_plan::resource(&one.address, one.spec.as_deref());
        out["depends_on"] = json!(one.depends_on);
        out["cap"] = json!({ "facts": one.facts, "trouble": one.trouble, "revision": one.revision });
        (&one.address, out)
    });
    json!({
        "format_version": "1.0",
        "terraform_version": env!("CARGO_PKG_VERSION"),
        "values": {
            "outputs": output::document(&output::resolve(snapshot)),
            "root_module": json_plan::root_module(resources),
        },
    })
}
