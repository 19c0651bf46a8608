//! Knot DNS as a primary that takes signed updates: a second implementation of both, unrelated to BIND.

use std::time::Duration;

use base64::Engine as _;
use serde_json::json;

use super::{Outcome, Peer, Running, Scratch, bind, free_port, report, wait_until};

/// A server with one zone and the key `cap.`, which may update it.
pub struct Knot {
    _running: Running,
    _scratch: Scratch,
    port: u16,
}

impl Knot {
    /// Starts one that is primary for `zone`, or reports that it did not run.
    pub fn start(zone: &str) -> Option<Self> {
        let knotd = Peer::find_or_report("knotd")?;
        report("knotd", &Outcome::Ran { version: knotd.version(&["-V"]) });
        let (scratch, port) = (Scratch::new("knot"), free_port());
        let here = scratch.join("");
        // Without its database the server starts, and answers SERVFAIL to updates.
        std::fs::create_dir_all(scratch.join("db")).expect("a folder");
        std::fs::create_dir_all(scratch.join("z")).expect("a folder");
        let records =
            format!("$TTL 60\n@ SOA ns.{zone}. h.{zone}. 1 3600 600 86400 60\n@ NS ns.{zone}.\nns A 127.0.0.1\n");
        std::fs::write(scratch.join("z/zone"), records).expect("a zone file");
        std::fs::write(scratch.join("knot.conf"), configuration(&here.to_string_lossy(), port, zone)).expect("a file");
        let mut running = Running::start("knotd", knotd.command().arg("-c").arg(scratch.join("knot.conf")), &scratch);
        wait_until("the zone", Duration::from_secs(20), &mut running, || bind::serves(port, zone));
        Some(Self { _running: running, _scratch: scratch, port })
    }

    /// The spec of a `dns_credential` for it; the secret is the variable `TSIG` of the environment.
    pub fn credential(&self) -> serde_json::Map<String, serde_json::Value> {
        let server = format!("127.0.0.1:{}", self.port);
        let spec = json!({
            "provider": "rfc2136",
            "server": server,
            "key_name": "cap",
            "key_secret": {"$secret": {"env": "TSIG"}},
            "name_servers": [server],
        });
        spec.as_object().cloned().unwrap_or_default()
    }

    /// The secret of the key, base64.
    pub fn secret(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode([7; 32])
    }

    /// The TXT values at a name, sorted, as the server answers them now.
    pub fn texts(&self, name: &str) -> Vec<String> {
        bind::texts(self.port, name)
    }
}

fn configuration(here: &str, port: u16, zone: &str) -> String {
    let secret = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    format!(
        "server:\n    rundir: \"{here}\"\n    listen: 127.0.0.1@{port}\ndatabase:\n    storage: \"{here}/db\"\n\
         key:\n  - id: cap\n    algorithm: hmac-sha256\n    secret: {secret}\n\
         acl:\n  - id: upd\n    key: cap\n    action: update\n\
         zone:\n  - domain: {zone}\n    storage: \"{here}/z\"\n    file: zone\n    acl: upd\n"
    )
}
