//! How orders go that a CA does not take to their end at once.

use super::*;
use crate::job::{JobId, sample};
use crate::plan::Work;

/// Goes on until the order stands in that state, and says how long is waited then.
fn wait_in(state: &OrderState) -> Duration {
    let (job, step, now) =
        (JobId("run.1".to_owned()), sample::step("certificate.www", Work::Issue), Timestamp::from_millis(1_000_000));
    let context = Context { job: &job, step: &step, record: None, now, jitter: 0 };
    let mut issuance = Issuance::begin(&context);
    for _ in 0..10 {
        let effect = match issuance.next(&context) {
            Next::Do(effect) => *effect,
            Next::Wait { until, .. } => return until.since(now),
            other => panic!("it goes on: {other:?}"),
        };
        let fact = match &effect {
            Effect::EnsureKey(_) => Fact::Key(Digest::of("a key")),
            Effect::Order { .. } => Fact::Order("https://ca.test/order/1".to_owned()),
            Effect::Challenges(_) => Fact::Challenges(Vec::new()),
            Effect::Status(_) => Fact::Status(state.clone()),
            Effect::Finalize(..) => Fact::Done,
            other => panic!("this is not due: {other:?}"),
        };
        issuance.outcome(&effect, Ok(fact), &context);
    }
    panic!("it never waits")
}

#[test]
fn a_ca_that_was_just_asked_to_validate_is_given_time() {
    let (job, now) = (JobId("run.1".to_owned()), Timestamp::from_millis(1_000_000));
    let step = sample::step("certificate.www", Work::Issue);
    let context = Context { job: &job, step: &step, record: None, now, jitter: 0 };
    let challenge = Publication {
        identifier: "www.example.test".to_owned(),
        url: "https://ca.test/challenge/1".to_owned(),
        zone: "example.test".to_owned(),
        name: "_acme-challenge.www.example.test".to_owned(),
        value: "value".to_owned(),
        credential: "dns_credential.dns".parse().expect("an address"),
        answered: false,
    };
    let facts = [
        Fact::Key(Digest::of("a key")),
        Fact::Order("https://ca.test/order/1".to_owned()),
        Fact::Challenges(vec![challenge]),
        Fact::Done,
        Fact::MissingAt(Vec::new()),
        Fact::Done,
    ];
    let mut issuance = Issuance::begin(&context);
    for fact in facts {
        let Next::Do(effect) = issuance.next(&context) else { panic!("it waits before {fact:?}") };
        issuance.outcome(&effect, Ok(fact), &context);
    }
    assert!(matches!(issuance.next(&context), Next::Wait { until, .. } if until > now));
    let later = Context { now: now + Duration::from_secs(1), ..context };
    assert!(matches!(issuance.next(&later), Next::Do(effect) if matches!(*effect, Effect::Status(_))));
}

#[test]
fn a_ca_that_wants_the_request_again_and_again_is_given_it_a_few_times() {
    let (job, step) = (JobId("run.1".to_owned()), sample::step("certificate.www", Work::Issue));
    let mut now = Timestamp::from_millis(1_000_000);
    let mut issuance = Issuance::begin(&Context { job: &job, step: &step, record: None, now, jitter: 0 });
    let mut sent = 0;
    for _ in 0..100 {
        let context = Context { job: &job, step: &step, record: None, now, jitter: 0 };
        let effect = match issuance.next(&context) {
            Next::Do(effect) => *effect,
            Next::Wait { until, .. } => {
                now = until;
                continue;
            }
            Next::Failed(failure) => {
                assert!(failure.message.contains("waits for it still"), "{failure:?}");
                return assert_eq!(sent, 4);
            }
            Next::Done => panic!("nothing was issued"),
        };
        let fact = match &effect {
            Effect::EnsureKey(_) => Fact::Key(Digest::of("a key")),
            Effect::Order { .. } => Fact::Order("https://ca.test/order/1".to_owned()),
            Effect::Challenges(_) => Fact::Challenges(Vec::new()),
            Effect::Status(_) => Fact::Status(OrderState::Ready),
            Effect::Finalize(..) => {
                sent += 1;
                Fact::Done
            }
            other => panic!("this is not due: {other:?}"),
        };
        issuance.outcome(&effect, Ok(fact), &context);
    }
    panic!("it never comes to an end")
}

#[test]
fn a_ca_is_asked_again_when_it_wants_to_be() {
    let after = Some(Duration::from_secs(90));
    assert_eq!(wait_in(&OrderState::Pending { after }), Duration::from_secs(90));
    assert_eq!(wait_in(&OrderState::Processing { after }), Duration::from_secs(90));
    assert!(wait_in(&OrderState::Pending { after: None }) < Duration::from_secs(1));
}
