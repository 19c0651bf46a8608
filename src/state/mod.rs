//! What `cap` did: records, and the events they are folded from.
//!
//! State is a function of the event sequence (law 4). [`fold()`] is the only code that changes a record.

pub mod event;
pub mod facts;
pub mod fold;
pub mod record;
pub mod recorded;

use std::collections::BTreeMap;

pub use event::{Event, EventBody};
pub use fold::fold;
pub use record::{Record, Spec};
pub use recorded::Recorded;

use crate::address::Address;

/// All records, and the outputs of the last apply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Records by address. A record without a spec is a claim for something that does not exist yet.
    pub records: BTreeMap<Address, Record>,
}
