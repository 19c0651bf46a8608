//! The engine: gathers inputs, submits plans, and carries jobs out through ports. Names no adapter and never prints.

pub mod adopt;
mod carry;
pub mod chains;
pub mod files;
pub mod load;
pub mod lock;
pub mod modules;
pub mod packages;
mod perform;
pub mod prepare;
pub mod progress;
mod queue;
mod record;
pub mod refresh;
pub mod stop;
pub mod submit;
mod withdraw;
pub mod worker;

pub use queue::goes_before;
pub use stop::Stop;
pub use submit::{SubmitFault, submit};
pub use withdraw::{WithdrawFault, withdraw};
pub use worker::{Limits, WorkOptions, WorkReport, work};

use std::sync::Arc;

use crate::ports::clock::{Clock, Ids};
use crate::ports::providers::Providers;
use crate::ports::store::Store;
use crate::ports::vault::KeyVault;

/// What the engine works with. Made by the wiring, or by tests with fakes.
#[derive(Clone)]
pub struct Engine {
    /// What must outlive the process.
    pub store: Arc<dyn Store>,
    /// Private keys.
    pub vault: Arc<dyn KeyVault>,
    /// Makes issuers, DNS providers and targets from records.
    pub providers: Arc<dyn Providers>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Fresh names and jitter.
    pub ids: Arc<dyn Ids>,
}
