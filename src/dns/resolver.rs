//! Whether a challenge is visible: every address of every server that is authoritative for the zone is asked for it.
//!
//! Recursive resolvers are asked for names and addresses of those servers only, never for the challenge itself: what they
//! were told too early they would repeat from their caches for as long as the zone's negative time to live.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::{fault, wire};
use crate::job::ErrorClass;
use crate::ports::dns::{Resolver, TxtRecord, Visibility};
use crate::ports::{PortError, PortResult};
use crate::state::Spec;

/// Limit on one question; a lost datagram is sent once more, then TCP is tried.
const QUESTION: Duration = Duration::from_secs(2);
/// Payload by UDP that is offered: passes every path without fragments (DNS flag day 2020).
const PAYLOAD: u16 = 1232;
/// Addresses that are asked at most: far above the thirteen names that fit a zone's NS set in practice.
const ADDRESSES: usize = 64;

/// Asks authoritative servers.
pub struct Authoritative {
    servers: Servers,
}

/// Where the authoritative servers are known from.
enum Servers {
    /// The configuration names them.
    Given(Vec<(String, u16)>),
    /// NS records name them: asked of these resolvers; the servers answer on this port.
    Delegated(Vec<SocketAddr>, u16),
}

/// One server with its addresses.
#[derive(Debug)]
struct Server {
    name: String,
    addresses: Vec<SocketAddr>,
}

impl Authoritative {
    /// As a `dns_credential` says; without `name_servers`, with the resolvers of `/etc/resolv.conf`.
    ///
    /// # Errors
    /// `Rejected` when a server is not written as host:port.
    pub fn from_spec(spec: &Spec) -> PortResult<Self> {
        let given =
            spec.get("name_servers").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if given.is_empty() {
            let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            return Ok(Self::delegated(resolvers(&text), 53));
        }
        let read =
            |text: &str| super::server(text).map_err(|why| fault(ErrorClass::Rejected, format!("name_servers: {why}")));
        let servers = given.iter().filter_map(serde_json::Value::as_str).map(read).collect::<PortResult<_>>()?;
        Ok(Self { servers: Servers::Given(servers) })
    }

    /// Finds the servers of each zone by its NS records, through these resolvers; the servers answer on `port`.
    pub fn delegated(resolvers: Vec<SocketAddr>, port: u16) -> Self {
        Self { servers: Servers::Delegated(resolvers, port) }
    }

    async fn servers(&self, zone: &str) -> PortResult<Vec<Server>> {
        match &self.servers {
            Servers::Given(servers) => {
                join_all(servers.iter().map(|(host, port)| given(host, *port))).await.into_iter().collect()
            }
            Servers::Delegated(resolvers, port) => delegated(resolvers, *port, zone).await,
        }
    }
}

/// The `nameserver` lines of resolv.conf; this machine when there is none (resolv.conf(5)).
fn resolvers(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok());
    let found: Vec<SocketAddr> = addresses.map(|address| SocketAddr::new(address, 53)).collect();
    if found.is_empty() { vec![SocketAddr::from(([127, 0, 0, 1], 53))] } else { found }
}

async fn given(host: &str, port: u16) -> PortResult<Server> {
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| fault(ErrorClass::Transient, format!("name_servers: {host} cannot be resolved: {error}")))?;
    Ok(Server { name: format!("{host}:{port}"), addresses: found.collect() })
}

/// The servers that a zone's NS records name.
async fn delegated(resolvers: &[SocketAddr], port: u16, zone: &str) -> PortResult<Vec<Server>> {
    let answer = ask_any(resolvers, &wire::name(zone)?, RecordType::NS).await?;
    let names: Vec<Name> = answer
        .answers
        .iter()
        .filter_map(|record| if let RData::NS(ns) = &record.data { Some(ns.0.clone()) } else { None })
        .collect();
    if names.is_empty() {
        let error = fault(ErrorClass::Rejected, format!("{zone} has no NS records ({})", answer.response_code));
        return Err(error.remedy("correct the zone's apex, or list its servers in name_servers of the credential"));
    }
    let servers = names.iter().map(|name| async move {
        let both = [RecordType::A, RecordType::AAAA].map(|kind| ask_any(resolvers, name, kind));
        let mut addresses = Vec::new();
        for answer in join_all(both).await {
            addresses.extend(answer?.answers.iter().filter_map(|record| address(&record.data)));
        }
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        Ok(Server { name: name.to_ascii().trim_end_matches('.').to_owned(), addresses })
    });
    join_all(servers).await.into_iter().collect()
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}

