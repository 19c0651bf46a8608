//! The one place that names adapters: makes from them what the engine works with.

pub mod clock;
pub mod kinds;
pub mod location;
pub mod providers;
pub mod session;
pub mod stage;

/// What gets modules from elsewhere.
pub fn packages() -> crate::fetch::Fetcher {
    crate::fetch::Fetcher
}
