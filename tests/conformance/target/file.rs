//! `file_target`.

use cap::state::Spec;

use super::fixtures::Place;
use super::suite::suite;

/// Files on this machine.
pub fn place() -> Place {
    Place { kind: "file_target", arguments: Spec::new(), secret: String::new() }
}

#[tokio::test]
async fn keeps_the_contract() {
    suite(&place(), &[0, 1, 2]).await;
}
