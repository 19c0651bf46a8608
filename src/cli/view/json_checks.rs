//! What became of conditions, for programs: in the shape of `checks` in `terraform show -json PLAN`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value as Json, json};

use crate::address::{Key, ResourceAddress};
use crate::diagnostic::{Diagnostic, codes};

/// One element for each block, with its instances. `failures` are among the reports of the plan: of all conditions only
/// those of checks let it be saved; `later` names what has conditions that are known after apply.
pub fn checks<'d>(
    guarded: &BTreeSet<ResourceAddress>,
    failures: impl Iterator<Item = &'d Diagnostic>,
    later: &HashSet<String>,
) -> Vec<Json> {
    let mut problems: HashMap<&str, Vec<&str>> = HashMap::new();
    for one in failures.filter(|one| *one.code == codes::language::CHECK) {
        if let Some(address) = &one.address {
            problems.entry(address).or_default().push(&one.detail);
        }
    }
    // By what is shown of them, as there.
    let mut blocks: BTreeMap<String, Vec<(&ResourceAddress, Status)>> = BTreeMap::new();
    for one in guarded {
        let name = one.to_string();
        let status = match (problems.remove(&*name), later.contains(&name)) {
            (Some(problems), _) => Status::Fail(problems),
            (None, true) => Status::Unknown,
            (None, false) => Status::Pass,
        };
        blocks.entry(block(one).to_string()).or_default().push((one, status));
    }
    blocks.into_values().map(|instances| check(&instances)).collect()
}

/// What the conditions of one object came to; the worst is the greatest.
enum Status<'d> {
    Pass,
    Unknown,
    Fail(Vec<&'d str>),
}

impl Status<'_> {
    fn rank(&self) -> (u8, &'static str) {
        match self {
            Self::Pass => (0, "pass"),
            Self::Unknown => (1, "unknown"),
            Self::Fail(_) => (2, "fail"),
        }
    }
}

/// The block as it is written: without the keys of its own instance and of those of its modules.
fn block(address: &ResourceAddress) -> ResourceAddress {
    let module = address.module.iter().map(|step| crate::address::ModuleStep { key: None, ..step.clone() }).collect();
    ResourceAddress { module, ..address.block() }
}

fn check(instances: &[(&ResourceAddress, Status<'_>)]) -> Json {
    let worst = instances.iter().map(|(_, status)| status.rank()).max().unwrap_or((0, "pass"));
    let block = block(instances[0].0);
    let mut address = match &*block.kind {
        kind @ ("var" | "check") => json!({ "kind": kind, "name": block.name }),
        "output" => json!({ "kind": "output_value", "name": block.name }),
        kind => json!({ "kind": "resource", "mode": "managed", "type": kind, "name": block.name }),
    };
    place(&mut address, &block);
    let instances: Vec<Json> = instances.iter().map(|(address, status)| instance(address, status)).collect();
    json!({ "address": address, "status": worst.1, "instances": instances })
}

fn instance(address: &ResourceAddress, status: &Status<'_>) -> Json {
    let mut shown = json!({});
    place(&mut shown, address);
    match &address.key {
        Some(Key::Index(at)) => shown["instance_key"] = json!(at),
        Some(Key::Name(name)) => shown["instance_key"] = json!(name),
        None => {}
    }
    let mut out = json!({ "address": shown, "status": status.rank().1 });
    if let Status::Fail(problems) = status {
        out["problems"] = problems.iter().map(|message| json!({ "message": message })).collect();
    }
    out
}

/// Which module it is in, and the whole address.
fn place(out: &mut Json, address: &ResourceAddress) {
    let module: Vec<String> = address.module.iter().map(ToString::to_string).collect();
    if !module.is_empty() {
        out["module"] = json!(module.join("."));
    }
    out["to_display"] = json!(address.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_as_bad_as_its_worst_instance() {
        let addresses = ["zone.z[0]", "zone.z[1]", "module.m[\"k\"].check.c", "output.o", "var.v"];
        let guarded = addresses.iter().map(|text| match text.parse() {
            Ok(crate::address::Address::Resource(address)) => address,
            other => panic!("{text}: {other:?}"),
        });
        let failure = Diagnostic::warning(&codes::language::CHECK, "It is bad.").about("module.m[\"k\"].check.c");
        let found = checks(&guarded.collect(), [&failure].into_iter(), &HashSet::from(["zone.z[1]".to_owned()]));
        assert_eq!(
            found,
            [
                json!({
                    "address": { "kind": "check", "name": "c", "module": "module.m", "to_display": "module.m.check.c" },
                    "status": "fail",
                    "instances": [{
                        "address": { "module": "module.m[\"k\"]", "to_display": "module.m[\"k\"].check.c" },
                        "status": "fail",
                        "problems": [{ "message": "It is bad." }],
                    }],
                }),
                json!({
                    "address": { "kind": "output_value", "name": "o", "to_display": "output.o" },
                    "status": "pass",
                    "instances": [{ "address": { "to_display": "output.o" }, "status": "pass" }],
                }),
                json!({
                    "address": { "kind": "var", "name": "v", "to_display": "var.v" },
                    "status": "pass",
                    "instances": [{ "address": { "to_display": "var.v" }, "status": "pass" }],
                }),
                json!({
                    "address": { "kind": "resource", "mode": "managed", "type": "zone", "name": "z", "to_display": "zone.z" },
                    "status": "unknown",
                    "instances": [
                        { "address": { "instance_key": 0, "to_display": "zone.z[0]" }, "status": "pass" },
                        { "address": { "instance_key": 1, "to_display": "zone.z[1]" }, "status": "unknown" },
                    ],
                }),
            ]
        );
    }
}
