//! One suite a port, run over every implementation of it: what the fakes pass, the real ones pass.

mod acme;
mod dns;
mod issuer;
mod kinds;
mod scripted_ca;
pub mod store;
mod target;
pub mod vault;
