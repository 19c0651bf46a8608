//! The language server: what editors ask about a configuration, answered over one stream in each direction.
//!
//! Whatever is asked is answered from texts, at once: an edit parses only the pieces of the file that it touches. What the
//! files mean together is found out beside that, for the newest texts only, and shown when it is known. Evaluates
//! configurations as `cap validate` does, and looks at no store, no secret and no network.

mod analyse;
mod answer;
mod document;
mod lines;
mod publish;
mod server;
mod wire;
mod workspace;

use std::io::{BufRead, Write};
use std::sync::mpsc;
use std::thread;

use crate::model::Kinds;

/// Stack of the thread that evaluates: as deep as the main thread's, which evaluation is made for.
const STACK: usize = 16 << 20;

/// What the server waits for.
enum Event {
    /// A message, or what is wrong with it.
    Message(Result<serde_json::Value, String>),
    /// What an analysis found.
    Found(analyse::Findings),
    /// Nothing more comes.
    Closed,
}

/// Serves one editor until it leaves. Returns the exit code of the protocol: zero after an orderly shutdown.
///
/// # Errors
/// The operating system gives no thread.
pub fn serve(
    input: impl BufRead + Send + 'static,
    output: impl Write,
    kinds: Kinds,
    home: Option<std::path::PathBuf>,
) -> std::io::Result<u8> {
    let (events, incoming) = mpsc::channel();
    let (jobs, waiting) = mpsc::channel();
    let messages = events.clone();
    thread::Builder::new().name("read".to_owned()).spawn(move || {
        let mut input = input;
        while let Ok(Some(message)) = wire::read(&mut input) {
            if messages.send(Event::Message(message)).is_err() {
                return;
            }
        }
        // The server may have left already.
        let _ = messages.send(Event::Closed);
    })?;
    let analyst = analyse::Analyst::new(kinds.clone(), home);
    thread::Builder::new().name("analyse".to_owned()).stack_size(STACK).spawn(move || {
        analyst.work(&waiting, |found| events.send(Event::Found(found)).is_ok());
    })?;
    Ok(server::Server::new(output, kinds.catalog(), jobs).run(&incoming))
}
