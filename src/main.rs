//! The `cap` program.
fn main() {}
