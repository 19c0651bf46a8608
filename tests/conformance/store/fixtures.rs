//! Records, events, jobs and submissions as the engine would make them, small.

use cap::address::Address;
use cap::digest::Digest;
use cap::job::{Job, JobId, JobStatus, Run, RunId};
use cap::plan::{Action, Reason, Step, StoredOutput, Work};
use cap::ports::store::{Advance, Lease, LogLine, RecordWrite, Submission};
use cap::state::{Event, EventBody, Record, Recorded};
use cap::time::{Duration, Timestamp};
use cap::timeline::{Append, Head, Sealed};
use serde_json::json;

/// A lease that lasts for longer than any test.
pub const LONG: Duration = Duration::from_secs(600);
/// A lease that has run out as soon as it is given.
pub const NONE: Duration = Duration::from_millis(0);

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

pub fn address(number: usize) -> Address {
    format!("certificate.c[\"name {number}\"]").parse().expect("an address")
}

pub fn run_id(run: &str) -> RunId {
    RunId(run.to_owned())
}

/// The record at that revision, with a spec that tells it from others.
pub fn record(number: usize, revision: u64) -> Record {
    let spec = json!({ "name": format!("name {number}"), "revision": revision });
    let spec = spec.as_object().cloned();
    Record { revision, spec: spec.map(Recorded::from), ..Record::new(address(number)) }
}

pub fn write(number: usize, expect: u64) -> RecordWrite {
    RecordWrite { address: address(number), expect, record: Some(record(number, expect + 1)) }
}

/// The claim of a job on a record that is new.
pub fn claim(number: usize, job: &JobId) -> RecordWrite {
    let stub = Record { revision: 1, claim: Some(job.clone()), ..Record::new(address(number)) };
    RecordWrite { address: address(number), expect: 0, record: Some(stub) }
}

pub fn event(job: &JobId, number: u32, about: usize) -> Event {
    Event {
        job: job.clone(),
        number,
        at: at(i64::from(number)),
        actor: "tester".to_owned(),
        address: address(about),
        body: EventBody::OrderPlaced { url: format!("https://ca.example/order/{number}") },
    }
}

pub fn job(run: &str, number: usize) -> Job {
    Job {
        id: run_id(run).job(number),
        run: run_id(run),
        step: step(number).into(),
        needs: Vec::new(),
        status: JobStatus::Ready,
        attempt: 0,
        next_event: 1,
        pending: Default::default(),
        machine: serde_json::Value::Null,
        delivered: false,
        actor: "tester".to_owned(),
        created_at: at(0),
        started_at: None,
        ended_at: None,
    }
}

fn step(number: usize) -> Step {
    Step {
        address: address(number),
        action: Action::Create,
        reasons: vec![Reason::NotInState],
        base: 0,
        before: None,
        after: None,
        work: Work::Issue,
        needs: Vec::new(),
        origin: None,
        zones: Default::default(),
        displaces: Vec::new(),
        keeps_old: false,
        moved_from: None,
        importing: None,
    }
}

fn link(chain: &str, sequence: u64) -> Sealed {
    let mac = Digest::of(format!("{chain} {sequence}")).to_string();
    Sealed { chain: chain.to_owned(), sequence, entry: format!("{{\"entry\":{sequence}}}"), mac }
}

pub fn head(chain: &str, sequence: u64) -> Option<Head> {
    let mac = link(chain, sequence).mac;
    (sequence > 0).then(|| Head { chain: chain.to_owned(), sequence, mac, seal: format!("seal {sequence}") })
}

/// Adds `count` links after the first `before` ones.
pub fn append(chain: &str, before: u64, count: u64) -> Append {
    let end = before + count;
    Append {
        links: (before + 1..=end).map(|sequence| link(chain, sequence)).collect(),
        before: head(chain, before),
        after: head(chain, end).expect("something is added"),
    }
}

/// Bookkeeping of new records `0..count`, with their events and no jobs.
pub fn submission(run: &str, count: usize) -> Submission {
    let bookkeeping = run_id(run).job(0);
    Submission {
        run: Run { id: run_id(run), actor: "tester".to_owned(), at: at(0), jobs: 0 },
        lock: None,
        writes: (0..count).map(|number| write(number, 0)).collect(),
        events: (0..count).map(|number| event(&bookkeeping, number as u32 + 1, number)).collect(),
        appends: Vec::new(),
        jobs: Vec::new(),
        outputs: [("run".to_owned(), Some(StoredOutput { value: json!(run), sensitive: false }))].into(),
    }
}

/// Jobs 1 to `count`, each with a claim on the record of its number.
pub fn with_jobs(run: &str, count: usize) -> Submission {
    let jobs: Vec<Job> = (1..=count).map(|number| job(run, number)).collect();
    let writes = jobs.iter().zip(1..).map(|(job, number)| claim(number, &job.id)).collect();
    let run = Run { jobs: count, ..submission(run, 0).run };
    Submission { writes, jobs, run, ..submission("", 0) }
}

/// A move of a job that waits for something, with one event, and the record of the job's number written.
pub fn progress(lease: &Lease, number: usize, expect: u64) -> Advance {
    let event_number = lease.job.next_event;
    let mut job = lease.job.clone();
    job.attempt += 1;
    job.next_event += 1;
    job.machine = json!({ "step": event_number });
    let mut write = write(number, expect);
    if let Some(record) = &mut write.record {
        record.claim = Some(job.id.clone());
    }
    Advance {
        events: vec![event(&job.id, event_number, number)],
        writes: vec![write],
        appends: vec![append(&format!("{}#{}", address(number), job.id), u64::from(event_number) - 1, 1)],
        log: vec![line(event_number)],
        release: false,
        job,
    }
}

pub fn line(number: u32) -> LogLine {
    LogLine {
        at: at(0),
        effect: "place order".to_owned(),
        message: format!("line {number}"),
        took: Duration::from_millis(5),
        attempt: number,
    }
}
