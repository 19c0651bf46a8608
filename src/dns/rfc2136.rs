//! The provider `rfc2136`: dynamic updates (RFC 2136) signed with a shared key (TSIG, RFC 8945), as BIND, Knot, PowerDNS
//! and Windows take them.
//!
//! ```hcl
//! dns_credential "bind" {
//!   provider   = "rfc2136"
//!   server     = "ns1.example.com:53"
//!   key_name   = "cap.example.com"
//!   key_secret = secret_env("TSIG_SECRET")
//! }
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use hickory_proto::op::{Message, ResponseCode, update_message};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::{TsigAlgorithm, TsigError};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordSet, RecordType, TSigner};

use super::credential::{Provider, fault as note};
use super::{fault, wire};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, optional};
use crate::eval::types::Type;
use crate::eval::value::{SecretRef, Value};
use crate::job::ErrorClass;
use crate::ports::dns::{DnsProvider, TxtRecord};
use crate::ports::secrets::Secrets;
use crate::ports::{PortError, PortResult};
use crate::state::Spec;
use crate::time::Timestamp;

/// Its registration.
pub static PROVIDER: Provider =
    Provider { name: "rfc2136", needs: &["server", "key_name", "key_secret"], arguments, check };

/// Algorithms of TSIG that are still worth using (RFC 8945 section 6).
const ALGORITHMS: &[&str] = &["hmac-sha256", "hmac-sha384", "hmac-sha512"];

