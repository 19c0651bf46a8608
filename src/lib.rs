//! `cap`: infrastructure as code for TLS certificate estates.
//!
//! A pure core over five values and a thin shell around it; the README holds the map of the code.

// Layer 0: vocabulary.
pub mod address;
pub mod diagnostic;
pub mod limits;
pub mod source;

// Layer 1: language.
pub mod eval;
