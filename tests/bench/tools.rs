//! The figures of the tools: how fast files are formatted, and how soon an editor is answered after an edit.
//!
//!     cargo bench --bench tools
//!
//! Formatting is measured in the library, by CPU time. The language server is the real binary, spoken to as an editor
//! does: the wall time of an edit with the request after it, and of the reports that follow, on machines that are shared.

#[expect(dead_code, reason = "the figures of plans use the other shapes")]
mod estate;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use estate::Shape;
use serde_json::{Value as Json, json};

/// Blocks of the directory that is edited.
const BLOCKS: usize = 10_000;
/// Bytes a second that are to be formatted at least.
const FORMATTED: f64 = 20e6;
/// How long an answer after an edit may take at most.
const ANSWERED: Duration = Duration::from_millis(100);
/// Edits that are measured.
const EDITS: usize = 21;

fn main() -> ExitCode {
    let good = formatting() & served("one file", 1) & served("100 files", 100);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "MISSED" }
}

/// CPU time of this process.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: one live structure of the kind that is filled in.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn formatting() -> bool {
    let neat = Shape::Estate.configuration(BLOCKS, "/tmp/out");
    let ugly = neat.replace("  ", "\t").replace(" = ", "=");
    let texts = [("in layout", neat), ("to be laid out", ugly)];
    let mut good = true;
    for (what, text) in texts {
        let begin = cpu();
        let rounds = 5;
        let bytes: usize = (0..rounds).map(|_| cap::syntax::format::format(&text).len()).sum();
        let rate = text.len() as f64 * f64::from(rounds) / (cpu() - begin).as_secs_f64();
        assert!(bytes > 0, "it is formatted");
        let holds = rate >= FORMATTED;
        println!("| fmt, {what:<15} | {:>6.1} MB/s | ≥ 20 MB/s {}", rate / 1e6, verdict(holds));
        good &= holds;
    }
    good
}

/// An editor that speaks to the server.
struct Editor {
    directory: PathBuf,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    id: u64,
}

impl Editor {
    fn new(directory: &Path) -> std::io::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cap"));
        command.arg("lsp").env_clear().env("HOME", directory).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let output = BufReader::new(child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?);
        let mut editor = Self { directory: directory.to_owned(), child, input, output, id: 0 };
        editor.ask("initialize", json!({"capabilities": {}}))?;
        Ok(editor)
    }

    fn send(&mut self, message: &Json) -> std::io::Result<()> {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        self.input.flush()
    }

    fn receive(&mut self) -> std::io::Result<Json> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line)?;
            match line.trim().split_once(": ") {
                Some((_, value)) => length = value.parse().map_err(std::io::Error::other)?,
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    fn tell(&mut self, method: &str, params: Json) -> std::io::Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    fn ask(&mut self, method: &str, params: Json) -> std::io::Result<Json> {
        self.id += 1;
        let id = self.id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let message = self.receive()?;
            if message["id"] == id {
                return Ok(message);
            }
        }
    }

    fn file(&self, name: &str) -> Json {
        json!({"uri": format!("file://{}/{name}", self.directory.display()), "version": 1})
    }

    /// Edits, asks for completions and a definition there, and waits for the reports that show the edit's fault.
    fn edit(&mut self, round: usize) -> std::io::Result<(Duration, Duration)> {
        let begin = Instant::now();
        let place = json!({"line": 0, "character": 0});
        let fault = format!("locals {{\n  bench{round} = member.nobody{round}\n}}\n");
        let changes = json!([{"range": {"start": place, "end": place}, "text": fault}]);
        let file = self.file("a.cap.hcl");
        self.tell("textDocument/didChange", json!({"textDocument": file, "contentChanges": changes}))?;
        let at = json!({"textDocument": file, "position": {"line": 1, "character": 25}});
        let answer = self.ask("textDocument/completion", at.clone())?;
        assert!(answer["result"]["items"].is_array(), "{answer}");
        self.ask("textDocument/hover", at)?;
        let answered = begin.elapsed();
        let name = format!("member.nobody{round} is not declared");
        while !self.receive()?.to_string().contains(&name) {}
        Ok((answered, begin.elapsed()))
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn served(what: &str, files: usize) -> bool {
    match measured(files) {
        Ok((answered, reported)) => {
            let holds = answered <= ANSWERED;
            println!(
                "| lsp, {BLOCKS} blocks in {what:<9} | answered in {:>5.1} ms, reported in {:>5.1} ms | ≤ 100 ms {}",
                answered.as_secs_f64() * 1e3,
                reported.as_secs_f64() * 1e3,
                verdict(holds),
            );
            holds
        }
        Err(fault) => {
            eprintln!("lsp, {what}: {fault}");
            false
        }
    }
}

/// The medians of an answer and of the reports after it.
fn measured(files: usize) -> std::io::Result<(Duration, Duration)> {
    let directory = std::env::temp_dir().join(format!("cap-bench-lsp-{}-{files}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let text = Shape::Blocks.configuration(BLOCKS, "");
    let blocks: Vec<&str> = text.split_inclusive("\n}\n").collect();
    for (at, part) in blocks.chunks(blocks.len().div_ceil(files)).enumerate() {
        let name = if at == 0 { "a.cap.hcl".to_owned() } else { format!("b{at}.cap.hcl") };
        std::fs::write(directory.join(name), part.concat())?;
    }
    let mut editor = Editor::new(&directory)?;
    let mut file = editor.file("a.cap.hcl");
    file["text"] = json!(std::fs::read_to_string(directory.join("a.cap.hcl"))?);
    file["languageId"] = json!("cap");
    editor.tell("textDocument/didOpen", json!({"textDocument": file}))?;
    let mut all = (0..EDITS).map(|round| editor.edit(round)).collect::<Result<Vec<_>, _>>()?;
    let mut reported: Vec<Duration> = all.iter().map(|(_, reported)| *reported).collect();
    all.sort_unstable();
    reported.sort_unstable();
    Ok((all[EDITS / 2].0, reported[EDITS / 2]))
}
