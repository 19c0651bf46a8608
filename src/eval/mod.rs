//! Evaluation: documents and inputs in, instances with their values out. Pure: no IO, no clock, no logging.
//!
//! References are addresses, not values, so nothing is ever unknown and everything is evaluated once. [`evaluate`] is the
//! door; [`residual::resolve`] gives outputs their value when facts are known.

mod assemble;
mod bounds;
mod call;
mod capture;
pub mod checks;
pub mod console;
mod constant;
mod constraint;
pub mod convert;
mod decode;
pub mod desired;
mod dynamic;
pub mod encode;
mod evaluator;
mod expression;
mod fault;
pub mod functions;
mod holdings;
mod imports;
mod index;
mod inputs;
mod iteration;
pub mod json_schema;
pub mod library;
mod meta;
mod module;
mod moves;
pub mod notation;
mod nulls;
pub mod number;
mod opened;
mod operators;
mod order;
mod output;
mod overrides;
pub mod package;
mod precision;
mod quoted;
mod render;
mod repeated;
pub mod residual;
mod resource;
mod roots;
pub mod schema;
mod scope;
mod sensitive;
mod settings;
mod submodule;
mod template;
mod traversal;
pub mod types;
pub mod unify;
pub mod value;
mod variable;

pub use assemble::{evaluate, evaluate_with, merged};
pub(crate) use module::labels_of;

pub use inputs::{Argument, Inputs, Paths};
pub use render::{Evaluation, Sensitive};

#[cfg(test)]
mod tests;
