//! Mutated inputs against everything that reads what people or other programs wrote: nothing may panic, hang or overflow
//! the stack, formatting is idempotent and changes no token, and a plan is read as it was written.
//!
//! Case n of a reader is a function of n alone, so a failure repeats. The first cases are the files of `fixtures/fuzz/`
//! as they are (and the examples): put an input there to keep it as a regression. `CAP_FUZZ_SECONDS` is the time for
//! all readers together. Each runs in a process of its own, because an overflow of the stack ends a process.

use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use cap::cli::view::diagnostic::human;
use cap::cli::wiring::kinds::kinds;
use cap::diagnostic::Diagnostics;
use cap::diff::{Options, diff};
use cap::eval::encode::to_json;
use cap::eval::functions::{self, CallContext, FileFault, FileKind, Files};
use cap::eval::notation::notation;
use cap::eval::value::Value;
use cap::eval::{Inputs, evaluate};
use cap::model::{Estate, estate};
use cap::observed::Observed;
use cap::plan::{Meta, Plan, file, make};
use cap::source::Sources;
use cap::state::State;
use cap::syntax::ast::File;
use cap::syntax::{self, format, parse, parse_template};
use cap::time::Timestamp;

/// Seconds for all readers, unless `CAP_FUZZ_SECONDS` says otherwise.
const SECONDS: f64 = 9.0;
/// Readers.
const READERS: [&str; 4] = ["language", "json", "plan", "texts"];
/// How long one case may take before it counts as hanging: far above any, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an input: long enough for every construct, short enough for many cases.
const LENGTH: usize = 16 << 10;

#[test]
fn the_language_reads_anything() {
    fuzz("language", "fuzz::the_language_reads_anything");
}

#[test]
fn the_json_form_reads_anything() {
    fuzz("json", "fuzz::the_json_form_reads_anything");
}

#[test]
fn plan_files_may_hold_anything() {
    fuzz("plan", "fuzz::plan_files_may_hold_anything");
}

#[test]
fn small_texts_may_hold_anything() {
    fuzz("texts", "fuzz::small_texts_may_hold_anything");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    let folder = root().join("target/fuzz");
    std::fs::create_dir_all(&folder).expect("a folder for the inputs that fail");
    folder
}

/// The parent starts itself again for the cases; the child runs them.
fn fuzz(reader: &str, test: &str) {
    if std::env::var("CAP_FUZZ_READER").is_ok() {
        return run_cases(reader);
    }
    let seconds = std::env::var("CAP_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let seconds = seconds / READERS.len() as f64;
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([test, "--exact", "--nocapture"])
        .env("CAP_FUZZ_READER", seconds.to_string())
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the process of the cases");
    let mut stderr = child.stderr.take().expect("piped");
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = String::new();
        // What it said is for the report only, whole or not.
        let _ = stderr.read_to_string(&mut said);
        let _ = sender.send(said);
    });
    let said = ended.recv_timeout(Duration::from_secs_f64(seconds) + PATIENCE);
    if said.is_err() {
        child.kill().expect("the process is ours");
    }
    let status = child.wait().expect("an end");
    if !status.success() {
        report(reader, &said.unwrap_or_else(|_| "it hangs".to_owned()));
    }
}

fn report(reader: &str, said: &str) -> ! {
    let number = std::fs::read_to_string(folder().join(format!("{reader}.case"))).unwrap_or_default();
    let number: usize = number.trim().parse().unwrap_or(0);
    let path = folder().join(format!("{reader}-{number}"));
    std::fs::write(&path, case(&corpus(reader), number)).expect("the input can be kept");
    panic!("case {number} of {reader}, kept in {}: {said}", path.display());
}

