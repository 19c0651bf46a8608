//! Ninety days and more, in milliseconds: the real diff and plan, the engine, and a clock that is moved day by day.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cap::diff::{self, diff};
use cap::engine::progress::{News, Progress, Silent};
use cap::engine::{Stop, WorkOptions, refresh};
use cap::eval::desired::Ignore;
use cap::job::ErrorClass;
use cap::model::{Estate, Resource};
use cap::observed::Observed;
use cap::plan::{Action, Location, Meta, Plan, Reason, Step, make};
use cap::ports::clock::Clock as _;
use cap::ports::providers::Providers;
use cap::ports::store::JobFilter;
use cap::source::{SourceId, Span};
use cap::state::facts::RenewalWindow;
use cap::state::{Event, EventBody};
use cap::testing::{Fault, Trick};
use cap::time::Duration;

use super::world::{ACTOR, SLOT, World, deploy, estate, issue, run};

/// What these steps make, as an estate.
pub fn wanted(steps: &[Step]) -> Estate {
    let nowhere = Span::new(SourceId(0), 0..0);
    let resource = |step: &Step| {
        let mut draft = step.after.clone()?;
        draft.depends_on = step.needs.iter().map(|need| steps[*need].address.clone()).collect();
        let resource = Resource {
            places: vec![nowhere; draft.depends_on.len()],
            draft,
            schema: None,
            work: step.work,
            ignore: Ignore::Nothing,
            span: nowhere,
            secrets: BTreeMap::new(),
            zones: step.zones.clone(),
            slots: None,
        };
        Some((step.address.clone(), resource))
    };
    Estate { resources: steps.iter().filter_map(resource).collect(), ..Estate::default() }
}

/// Looks, compares and plans, as `cap plan` does.
pub async fn plan(world: &World, estate: &Estate) -> Plan {
    let mut state = world.store.snapshot().await.expect("a snapshot").state;
    let now = world.clock.now();
    let providers: Arc<dyn Providers> = Arc::new(world.providers.clone());
    let silent: Arc<dyn Progress> = Arc::new(Silent);
    let slots = refresh::slots(&state, &providers, 4, &silent).await;
    for (address, window) in refresh::windows(&state, &world.providers, now, 4, &*silent).await {
        let record = state.records.get_mut(&address).expect("a record");
        if let cap::state::facts::Facts::Certificate(facts) = &mut record.facts {
            facts.window = Some(window);
        }
    }
    let observed = Observed { slots, secrets: BTreeMap::new() };
    let options = diff::Options::default();
    let (changes, faults) = diff(estate, &state, &observed, now, &options);
    assert!(faults.is_empty(), "{faults:?}");
    let meta = Meta {
        cap_version: "0".to_owned(),
        store: world.store.identity().await.expect("an identity").id,
        location: Location::default(),
        created_at: now,
        outputs: BTreeMap::new(),
    };
    make(changes, meta).expect("a plan")
}

/// Plans and applies; the actions that were taken.
async fn apply(world: &World, estate: &Estate) -> Vec<(String, Action)> {
    let plan = plan(world, estate).await;
    if !plan.has_changes() {
        return Vec::new();
    }
    let run = cap::engine::submit(&world.engine(), &plan, ACTOR, None).await.expect("it is submitted");
    let report = world.work(&run).await.expect("the store answers");
    assert_eq!(report.failed, []);
    plan.steps.iter().map(|step| (step.address.to_string(), step.action)).collect()
}

