//! BIND 9 as a primary that takes signed updates.

use std::net::UdpSocket;
use std::time::Duration;

use base64::Engine as _;
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use serde_json::json;

use super::{Outcome, Peer, Running, Scratch, free_port, report, wait_until};

/// A server with one zone and two keys: `cap.` may update TXT records of the zone, `idle.` may update nothing.
pub struct Bind {
    _running: Running,
    _scratch: Scratch,
    /// Where it answers, by UDP and TCP, on 127.0.0.1.
    pub port: u16,
    /// The secret of both keys, base64.
    pub secret: String,
}

impl Bind {
    /// Starts one that is primary for `zone`, or reports that it did not run. `records` are lines added to the zone.
    pub fn start(zone: &str, records: &str) -> Option<Self> {
        let named = Peer::find_or_report("named")?;
        report("named", &Outcome::Ran { version: named.version(&["-v"]) });
        let scratch = Scratch::new("bind");
        let (port, secret) = (free_port(), base64::engine::general_purpose::STANDARD.encode([7; 32]));
        let here = scratch.join("");
        let write = |name: &str, text: String| std::fs::write(scratch.join(name), text).expect("a file of the server");
        write("named.conf", configuration(&here.to_string_lossy(), port, zone, &secret));
        write("zone", zone_file(zone, records));
        let mut running =
            Running::start("named", named.command().args(["-g", "-4", "-c"]).arg(scratch.join("named.conf")), &scratch);
        wait_until("the zone", Duration::from_secs(20), &mut running, || serves(port, zone));
        Some(Self { _running: running, _scratch: scratch, port, secret })
    }

    /// Its address.
    pub fn server(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The spec of a `dns_credential` for it; the secret is the variable `TSIG` of the environment.
    pub fn credential(&self) -> serde_json::Map<String, serde_json::Value> {
        let spec = json!({
            "provider": "rfc2136",
            "server": self.server(),
            "key_name": "cap",
            "key_secret": {"$secret": {"env": "TSIG"}},
            "name_servers": [self.server()],
        });
        spec.as_object().cloned().unwrap_or_default()
    }

    /// The TXT values at a name, sorted, as the server answers them now.
    pub fn texts(&self, name: &str) -> Vec<String> {
        texts(self.port, name)
    }
}

fn configuration(here: &str, port: u16, zone: &str, secret: &str) -> String {
    let key = |name: &str| format!("key \"{name}\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n");
    format!(
        "{}{}options {{ directory \"{here}\"; pid-file \"{here}/named.pid\"; session-keyfile \"{here}/session.key\";\n  \
         listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n  \
         recursion no; dnssec-validation no; notify no; }};\ncontrols {{ }};\n\
         zone \"{zone}\" {{ type primary; file \"zone\"; update-policy {{ grant cap. subdomain {zone}. TXT; }}; }};\n",
        key("cap."),
        key("idle."),
    )
}

fn zone_file(zone: &str, records: &str) -> String {
    format!("$TTL 60\n@ SOA ns.{zone}. h.{zone}. 1 3600 600 86400 60\n@ NS ns.{zone}.\nns A 127.0.0.1\n{records}\n")
}

/// The TXT values at a name, sorted, as the server on a port of loopback answers them now.
pub fn texts(port: u16, name: &str) -> Vec<String> {
    let answer = ask(port, name, RecordType::TXT).expect("an answer");
    let text = |data: &RData| match data {
        RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
        _ => None,
    };
    let mut texts: Vec<String> = answer.answers.iter().filter_map(|record| text(&record.data)).collect();
    texts.sort();
    texts
}

/// Whether the server on a port of loopback has loaded a zone: it may listen before it has.
pub fn serves(port: u16, zone: &str) -> bool {
    ask(port, zone, RecordType::SOA).is_some_and(|answer| answer.authoritative && !answer.answers.is_empty())
}

fn ask(port: u16, name: &str, kind: RecordType) -> Option<Message> {
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii(format!("{name}.")).ok()?, kind));
    let socket = UdpSocket::bind(("127.0.0.1", 0)).ok()?;
    // Connected, so that a port nobody listens on is refused at once.
    socket.connect(("127.0.0.1", port)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    socket.send(&question.to_vec().ok()?).ok()?;
    let mut room = [0; 4096];
    let length = socket.recv(&mut room).ok()?;
    Message::from_vec(&room[..length]).ok()
}
