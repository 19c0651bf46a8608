//! The suite's subject in memory: its handles are clones of one `Arc`.

use std::sync::Arc;
use std::time::SystemTime;

use cap::ports::clock::Clock;
use cap::ports::store::Store;
use cap::store::Memory;
use cap::time::Timestamp;

use super::Subject;

struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
        Timestamp::from_millis(since.as_millis() as i64)
    }
}

pub fn subject(_case: &str) -> Option<Subject> {
    let store: Arc<dyn Store> = Arc::new(Memory::new(Arc::new(HostClock)).expect("randomness"));
    Some(Subject::new((), move || std::future::ready(store.clone())))
}
