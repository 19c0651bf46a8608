//! Asking people on the terminal: one line, with or without echo, that an interrupt takes back. Decides nothing.

use std::io::IsTerminal as _;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// What came of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C instead of an answer.
    Interrupted,
    /// Nobody is there to be asked.
    Nobody,
}

/// Whether anybody could answer.
pub fn is_there() -> bool {
    std::io::stdin().is_terminal()
}

/// A question that is about to be shown: from now on an interrupt is an answer.
pub struct Question {
    interrupts: Signal,
    _silence: Option<Silence>,
}

impl Question {
    /// Begins one; `None` when nobody is there to be asked. What is typed is not shown when it is `hidden`.
    pub fn begin(hidden: bool) -> Option<Self> {
        let interrupts = signal(SignalKind::interrupt()).ok().filter(|_| is_there())?;
        Some(Self { interrupts, _silence: hidden.then(Silence::begin) })
    }

    /// Reads the answer: one line. The thread that reads is left behind at an interrupt: nobody can take its read back, and
    /// the process is about to end.
    pub async fn answer(mut self) -> Answer {
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            // Whoever asked may have gone meanwhile.
            let _ = tell.send(std::io::stdin().read_line(&mut text).map(|_| text));
        });
        tokio::select! {
            read = told => match read {
                Ok(Ok(text)) => Answer::Line(text.trim().to_owned()),
                _ => Answer::Nobody,
            },
            _ = self.interrupts.recv() => Answer::Interrupted,
        }
    }
}

/// The terminal does not show what is typed until this is dropped.
struct Silence(Option<libc::termios>);

impl Silence {
    fn begin() -> Self {
        // SAFETY: an all-zero `termios` is a valid value of that plain C structure.
        let mut before: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a live local of the type that the call fills.
        if unsafe { libc::tcgetattr(libc::STDIN_FILENO, &raw mut before) } != 0 {
            return Self(None);
        }
        let silent = libc::termios { c_lflag: before.c_lflag & !libc::ECHO, ..before };
        // SAFETY: the pointer is to a live local of that type.
        unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &raw const silent) };
        Self(Some(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: the pointer is to a value of that type that lives as long as `self`.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, std::ptr::from_ref(before)) };
        }
    }
}
