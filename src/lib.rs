//! `cap`: infrastructure as code for TLS certificate estates.
//!
//! A pure core over five values and a thin shell around it; the README holds the map of the code.

// Layer 0: vocabulary.
pub mod address;
mod as_text;
pub mod diagnostic;
pub mod digest;
pub mod glob;
pub mod limits;
pub mod source;
pub mod time;
pub mod x509;

// Layer 1: language.
pub mod eval;
pub mod syntax;

// Layer 2: domain.
pub mod analysis;
pub mod diff;
pub mod graph;
pub mod job;
pub mod model;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod renewal;
pub mod state;
pub mod timeline;

// Layer 3: ports.
pub mod ports;

// Layer 4: adapters.
pub mod dns;
pub mod fetch;
pub mod issuer;
pub mod secret;
pub mod store;
pub mod target;
pub mod vault;

// Layer 5: engine.
pub mod engine;
pub mod testing;

// Layer 6: interface.
pub mod cli;
pub mod lsp;
