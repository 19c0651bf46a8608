//! What a plan leaves to a later one: what an unfinished job works on, whatever would have to be ordered after it, and
//! whatever would take away what the job stands on. So nothing that is submitted waits for that job or works against it.
//!
//! The rest of a plan does not depend on it: a change is set apart with everything that needs it, and a move with everything
//! that refers to what moves, for whoever is left with the old address would not know it again.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Action;
use super::order::Order;
use super::places::Slots;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::diff::{self, Change, Changes, Options};
use crate::job::{Job, JobId, Machine};
use crate::model::Estate;
use crate::state::Record;
use crate::state::facts::Facts;
use crate::state::record::Spec;

/// What is left to a later plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deferred {
    /// What.
    pub address: Address,
    /// The job that has to come to its end first.
    pub job: JobId,
    /// What it waits for; absent where the job works on it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Address>,
    /// What would be done about it as things look meanwhile; absent where that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Its spec before; absent where it has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Spec>,
    /// Its spec after that; absent where it would go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Spec>,
    /// Where it is in the store and stays meanwhile, when it would move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Address>,
    /// For a deployment: whether what lies in the place that it would leave is to stay there, as `destroy = false` asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_old: bool,
}

impl Deferred {
    /// Where it is meanwhile.
    pub fn present(&self) -> &Address {
        self.moved_from.as_ref().unwrap_or(&self.address)
    }
}

/// Why a change is set apart.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    job: JobId,
    waits_for: Option<Address>,
}

