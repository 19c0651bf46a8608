//! One file a command. Commands gather, call the engine, and hand the answer to a view.

pub mod apply;
pub mod completion;
pub mod console;
pub mod docs;
pub mod explain;
pub mod fmt;
pub mod force_unlock;
pub mod get;
pub mod graph;
pub mod jobs;
pub mod lsp;
pub mod output;
pub mod plan;
pub mod schema;
pub mod show;
pub mod state;
pub mod test;
pub mod timeline;
pub mod validate;
pub mod version;