#[test]
fn half_a_year_of_renewals_never_lapses_and_settles_each_time() {
    run(async {
        let world = World::new().await;
        let estate = wanted(&estate());
        let mut renewals = Vec::new();
        assert_eq!(apply(&world, &estate).await.len(), 6);
        for day in 0..180 {
            let taken = apply(&world, &estate).await;
            let again = plan(&world, &estate).await;
            assert!(!again.has_changes(), "day {day}: applied, and still {:?}", again.steps);
            if !taken.is_empty() {
                let names: Vec<(&str, Action)> = taken.iter().map(|(name, action)| (name.as_str(), *action)).collect();
                assert_eq!(
                    names,
                    [("certificate.www", Action::Renew), ("certificate.www@file_target.web", Action::Update)]
                );
                renewals.push(day);
            }
            let facts = world.certificate("certificate.www").await;
            let current = facts.current().expect("a certificate");
            assert!(current.not_after > world.clock.now() + Duration::from_days(20), "day {day}: it nearly lapsed");
            assert_eq!(world.providers.hosts.served(SLOT), Some(current.fingerprint), "day {day}");
            world.clock.advance(Duration::from_days(1));
        }
        assert_eq!(renewals.len(), 2, "{renewals:?}");
        assert_eq!(world.providers.ca.placed(), 3);
        world.check_laws("half a year").await;
    });
}

#[test]
fn the_ca_s_suggestion_is_followed_and_old_keys_go() {
    run(async {
        let world = World::new().await;
        let estate = wanted(&estate());
        apply(&world, &estate).await;
        let first = world.certificate("certificate.www").await.versions[0].key.clone().expect("a key");
        for round in 0..2 {
            world.clock.advance(Duration::from_days(50));
            let now = world.clock.now();
            let (start, end) = (now - Duration::from_days(2), now - Duration::from_days(1));
            world.providers.ca.suggest(Some(RenewalWindow { start, end, heard_at: now }));
            let plan = plan(&world, &estate).await;
            let suggested = |step: &Step| matches!(step.reasons[..], [Reason::RenewalDue { suggested: true, .. }]);
            assert!(plan.steps.iter().any(suggested), "round {round}: {:?}", plan.steps);
            apply(&world, &estate).await;
            world.providers.ca.suggest(None);
        }
        let kept: Vec<u32> = world.certificate("certificate.www").await.versions.iter().map(|one| one.number).collect();
        assert_eq!(kept, [2, 3]);
        assert!(world.vault.get(&first).await.is_err(), "the key of a version that is gone is gone");
        world.check_laws("suggested").await;
    });
}

/// The objects that are looked at, in the order in which that begins and ends.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn tell(&self, news: &News<'_>) {
        let line = match news {
            News::Looking(address) => format!("looking at {address}"),
            News::Looked(address) => format!("looked at {address}"),
            other => panic!("{other:?}"),
        };
        self.0.lock().expect("nobody panicked").push(line);
    }
}

#[test]
fn a_certificate_is_looked_at_when_its_ca_is_asked() {
    run(async {
        let world = World::new().await;
        apply(&world, &wanted(&estate())).await;
        for (days, expected) in [(1, &[][..]), (50, &["looking at certificate.www", "looked at certificate.www"])] {
            world.clock.advance(Duration::from_days(days));
            let state = world.store.snapshot().await.expect("a snapshot").state;
            let heard = Heard::default();
            refresh::windows(&state, &world.providers, world.clock.now(), 4, &heard).await;
            assert_eq!(heard.0.into_inner().expect("nobody panicked"), expected, "after {days} days");
        }
    });
}

/// As the limit on all CAs together does it.
#[test]
fn a_look_that_is_given_up_is_over() {
    run(async {
        let world = World::new().await;
        apply(&world, &wanted(&estate())).await;
        world.clock.advance(Duration::from_days(50));
        let state = world.store.snapshot().await.expect("a snapshot").state;
        let heard = Heard::default();
        world.faults.plan("renewal_window", 1, Fault::Stall);
        tokio::select! {
            () = world.faults.stalled() => {}
            _ = refresh::windows(&state, &world.providers, world.clock.now(), 4, &heard) => panic!("the CA answered"),
        }
        let expected = ["looking at certificate.www", "looked at certificate.www"];
        assert_eq!(heard.0.into_inner().expect("nobody panicked"), expected);
    });
}

