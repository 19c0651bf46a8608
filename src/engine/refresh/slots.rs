//! Looks into the slots of deployments, a few at once, each on a thread that may wait for the answer: handing thousands of
//! looks at files from thread to thread would cost more than the looks.
//!
//! A file system that hangs holds its thread for ever. Its slot is then given up, and another thread goes on with the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::address::Address;
use crate::engine::progress::{News, Progress};
use crate::observed::SlotContent;
use crate::ports::providers::Providers;
use crate::ports::{PortResult, waiting};
use crate::state::facts::Facts;
use crate::state::record::Spec;
use crate::state::{Recorded, State};

/// How long a look may take.
#[derive(Clone, Copy)]
struct Limits {
    /// A target that is asked over a network has answered by then, or is not waited for any longer.
    answer: Duration,
    /// A thread that has not even seen to that by then hangs in the file system.
    hang: Duration,
    /// How often the threads are looked after.
    round: Duration,
    /// When so many threads hang, nothing else is looked into: a whole file system is gone.
    hanging: usize,
}

/// Threads that look at once, whatever parallelism is asked for.
const MOST_THREADS: usize = 64;

const LIMITS: Limits = Limits {
    answer: Duration::from_secs(60),
    hang: Duration::from_secs(62),
    round: Duration::from_secs(1),
    hanging: 64,
};

/// What the slots of all recorded deployments hold, at most `parallelism` asked at once. A slot that cannot be read is
/// reported as such and never taken for absent. Of each that is looked into `progress` hears when that begins and ends.
pub async fn slots(
    state: &State,
    providers: &Arc<dyn Providers>,
    parallelism: usize,
    progress: &Arc<dyn Progress>,
) -> BTreeMap<Address, SlotContent> {
    within(LIMITS, state, providers, parallelism, progress).await
}

async fn within(
    limits: Limits,
    state: &State,
    providers: &Arc<dyn Providers>,
    parallelism: usize,
    progress: &Arc<dyn Progress>,
) -> BTreeMap<Address, SlotContent> {
    let looks = Arc::new(Looks::new(limits, state, Arc::clone(providers), Arc::clone(progress)));
    let mut threads = Threads::new(Arc::clone(&looks));
    (0..parallelism.clamp(1, MOST_THREADS).min(looks.left())).for_each(|_| threads.start());
    threads.watch().await;
    looks.leave_the_rest();
    std::mem::take(&mut *lock(&looks.found))
}

/// One slot that is to be looked into.
struct Look {
    address: Address,
    spec: Option<Recorded>,
}

/// All of them, and what was found.
struct Looks {
    limits: Limits,
    providers: Arc<dyn Providers>,
    progress: Arc<dyn Progress>,
    todo: Mutex<std::vec::IntoIter<Look>>,
    found: Mutex<BTreeMap<Address, SlotContent>>,
}

impl Looks {
    fn new(limits: Limits, state: &State, providers: Arc<dyn Providers>, progress: Arc<dyn Progress>) -> Self {
        let deployments = state.records.values().filter(|record| matches!(record.facts, Facts::Deployment(_)));
        let looks = deployments.map(|record| Look { address: record.address.clone(), spec: record.spec.clone() });
        let todo = Mutex::new(looks.collect::<Vec<_>>().into_iter());
        Self { limits, providers, progress, todo, found: Mutex::default() }
    }

    fn left(&self) -> usize {
        lock(&self.todo).len()
    }

    fn note(&self, address: Address, content: SlotContent) {
        self.progress.tell(&News::Looked(&address));
        lock(&self.found).insert(address, content);
    }

    /// What nobody has looked into, because no thread was left for it.
    fn leave_the_rest(&self) {
        let rest: Vec<Look> = lock(&self.todo).by_ref().collect();
        for look in rest {
            let why = "it was not looked into: too many others do not answer, or there are no more threads".to_owned();
            lock(&self.found).insert(look.address, SlotContent::Unreadable { why });
        }
    }

    /// One slot after the other, until none is left or this thread is given up.
    async fn go_on(&self, place: &Place) {
        loop {
            let Some(look) = lock(&self.todo).next() else { return };
            self.progress.tell(&News::Looking(&look.address));
            *lock(place) = Some((look.address.clone(), Instant::now()));
            let content = self.answer(&look).await;
            let Some((address, _)) = lock(place).take() else { return };
            self.note(address, content);
        }
    }

    async fn answer(&self, look: &Look) -> SlotContent {
        match timeout(self.limits.answer, self.inspect(look)).await {
            Ok(Ok(content)) => content,
            Ok(Err(fault)) => SlotContent::Unreadable { why: fault.message },
            Err(_) => self.no_answer(),
        }
    }

