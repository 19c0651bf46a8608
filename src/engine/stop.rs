//! Asking a worker to stop: after what it is doing, or at once.

use std::sync::Arc;

use tokio::sync::watch;

/// How urgently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Not at all.
    #[default]
    Run,
    /// Effects that have begun come to their end and are recorded; nothing else is begun.
    Graceful,
    /// At once: effects are cut off where they stand, and the next worker finds out what became of them.
    Immediate,
}

/// A handle on that wish, shared by whoever hears signals and whoever works.
#[derive(Debug, Clone)]
pub struct Stop {
    wish: Arc<watch::Sender<Urgency>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { wish: Arc::new(watch::Sender::new(Urgency::Run)) }
    }
}

impl Stop {
    /// Asks to stop after what is being done.
    pub fn gracefully(&self) {
        self.raise(Urgency::Graceful);
    }

    /// Asks to stop at once.
    pub fn at_once(&self) {
        self.raise(Urgency::Immediate);
    }

    fn raise(&self, urgency: Urgency) {
        self.wish.send_if_modified(|wish| {
            let more = urgency > *wish;
            *wish = urgency.max(*wish);
            more
        });
    }

    /// How urgently it is wished for now.
    pub fn urgency(&self) -> Urgency {
        *self.wish.borrow()
    }

    /// Whether it is wished for at all.
    pub fn is_wished(&self) -> bool {
        self.urgency() > Urgency::Run
    }

    /// Returns when it is wished for at least this urgently.
    pub async fn wished(&self, least: Urgency) {
        // The sender lives as long as this handle, so waiting cannot fail.
        let _ = self.wish.subscribe().wait_for(|wish| *wish >= least).await;
    }
}
