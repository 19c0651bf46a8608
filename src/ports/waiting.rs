//! Threads that may wait: whoever has one for itself says so, and an adapter on it waits for the file system right there,
//! instead of handing each short piece of work to another thread, which would cost more than the work.

use std::cell::Cell;

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Ends the claim on a thread, however the work ends.
struct Own;

impl Drop for Own {
    fn drop(&mut self) {
        IS_OWN.set(false);
    }
}

/// Does the work on a thread that nothing else needs until it is done.
pub fn on_own_thread<T>(work: impl FnOnce() -> T) -> T {
    let _own = Own;
    IS_OWN.set(true);
    work()
}

/// Whether this thread may wait for the file system.
pub fn is_own_thread() -> bool {
    IS_OWN.get()
}