/// The changes that are set apart, by their index.
pub(super) fn causes(changes: &Changes<'_>, order: &Order) -> BTreeMap<usize, Cause> {
    let claims = Claims::of(changes);
    if claims.own.is_empty() {
        return BTreeMap::new();
    }
    let all = changes.list.iter().enumerate();
    let mut found: BTreeMap<usize, Cause> =
        all.filter_map(|(at, change)| Some((at, claims.cause(changes, change)?))).collect();
    loop {
        let more = following(changes, order, &found);
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// Takes what is set apart out of the changes, by address.
pub(super) fn deferred(
    causes: BTreeMap<usize, Cause>,
    list: &mut [Option<Change<'_>>],
    moved: &BTreeMap<Address, Address>,
    keeps_old: impl Fn(&Change<'_>) -> bool,
) -> Vec<Deferred> {
    let one = |(at, Cause { job, waits_for }): (usize, Cause)| {
        let change = list[at].take()?;
        let (keeps_old, before) = (keeps_old(&change), change.before.cloned());
        let action = (!change.reasons.is_empty()).then_some(change.action);
        let after = match action {
            Some(_) => change.after.map(|draft| draft.into_owned().spec),
            None => before.clone(),
        };
        let address = change.address.clone();
        let moved_from = moved.get(&address).cloned();
        Some(Deferred { address, job, waits_for, action, before, after, moved_from, keeps_old })
    };
    let mut all: Vec<Deferred> = causes.into_iter().filter_map(one).collect();
    all.sort_by(|one, other| one.address.cmp(&other.address));
    all
}

/// Reports on what was asked for by name and is left to a later plan: whoever names something wants it done by this one.
pub fn refused(deferred: &[Deferred], options: &Options, estate: &Estate) -> Diagnostics {
    // Where drift is looked for, nothing was to be done in any case.
    let named = deferred.iter().filter(|one| !options.refresh_only && options.named.contains(&one.address));
    let report = |one: &Deferred| {
        let report = diff::busy(&one.address, &one.job, one.waits_for.as_ref());
        Diagnostic { span: estate.resources.get(&one.address).map(|resource| resource.span), ..report }
    };
    Diagnostics(named.map(report).collect())
}

/// Changes that have to wait for one that is set apart, and are not set apart yet.
fn following(changes: &Changes<'_>, order: &Order, found: &BTreeMap<usize, Cause>) -> Vec<(usize, Cause)> {
    let Changes { list, moved, state, .. } = changes;
    // Where something still is whose move is set apart, and what is referred to by its address as it is.
    let (mut occupied, mut referred) = (HashMap::new(), HashMap::new());
    if !moved.is_empty() {
        for at in found.keys() {
            occupied.extend(moved.get(list[*at].address).map(|old| (old, *at)));
            let references = state.records.get(list[*at].address).into_iter().flat_map(references);
            referred.extend(references.map(|address| (address, *at)));
        }
    }
    let cause = |at: usize| {
        let change = &list[at];
        let needs = order.needs[at].iter().chain(order.displaces.get(&at).into_iter().flatten());
        let needed = needs.copied().find(|other| found.contains_key(other));
        let place = || occupied.get(change.address).copied();
        let is_moved = moved.contains_key(change.address);
        let reference = || referred.get(change.address).copied().filter(|_| is_moved);
        let other = needed.or_else(place).or_else(reference)?;
        Some((at, Cause { job: found[&other].job.clone(), waits_for: Some(list[other].address.clone()) }))
    };
    (0..list.len()).filter(|at| !found.contains_key(at)).filter_map(cause).collect()
}

/// What unfinished jobs work on, and what they need to stay as it is.
struct Claims<'a> {
    /// The job that works on it, by its address.
    own: BTreeMap<&'a Address, &'a JobId>,
    /// What one of these stands on, each with that one.
    stood_on: HashMap<Address, &'a Address>,
    /// Places that their deployments write to or leave, each with that deployment.
    places: HashMap<String, &'a Address>,
    slots: Option<Slots<'a>>,
}

impl<'a> Claims<'a> {
    fn of(changes: &Changes<'a>) -> Self {
        let claimed = || changes.state.records.values().filter_map(|record| Some((record, record.claim.as_ref()?)));
        let own: BTreeMap<&Address, &JobId> = claimed().map(|(record, job)| (&record.address, job)).collect();
        let mut claims = Self { own, stood_on: HashMap::new(), places: HashMap::new(), slots: None };
        if claims.own.is_empty() {
            return claims;
        }
        let slots = Slots::of(changes);
        let jobs: HashMap<&JobId, &Job> = changes.jobs.iter().map(|job| (&job.id, job)).collect();
        // Jobs know what they refer to by the addresses that the store has.
        let moved: HashMap<&Address, &Address> = changes.moved.iter().map(|(new, old)| (old, new)).collect();
        // What a deployment deploys is there already: it stands on that, and not on what that stands on. So it comes last.
        let (resources, deployments): (Vec<_>, Vec<_>) =
            claimed().partition(|(record, _)| record.address.resource().is_some());
        for (record, job) in resources.into_iter().chain(deployments) {
            let job = jobs.get(job).copied();
            let by_job = job.into_iter().flat_map(needed).map(|old| moved.get(&old).copied().cloned().unwrap_or(old));
            claims.stand_on(changes, &record.address, references(record).into_iter().chain(by_job));
            let steps = job.into_iter().flat_map(|Job { step, .. }| {
                [step.before.as_ref(), step.after.as_ref().map(|after| &after.spec)].into_iter().flatten()
            });
            let specs = steps.chain(record.spec.as_deref());
            let places = specs.flat_map(|spec| slots.of_spec(&record.address, Some(spec)));
            claims.places.extend(places.map(|place| (place, &record.address)));
        }
        claims.slots = Some(slots);
        claims
    }

    /// Notes these, and all that they stand on themselves where that matters.
    fn stand_on(&mut self, changes: &Changes<'a>, whose: &'a Address, needed: impl Iterator<Item = Address>) {
        let mut left: Vec<Address> = needed.collect();
        while let Some(address) = left.pop() {
            if self.stood_on.contains_key(&address) {
                continue;
            }
            let record = changes.state.records.get(&address).filter(|_| whose.resource().is_some());
            left.extend(record.into_iter().flat_map(references));
            self.stood_on.insert(address, whose);
        }
    }

    /// Why a change is set apart whatever else is planned.
    fn cause(&self, changes: &Changes<'_>, change: &Change<'_>) -> Option<Cause> {
        if let Some(job) = self.own.get(change.address) {
            return Some(Cause { job: (*job).clone(), waits_for: None });
        }
        let takes_away =
            change.after.is_none() || change.action == Action::Replace || changes.moved.contains_key(change.address);
        let other = self.certificate(change.address).or_else(|| self.place(change));
        let other = other.or_else(|| self.stood_on.get(change.address).copied().filter(|_| takes_away))?;
        Some(Cause { job: self.own[other].clone(), waits_for: Some(other.clone()) })
    }

    /// The certificate of a deployment, where a job works on it.
    fn certificate(&self, address: &Address) -> Option<&'a Address> {
        let Address::Deployment { certificate, .. } = address else { return None };
        self.own.get_key_value(&Address::from(certificate.clone())).map(|(address, _)| *address)
    }

    /// A deployment on which a job works and which writes to, or leaves, a place of this one.
    fn place(&self, change: &Change<'_>) -> Option<&'a Address> {
        let slots = self.slots.as_ref().filter(|_| !self.places.is_empty())?;
        let specs = [change.before, change.after.as_ref().map(|after| &after.spec)];
        let mut places = specs.into_iter().flat_map(|spec| slots.of_spec(change.address, spec));
        places.find_map(|place| self.places.get(&place).copied())
    }
}

/// What a record refers to, and whose credentials withdraw what it has left behind.
fn references(record: &Record) -> Vec<Address> {
    let mut found = record.depends_on.clone();
    record.spec.iter().flat_map(|spec| spec.values()).for_each(|value| referred(value, &mut found));
    if let Address::Deployment { certificate, target } = &record.address {
        found.extend([certificate.clone().into(), target.clone().into()]);
    }
    if let Facts::Certificate(facts) = &record.facts {
        found.extend(facts.left.iter().map(|publication| publication.credential.clone()));
    }
    found
}

fn referred(value: &Json, found: &mut Vec<Address>) {
    match value {
        Json::Object(entries) => match entries.get("$ref").and_then(Json::as_str) {
            Some(address) => found.extend(address.parse::<Address>()),
            None => entries.values().for_each(|inner| referred(inner, found)),
        },
        Json::Array(items) => items.iter().for_each(|item| referred(item, found)),
        _ => {}
    }
}

/// What a job refers to: by the step it carries out, and by the challenge records that it has published.
fn needed(job: &Job) -> Vec<Address> {
    let step = &job.step;
    let refers = step.after.iter().flat_map(|draft| &draft.depends_on);
    let mut found: Vec<Address> = refers.chain(step.zones.values()).chain(&step.displaces).cloned().collect();
    let specs = step.after.iter().flat_map(|draft| draft.spec.values());
    specs.for_each(|value| referred(value, &mut found));
    let machine: Option<Machine> = serde_json::from_value(job.machine.clone()).ok();
    found.extend(machine.iter().flat_map(Machine::credentials).cloned());
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::diff::moves;
    use crate::diff::moves::relocate;
    use crate::diff::scope::{Pattern, Patterns, resolve};
    use crate::diff::world::{Blocks, World, address, sample};
    use crate::eval::desired::{Endpoint, Moved};
    use crate::job::effect::Publication;
    use crate::job::machine::Context;
    use crate::job::sample;
    use crate::observed::SlotContent;
    use crate::plan::{Plan, Step, Work};
    use crate::source::{SourceId, Span};

    /// What is planned, and what is set apart with what is waited for.
    fn told(plan: &Plan) -> (Vec<String>, Vec<String>) {
        let word = |action: Option<Action>| match action {
            Some(action) => json!(action).as_str().unwrap_or_default().to_owned(),
            None => "nothing".to_owned(),
        };
        let mut steps: Vec<String> =
            plan.steps.iter().map(|step| format!("{} {}", word(Some(step.action)), step.address)).collect();
        steps.sort();
        let waits = |one: &Deferred| match &one.waits_for {
            Some(other) => format!(" after {other}"),
            None => String::new(),
        };
        let deferred =
            plan.deferred.iter().map(|one| format!("{} {}{}", word(one.action), one.address, waits(one))).collect();
        (steps, deferred)
    }

    fn check(world: &World, options: &Options, steps: &[&str], deferred: &[&str]) {
        let (plan, faults) = world.plan_and_faults(options);
        assert!(!faults.has_errors(), "{faults:?}");
        let owned = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(&plan), (owned(steps), owned(deferred)));
    }

    fn without(names: &[&str]) -> Blocks {
        sample().into_iter().filter(|(name, _)| !names.contains(name)).collect()
    }

    fn changed(name: &str, member: &str, value: Json) -> Blocks {
        let mut blocks = sample();
        let (_, block) = blocks.iter_mut().find(|(address, _)| *address == name).expect("a block");
        block[member] = value;
        blocks
    }

    #[test]
    fn claimed_records_are_left_to_their_job() {
        let mut world = World::applied(sample()).days_later(64);
        world.claim(&["certificate.b"]);
        let steps = ["renew certificate.a", "update certificate.a@file_target.t"];
        let deferred = ["renew certificate.b", "update certificate.b@file_target.t after certificate.b"];
        check(&world, &Options::default(), &steps, &deferred);
    }

    #[test]
    fn what_does_not_change_is_not_set_apart_for_what_it_refers_to() {
        let mut world = World::applied(sample());
        world.claim(&["private_ca.root"]);
        check(&world, &Options::default(), &[], &["nothing private_ca.root"]);
        let other = world.with(changed("certificate.b", "sans", json!(["c.test"])));
        let deferred = [
            "update certificate.b after private_ca.root",
            "nothing private_ca.root",
            "update certificate.b@file_target.t after certificate.b",
        ];
        check(&other, &Options::default(), &[], &deferred);
    }

    #[test]
    fn what_is_left_behind_stays_there_later_too() {
        let mut world = World::applied(sample());
        world = world.with(changed("file_target.t", "directory", json!("/new/${certificate.name}")));
        world.estate.resources.get_mut(&address("certificate.b")).expect("a resource").draft.forget = true;
        world.claim(&["certificate.b@file_target.t"]);
        let deferred = world.plan(&Options::default()).deferred;
        assert_eq!(
            deferred.iter().map(|one| (one.action, one.keeps_old)).collect::<Vec<_>>(),
            [(Some(Action::Replace), true)]
        );
    }

    #[test]
    fn nothing_is_said_of_what_a_job_is_changing() {
        let mut world = World::applied(sample());
        world.state.records.get_mut(&address("private_ca.root")).expect("a record").protected = true;
        let mut anew = world.with(changed("private_ca.root", "common_name", json!("Another")));
        assert!(anew.plan_and_faults(&Options::default()).1.has_errors(), "it is protected");
        anew.claim(&["private_ca.root"]);
        check(&anew, &Options::default(), &[], &["nothing private_ca.root"]);
    }

    #[test]
    fn nothing_is_made_after_a_job_through_what_does_not_change() {
        let mut world = World::applied(sample());
        world.claim(&["dns_credential.d"]);
        let world = world.with(changed("certificate.a", "sans", json!(["c.example.com"])));
        let deferred = [
            "update certificate.a after dns_credential.d",
            "nothing dns_credential.d",
            "update certificate.a@file_target.t after certificate.a",
        ];
        check(&world, &Options::default(), &[], &deferred);
    }

    #[test]
    fn what_a_job_stands_on_is_not_taken_away_and_may_be_mended() {
        let mut world = World::applied(sample());
        world.claim(&["certificate.a"]);
        let anew = world.with(changed("acme_account.le", "directory", json!("https://two")));
        let deferred = [
            "replace acme_account.le after certificate.a",
            "renew certificate.a",
            "update certificate.a@file_target.t after certificate.a",
        ];
        check(&anew, &Options::default(), &[], &deferred);
        let gone = world.with(without(&["certificate.a", "acme_account.le", "zone.com", "dns_credential.d"]));
        let deferred = [
            "delete acme_account.le after certificate.a",
            "delete certificate.a",
            "delete certificate.a@file_target.t after certificate.a",
        ];
        let plan = gone.plan(&Options::default());
        assert_eq!(told(&plan).1, deferred);
        world.see_secrets("2");
        check(&world, &Options::default(), &["update dns_credential.d"], &CERTIFICATE_A);
    }

    /// What is deferred while a job works on it, and nothing else changes.
    const CERTIFICATE_A: [&str; 2] =
        ["nothing certificate.a", "nothing certificate.a@file_target.t after certificate.a"];

    /// A job that makes this, with what it refers to.
    fn making(world: &mut World, step: Step) -> Options {
        let job = Job { id: world.claim(&[&step.address.to_string()]), ..sample::job(1, step) };
        Options { jobs: vec![job], ..Options::default() }
    }

    #[test]
    fn what_a_job_is_making_stands_on_what_its_step_says() {
        let mut world = World::applied(without(&["certificate.b"]));
        let step = sample::step("certificate.b", Work::Issue);
        let mut draft = sample::draft(&step.address, &json!({}));
        draft.depends_on = vec![address("private_ca.root")];
        let step = Step { after: Some(draft), ..step };
        let options = making(&mut world, step);
        let gone = world.with(without(&["certificate.b", "private_ca.root"]));
        let deferred = ["forget certificate.b", "delete private_ca.root after certificate.b"];
        check(&gone, &options, &[], &deferred);
        check(&gone, &Options::default(), &["delete private_ca.root"], &["forget certificate.b"]);
    }

    #[test]
    fn whoever_withdraws_what_a_job_has_published_stays() {
        let old = ("dns_credential.old", json!({"token": {"$secret": {"env": "T"}}}));
        let mut world = World::applied(sample().into_iter().chain([old]).collect()).with(sample());
        let mut record = world.state.records[&address("certificate.a")].clone();
        let Facts::Certificate(facts) = &mut record.facts else { panic!("a certificate") };
        facts.left.push(Publication {
            identifier: "a.example.com".to_owned(),
            url: "https://ca.test/challenge/1".to_owned(),
            zone: "example.com".to_owned(),
            name: "_acme-challenge.a.example.com".to_owned(),
            value: "v".to_owned(),
            credential: address("dns_credential.old"),
            answered: true,
        });
        let mut options = making(&mut world, sample::step("certificate.a", Work::Issue));
        check(&world, &Options::default(), &["delete dns_credential.old"], &CERTIFICATE_A);
        let job = &options.jobs[0];
        let context = Context { job: &job.id, step: &job.step, record: Some(&record), now: world.now, jitter: 0 };
        options.jobs[0].machine = json!(Machine::begin(&context));
        let [certificate, deployment] = CERTIFICATE_A;
        let deferred = [certificate, "delete dns_credential.old after certificate.a", deployment];
        check(&world, &options, &[], &deferred);
    }

    #[test]
    fn a_place_that_a_job_writes_to_is_not_taken() {
        let moved = |directory: &str| {
            let blocks = changed("file_target.t", "directory", json!(directory));
            blocks.into_iter().filter(|(name, _)| *name != "certificate.a").collect()
        };
        let mut world = World::applied(without(&["certificate.a"]));
        let step = sample::step("certificate.a@file_target.t", Work::Deploy);
        let draft = sample::draft(&step.address, &json!({ "config": { "directory": "/new/b" } }));
        let options = making(&mut world, Step { after: Some(draft), ..step });
        let waits = "replace certificate.b@file_target.t after certificate.a@file_target.t";
        let deferred = ["forget certificate.a@file_target.t", waits];
        check(&world.with(moved("/new/${certificate.name}")), &options, &["update file_target.t"], &deferred);
        let steps = ["replace certificate.b@file_target.t", "update file_target.t"];
        check(&world.with(moved("/other/${certificate.name}")), &options, &steps, &deferred[..1]);
    }

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::Resource(address(text).resource().expect("a resource").clone())
    }

    /// Plans with one move.
    fn with_move(mut world: World, from: &str, to: &str) -> (World, Options) {
        let span = Span::new(SourceId(0), 0..1);
        let one = Moved { from: endpoint(from), to: endpoint(to), span };
        let (relocation, faults): (moves::Relocation, _) = relocate(&mut world.state, &[one]);
        assert!(faults.is_empty());
        (world, Options { relocation, ..Options::default() })
    }

    /// The sample with another name for the account of certificate.a.
    fn renamed() -> Blocks {
        let mut blocks = changed("certificate.a", "issuer", crate::model::fixture::reference("acme_account.new"));
        let account = blocks.iter_mut().find(|(name, _)| *name == "acme_account.le").expect("the account");
        account.0 = "acme_account.new";
        blocks
    }

    #[test]
    fn a_move_waits_for_all_that_refer_to_what_moves() {
        for (busy, deferred) in [
            (
                "certificate.a",
                &[
                    "move acme_account.new after certificate.a",
                    "update certificate.a",
                    "nothing certificate.a@file_target.t after certificate.a",
                ][..],
            ),
            (
                // It only stands behind the certificate's zone.
                "dns_credential.d",
                &[
                    "move acme_account.new after certificate.a",
                    "update certificate.a after dns_credential.d",
                    "nothing dns_credential.d",
                ],
            ),
        ] {
            let mut world = World::applied(sample()).with(renamed());
            world.claim(&[busy]);
            let (moved, options) = with_move(world.clone(), "acme_account.le", "acme_account.new");
            check(&moved, &options, &[], deferred);
            world.release();
            let (moved, options) = with_move(world, "acme_account.le", "acme_account.new");
            check(&moved, &options, &["move acme_account.new", "update certificate.a"], &[]);
        }
    }

    #[test]
    fn an_address_is_not_given_away_before_its_move() {
        let mut blocks = renamed();
        blocks.push(("acme_account.le", json!({"email": "other@example.com", "directory": "https://one"})));
        let mut world = World::applied(sample()).with(blocks);
        world.claim(&["certificate.a"]);
        let (moved, options) = with_move(world, "acme_account.le", "acme_account.new");
        let deferred = [
            "create acme_account.le after acme_account.new",
            "move acme_account.new after certificate.a",
            "update certificate.a",
            "nothing certificate.a@file_target.t after certificate.a",
        ];
        check(&moved, &options, &[], &deferred);
    }

    #[test]
    fn what_is_asked_for_by_name_is_refused() {
        let mut world = World::applied(sample()).days_later(64);
        world.claim(&["certificate.b"]);
        let asked = |target: &[&str], replace: &[&str]| {
            let of = |texts: &[&str]| texts.iter().map(|text| Pattern::from(*text)).collect();
            let patterns = Patterns { target: of(target), replace: of(replace), exclude: Vec::new() };
            let options = resolve(&world.estate, &world.state, &patterns, false).expect("it matches");
            let (plan, faults) = world.plan_and_faults(&options);
            (plan, faults.iter().map(|fault| (fault.code.number, fault.is_error())).collect::<Vec<_>>())
        };
        assert_eq!(asked(&["certificate.b"], &[]).1, [(403, true)]);
        assert_eq!(asked(&[], &["certificate.b"]).1, [(403, true), (403, true)], "its deployment waits for it");
        // The deployment waits for its certificate, and what has been issued keeps its issuer.
        assert_eq!(asked(&["certificate.b@file_target.t"], &[]).1, [(403, true)]);
        assert_eq!(asked(&[], &["private_ca.root"]).1, [(403, true)]);
        let (plan, faults) = asked(&["certificate.*"], &[]);
        assert_eq!((plan.steps.len(), plan.deferred.len(), faults), (2, 2, vec![]));
        let (plan, faults) = asked(&["certificate.a"], &[]);
        assert_eq!((plan.steps.len(), plan.deferred.len(), faults), (2, 0, vec![]));
    }

    #[test]
    fn not_everything_is_destroyed_while_a_job_works() {
        let mut world = World::applied(sample());
        world.claim(&["certificate.b"]);
        let (_, faults) = world.plan_and_faults(&Options { destroy: true, ..Options::default() });
        assert!(faults.has_errors() && faults.iter().all(|fault| fault.code.number == 403), "{faults:?}");
    }

    #[test]
    fn what_a_job_puts_on_a_target_is_no_drift() {
        let mut world = World::applied(sample());
        for slot in world.observed.slots.values_mut() {
            *slot = SlotContent::Absent;
        }
        world.claim(&["certificate.b@file_target.t"]);
        for refresh_only in [false, true] {
            let plan = world.plan(&Options { refresh_only, ..Options::default() });
            let drifted: Vec<String> = plan.drift.iter().map(|one| one.address.to_string()).collect();
            assert_eq!(drifted, ["certificate.a@file_target.t"]);
            assert_eq!(told(&plan).1, ["nothing certificate.b@file_target.t"]);
        }
    }
}
