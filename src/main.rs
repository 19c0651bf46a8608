//! The `cap` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cap::cli::main()
}
