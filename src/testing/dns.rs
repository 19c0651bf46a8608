//! A DNS provider with zones in memory, each on several authoritative servers that can lag behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::job::ErrorClass;
use crate::ports::dns::{DnsProvider, Resolver, TxtRecord, Visibility};
use crate::ports::{PortError, PortResult};

/// TXT values by name.
type Content = BTreeMap<String, BTreeSet<String>>;

#[derive(Debug, Default)]
struct Server {
    name: String,
    content: Content,
    /// Looks during which it still answers with what it had.
    lag: usize,
}

#[derive(Debug, Default)]
struct Zone {
    /// What the provider was told.
    content: Content,
    servers: Vec<Server>,
}

/// The provider, its zones and their servers.
#[derive(Debug, Default)]
pub struct FakeDns {
    zones: Mutex<BTreeMap<String, Zone>>,
}

impl FakeDns {
    fn zones(&self) -> MutexGuard<'_, BTreeMap<String, Zone>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a zone that these servers answer for.
    pub fn add_zone(&self, apex: &str, servers: &[&str]) {
        let server = |name: &&str| Server { name: (*name).to_owned(), ..Server::default() };
        let zone = Zone { servers: servers.iter().map(server).collect(), ..Zone::default() };
        self.zones().insert(apex.to_owned(), zone);
    }

    /// Adds a zone unless it is there.
    pub fn know_zone(&self, apex: &str) {
        if !self.zones().contains_key(apex) {
            self.add_zone(apex, &["ns1", "ns2"]);
        }
    }

    /// Lets a server answer with what it has for that many looks more.
    pub fn lag(&self, apex: &str, server: &str, looks: usize) {
        if let Some(zone) = self.zones().get_mut(apex) {
            zone.servers.iter_mut().filter(|one| one.name == server).for_each(|one| one.lag = looks);
        }
    }

    /// All TXT values that stand in any zone, as `name value`.
    pub fn records(&self) -> Vec<String> {
        let zones = self.zones();
        let contents = zones.values().flat_map(|zone| &zone.content);
        contents.flat_map(|(name, values)| values.iter().map(move |value| format!("{name} {value}"))).collect()
    }

    /// The TXT values at a name, sorted.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let zones = self.zones();
        zones.values().filter_map(|zone| zone.content.get(name)).flatten().cloned().collect()
    }

    /// Whether every server of the zone that holds this name answers with this value now: what a CA sees.
    pub fn is_everywhere(&self, name: &str, value: &str) -> bool {
        let zones = self.zones();
        let zone = zones.iter().filter(|(apex, _)| is_within(name, apex)).max_by_key(|(apex, _)| apex.len());
        zone.is_some_and(|(_, zone)| zone.servers.iter().all(|server| holds(&server.content, name, value)))
    }

    fn change(&self, record: &TxtRecord, change: impl Fn(&mut Content)) -> PortResult<()> {
        let mut zones = self.zones();
        let zone = zones.get_mut(&record.zone).ok_or_else(|| no_zone(&record.zone))?;
        if !is_within(&record.name, &record.zone) {
            let message = format!("{} does not lie in zone {}", record.name, record.zone);
            return Err(PortError::new(ErrorClass::Rejected, message));
        }
        change(&mut zone.content);
        for server in zone.servers.iter_mut().filter(|server| server.lag == 0) {
            server.content.clone_from(&zone.content);
        }
        Ok(())
    }
}

fn is_within(name: &str, apex: &str) -> bool {
    name.strip_suffix(apex).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn holds(content: &Content, name: &str, value: &str) -> bool {
    content.get(name).is_some_and(|values| values.contains(value))
}

fn no_zone(apex: &str) -> PortError {
    PortError::new(ErrorClass::NotFound, format!("there is no zone {apex}"))
}

#[async_trait]
impl DnsProvider for FakeDns {
    async fn present(&self, record: &TxtRecord) -> PortResult<()> {
        self.change(record, |content| {
            content.entry(record.name.clone()).or_default().insert(record.value.clone());
        })
    }

    async fn retract(&self, record: &TxtRecord) -> PortResult<()> {
        self.change(record, |content| {
            if let Some(values) = content.get_mut(&record.name) {
                values.remove(&record.value);
            }
            content.retain(|_, values| !values.is_empty());
        })
    }
}

#[async_trait]
impl Resolver for FakeDns {
    async fn visible(&self, record: &TxtRecord) -> PortResult<Visibility> {
        let mut zones = self.zones();
        let zone = zones.get_mut(&record.zone).ok_or_else(|| no_zone(&record.zone))?;
        let mut missing = Vec::new();
        for server in &mut zone.servers {
            if !holds(&server.content, &record.name, &record.value) {
                missing.push(format!("{}: not there", server.name));
            }
            if server.lag > 0 {
                server.lag -= 1;
                if server.lag == 0 {
                    server.content.clone_from(&zone.content);
                }
            }
        }
        Ok(if missing.is_empty() { Visibility::Everywhere } else { Visibility::Missing(missing) })
    }
}
