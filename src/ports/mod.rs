//! Ports: what the engine needs from outside, as small traits that state what holds on return.
//!
//! Each has one conformance suite that every implementation passes, fakes included.

pub mod clock;
pub mod dns;
pub mod issuer;
pub mod packages;
pub mod providers;
pub mod secrets;
pub mod store;
pub mod target;
pub mod vault;
pub mod waiting;

use crate::job::ErrorClass;

/// An error of an adapter: whose fault, what, and what to do. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// Whose fault.
    pub class: ErrorClass,
    /// What happened, with the peer's own words where they help.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl PortError {
    /// An error of that class.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), remedy: None }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// What every port returns.
pub type PortResult<T> = Result<T, PortError>;
