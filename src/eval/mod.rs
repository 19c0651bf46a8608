//! Evaluation: documents and inputs in, instances with their values out. Pure: no IO, no clock, no logging.
//!
//! References are addresses, not values, so nothing is ever unknown and everything is evaluated once.

pub mod convert;
pub mod desired;
pub mod encode;
pub mod functions;
pub mod json_schema;
pub mod notation;
pub mod number;
pub mod schema;
pub mod types;
pub mod value;
