//! Sealing everything anew as a job: whatever happens on the way, it is done and recorded once.

use cap::job::ErrorClass;
use cap::plan::Work;
use cap::state::EventBody;
use cap::testing::Fault;
use serde_json::json;

use super::world::{World, create, run};

#[test]
fn it_is_recorded_once_when_it_is_done() {
    run(async {
        let transient = ErrorClass::Transient;
        for fault in [
            Fault::FailBefore(transient),
            Fault::FailAfter(transient),
            Fault::CrashBefore,
            Fault::CrashAfter,
            Fault::Repeat,
        ] {
            let world = World::new().await;
            world.faults.plan("rewrap", 1, fault.clone());
            let encryption = json!({ "encryption": { "active_version": 1 } });
            let steps = vec![create("organization.o", Work::Rewrap, encryption, &[])];
            assert_eq!(world.apply_through_crashes(steps).await.failed, [], "{fault:?}");
            let is_done = |body: &EventBody| matches!(body, EventBody::Rewrapped { version: 1 });
            let done = world.events().await.into_iter().filter(|event| is_done(&event.body)).count();
            let spec = world.record("organization.o").await.and_then(|record| record.spec);
            assert_eq!((done, spec.is_some()), (1, true), "{fault:?}");
            world.check_laws("sealed anew").await;
        }
    });
}

#[test]
fn a_version_that_is_not_at_hand_fails_and_nothing_is_recorded() {
    run(async {
        let world = World::new().await;
        let steps = vec![create("organization.o", Work::Rewrap, json!({ "encryption": { "active_version": 2 } }), &[])];
        let report = world.apply_through_crashes(steps).await;
        assert_eq!((report.failed.len(), world.faults.count("rewrap")), (1, 1));
        assert_eq!(world.record("organization.o").await.and_then(|record| record.spec), None);
    });
}
