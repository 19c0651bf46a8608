//! Views: how plans, reports and progress look to people, and to programs as JSON. Views decide nothing.

pub mod deferred;
pub mod diagnostic;
pub mod difference;
pub mod docs;
pub mod event;
pub mod graph;
pub mod job;
pub mod json_checks;
pub mod json_configuration;
pub mod json_plan;
pub mod lock;
pub mod output;
pub mod plan;
pub mod progress;
pub mod record;
pub mod schemas;
pub mod stream;
pub mod style;
pub mod test;
pub mod warnings;
pub mod wrap;
