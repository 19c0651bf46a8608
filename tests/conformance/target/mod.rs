//! What every target must do, run over each of them; those that put files on a machine with real files and real commands.

mod contract;
mod endpoint;
mod fake;
mod file;
mod fixtures;
mod moved;
mod ssh;
mod suite;

pub use fixtures::Only;
