//! Stores: SQLite for one machine, MongoDB for teams, memory for tests; one port, one conformance suite.
//!
//! What all of them have in common lies in `common`: when a record may be written, what releasing a claim means, and how
//! a repeated move is known. An adapter holds no rule of its own, only its way of keeping things.

mod common;
pub mod memory;

pub use memory::Memory;
