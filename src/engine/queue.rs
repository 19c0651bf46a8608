//! Which job is next: what is needed first, limits per CA and per target, soonest expiry first. Pure: a worker asks it.

use std::collections::{BTreeSet, HashMap};

use crate::job::{Job, JobId, JobStatus, wanted};
use crate::plan::{Reason, Work};
use crate::time::Timestamp;

/// What shares one limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Group {
    /// Orders at one CA account.
    Issuer(String),
    /// Changes of one target.
    Target(String),
    /// Nothing: what has no limit of its own.
    Free,
}

/// Jobs of one group at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Certificates being issued by one issuer. Public CAs limit by account; more than this gains little at any.
    pub per_issuer: usize,
    /// Deployments being put on one target.
    pub per_target: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_issuer: 8, per_target: 4 }
    }
}

impl Limits {
    fn of(&self, group: &Group) -> usize {
        match group {
            Group::Issuer(_) => self.per_issuer.max(1),
            Group::Target(_) => self.per_target.max(1),
            Group::Free => usize::MAX,
        }
    }
}

/// Sooner expiry first, then the order of the plan.
type Rank = (Timestamp, usize);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Blocked(usize),
    Ready,
    Waiting(Timestamp),
    Running,
    Ended,
}

struct Entry {
    id: JobId,
    group: Group,
    rank: Rank,
    place: Place,
    /// When it is due, once nothing blocks it.
    until: Option<Timestamp>,
    dependants: Vec<usize>,
}

#[derive(Default)]
struct Lane {
    ready: BTreeSet<Rank>,
    running: usize,
}

/// The jobs of a worker and where each stands.
pub(super) struct Queue {
    limits: Limits,
    entries: Vec<Entry>,
    index: HashMap<JobId, usize>,
    lanes: HashMap<Group, Lane>,
    /// The first of every lane that may run one more.
    heads: BTreeSet<Rank>,
    waiting: BTreeSet<(Timestamp, usize)>,
    left: usize,
}

impl Queue {
    /// A queue of these jobs. Jobs that are final already count for those that need them; a need that is not among them
    /// counts as met. Also returns the jobs to skip, each with the job that failed.
    pub(super) fn new(jobs: &[Job], limits: Limits) -> (Self, Vec<(JobId, JobId)>) {
        let index: HashMap<JobId, usize> = jobs.iter().enumerate().map(|(at, job)| (job.id.clone(), at)).collect();
        let entries = jobs.iter().enumerate().map(|(at, job)| Entry {
            id: job.id.clone(),
            group: group_of(job),
            rank: (urgency_of(job), at),
            place: Place::Blocked(0),
            until: None,
            dependants: Vec::new(),
        });
        let mut queue = Self {
            limits,
            entries: entries.collect(),
            index,
            lanes: HashMap::new(),
            heads: BTreeSet::new(),
            waiting: BTreeSet::new(),
            left: jobs.len(),
        };
        let mut skips = Vec::new();
        for (at, job) in jobs.iter().enumerate() {
            queue.connect(at, job);
        }
        for (at, job) in jobs.iter().enumerate() {
            if job.status.is_final() {
                queue.settle(at, job.status == JobStatus::Succeeded, &job.id, &mut skips);
            }
        }
        (queue, skips)
    }

    fn connect(&mut self, at: usize, job: &Job) {
        let needed: Vec<usize> = job.needs.iter().filter_map(|need| self.index.get(need).copied()).collect();
        let open = needed.len();
        for need in needed {
            self.entries[need].dependants.push(at);
        }
        if let JobStatus::Waiting { until, .. } = &job.status {
            self.entries[at].until = Some(*until);
        }
        if job.status.is_final() {
            // Not blocked by anything: it is settled in its own turn.
            self.entries[at].place = Place::Running;
        } else if open > 0 {
            self.entries[at].place = Place::Blocked(open);
        } else {
            self.release(at);
        }
    }

    /// All it needs is done.
    fn release(&mut self, at: usize) {
        match self.entries[at].until.take() {
            Some(until) => self.wait(at, until),
            None => self.make_ready(at),
        }
    }