fn arguments() -> Vec<AttributeSchema> {
    vec![
        optional(
            "server",
            Type::String,
            "rfc2136: the server that takes updates, as host:port; the zone's primary, port 53 where none is given.",
        ),
        optional("key_name", Type::String, "rfc2136: name of the TSIG key, as the server knows it."),
        optional("key_secret", Type::Secret, "rfc2136: the TSIG key in base64, as tsig-keygen prints it."),
        optional("key_algorithm", Type::String, "rfc2136: algorithm of the TSIG key; hmac-sha256 when left out.")
            .one_of(ALGORITHMS),
        optional("ttl", Type::Number, "rfc2136: time to live of the records, in seconds; 60 when left out."),
        optional("timeout", Type::String, "rfc2136: longest time an update may take; 10s when left out."),
    ]
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    if let Some(Err(why)) = instance.get("server").and_then(Value::as_str).map(super::server) {
        note(instance, "server", why, faults);
    }
    if let Some(Err(why)) = instance.get("timeout").and_then(Value::as_str).map(timeout) {
        note(instance, "timeout", why, faults);
    }
    let ttl = instance.get("ttl").and_then(Value::as_number).map(|ttl| ttl.to_i64());
    if ttl.is_some_and(|ttl| !ttl.is_some_and(|ttl| (1..=86_400).contains(&ttl))) {
        note(instance, "ttl", "it must lie between 1 and 86400 seconds", faults);
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    let span: crate::time::Duration = text.parse().map_err(|error: crate::time::TimeError| error.to_string())?;
    match span.millis() {
        1.. => Ok(span.to_std()),
        _ => Err("it must be longer than nothing".to_owned()),
    }
}

/// Seconds by which the clocks may differ (RFC 8945 section 10 recommends this).
const FUDGE: u16 = 300;

/// A server that takes updates, with a key.
pub struct Rfc2136 {
    server: (String, u16),
    signer: TSigner,
    ttl: u32,
    timeout: Duration,
    line: wire::Line,
}

/// One server with one key. The secret is resolved here and stays inside.
///
/// # Errors
/// `Rejected` for a configuration that cannot be used, and whatever `secrets` says.
pub async fn connect(spec: &Spec, secrets: &dyn Secrets) -> PortResult<Arc<dyn DnsProvider>> {
    let text = |name: &str| spec.get(name).and_then(serde_json::Value::as_str);
    let needed = |name: &str| text(name).ok_or_else(|| fault(ErrorClass::Rejected, format!("{name} must be given")));
    let rejected = |name: &str| {
        let name = name.to_owned();
        move |why: String| fault(ErrorClass::Rejected, format!("{name}: {why}"))
    };
    let server = super::server(needed("server")?).map_err(rejected("server"))?;
    let algorithm = TsigAlgorithm::from_name(unrooted(text("key_algorithm").unwrap_or("hmac-sha256"))?);
    let key = key(spec, secrets).await?;
    let signer = TSigner::new(key, algorithm, wire::name(needed("key_name")?)?, FUDGE)
        .map_err(|error| rejected("key_algorithm")(error.to_string()))?;
    let ttl = spec.get("ttl").and_then(serde_json::Value::as_u64).and_then(|ttl| u32::try_from(ttl).ok());
    let timeout = timeout(text("timeout").unwrap_or("10s")).map_err(rejected("timeout"))?;
    Ok(Arc::new(Rfc2136 { server, signer, ttl: ttl.unwrap_or(60), timeout, line: wire::Line::default() }))
}

/// A name as the crate compares algorithms: without its final dot.
fn unrooted(text: &str) -> PortResult<Name> {
    let mut name = wire::name(text)?;
    name.set_fqdn(false);
    Ok(name)
}

async fn key(spec: &Spec, secrets: &dyn Secrets) -> PortResult<Vec<u8>> {
    let reference = spec.get("key_secret").and_then(|json| json.get("$secret")).cloned();
    let reference: Option<SecretRef> = reference.and_then(|json| serde_json::from_value(json).ok());
    let reference = reference.ok_or_else(|| fault(ErrorClass::Rejected, "key_secret must be given"))?;
    let text = secrets.resolve(&reference).await?;
    let trimmed = text.trim_ascii();
    let key = base64::engine::general_purpose::STANDARD.decode(trimmed);
    key.map_err(|_| {
        let error = fault(ErrorClass::Unauthorized, "key_secret is not base64");
        error.remedy("give the secret as tsig-keygen prints it, without the quotes around it")
    })
}

#[async_trait]
impl DnsProvider for Rfc2136 {
    async fn present(&self, record: &TxtRecord) -> PortResult<()> {
        let (zone, set) = self.record(record)?;
        self.update(record, update_message::append(set, zone, false, false)).await
    }

    async fn retract(&self, record: &TxtRecord) -> PortResult<()> {
        let (zone, set) = self.record(record)?;
        self.update(record, update_message::delete_by_rdata(set, zone, false)).await
    }
}

impl Rfc2136 {
    /// The zone, and the set that holds exactly this value.
    fn record(&self, record: &TxtRecord) -> PortResult<(Name, RecordSet)> {
        let (zone, name) = (wire::name(&record.zone)?, wire::name(&record.name)?);
        if !zone.zone_of(&name) {
            let what = format!("{} does not lie in the zone {}", record.name, record.zone);
            return Err(fault(ErrorClass::Rejected, what));
        }
        // A character string holds 255 bytes at most (RFC 1035 section 3.3.14).
        let parts = record.value.as_bytes().chunks(255).collect();
        let mut set = RecordSet::with_ttl(name.clone(), RecordType::TXT, self.ttl);
        let mut one = Record::from_rdata(name, self.ttl, RData::TXT(TXT::from_bytes(parts)));
        one.dns_class = DNSClass::IN;
        set.insert(one, 0);
        Ok((zone, set))
    }

    async fn update(&self, record: &TxtRecord, message: Message) -> PortResult<()> {
        let (host, port) = &self.server;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await;
        let unreachable = |why: &dyn std::fmt::Display| {
            let error = fault(ErrorClass::Transient, format!("the name server {host}:{port} cannot be reached: {why}"));
            error.remedy("see that it runs, and that updates by TCP are let through to it")
        };
        let mut last = unreachable(&"its name has no address");
        for address in found.map_err(|error| unreachable(&error))? {
            match self.exchange(address, message.clone()).await {
                Ok(Reply::Done) => return Ok(()),
                Ok(Reply::Refused(code, tsig)) => return Err(refusal(record, address, code, tsig)),
                Err(Trouble::Local(error)) => return Err(error),
                Err(Trouble::Network(error)) => last = unreachable(&error),
            }
        }
        Err(last)
    }

    /// One signed exchange. TCP from the start: it takes one more round trip, and none where the connection is still there,
    /// and is neither truncated nor spoofed.
    async fn exchange(&self, address: SocketAddr, mut message: Message) -> Result<Reply, Trouble> {
        let bug = |error: &dyn std::fmt::Display| {
            Trouble::Local(fault(ErrorClass::Bug, format!("cannot sign an update: {error}")))
        };
        message.metadata.id = wire::fresh_id().map_err(|error| bug(&error))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| bug(&error))?.as_secs();
        let verifier = message.finalize(&self.signer, now).map_err(|error| bug(&error))?;
        let bytes = message.to_vec().map_err(|error| bug(&error))?;
        let answer = self.line.send(address, &bytes, self.timeout).await.map_err(Trouble::Network)?;
        let garbled =
            |why: &str| Trouble::Network(std::io::Error::other(format!("its answer is not to be believed: {why}")));
        let read = Message::from_vec(&answer).map_err(|error| garbled(&error.to_string()))?;
        if !wire::answers(&message, &read) {
            return Err(garbled("it answers another question"));
        }
        tracing::debug!(server = %address, answer = %read.response_code, "asked for an update");
        if read.response_code != ResponseCode::NoError {
            return Ok(Reply::Refused(read.response_code, TsigFault::of(&read)));
        }
        let mut verifier = verifier.ok_or_else(|| bug(&"no verifier"))?;
        verifier.verify(&answer).map_err(|error| garbled(&format!("its signature: {error}")))?;
        Ok(Reply::Done)
    }
}

