//! Steps and jobs for unit tests: as plain as can be, to be changed where a test is about something.

use super::machine::Context;
use super::{Job, JobStatus, Machine, RunId};
use crate::address::Address;
use crate::plan::{Action, Step, Work};
use crate::state::EventBody;
use crate::state::record::Draft;
use crate::time::Timestamp;

/// A step that makes this.
pub(crate) fn step(address: &str, work: Work) -> Step {
    Step {
        address: address.parse().expect("an address"),
        action: Action::Create,
        reasons: Vec::new(),
        base: 0,
        before: None,
        after: None,
        work,
        needs: Vec::new(),
        origin: None,
        zones: Default::default(),
        moved_from: None,
        importing: None,
        displaces: Default::default(),
        keeps_old: false,
    }
}

/// What something with this spec is to become.
pub(crate) fn draft(address: &Address, spec: &serde_json::Value) -> Draft {
    Draft {
        address: address.clone(),
        spec: spec.as_object().cloned().unwrap_or_default(),
        secrets: Default::default(),
        protected: false,
        forget: false,
        depends_on: Vec::new(),
        origin: None,
    }
}

/// Job `r.<number>`, ready, which carries that step out.
pub(crate) fn job(number: usize, step: Step) -> Job {
    let run = RunId("r".to_owned());
    Job {
        id: run.job(number),
        run,
        step: step.into(),
        needs: Vec::new(),
        status: JobStatus::Ready,
        attempt: 0,
        next_event: 1,
        pending: Default::default(),
        machine: serde_json::Value::Null,
        delivered: false,
        actor: "a".to_owned(),
        created_at: Timestamp::from_millis(0),
        started_at: None,
        ended_at: None,
    }
}

/// The same job after it has placed an order.
pub(crate) fn with_order(mut job: Job) -> Job {
    let now = Timestamp::from_millis(0);
    let context = Context { job: &job.id, step: &job.step, record: None, now, jitter: 0 };
    let mut machine = Machine::begin(&context);
    machine.absorb(&EventBody::OrderPlaced { url: "https://ca.test/order/1".to_owned() });
    job.machine = serde_json::to_value(&machine).expect("JSON");
    job
}
