//! Which job is next: what is needed first, limits per CA and per target, soonest expiry first. Pure: a worker asks it.
//!
//! Certificates of the same names at one issuer are issued one after the other, each once the one before has come to its
//! end, whatever that was: a CA may hand its own open order out again for the same names (RFC 8555 section 7.4 leaves it
//! that), and an order is finalized with one key. Those that hold an order when the worker begins go first. Behind one of
//! another run nobody is due here: that run was left, or is somebody else's, and whoever works on both lines them up. What
//! another worker begins meanwhile is not seen: whoever is slower finds the order taken and places another.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::job::{Job, JobId, JobStatus, Machine, wanted};
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

/// Those who would ask one issuer for the same names.
type Line = (Group, Vec<String>);

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
    /// Whether it counts for the limit of its lane.
    has_slot: bool,
    /// When it is due, once nothing blocks it.
    until: Option<Timestamp>,
    /// Whether those that need it may go, although it has not ended.
    delivered: bool,
    /// Whether it has done anything.
    begun: bool,
    dependants: Vec<usize>,
    /// Who issues for the same names before it. One that holds an order has one too, and does not wait for it.
    leader: Option<usize>,
    /// Those who issue for the same names after it.
    followers: Vec<usize>,
    /// Whether a job that is not this worker's goes before it, and so keeps it from beginning here.
    kept_back: bool,
}

#[derive(Default)]
struct Lane {
    ready: BTreeSet<Rank>,
    running: usize,
    /// Nothing begins here before then.
    held: Option<Timestamp>,
}

/// A queue that a worker shares with the jobs it carries: one that ends takes the next out of it.
#[derive(Clone)]
pub(super) struct SharedQueue(Arc<Mutex<Queue>>);

impl SharedQueue {
    pub(super) fn new(queue: Queue) -> Self {
        Self(Arc::new(Mutex::new(queue)))
    }

    /// Asks or changes the queue.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
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
    /// How many of those that are left have delivered.
    tidying: usize,
}

impl Queue {
    /// A queue of these jobs. Jobs that are final already count for those that need them; a need that is not among them
    /// counts as met. The limits of accounts that `others` wait for count here too, and whoever would ask for names that
    /// one of `others` holds an order for stays blocked. Also returns the jobs to skip, each with the job that failed.
    pub(super) fn new(jobs: &[Job], others: &[Job], limits: Limits) -> (Self, Vec<(JobId, JobId)>) {
        let index: HashMap<JobId, usize> = jobs.iter().enumerate().map(|(at, job)| (job.id.clone(), at)).collect();
        let entries = jobs.iter().enumerate().map(|(at, job)| Entry {
            id: job.id.clone(),
            group: group_of(job),
            rank: (urgency_of(job), at),
            place: Place::Blocked(0),
            has_slot: false,
            until: None,
            delivered: false,
            begun: !job.machine.is_null(),
            dependants: Vec::new(),
            leader: None,
            followers: Vec::new(),
            kept_back: false,
        });
        let mut queue = Self {
            limits,
            entries: entries.collect(),
            index,
            lanes: HashMap::new(),
            heads: BTreeSet::new(),
            waiting: BTreeSet::new(),
            left: jobs.len(),
            tidying: 0,
        };
        let mut skips = Vec::new();
        jobs.iter().chain(others).for_each(|job| queue.heed(job));
        queue.line_up(jobs, others);
        for (at, job) in jobs.iter().enumerate() {
            queue.connect(at, job);
        }
        for (at, job) in jobs.iter().enumerate() {
            // First, for what has delivered stops nobody, whatever became of it.
            if job.delivered {
                queue.deliver(&job.id);
            }
            if job.status.is_final() {
                queue.settle(at, job.status == JobStatus::Succeeded, &job.id, &mut skips);
            }
        }
        (queue, skips)
    }

    /// A limit of a whole account that a job waits for, by the store: nobody begins there before.
    fn heed(&mut self, job: &Job) {
        let Some(until) = job.status.account_limit() else { return };
        let lane = self.lanes.entry(group_of(job)).or_default();
        lane.held = lane.held.max(Some(until));
    }

