//! One suite a port, run over every implementation of it: what the fakes pass, the real ones pass.

mod dns;
mod issuer;
mod store;
mod target;
mod vault;