/// Asks recursive resolvers, one after the other, until one answers.
async fn ask_any(resolvers: &[SocketAddr], name: &Name, kind: RecordType) -> PortResult<Message> {
    let mut troubles = Vec::new();
    for resolver in resolvers {
        match ask(*resolver, name, kind, true).await {
            Ok(answer) if matches!(answer.response_code, ResponseCode::NoError | ResponseCode::NXDomain) => {
                return Ok(answer);
            }
            Ok(answer) => troubles.push(format!("{resolver} answers {}", answer.response_code)),
            Err(error) => troubles.push(format!("{resolver}: {error}")),
        }
    }
    let what = format!("no resolver knows the {kind} records of {name}: {}", troubles.join("; "));
    Err(fault(ErrorClass::Transient, what)
        .remedy("see the resolvers in /etc/resolv.conf, or list the zone's servers in name_servers of the credential"))
}

/// One question to one server: by UDP, twice, and by TCP when that is not answered or does not fit.
async fn ask(server: SocketAddr, name: &Name, kind: RecordType, recursive: bool) -> std::io::Result<Message> {
    let mut question = Message::query();
    question.metadata.id = wire::fresh_id()?;
    question.metadata.recursion_desired = recursive;
    question.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    question.set_edns(edns);
    let bytes = question.to_vec().map_err(std::io::Error::other)?;
    for _ in 0..2 {
        match wire::udp(server, &question, &bytes, QUESTION).await {
            Ok(answer) if !answer.truncation => return Ok(answer),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
            _ => break,
        }
    }
    let answer = Message::from_vec(&wire::tcp(server, &bytes, QUESTION).await?).map_err(std::io::Error::other)?;
    match wire::answers(&question, &answer) {
        true => Ok(answer),
        false => Err(std::io::Error::other("it answers another question")),
    }
}

#[async_trait]
impl Resolver for Authoritative {
    async fn visible(&self, record: &TxtRecord) -> PortResult<Visibility> {
        let name = wire::name(&record.name)?;
        let servers = self.servers(&record.zone).await?;
        if servers.iter().map(|server| server.addresses.len()).sum::<usize>() > ADDRESSES {
            let what = format!("{} has more than {ADDRESSES} addresses of name servers", record.zone);
            return Err(fault(ErrorClass::Rejected, what).remedy("list those to ask in name_servers of the credential"));
        }
        let all = join_all(servers.iter().map(|server| look(server, &name, &record.value))).await;
        let missing: Vec<String> = all.into_iter().collect::<PortResult<Vec<_>>>()?.concat();
        Ok(if missing.is_empty() { Visibility::Everywhere } else { Visibility::Missing(missing) })
    }
}

/// Asks one server at every address, and says where the value is not seen.
async fn look(server: &Server, name: &Name, value: &str) -> PortResult<Vec<String>> {
    if server.addresses.is_empty() {
        return Ok(vec![format!("{}: it has no address", server.name)]);
    }
    let sights = join_all(server.addresses.iter().map(|address| async move {
        let answer = ask(*address, name, RecordType::TXT, false).await;
        (*address, judge(name, value, answer))
    }))
    .await;
    // A machine without IPv6 cannot ask there and is no proof of anything, as long as the server could be asked at all.
    let asked = |sight: &Sight| !matches!(sight, Sight::NoRoute);
    let any_asked = sights.iter().any(|(_, sight)| asked(sight));
    let mut missing = Vec::new();
    for (address, sight) in sights {
        match sight {
            Sight::There => {}
            Sight::NoRoute if any_asked => {}
            Sight::NoRoute => missing.push(format!("{} ({address}): there is no route to it", server.name)),
            Sight::Missing(why) => missing.push(format!("{} ({address}): {why}", server.name)),
            Sight::Alias(to) => return Err(alias(name, &to)),
        }
    }
    Ok(missing)
}

/// What one address shows.
#[derive(Debug, PartialEq)]
enum Sight {
    There,
    Missing(String),
    /// The name is an alias of this one.
    Alias(String),
    NoRoute,
}