#[test]
fn law_1_what_was_applied_through_failures_needs_nothing_more() {
    run(async {
        let world = World::new().await;
        let mut steps = estate();
        steps.push(issue("certificate.two", "two.example.com", &[0, 2]));
        steps.push(deploy("certificate.two", "file_target.web", "web:/two", &[3, 6]));
        let estate = wanted(&steps);
        for (call, fault) in [("order", 1), ("present", 2), ("install", 1), ("download", 2)] {
            let class = cap::job::ErrorClass::Transient;
            world.faults.plan(call, fault, cap::testing::Fault::FailAfter(class));
        }
        world.providers.hosts.trick("web:/two", Trick::Slow(3));
        assert_eq!(apply(&world, &estate).await.len(), 8);
        assert!(!plan(&world, &estate).await.has_changes());
        world.check_laws("law 1").await;
    });
}

/// The provider takes no removal for longer than anybody tries.
pub fn break_withdrawals(world: &World) {
    let attempts = 1..=14;
    attempts.for_each(|nth| world.faults.plan("retract", nth, Fault::FailBefore(ErrorClass::Transient)));
}

#[test]
fn a_record_left_behind_fails_nothing_and_goes_with_the_next_issue() {
    run(async {
        let world = World::new().await;
        let estate = wanted(&estate());
        break_withdrawals(&world);
        apply(&world, &estate).await;
        assert!(world.faults.all_happened(), "it was tried to the end");
        let facts = world.certificate("certificate.www").await;
        let deployed = world.deployment("certificate.www@file_target.web").await.expect("it is deployed");
        let held_up = deployed.installed_at.since(facts.versions[0].issued_at);
        assert!(held_up < Duration::from_secs(10), "the deployment waited for {held_up}");
        let standing: Vec<String> = facts.left.iter().map(|left| format!("{} {}", left.name, left.value)).collect();
        assert_eq!(world.providers.dns.records(), standing);
        let left = |event: &Event| matches!(event.body, EventBody::ChallengeLeft { .. });
        assert_eq!(world.events().await.into_iter().filter(left).count(), 1);
        assert_eq!(world.record("certificate.www").await.and_then(|record| record.trouble), None);
        assert!(!plan(&world, &estate).await.has_changes());

        world.clock.advance(Duration::from_days(80));
        apply(&world, &estate).await;
        let facts = world.certificate("certificate.www").await;
        assert_eq!((facts.versions.len(), facts.left), (2, Vec::new()));
        world.check_laws("left behind").await;
    });
}

#[test]
fn whoever_has_no_patience_leaves_the_tidying_and_nothing_else() {
    run(async {
        let world = World::new().await;
        break_withdrawals(&world);
        let steps = world.plan(estate()).await;
        let run = cap::engine::submit(&world.engine(), &steps, ACTOR, None).await.expect("it is submitted");
        let patience = Some(Duration::from_secs(600));
        let options = WorkOptions { run: Some(run.clone()), patience, ..WorkOptions::new("hurried") };
        let begin = world.clock.now();
        let report = cap::engine::work(&world.engine(), &options, &Silent, &Stop::default()).await.expect("it works");
        assert_eq!((report.succeeded.len(), report.failed.len(), report.left), (2, 0, 1));
        assert!(world.deployment("certificate.www@file_target.web").await.is_some());
        assert!(world.clock.now().since(begin) < Duration::from_secs(60), "it waited");
        let jobs = world.store.jobs(&JobFilter { run: None, unfinished: true }).await.expect("jobs");
        assert!(jobs.iter().all(|job| job.delivered), "{jobs:?}");
        // A worker that comes later knows that nobody waits for it.
        assert_eq!(world.work(&run).await.expect("the store answers").failed, []);
        assert_eq!(world.store.jobs(&JobFilter { run: None, unfinished: true }).await.expect("jobs"), []);
    });
}

#[test]
fn drift_is_put_right_without_issuing_again() {
    run(async {
        let world = World::new().await;
        let estate = wanted(&estate());
        apply(&world, &estate).await;
        world.providers.hosts.tamper(SLOT, None);
        let taken = apply(&world, &estate).await;
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert_eq!(world.providers.ca.placed(), 1);
        let current = world.certificate("certificate.www").await.current().map(|version| version.fingerprint);
        assert_eq!(world.providers.hosts.served(SLOT), current);
    });
}
