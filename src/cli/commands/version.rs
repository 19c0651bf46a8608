//! `cap version`. Starts nothing: it answers within milliseconds.

use serde_json::json;

use crate::cli::shell::{OK, Shell};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints it.
pub fn run(shell: &mut Shell, as_json: bool) -> u8 {
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    if as_json {
        shell.line(&json!({ "cap_version": VERSION, "platform": platform }).to_string());
    } else {
        shell.line(&format!("cap v{VERSION}\non {platform}"));
    }
    OK
}
