//! What would be recorded if every step of a plan went well: the other half of law 1, and what fakes make true.

use super::{Action, Plan, Step, Work};
use crate::address::Address;
use crate::digest::Digest;
use crate::job::{JobId, RunId, wanted};
use crate::state::facts::{AccountFacts, AuthorityFacts, CertificateVersion, DeploymentFacts, Facts, KeyId};
use crate::state::record::Draft;
use crate::state::{Event, EventBody, State, fold};
use crate::time::{Duration, Timestamp};

/// Events of a plan that is carried out wholly at `now`, in order. The plan must have been made from this state.
pub fn predict(plan: &Plan, state: &State, now: Timestamp) -> Vec<Event> {
    let mut prediction = Prediction { state: state.clone(), events: Vec::new(), now };
    // Another plan's events must not be taken for these: a record drops those of a job that it has seen.
    let run = RunId(format!("predicted-{}", Digest::of(super::file::encode(plan)).short()));
    for (at, step) in plan.steps.iter().enumerate() {
        prediction.step(step, &run.job(at + 1));
    }
    prediction.events
}

struct Prediction {
    state: State,
    events: Vec<Event>,
    now: Timestamp,
}

impl Prediction {
    fn step(&mut self, step: &Step, job: &JobId) {
        let bodies = match (&step.after, step.action) {
            (Some(draft), _) => self.made(step, draft),
            (None, Action::Forget) => vec![EventBody::Removed { forgotten: true }],
            (None, _) if step.work == Work::Undeploy => {
                vec![EventBody::Undeployed, EventBody::Removed { forgotten: false }]
            }
            (None, _) => vec![EventBody::Removed { forgotten: false }],
        };
        let moved = step.moved_from.iter().map(|from| EventBody::Moved { from: from.clone() });
        for (number, body) in (1..).zip(moved.chain(bodies)) {
            let (job, address) = (job.clone(), step.address.clone());
            let event = Event { job, number, at: self.now, actor: "prediction".to_owned(), address, body };
            apply(&mut self.state, &event);
            self.events.push(event);
        }
    }

    fn made(&self, step: &Step, draft: &Draft) -> Vec<EventBody> {
        if let Some(importing) = &step.importing {
            return imported(&importing.facts, draft);
        }
        let effect = match step.work {
            Work::Record | Work::Rewrap | Work::Undeploy => None,
            Work::Register => Some(EventBody::Registered { account: self.account(step) }),
            Work::Establish => Some(EventBody::Established { authority: self.authority(step) }),
            Work::Issue => {
                let version = Box::new(self.version(step, draft));
                Some(EventBody::Issued { version, reason: "predicted".to_owned() })
            }
            Work::Deploy => self.deployment(step).map(|deployment| EventBody::Installed { deployment }),
        };
        let recorded = EventBody::Recorded { draft: Box::new(draft.clone()) };
        effect.into_iter().chain([recorded]).collect()
    }

    /// What is known of an issuer that is only updated.
    fn known(&self, step: &Step) -> Option<&Facts> {
        let record = self.state.records.get(&step.address).filter(|_| step.action == Action::Update);
        record.map(|record| &record.facts)
    }

    fn account(&self, step: &Step) -> AccountFacts {
        if let Some(Facts::Account(known)) = self.known(step) {
            return known.clone();
        }
        AccountFacts {
            account_uri: format!("https://ca.invalid/account/{}/{}", step.address, self.now),
            directory: "https://ca.invalid/directory".to_owned(),
            key: KeyId(format!("{}/account", step.address)),
            thumbprint: Digest::of(step.address.to_string()).to_string(),
        }
    }

    fn authority(&self, step: &Step) -> AuthorityFacts {
        if let Some(Facts::Authority(known)) = self.known(step) {
            return known.clone();
        }
        AuthorityFacts {
            keys: vec![KeyId(format!("{}/root", step.address))],
            notes: Vec::new(),
            certificates: vec![format!("certificate of {}", step.address)],
            fingerprint: Digest::of(format!("{} {}", step.address, self.now)),
            not_after: self.now + Duration::from_days(3650),
        }
    }

    fn version(&self, step: &Step, draft: &Draft) -> CertificateVersion {
        let number = self.current(&step.address).map_or(1, |current| current.number + 1);
        let text = |name: &str| draft.spec.get(name).and_then(serde_json::Value::as_str);
        let life = text("lifetime").and_then(|text| text.parse().ok()).unwrap_or(Duration::from_days(90));
        let fingerprint = Digest::of(format!("{} {number} {}", step.address, self.now));
        let sans = draft.spec.get("sans").and_then(serde_json::Value::as_array).into_iter().flatten();
        CertificateVersion {
            number,
            fingerprint,
            spki: Digest::of(format!("key of {fingerprint}")),
            serial: fingerprint.short(),
            issuer: "CN=Prediction".to_owned(),
            issuer_id: wanted::reference(&draft.spec, "issuer")
                .and_then(|issuer| self.state.records.get(&issuer)?.facts.issuer_id()),
            not_before: self.now,
            not_after: self.now + life,
            names: crate::x509::normal_names(
                text("common_name").into_iter().chain(sans.filter_map(|name| name.as_str())),
            ),
            chain: String::new(),
            key: Some(KeyId(format!("{}/{number}", step.address))),
            issued_at: self.now,
        }
    }

    /// A deployment installs what its certificate is by then; nothing when there is no version.
    fn deployment(&self, step: &Step) -> Option<DeploymentFacts> {
        let Address::Deployment { certificate, .. } = &step.address else { return None };
        let current = self.current(&certificate.clone().into())?;
        Some(DeploymentFacts {
            version: current.number,
            fingerprint: current.fingerprint,
            slot: step.address.to_string(),
            installed_at: self.now,
            verified_at: None,
        })
    }

    fn current(&self, certificate: &Address) -> Option<&CertificateVersion> {
        match &self.state.records.get(certificate)?.facts {
            Facts::Certificate(facts) => facts.current(),
            _ => None,
        }
    }
}

/// What is recorded of an import with these facts.
pub fn imported(facts: &Facts, draft: &Draft) -> Vec<EventBody> {
    let effect = match facts {
        Facts::Certificate(facts) => facts.current().map(|version| {
            let version = Box::new(version.clone());
            EventBody::Issued { version, reason: "imported".to_owned() }
        }),
        Facts::Authority(authority) => Some(EventBody::Established { authority: authority.clone() }),
        Facts::Account(account) => Some(EventBody::Registered { account: account.clone() }),
        Facts::None | Facts::Deployment(_) => None,
    };
    let recorded = EventBody::Recorded { draft: Box::new(draft.clone()) };
    effect.into_iter().chain([recorded]).collect()
}

/// Folds one event into a state, as a store does.
pub fn apply(state: &mut State, event: &Event) {
    let from = match &event.body {
        EventBody::Moved { from } => from,
        _ => &event.address,
    };
    if let Some(record) = fold(state.records.remove(from), event) {
        state.records.insert(event.address.clone(), record);
    }
}
