//! Views: how plans, reports and progress look to people, and to programs as JSON. Views decide nothing.

pub mod diagnostic;
pub mod difference;
pub mod plan;
pub mod style;
