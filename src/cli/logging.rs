//! `CAP_LOG` and `CAP_LOG_PATH`: what `cap` does, for whoever looks for a fault, as Terraform's `TF_LOG` and `TF_LOG_PATH`.
//! Only what `cap` itself notes: libraries could note what they are given, secrets among it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::diagnostic::{Diagnostic, codes};

/// Notes from now on what the environment asks for: on standard error, or at the end of the file that is named.
///
/// # Errors
/// A level that there is not, and a file that cannot be written.
pub fn start(environment: &dyn Fn(&str) -> Option<String>) -> Result<(), Diagnostic> {
    let set = |name| environment(name).filter(|text| !text.is_empty());
    let Some(wanted) = set("CAP_LOG") else { return Ok(()) };
    let level: LevelFilter = wanted.parse().map_err(|_| {
        Diagnostic::error(&codes::shell::USAGE, format!("CAP_LOG is \"{wanted}\", which is no level."))
            .hint("Levels are trace, debug, info, warn, error and off.")
    })?;
    let own = filter_fn(move |note| *note.level() <= level && note.target().starts_with(env!("CARGO_PKG_NAME")));
    let writer = match set("CAP_LOG_PATH") {
        None => BoxMakeWriter::new(std::io::stderr),
        Some(path) => {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(|error| {
                Diagnostic::error(&codes::shell::USAGE, format!("CAP_LOG_PATH: {path} cannot be written: {error}"))
                    .hint("Name a file in a directory that is there and may be written to.")
            })?;
            BoxMakeWriter::new(Mutex::new(file))
        }
    };
    registry().with(fmt::layer().with_ansi(false).with_writer(writer).with_filter(own)).init();
    Ok(())
}