/// The child: cases one after the other until the time is over, on a stack like that of a program's first thread.
fn run_cases(reader: &str) {
    let seconds = std::env::var("CAP_FUZZ_READER").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let deadline = Instant::now() + Duration::from_secs_f64(seconds);
    let corpus = corpus(reader);
    let mut progress = std::fs::File::create(folder().join(format!("{reader}.case"))).expect("a file for the number");
    let reader = reader.to_owned();
    let cases = move || {
        let mut number = 0;
        while number < corpus.len() || Instant::now() < deadline {
            progress.rewind().and_then(|()| write!(progress, "{number:<12}")).expect("the number is kept");
            run(&reader, &case(&corpus, number));
            number += 1;
        }
    };
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(cases).expect("a thread");
    assert!(thread.join().is_ok());
}

/// The inputs that all others are made of: in a fixed order.
fn corpus(reader: &str) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    files_below(&root().join("fixtures/fuzz").join(reader), &mut paths);
    if reader == "language" {
        files_below(&root().join("examples"), &mut paths);
    }
    paths.sort();
    let mut corpus: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("an input")).collect();
    if reader == "plan" {
        corpus.extend(plans());
    }
    assert!(!corpus.is_empty(), "{reader} has no inputs to begin with");
    corpus
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// The plans of the examples, as files.
fn plans() -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    files_below(&root().join("examples"), &mut paths);
    paths.retain(|path| path.to_string_lossy().ends_with(".cap.hcl"));
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).expect("an example"));
    texts.filter_map(|text| plan_of(&text)).map(|plan| file::encode(&plan).into_bytes()).collect()
}

/// Case `number`: a file of the corpus as it is, then mutations of them.
fn case(corpus: &[Vec<u8>], number: usize) -> Vec<u8> {
    if let Some(input) = corpus.get(number) {
        return input.clone();
    }
    let mut random = Random(number as u64);
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        mutate(&mut input, corpus, &mut random);
        input.truncate(LENGTH);
    }
    tame(input)
}

/// Cuts long numbers in the input: a count of a million is work, not a fault, and leaves no time for anything else.
fn tame(input: Vec<u8>) -> Vec<u8> {
    let mut digits = 0;
    let keep = |byte: &u8| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits <= 3
    };
    if input.starts_with(b"{") { input } else { input.into_iter().filter(keep).collect() }
}

/// splitmix64: a number decides everything.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(64) + 1).min(length)
    }
}

/// Pieces that mean something to one reader or another.
const PIECES: &[&str] = &[
    "\"",
    "${",
    "%{",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "<<EOT\n",
    "<<-E\n",
    "\nEOT\n",
    "=",
    "==",
    "?",
    ":",
    "...",
    "*",
    "-",
    "!",
    "&&",
    "||",
    "\\",
    "\\u00e9",
    "\\ud800",
    "\n",
    "\r\n",
    "\t",
    "#",
    "/*",
    "*/",
    "//",
    "é",
    "\u{301}",
    "\u{feff}",
    "\u{2028}",
    "🇩🇪",
    "\0",
    "null",
    "true",
    "each.key",
    "each.value",
    "count.index",
    "var.a",
    "local.a",
    "for",
    "in",
    "if",
    "for_each = ",
    "count = ",
    "try(",
    "can(",
    "templatestring(",
    "setproduct(",
    "formatlist(",
    "[*]",
    ".*",
    "[0]",
    "[-1]",
    "-0",
    "1e99",
    "0.1",
    "%{ for x in y }",
    "%{ endfor }",
    "%{ if",
    "~}",
    "%s",
    "%-10.3[2]f",
    "'",
    "&a",
    "*a",
    "!!int ",
    "- ",
    "? ",
    "|2-\n",
    "module.m[\"",
    "@",
    "1h1d",
    "9999-12-31T23:59:59Z",
    "::/0",
    "/33",
    "(?i)",
    "{1,1000}",
    "[[:alpha:]]",
    "\\Q",
    "\\pL",
    ",",
    ";",
    "-----BEGIN CERTIFICATE-----\n",
];