fn judge(name: &Name, value: &str, answer: std::io::Result<Message>) -> Sight {
    use std::io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkUnreachable};
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if matches!(error.kind(), AddrNotAvailable | HostUnreachable | NetworkUnreachable) => {
            return Sight::NoRoute;
        }
        Err(error) => return Sight::Missing(error.to_string()),
    };
    let own = || answer.answers.iter().filter(|record| record.name == *name);
    if let Some(to) =
        own().find_map(|record| if let RData::CNAME(to) = &record.data { Some(to.0.to_ascii()) } else { None })
    {
        return Sight::Alias(to.trim_end_matches('.').to_owned());
    }
    let texts: Vec<Vec<u8>> = own()
        .filter_map(|record| if let RData::TXT(text) = &record.data { Some(text.txt_data.concat()) } else { None })
        .collect();
    match (answer.response_code, texts.len()) {
        (ResponseCode::NoError, _) if texts.iter().any(|text| text == value.as_bytes()) => Sight::There,
        (ResponseCode::NoError | ResponseCode::NXDomain, _) if !answer.authoritative => {
            Sight::Missing("it is not authoritative for the zone".to_owned())
        }
        (ResponseCode::NoError | ResponseCode::NXDomain, 0) => Sight::Missing("it has no such record yet".to_owned()),
        (ResponseCode::NoError, others) => {
            Sight::Missing(format!("it has {others} other values there, not yet this one"))
        }
        (code, _) => Sight::Missing(format!("it answers {code}")),
    }
}

fn alias(name: &Name, to: &str) -> PortError {
    let name = name.to_ascii();
    let name = name.trim_end_matches('.');
    let what = format!(
        "{name} is an alias (CNAME) of {to}, so a CA looks for the challenge there, and publishing it there is not supported yet"
    );
    fault(ErrorClass::Rejected, what).remedy(format!("remove the CNAME record at {name}"))
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{MessageType, OpCode};
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::{CNAME, TXT};

    use super::*;

    fn check(code: ResponseCode, authoritative: bool, records: &[(&str, RData)], expected: &Sight) {
        let name = |text: &str| wire::name(text).expect("a name");
        let mut answer = Message::new(1, MessageType::Response, OpCode::Query);
        answer.metadata.response_code = code;
        answer.metadata.authoritative = authoritative;
        for (owner, data) in records {
            answer.add_answer(Record::from_rdata(name(owner), 60, data.clone()));
        }
        assert_eq!(judge(&name("_acme-challenge.www.test"), "wanted", Ok(answer)), *expected);
    }

    #[test]
    fn answers_are_judged_by_what_they_hold() {
        let txt = |text: &str| RData::TXT(TXT::new(vec![text.to_owned()]));
        let own = "_acme-challenge.www.test";
        let missing = |why: &str| Sight::Missing(why.to_owned());
        check(ResponseCode::NoError, true, &[(own, txt("other")), (own, txt("wanted"))], &Sight::There);
        check(ResponseCode::NoError, true, &[("_ACME-challenge.WWW.test", txt("wanted"))], &Sight::There);
        check(
            ResponseCode::NoError,
            true,
            &[(own, txt("Wanted"))],
            &missing("it has 1 other values there, not yet this one"),
        );
        check(ResponseCode::NoError, true, &[("else.test", txt("wanted"))], &missing("it has no such record yet"));
        check(ResponseCode::NXDomain, true, &[], &missing("it has no such record yet"));
        check(ResponseCode::NoError, false, &[], &missing("it is not authoritative for the zone"));
        check(ResponseCode::Refused, false, &[], &missing("it answers Query Refused"));
        let alias = RData::CNAME(CNAME(wire::name("acme.test").expect("a name")));
        check(ResponseCode::NoError, true, &[(own, alias)], &Sight::Alias("acme.test".to_owned()));
    }

    #[test]
    fn resolvers_are_read_from_resolv_conf() {
        let text =
            "# a comment\nsearch example.com\nnameserver 192.0.2.1\nnameserver  2001:db8::1 # second\nnameserver x\n";
        let shown: Vec<String> = resolvers(text).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.0.2.1:53", "[2001:db8::1]:53"]);
        assert_eq!(resolvers("").len(), 1);
    }
}