    async fn inspect(&self, look: &Look) -> PortResult<SlotContent> {
        let Address::Deployment { target, .. } = &look.address else { return Ok(SlotContent::Absent) };
        let empty = Spec::new();
        let config = look.spec.as_ref().and_then(|spec| spec.get("config")?.as_object()).unwrap_or(&empty);
        self.providers.target(&target.kind, config).await?.inspect().await
    }

    fn no_answer(&self) -> SlotContent {
        SlotContent::Unreadable { why: format!("no answer within {} s", self.limits.answer.as_secs()) }
    }
}

/// What a thread looks into, and since when. Whoever takes it out, the thread or its watch, notes the answer.
type Place = Mutex<Option<(Address, Instant)>>;

/// The threads that look.
struct Threads {
    looks: Arc<Looks>,
    /// Those that have neither ended nor been given up, by number.
    places: HashMap<usize, Arc<Place>>,
    started: usize,
    hanging: usize,
    ends: (UnboundedSender<usize>, UnboundedReceiver<usize>),
}

/// Tells the watch that a thread has ended, however it did.
struct End(usize, UnboundedSender<usize>);

impl Drop for End {
    fn drop(&mut self) {
        // Nobody listens any more when the thread was given up and everything else is done.
        let _ = self.1.send(self.0);
    }
}

impl Threads {
    fn new(looks: Arc<Looks>) -> Self {
        Self { looks, places: HashMap::new(), started: 0, hanging: 0, ends: unbounded_channel() }
    }

    fn start(&mut self) {
        let (looks, place, runtime) = (Arc::clone(&self.looks), Arc::new(Place::default()), Handle::current());
        self.places.insert(self.started, Arc::clone(&place));
        let end = End(self.started, self.ends.0.clone());
        self.started += 1;
        // No thread of the runtime's: those would be missing where others wait for one. One that cannot be started is told
        // by its end, as it is dropped.
        let _ = std::thread::Builder::new().name("look".to_owned()).spawn(move || {
            let _end = end;
            waiting::on_own_thread(|| runtime.block_on(looks.go_on(&place)));
        });
    }

    /// Until every slot has an answer.
    async fn watch(&mut self) {
        while !self.places.is_empty() {
            match timeout(self.looks.limits.round, self.ends.1.recv()).await {
                Ok(ended) => self.ended(ended),
                Err(_) => self.give_up_what_hangs(),
            }
        }
    }

    fn ended(&mut self, number: Option<usize>) {
        let place = number.and_then(|number| self.places.remove(&number));
        if let Some((address, _)) = place.and_then(|place| lock(&place).take()) {
            self.looks.note(address, SlotContent::Unreadable { why: "the look into it ended early".to_owned() });
            self.start();
        }
    }

