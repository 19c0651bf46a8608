//! What every target that puts files on a machine must do, run over each of them with real files and real commands.

mod endpoint;
mod file;
mod fixtures;
mod moved;
mod ssh;
mod suite;

pub use fixtures::Only;
