//! The one test binary: every folder and file here is a module of it, so that linking stays cheap.

mod cli;
mod conformance;
mod e2e;
mod fuzz;
mod peers;
mod permutations;
mod scenario;
mod tidy;