    /// Lines up those that would ask one CA for the same names, behind those that hold an order of it.
    fn line_up(&mut self, jobs: &[Job], others: &[Job]) {
        let taken = others.iter().filter(|job| is_issuing(job) && holds_order(job));
        let taken: HashSet<Line> = taken.filter_map(line_of).collect();
        let issuing = jobs.iter().enumerate().filter(|(_, job)| is_issuing(job));
        let (ahead, behind): (Vec<_>, Vec<_>) = issuing.partition(|(_, job)| holds_order(job));
        let mut last: HashMap<Line, usize> = HashMap::new();
        for (at, job) in ahead.into_iter().chain(behind) {
            let Some(line) = line_of(job) else { continue };
            let is_taken = taken.contains(&line);
            let leader = last.insert(line, at);
            if holds_order(job) {
                self.entries[at].leader = leader;
            } else {
                self.entries[at].kept_back = is_taken;
                self.follow(at, leader);
            }
        }
    }

    fn follow(&mut self, at: usize, leader: Option<usize>) {
        self.entries[at].leader = leader;
        if let Some(leader) = leader {
            self.entries[leader].followers.push(at);
        }
    }

    fn connect(&mut self, at: usize, job: &Job) {
        let needed: Vec<usize> = job.needs.iter().filter_map(|need| self.index.get(need).copied()).collect();
        let follows = self.entries[at].leader.is_some() && !holds_order(job);
        let open = needed.len() + usize::from(follows) + usize::from(self.entries[at].kept_back);
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
            None => match self.lanes.get(&self.entries[at].group).and_then(|lane| lane.held) {
                Some(until) if !self.entries[at].begun => self.wait(at, until),
                _ => self.make_ready(at),
            },
        }
    }

    /// How many have not come to their end.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Whether those that are left only tidy up after themselves.
    pub(super) fn only_tidies(&self) -> bool {
        self.left == self.tidying
    }

    /// The next job to work on; it counts as running until it is put back or has ended.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<JobId> {
        while let Some((until, at)) = self.waiting.first().copied().filter(|(until, _)| *until <= now) {
            self.waiting.remove(&(until, at));
            // The limit that it waited for may have been followed by a longer one.
            let held = self.lanes.get(&self.entries[at].group).and_then(|lane| lane.held);
            match held.filter(|held| *held > now && !self.entries[at].begun) {
                Some(held) => self.wait(at, held),
                None => self.make_ready(at),
            }
        }
        let (_, at) = self.heads.pop_first()?;
        let (group, rank) = (self.entries[at].group.clone(), self.entries[at].rank);
        self.entries[at].place = Place::Running;
        if let Some(lane) = self.lanes.get_mut(&group) {
            lane.ready.remove(&rank);
            lane.running += 1;
            self.entries[at].has_slot = true;
        }
        self.open(&group);
        Some(self.entries[at].id.clone())
    }

    /// What is to be begun in place of a job of which only the last write is left: it has nothing more to do that a limit
    /// is for. Nothing when its end lets others go, because one of those may be more urgent.
    pub(super) fn replace(&mut self, id: &JobId, now: Timestamp) -> Option<JobId> {
        let at = self.index.get(id).copied()?;
        let entry = &self.entries[at];
        let lets_go = |other: &usize| self.entries[*other].place == Place::Blocked(1);
        if entry.dependants.iter().any(lets_go) || entry.followers.iter().any(lets_go) {
            return None;
        }
        self.free_slot(at);
        self.take(now)
    }

    /// A job that was taken is not begun after all.
    pub(super) fn give_back(&mut self, id: &JobId) {
        if let Some(at) = self.index.get(id).copied() {
            self.free_slot(at);
            self.release(at);
        }
    }

    /// When the first of those that wait is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// A job that was taken waits until then.
    pub(super) fn park(&mut self, id: &JobId, until: Timestamp) {
        if let Some(at) = self.index.get(id).copied() {
            self.entries[at].begun = true;
            self.free_slot(at);
            self.wait(at, until);
        }
    }

    /// A job has met a limit of its whole account, which lasts until then: none of its lane begins before. What has begun
    /// goes on, because such limits are on what comes first, an order.
    pub(super) fn hold(&mut self, id: &JobId, until: Timestamp) {
        let Some(group) = self.index.get(id).map(|at| self.entries[*at].group.clone()) else { return };
        let Some(lane) = self.lanes.get_mut(&group).filter(|_| group != Group::Free) else { return };
        lane.held = lane.held.max(Some(until));
        if let Some(first) = lane.ready.first() {
            self.heads.remove(first);
        }
        let fresh: Vec<Rank> = lane.ready.iter().filter(|(_, at)| !self.entries[*at].begun).copied().collect();
        lane.ready.retain(|rank| !fresh.contains(rank));
        fresh.into_iter().for_each(|(_, at)| self.wait(at, until));
        self.open(&group);
    }

    /// All that others need of a job is there: they may go, whatever becomes of it.
    pub(super) fn deliver(&mut self, id: &JobId) {
        let Some(at) = self.index.get(id).copied() else { return };
        if self.entries[at].place != Place::Ended && !std::mem::replace(&mut self.entries[at].delivered, true) {
            self.tidying += 1;
            self.entries[at].dependants.clone().into_iter().for_each(|dependant| self.unblock(dependant));
            self.let_follow(at);
        }
    }

    /// The next of the line goes. Behind one that never began, it goes on waiting for whoever is ahead.
    fn let_follow(&mut self, at: usize) {
        let has_passed = |entry: &Entry| entry.delivered || entry.place == Place::Ended;
        let leader = self.entries[at].leader.filter(|leader| !has_passed(&self.entries[*leader]));
        for follower in std::mem::take(&mut self.entries[at].followers) {
            match leader {
                Some(_) => self.follow(follower, leader),
                None => self.unblock(follower),
            }
        }
    }

    /// One that it needs is done.
    fn unblock(&mut self, at: usize) {
        match self.entries[at].place {
            Place::Blocked(1) => self.release(at),
            Place::Blocked(open) => self.entries[at].place = Place::Blocked(open - 1),
            Place::Ready | Place::Waiting(_) | Place::Running | Place::Ended => {}
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
            if self.entries[at].delivered {
                self.tidying -= 1;
                continue;
            }
            self.let_follow(at);
            for dependant in self.entries[at].dependants.clone() {
                if succeeded {
                    self.unblock(dependant);
                } else if matches!(self.entries[dependant].place, Place::Blocked(_)) {
                    skips.push((self.entries[dependant].id.clone(), root.clone()));
                    stack.push(dependant);
                }
            }
        }
    }

    fn free_slot(&mut self, at: usize) {
        if !std::mem::take(&mut self.entries[at].has_slot) {
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

/// Whether it is on its way to a certificate.
fn is_issuing(job: &Job) -> bool {
    job.step.work == Work::Issue && !job.status.is_final() && !job.delivered
}

/// Whether it goes on with an order that it has placed.
fn holds_order(job: &Job) -> bool {
    let order = || serde_json::from_value(job.machine.clone()).is_ok_and(|kept: Machine| kept.order().is_some());
    !job.machine.is_null() && order()
}

/// Whether a job of another run goes before this one: it holds an order for the same names at the same issuer.
pub fn goes_before(other: &Job, job: &Job) -> bool {
    let is_open = is_issuing(other) && holds_order(other) && other.run != job.run;
    is_open && is_issuing(job) && !holds_order(job) && line_of(other) == line_of(job)
}

/// The issuer that a job asks, and for which names.
fn line_of(job: &Job) -> Option<Line> {
    let draft = job.step.after.as_ref()?;
    Some((group_of(job), wanted::names(&draft.spec)))
}

fn group_of(job: &Job) -> Group {
    let spec = job.step.after.as_ref().map(|draft| &draft.spec).or(job.step.before.as_ref());
    let refers =
        |attribute| spec.and_then(|spec| wanted::reference(spec, attribute)).map(|address| address.to_string());
    match job.step.work {
        Work::Issue => refers("issuer").map_or(Group::Free, Group::Issuer),
        Work::Deploy | Work::Undeploy => refers("target").map_or(Group::Free, Group::Target),
        Work::Record | Work::Register | Work::Establish | Work::Rewrap => Group::Free,
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

#[cfg(test)]
mod tests;