/// What is repeated to go deep.
const DEEP: &[&str] = &[
    "[",
    "{",
    "(",
    "\"${",
    "!",
    "-",
    "1+",
    "a ? b : ",
    "a.b",
    "[0]",
    "f(",
    "{a=",
    "[for x in ",
    "%{ if a }",
    "x {\n",
    "\"%{ if a }",
    "[[",
    "(?:",
    "- ",
    "? ",
    "{\"a\":",
    "&a [",
    "1.",
    "a:\n ",
    "!(",
    "-(",
    "[*]",
    "a==",
    "a&&",
];

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    match random.below(8) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 => drop(input.drain(random.range(input.len()))),
        2 => insert(input, at, PIECES[random.below(PIECES.len())].as_bytes()),
        3 => {
            let copied = input[random.range(input.len())].to_vec();
            insert(input, at, &copied);
        }
        4 => {
            let other = &corpus[random.below(corpus.len())];
            insert(input, at, &other[random.range(other.len())]);
        }
        5 => {
            let depth = [8, 70, 130, 3000][random.below(4)];
            let piece = DEEP[random.below(DEEP.len())].repeat(depth);
            insert(input, at, &piece.as_bytes()[..piece.len().min(LENGTH / 2)]);
        }
        6 => input.truncate(at),
        _ => {
            let range = random.range(input.len());
            let piece = PIECES[random.below(PIECES.len())];
            drop(input.splice(range, piece.bytes()));
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(input.splice(at..at, piece.iter().copied()));
}

fn run(reader: &str, input: &[u8]) {
    match reader {
        "language" => language(&String::from_utf8_lossy(input)),
        "json" => json(&String::from_utf8_lossy(input)),
        "plan" => plan(input),
        _ => texts(&String::from_utf8_lossy(input)),
    }
}

/// Every path leads to the same short text, so that functions of files are reached.
struct OneFile;

impl Files for OneFile {
    fn read(&self, path: &str) -> Result<std::sync::Arc<[u8]>, FileFault> {
        if path.len().is_multiple_of(2) { Ok((*b"a,b\n1,${x}\n").into()) } else { Err(FileFault::NotFound) }
    }

    fn kind(&self, _: &str) -> Result<FileKind, FileFault> {
        Ok(FileKind::File)
    }

    fn list(&self, _: &str) -> Result<Vec<(String, FileKind)>, FileFault> {
        Ok(vec![("a".to_owned(), FileKind::Directory), ("b.csv".to_owned(), FileKind::File)])
    }
}

fn language(text: &str) {
    let once = format::format(text);
    assert_eq!(format::format(&once), once, "formatting twice is formatting once");
    let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    assert_eq!(dense(&once), dense(text), "formatting moves spaces only");
    let parses = |text: &str| !parse(Sources::default().add("text", text), text).1.has_errors();
    assert_eq!(parses(&once), parses(text), "a formatted text parses where the text did");
    // Its faults are as much of the result as the template is.
    let _ = parse_template(Sources::default().add("template", text), text);
    plan_of(text);
}

/// The JSON form; what it reads is shown in the native form, and read again as that.
fn json(text: &str) {
    let mut sources = Sources::default();
    let _ = syntax::json::parse_values(sources.add_values("values", text), text);
    let source = sources.add("text", text);
    let (parsed, faults) = syntax::json::parse(source, text, &kinds().catalog());
    for attribute in parsed.body.blocks.iter().flat_map(|block| &block.body.attributes) {
        let native = syntax::print::native(&attribute.value);
        let read = syntax::parse_expression(source, 0, &native);
        assert!(faults.has_errors() || read.is_ok(), "{native:?} is no expression");
    }
    plan_from(parsed, faults, &sources);
}

/// From a text to its plan, all of it pure; none where the text has faults.
fn plan_of(text: &str) -> Option<Plan> {
    let mut sources = Sources::default();
    let (parsed, faults) = parse(sources.add("text", text), text);
    plan_from(parsed, faults, &sources)
}

