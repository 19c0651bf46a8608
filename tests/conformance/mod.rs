//! One suite a port, run over every implementation of it: what the fakes pass, the real ones pass.

mod issuer;
mod store;
mod vault;
