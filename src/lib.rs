//! `cap`: infrastructure as code for TLS certificate estates.
//!
//! A pure core over five values and a thin shell around it; the README holds the map of the code.

// Layer 0: vocabulary.
pub mod address;
pub mod diagnostic;
pub mod digest;
pub mod limits;
pub mod source;
pub mod time;

// Layer 1: language.
pub mod eval;
pub mod syntax;

// Layer 2: domain.
pub mod job;
pub mod model;
pub mod observed;
pub mod plan;
pub mod state;

// Layer 3: ports.
pub mod ports;

// Layer 5: engine.
pub mod engine;

// Layer 6: interface.
pub mod cli;