    /// How many have not come to their end.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next job to work on; it counts as running until it is put back or has ended.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<JobId> {
        while let Some((until, at)) = self.waiting.first().copied().filter(|(until, _)| *until <= now) {
            self.waiting.remove(&(until, at));
            self.make_ready(at);
        }
        let (_, at) = self.heads.pop_first()?;
        let (group, rank) = (self.entries[at].group.clone(), self.entries[at].rank);
        self.entries[at].place = Place::Running;
        if let Some(lane) = self.lanes.get_mut(&group) {
            lane.ready.remove(&rank);
            lane.running += 1;
        }
        self.open(&group);
        Some(self.entries[at].id.clone())
    }

    /// When the first of those that wait is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// A job that was taken waits until then.
    pub(super) fn park(&mut self, id: &JobId, until: Timestamp) {
        if let Some(at) = self.index.get(id).copied() {
            self.free_slot(at);
            self.wait(at, until);
        }
    }

    /// A job came to its end. Returns those to skip now, each with the job that failed.
    pub(super) fn end(&mut self, id: &JobId, succeeded: bool) -> Vec<(JobId, JobId)> {
        let mut skips = Vec::new();
        if let Some(at) = self.index.get(id).copied().filter(|at| self.entries[*at].place != Place::Ended) {
            self.free_slot(at);
            self.settle(at, succeeded, id, &mut skips);
        }
        skips
    }

    fn settle(&mut self, at: usize, succeeded: bool, root: &JobId, skips: &mut Vec<(JobId, JobId)>) {
        let mut stack = vec![at];
        while let Some(at) = stack.pop() {
            if self.entries[at].place == Place::Ended {
                continue;
            }
            self.entries[at].place = Place::Ended;
            self.left -= 1;
            for dependant in self.entries[at].dependants.clone() {
                let Place::Blocked(open) = self.entries[dependant].place else { continue };
                if !succeeded {
                    skips.push((self.entries[dependant].id.clone(), root.clone()));
                    stack.push(dependant);
                } else if open > 1 {
                    self.entries[dependant].place = Place::Blocked(open - 1);
                } else if open == 1 {
                    self.release(dependant);
                }
            }
        }
    }

    fn free_slot(&mut self, at: usize) {
        if self.entries[at].place != Place::Running {
            return;
        }
        let group = self.entries[at].group.clone();
        if let Some(lane) = self.lanes.get_mut(&group) {
            lane.running -= 1;
        }
        self.open(&group);
    }

    fn wait(&mut self, at: usize, until: Timestamp) {
        self.entries[at].place = Place::Waiting(until);
        self.waiting.insert((until, at));
    }

    fn make_ready(&mut self, at: usize) {
        let (group, rank) = (self.entries[at].group.clone(), self.entries[at].rank);
        self.entries[at].place = Place::Ready;
        let lane = self.lanes.entry(group.clone()).or_default();
        if let Some(first) = lane.ready.first() {
            self.heads.remove(first);
        }
        lane.ready.insert(rank);
        self.open(&group);
    }

    /// Offers the first of a lane, if the lane may run one more.
    fn open(&mut self, group: &Group) {
        let limit = self.limits.of(group);
        if let Some(lane) = self.lanes.get(group)
            && let Some(first) = lane.ready.first().filter(|_| lane.running < limit)
        {
            self.heads.insert(*first);
        }
    }
}

fn group_of(job: &Job) -> Group {
    let spec = job.step.after.as_ref().map(|draft| &draft.spec).or(job.step.before.as_ref());
    let refers =
        |attribute| spec.and_then(|spec| wanted::reference(spec, attribute)).map(|address| address.to_string());
    match job.step.work {
        Work::Issue => refers("issuer").map_or(Group::Free, Group::Issuer),
        Work::Deploy | Work::Undeploy => refers("target").map_or(Group::Free, Group::Target),
        Work::Record | Work::Register | Work::Establish => Group::Free,
    }
}

/// When something breaks if this is not done.
fn urgency_of(job: &Job) -> Timestamp {
    let ends = job.step.reasons.iter().filter_map(|reason| match reason {
        Reason::RenewalDue { not_after, .. } => Some(*not_after),
        _ => None,
    });
    ends.min().unwrap_or(Timestamp::from_millis(i64::MAX))
}
