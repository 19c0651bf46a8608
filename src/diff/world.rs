//! A small world for tests: an estate from blocks, a state that follows from planning and predicting, and what refresh sees.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Options, diff};
use crate::address::Address;
use crate::diagnostic::Diagnostics;
use crate::job::JobId;
use crate::model::fixture::{self, Templates, reference};
use crate::model::{Estate, estate};
use crate::observed::{Observed, SlotContent};
use crate::plan::predict::apply;
use crate::plan::{Meta, Plan, make, predict, refused};
use crate::state::facts::Facts;
use crate::state::{Event, EventBody, Record, State};
use crate::time::{Duration, Timestamp};

/// Blocks of a configuration.
pub type Blocks = Vec<(&'static str, Json)>;

/// What should be, what was done, what is there, and the time.
#[derive(Clone)]
pub struct World {
    /// What should be.
    pub estate: Estate,
    /// What was done.
    pub state: State,
    /// What is there.
    pub observed: Observed,
    /// The time.
    pub now: Timestamp,
}

/// One line a resource and a record: what a failing property shows.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for resource in self.estate.resources.values() {
            let spec = Json::Object(resource.draft.spec.clone());
            writeln!(f, "wanted {} {:?} {spec}", resource.draft.address, resource.ignore)?;
        }
        for record in self.state.records.values() {
            writeln!(f, "record {}", serde_json::to_string(record).map_err(|_| std::fmt::Error)?)?;
        }
        writeln!(f, "{:?} {}", self.observed, self.now)
    }
}

/// An address from its text.
pub fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// An estate that covers every kind of work.
pub fn sample() -> Blocks {
    let certificate = |issuer: &str, name: &str| json!({"issuer": reference(issuer), "common_name": name, "sans": [], "targets": [reference("file_target.t")]});
    vec![
        ("project.p", json!({})),
        ("acme_account.le", json!({"email": "a@example.com", "directory": "https://one"})),
        ("private_ca.root", json!({"common_name": "Root", "note": "one"})),
        ("dns_credential.d", json!({"token": {"$secret": {"env": "T"}}})),
        ("zone.com", json!({"apex": "example.com", "credential": reference("dns_credential.d")})),
        ("file_target.t", json!({"directory": "/tls/${certificate.name}"})),
        ("certificate.a", certificate("acme_account.le", "a.example.com")),
        ("certificate.b", certificate("private_ca.root", "b.test")),
    ]
}

/// The estate that blocks make. They must be sound.
pub fn estate_of<S: AsRef<str>>(blocks: impl IntoIterator<Item = (S, Json)>) -> Estate {
    let kinds = fixture::kinds();
    let desired = fixture::desired(&kinds, blocks);
    let (estate, faults) = estate(&desired, &Templates::of(&desired), &kinds);
    assert!(!faults.has_errors(), "{faults:#?}");
    estate
}

impl World {
    /// Nothing done yet.
    pub fn new(blocks: Blocks) -> Self {
        Self::of(estate_of(blocks))
    }

    /// Nothing done yet for this estate.
    pub fn of(estate: Estate) -> Self {
        let mut world = Self {
            estate,
            state: State::default(),
            observed: Observed::default(),
            now: Timestamp::from_millis(1_800_000_000_000),
        };
        world.see_secrets("1");
        world
    }

    /// Everything done.
    pub fn applied(blocks: Blocks) -> Self {
        let mut world = Self::new(blocks);
        let plan = world.plan(&Options::default());
        world.carry_out(&plan);
        world
    }

    /// The same world with another configuration.
    pub fn with(&self, blocks: Blocks) -> Self {
        Self { estate: estate_of(blocks), ..self.clone() }
    }

    /// Every secret is looked behind, and is the reference with this mark.
    pub fn see_secrets(&mut self, mark: &str) {
        let digest = |reference: &_| crate::digest::Digest::of(format!("{reference:?} {mark}"));
        for (address, resource) in self.estate.resources.iter().filter(|(_, resource)| !resource.secrets.is_empty()) {
            let seen = resource.secrets.iter().map(|(path, reference)| (path.clone(), digest(reference)));
            self.observed.secrets.insert(address.clone(), seen.collect());
        }
    }

    /// Plans; faults are dropped.
    pub fn plan(&self, options: &Options) -> Plan {
        self.plan_and_faults(options).0
    }

    /// Plans.
    pub fn plan_and_faults(&self, options: &Options) -> (Plan, Diagnostics) {
        let (changes, mut faults) = diff(&self.estate, &self.state, &self.observed, self.now, options);
        let meta = Meta {
            cap_version: "test".to_owned(),
            store: "store".to_owned(),
            location: Default::default(),
            created_at: self.now,
            outputs: BTreeMap::new(),
        };
        let plan = make(changes, meta).expect("an order");
        faults.extend(refused(&plan.deferred, options, &self.estate));
        (plan, faults)
    }

    /// Makes what the plan predicts true.
    pub fn carry_out(&mut self, plan: &Plan) {
        for event in predict(plan, &self.state, self.now) {
            self.fold(&event);
        }
    }

    fn fold(&mut self, event: &Event) {
        apply(&mut self.state, event);
        if let Some(record) = self.state.records.get_mut(&event.address) {
            record.revision += 1;
        }
        match &event.body {
            EventBody::Installed { deployment } => {
                let content = SlotContent::Present { fingerprint: deployment.fingerprint, fault: None };
                self.observed.slots.insert(event.address.clone(), content);
            }
            EventBody::Undeployed => _ = self.observed.slots.remove(&event.address),
            _ => {}
        }
    }

    /// A job that works on these.
    pub fn claim(&mut self, addresses: &[&str]) -> JobId {
        let job = crate::job::RunId("r".to_owned()).job(1);
        for text in addresses {
            let record = self.state.records.entry(address(text)).or_insert_with(|| Record::new(address(text)));
            record.claim = Some(job.clone());
        }
        job
    }

    /// No job works on anything any more.
    pub fn release(&mut self) {
        self.state.records.retain(|_, record| record.claim.take().is_none() || record.last.is_some());
    }

    /// Lets time pass.
    pub fn days_later(mut self, days: i64) -> Self {
        self.now = self.now + Duration::from_days(days);
        self
    }

    /// The facts of a record, to change.
    pub fn facts(&mut self, text: &str) -> &mut Facts {
        &mut self.state.records.get_mut(&address(text)).expect("a record").facts
    }
}
