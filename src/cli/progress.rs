//! Draws a worker's news: over itself on a terminal, as plain lines elsewhere, as JSON lines for programs.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::shell::Shell;
use super::view::progress::Board;
use super::view::stream;
use super::view::style::Style;
use super::wiring::clock::SystemClock;
use crate::engine::progress::{News, Progress};
use crate::ports::clock::Clock as _;

/// Lines of a terminal that running jobs may take.
const HEIGHT: usize = 12;

/// How news is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Drawn over itself.
    Live,
    /// A line when something happens.
    Plain,
    /// A JSON object a line.
    Json,
}

/// Draws news on standard output.
pub struct Drawing {
    manner: Manner,
    /// Where programs read the same, while people look at the drawing.
    record: Option<Arc<File>>,
    style: Style,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    board: Board,
    drawn: usize,
    /// Nothing is drawn any more.
    ended: bool,
}

impl Drawing {
    /// A drawing for that shell.
    pub fn new(shell: &Shell, json: bool) -> Self {
        let manner = match (json, shell.terminal) {
            (true, _) => Manner::Json,
            (false, true) => Manner::Live,
            (false, false) => Manner::Plain,
        };
        Self { manner, record: shell.record.clone(), style: shell.style, inner: Mutex::default() }
    }

    /// How often [`Drawing::tick`] is to be called.
    pub fn pace(&self) -> Duration {
        Duration::from_millis(if self.manner == Manner::Live { 200 } else { 1000 })
    }

    /// Time has passed: what runs on is drawn again, or told.
    pub fn tick(&self) {
        let now = SystemClock.now();
        let mut inner = self.lock();
        if self.manner == Manner::Live {
            inner.draw(&[]);
        }
        if self.manner == Manner::Live && self.record.is_none() {
            return;
        }
        let lines = inner.board.still(now);
        if self.manner == Manner::Plain {
            inner.draw_plain(&lines.iter().map(|still| still.line.clone()).collect::<Vec<_>>());
        }
        self.programs(&mut inner, || lines.iter().map(|still| stream::progress(still, now)).collect());
    }

    /// Says something between the lines.
    pub fn say(&self, text: &str) {
        let mut inner = self.lock();
        match self.manner {
            Manner::Live => inner.draw(&[text.to_owned()]),
            Manner::Plain => inner.draw_plain(&[text.to_owned()]),
            Manner::Json => {}
        }
        self.programs(&mut inner, || vec![stream::note("log", text, SystemClock.now())]);
    }

    /// Takes back what is drawn over, and says this and no more: whatever a job still does is not waited for.
    pub fn end(&self, text: &str) {
        self.lock().board = Board::default();
        self.say(text);
        self.lock().ended = true;
    }

    /// Tells programs, and nobody else.
    pub fn tell_programs(&self, line: &str) {
        self.programs(&mut self.lock(), || vec![line.to_owned()]);
    }

    fn programs(&self, inner: &mut Inner, lines: impl FnOnce() -> Vec<String>) {
        match &self.record {
            Some(file) if !inner.ended => {
                let text: String = lines().iter().map(|line| format!("{line}\n")).collect();
                // A full disk is no reason to stop the jobs.
                let _ = (&**file).write_all(text.as_bytes());
            }
            None if self.manner == Manner::Json => inner.draw_plain(&lines()),
            _ => {}
        }
    }

    /// A panic elsewhere must not silence what is told of the jobs.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Drawing {
    fn tell(&self, news: &News<'_>) {
        let now = SystemClock.now();
        let mut inner = self.lock();
        let line = inner.board.hear(news, now, self.style);
        self.programs(&mut inner, || stream::news(news, now).into_iter().collect());
        if matches!(news, News::Looking(_) | News::Looked(_)) {
            // Nobody sees them, and there is one of each for every object.
            return;
        }
        match self.manner {
            Manner::Json => {}
            Manner::Plain => inner.draw_plain(&line.into_iter().collect::<Vec<_>>()),
            Manner::Live => inner.draw(&line.into_iter().collect::<Vec<_>>()),
        }
    }
}

impl Inner {
    fn draw_plain(&mut self, lines: &[String]) {
        if self.ended {
            return;
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        write(&text);
    }

    /// Takes back what was drawn, writes the lines that stay, and draws what runs below them.
    fn draw(&mut self, lines: &[String]) {
        if self.ended {
            return;
        }
        let picture = self.board.picture(SystemClock.now(), width(), HEIGHT);
        let mut text = match self.drawn {
            0 => String::new(),
            drawn => format!("\x1b[{drawn}A\x1b[J"),
        };
        lines.iter().chain(&picture).for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
        self.drawn = picture.len();
        write(&text);
    }
}

/// A reader that went away is no reason to stop the jobs.
fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Columns of the terminal, or what terminals had when they were made of glass.
fn width() -> usize {
    // SAFETY: an all-zero `winsize` is a valid value of that plain C structure.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live local of the type that this request writes.
    let answered = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) } == 0;
    if answered && size.ws_col > 0 { usize::from(size.ws_col) } else { 80 }
}
