//! One file a command. Commands gather, call the engine, and hand the answer to a view.

pub mod jobs;
pub mod state;