fn plan_from(parsed: File, mut faults: Diagnostics, sources: &Sources) -> Option<Plan> {
    let kinds = kinds();
    let now = Timestamp::from_millis(1_795_000_000_000);
    let (evaluation, more) = evaluate(&[parsed], &Inputs::default(), &kinds.catalog(), &OneFile, now);
    faults.extend(more);
    let (estate, more) = estate(&evaluation.desired, &evaluation, &kinds);
    faults.extend(more);
    assert_eq!(human(&faults, sources, false).is_empty(), faults.is_empty(), "faults are shown");
    if faults.has_errors() { None } else { planned(&estate, now) }
}

fn planned(estate: &Estate, now: Timestamp) -> Option<Plan> {
    let (state, observed, options) = (State::default(), Observed::default(), Options::default());
    let (changes, faults) = diff(estate, &state, &observed, now, &options);
    let meta = Meta {
        cap_version: "0".to_owned(),
        store: "fuzz".to_owned(),
        location: Default::default(),
        created_at: now,
        outputs: Default::default(),
    };
    let plan = make(changes, meta).ok().filter(|_| !faults.has_errors())?;
    let read = file::decode(file::encode(&plan).as_bytes());
    assert_eq!(read.ok().as_ref(), Some(&plan), "a plan is read as it was written");
    Some(plan)
}

/// The file as it is, and with a digest that fits, so that what lies behind the digest is reached.
fn plan(bytes: &[u8]) {
    // Faults are as much of the result as plans are.
    let _ = file::decode(bytes);
    let Ok(mut content) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let Some(inner) = content.get("plan").map(ToString::to_string) else { return };
    content["digest"] = cap::digest::Digest::of(inner).to_string().into();
    if let Ok(plan) = file::decode(content.to_string().as_bytes()) {
        assert_eq!(file::decode(file::encode(&plan).as_bytes()).ok(), Some(plan), "a plan is read as it was written");
    }
}

/// A text against everything that reads short ones. What they make of it is read again.
fn texts(text: &str) {
    if let Ok(address) = text.parse::<cap::address::Address>() {
        assert_eq!(address.to_string().parse(), Ok(address), "an address is read as it is shown");
    }
    if let Ok(length) = text.parse::<cap::time::Duration>() {
        assert_eq!(length.to_string().parse(), Ok(length), "a length of time is read as it is shown");
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        assert_eq!(instant.to_string().parse(), Ok(instant), "an instant is read as it is shown");
    }
    cap::glob::matches(text, "certificate.www");
    let context = CallContext { files: &OneFile, plan_time: Timestamp::from_millis(0) };
    let (first, rest) = text.split_once('\n').unwrap_or((text, "x"));
    let (first, rest) = (cap_text(first), cap_text(rest));
    let number = Value::number(rest.as_str().map_or(0, str::len) as i64 % 7 - 1);
    let lists = [Value::tuple([first.clone(), rest.clone()]), Value::object([("a", first.clone())])];
    for function in functions::all() {
        for arguments in [
            vec![first.clone()],
            vec![first.clone(), rest.clone()],
            vec![first.clone(), number.clone()],
            vec![number.clone(), first.clone()],
            vec![first.clone(), number.clone(), rest.clone()],
            vec![first.clone(), rest.clone(), first.clone()],
            lists.to_vec(),
            vec![first.clone(), lists[0].clone()],
        ] {
            if let Ok(value) = function.invoke(&context, &arguments) {
                drop((notation(&value), to_json(&value)));
            }
        }
    }
}

/// A text as the evaluator would bring it: in NFC.
fn cap_text(text: &str) -> Value {
    let context = CallContext { files: &OneFile, plan_time: Timestamp::from_millis(0) };
    let quoted = Value::string(serde_json::Value::from(text).to_string());
    let decode = functions::find("jsondecode").expect("a function of the language");
    decode.invoke(&context, &[quoted]).unwrap_or(Value::NULL)
}