enum Reply {
    Done,
    Refused(ResponseCode, Option<TsigFault>),
}

enum Trouble {
    /// Nothing was sent.
    Local(PortError),
    /// It may have been carried out or not; both are repeatable.
    Network(std::io::Error),
}

/// What the server says of the signature (RFC 8945 section 3).
struct TsigFault {
    error: TsigError,
    /// The server's clock, in seconds since the epoch, where the fault is the time.
    clock: Option<u64>,
}

impl TsigFault {
    fn of(answer: &Message) -> Option<Self> {
        let tsig = &answer.signature()?.data;
        let clock = <[u8; 6]>::try_from(tsig.other.as_slice()).ok();
        let clock = clock.map(|bytes| bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)));
        Some(Self { error: tsig.error?, clock })
    }
}

/// What a server's refusal means, and what to do about it.
fn refusal(record: &TxtRecord, server: SocketAddr, code: ResponseCode, tsig: Option<TsigFault>) -> PortError {
    let (zone, name) = (&record.zone, &record.name);
    let (class, what, remedy) = match (code, tsig) {
        (_, Some(TsigFault { error: TsigError::BadTime, clock })) => return clocks(server, clock),
        (_, Some(TsigFault { error: TsigError::BadKey, .. })) => (
            ErrorClass::Unauthorized,
            "does not know the key (BADKEY)".to_owned(),
            "compare key_name and key_algorithm with the key in the server's configuration".to_owned(),
        ),
        (_, Some(TsigFault { error: TsigError::BadSig, .. })) => (
            ErrorClass::Unauthorized,
            "does not accept the signature (BADSIG)".to_owned(),
            "compare key_secret with the key in the server's configuration".to_owned(),
        ),
        (ResponseCode::NotAuth, None) => (
            ErrorClass::Rejected,
            format!("is not authoritative for the zone {zone} (NOTAUTH)"),
            format!("name the primary server of {zone} in server, or correct the zone's apex"),
        ),
        (ResponseCode::NotAuth | ResponseCode::Refused, _) => (
            ErrorClass::Unauthorized,
            format!("refuses to update {name} ({code})"),
            format!(
                "allow the key to update TXT records there; for BIND: update-policy {{ grant KEY subdomain {zone}. TXT; }};"
            ),
        ),
        (ResponseCode::NotZone, _) => (
            ErrorClass::Rejected,
            format!("says that {name} does not lie in {zone} (NOTZONE)"),
            "correct the apex of the zone".to_owned(),
        ),
        (ResponseCode::NotImp, _) => (
            ErrorClass::Rejected,
            "does not take dynamic updates (NOTIMP)".to_owned(),
            "use a server that implements RFC 2136, or another provider".to_owned(),
        ),
        (ResponseCode::FormErr, _) => (
            ErrorClass::Bug,
            "does not understand the update (FORMERR)".to_owned(),
            "report this with the server's name and version".to_owned(),
        ),
        (code, _) => (
            ErrorClass::Transient,
            format!("failed to update {name} ({code})"),
            "see the server's log; a zone whose files it cannot write answers like this".to_owned(),
        ),
    };
    fault(class, format!("the name server {server} {what}")).remedy(remedy)
}

fn clocks(server: SocketAddr, theirs: Option<u64>) -> PortError {
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let show =
        |seconds: u64| Timestamp::from_millis(i64::try_from(seconds).unwrap_or(0).saturating_mul(1000)).to_string();
    let theirs = theirs.map_or_else(|| "another time".to_owned(), show);
    let what = format!(
        "the name server {server} refuses the time of the signature (BADTIME): its clock shows {theirs}, this one {}",
        show(ours)
    );
    fault(ErrorClass::Rejected, what).remedy("set the clock that is wrong; they may differ by five minutes")
}
