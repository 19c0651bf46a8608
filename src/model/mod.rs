//! The domain's kinds and rules: what an estate may be, and what its blocks mean together.

pub mod estate;
pub mod kind;

pub use estate::{Estate, Resource};
pub use kind::{Kind, Kinds, Role};
