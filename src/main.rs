//! The `cap` program: everything is in the library.

use std::process::ExitCode;

/// Planning makes millions of small values and gives them back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cap::cli::main()
}
