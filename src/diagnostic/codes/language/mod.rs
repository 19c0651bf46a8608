//! Codes of the language: CAP01xx to CAP02xx.

mod blocks;
mod expressions;
mod meta;
mod values;

pub use blocks::*;
pub use expressions::*;
pub use meta::*;
pub use values::*;
