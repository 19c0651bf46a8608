//! `cap completion SHELL`: made from the same definition as the parser, so that it cannot lag behind.

use clap::CommandFactory as _;

use crate::cli::args::Cli;
use crate::cli::shell::{OK, Shell};

/// Prints the script.
pub fn run(shell: &mut Shell, which: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(which, &mut Cli::command(), "cap", &mut script);
    shell.print(&String::from_utf8_lossy(&script));
    OK
}