    fn give_up_what_hangs(&mut self) {
        let limit = self.looks.limits.hang;
        let hangs = |(_, since): &mut (Address, Instant)| since.elapsed() >= limit;
        // Tested and taken in one step: the thread may be done with it at this very moment, and begin the next.
        let given_up = |(number, place): (&usize, &Arc<Place>)| Some((*number, lock(place).take_if(hangs)?.0));
        let given_up: Vec<(usize, Address)> = self.places.iter().filter_map(given_up).collect();
        for (number, address) in given_up {
            self.places.remove(&number);
            self.looks.note(address, self.looks.no_answer());
            self.hanging += 1;
            if self.hanging < self.looks.limits.hanging {
                self.start();
            }
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::digest::Digest;
    use crate::job::ErrorClass;
    use crate::ports::PortError;
    use crate::ports::dns::{DnsProvider, Resolver};
    use crate::ports::issuer::{Issuer, KnownAccount};
    use crate::ports::target::Target;
    use crate::ports::vault::PrivateKey;
    use crate::state::Record;
    use crate::state::facts::DeploymentFacts;
    use crate::time::Timestamp;

    /// Targets that say their slot's name as an error; the one named `hangs` never returns, as a file system that is gone.
    struct Targets(Mutex<mpsc::Receiver<()>>);

    #[async_trait]
    impl Providers for Targets {
        async fn establish(&self, _: &Address, _: &Spec, _: &str, _: Option<&Facts>) -> PortResult<Facts> {
            Err(refusal("no issuers"))
        }

        async fn account(&self, _: &Spec, _: &PrivateKey) -> PortResult<Option<KnownAccount>> {
            Err(refusal("no issuers"))
        }

        async fn issuer(&self, _: &Record) -> PortResult<Arc<dyn Issuer>> {
            Err(refusal("no issuers"))
        }

        async fn dns(&self, _: &Record) -> PortResult<Arc<dyn DnsProvider>> {
            Err(refusal("no DNS"))
        }

        async fn resolver(&self, _: &Record) -> PortResult<Arc<dyn Resolver>> {
            Err(refusal("no DNS"))
        }

        async fn target(&self, _: &str, config: &Spec) -> PortResult<Arc<dyn Target>> {
            match config["slot"].as_str().unwrap_or_default() {
                "hangs" | "hangs-too" => {
                    // Ends with the test.
                    let _ = lock(&self.0).recv();
                    Err(refusal("too late"))
                }
                "breaks" => panic!("an adapter's mistake"),
                "waits" => std::future::pending().await,
                slot => Err(refusal(slot)),
            }
        }
    }

    /// What was heard, in order.
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Progress for Heard {
        fn tell(&self, news: &News<'_>) {
            let line = match news {
                News::Looking(address) => format!("+{address}"),
                News::Looked(address) => format!("-{address}"),
                other => panic!("{other:?}"),
            };
            lock(&self.0).push(line);
        }
    }

    fn refusal(why: &str) -> PortError {
        PortError::new(ErrorClass::Rejected, why)
    }

    fn deployment(slot: &str) -> Record {
        let address: Address = format!("certificate.{slot}@file_target.disk").parse().expect("an address");
        let facts = DeploymentFacts {
            version: 1,
            fingerprint: Digest::of(slot),
            slot: slot.to_owned(),
            installed_at: Timestamp::from_millis(0),
            verified_at: None,
        };
        let spec = json!({ "config": { "slot": slot } }).as_object().cloned().map(Recorded::from);
        Record { spec, facts: Facts::Deployment(facts), ..Record::new(address) }
    }

    /// What is said of each slot.
    fn check(parallelism: usize, hang: Duration, expected: &[(&str, &str)]) {
        let records = expected.iter().map(|(slot, _)| deployment(slot));
        let state = State { records: records.map(|record| (record.address.clone(), record)).collect() };
        let (end, ends) = mpsc::channel();
        let targets: Arc<dyn Providers> = Arc::new(Targets(Mutex::new(ends)));
        let limits = Limits { answer: Duration::from_millis(100), hang, round: Duration::from_millis(10), hanging: 2 };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let heard = Arc::new(Heard::default());
        let progress: Arc<dyn Progress> = Arc::clone(&heard) as _;
        let found = runtime.block_on(within(limits, &state, &targets, parallelism, &progress));
        drop(end);
        let heard = std::mem::take(&mut *lock(&heard.0));
        let is_looked_into = |content: &SlotContent| !format!("{content:?}").contains("not looked into");
        let looks = found.iter().filter(|(_, content)| is_looked_into(content));
        for address in looks.clone().map(|(address, _)| address) {
            let at = |mark: &str| heard.iter().position(|line| *line == format!("{mark}{address}"));
            assert!(at("+").is_some() && at("+") < at("-"), "{address}: {heard:?}");
        }
        assert_eq!(heard.len(), 2 * looks.count(), "{heard:?}");
        let said: Vec<(String, SlotContent)> =
            found.into_iter().map(|(address, content)| (address.to_string(), content)).collect();
        let expected: Vec<(String, SlotContent)> = expected
            .iter()
            .map(|(slot, why)| {
                let content = SlotContent::Unreadable { why: (*why).to_owned() };
                (format!("certificate.{slot}@file_target.disk"), content)
            })
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn a_look_that_hangs_holds_up_nothing_else() {
        let slots = [("a", "a"), ("b", "b"), ("hangs", "no answer within 0 s"), ("x", "x"), ("y", "y")];
        // With one thread it is the only one that hangs.
        check(1, Duration::from_secs(2), &slots);
        check(3, Duration::from_secs(2), &slots);
    }

    #[test]
    fn a_file_system_that_is_gone_is_not_waited_for_again_and_again() {
        let unanswered = "no answer within 0 s";
        let rest = "it was not looked into: too many others do not answer, or there are no more threads";
        let slots = [("a", "a"), ("hangs", unanswered), ("hangs-too", unanswered), ("x", rest), ("y", rest)];
        check(1, Duration::from_secs(2), &slots);
    }

    #[test]
    fn a_look_that_waits_or_breaks_is_reported_as_such() {
        let never = Duration::from_secs(600);
        check(1, never, &[("a", "a"), ("waits", "no answer within 0 s"), ("x", "x")]);
        check(1, never, &[("a", "a"), ("breaks", "the look into it ended early"), ("x", "x")]);
        check(4, never, &[]);
    }
}
