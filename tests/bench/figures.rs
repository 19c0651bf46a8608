//! The figures of the README: what plan and apply cost in CPU seconds and peak memory, measured on the real binary.
//!
//!     cargo bench --bench figures                  every figure, some minutes on two cores
//!     cargo bench --bench figures -- --size 1000   the same shapes, ten times smaller
//!
//! CPU seconds and memory, not wall time: machines are shared. Each line names what Terraform 1.11.4 takes for the same
//! shape (measured with `terraform_data`, its favourable case), and the limit that this project sets itself at full size.

mod estate;
mod measure;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use estate::Shape;
use measure::Cost;

/// The binary under measurement, built with optimizations by `cargo bench`.
const CAP: &str = env!("CARGO_BIN_EXE_cap");
/// Objects of the shapes in the measured table.
const SIZE: usize = 10_000;
/// Objects of the measured apply.
const APPLIED: usize = 4_000;

/// One line of the table.
struct Figure {
    work: String,
    terraform: &'static str,
    limit: f64,
    cost: Cost,
}

impl Figure {
    fn print(&self, full: bool) -> bool {
        let seconds = self.cost.cpu.as_secs_f64();
        let holds = seconds <= self.limit;
        let verdict = match (full, holds) {
            (false, _) => "",
            (true, true) => "holds",
            (true, false) => "MISSED",
        };
        println!(
            "| {:<46} | {:>9} | {:>7.3} s | {:>6} MB | ≤ {:>5} s {verdict}",
            self.work,
            self.terraform,
            seconds,
            self.cost.memory >> 20,
            self.limit,
        );
        holds || !full
    }
}

/// A directory of its own for one estate; removed in the end.
struct Place(PathBuf);

impl Place {
    fn new(shape: Shape, size: usize) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("cap-bench-{}-{}-{size}", std::process::id(), shape.name()));
        std::fs::create_dir_all(&path)?;
        let out = path.join("out");
        std::fs::write(path.join("main.cap.hcl"), shape.configuration(size, &out.to_string_lossy()))?;
        Ok(Self(path))
    }

    /// Runs `cap` here, and insists on its exit code.
    fn run(&self, arguments: &[&str], code: i32) -> std::io::Result<Cost> {
        let cost = measure::run(cap(&self.0).args(arguments))?;
        if cost.code == code {
            return Ok(cost);
        }
        let shown = cap(&self.0).args(arguments).output()?;
        let report = String::from_utf8_lossy(&shown.stderr);
        Err(std::io::Error::other(format!("cap {}: exit code {}\n{report}", arguments.join(" "), cost.code)))
    }

    /// The median of three runs that change nothing.
    fn median(&self, arguments: &[&str], code: i32) -> std::io::Result<Cost> {
        let runs: Result<Vec<Cost>, _> = (0..3).map(|_| self.run(arguments, code)).collect();
        Ok(measure::median(runs?))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Below the system's temporary directory: what cannot be removed is swept with it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn cap(directory: &Path) -> Command {
    let mut command = Command::new(CAP);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", directory);
    command.env("BENCH_TSIG", "c2VjcmV0").current_dir(directory);
    command
}

const PLAN: [&str; 2] = ["plan", "-detailed-exitcode"];
const APPLY: [&str; 2] = ["apply", "-auto-approve"];

fn main() -> ExitCode {
    let size = std::env::args().skip_while(|word| word != "--size").nth(1).and_then(|size| size.parse().ok());
    match table(size.unwrap_or(SIZE)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn table(size: usize) -> std::io::Result<bool> {
    let full = size == SIZE;
    println!("| {:<46} | Terraform | cap, CPU  | peak      | limit", "work");
    let mut good = true;
    for figures in [language, estates, counts, applies, versions] {
        for figure in figures(size)? {
            good &= figure.print(full);
        }
    }
    for (work, exponent) in growth(size)? {
        println!(
            "| growth, {work}: exponent {exponent:.2}, limit 1.10 {}",
            if exponent <= 1.1 { "holds" } else { "MISSED" }
        );
        good &= exponent <= 1.1 || !full;
    }
    Ok(good)
}

fn figure(work: String, terraform: &'static str, limit: f64, cost: Cost) -> Figure {
    Figure { work, terraform, limit, cost }
}

/// Parsing and evaluating alone: `validate` asks no store. Memory is what it takes beyond an empty configuration.
fn language(size: usize) -> std::io::Result<Vec<Figure>> {
    let bare = Place::new(Shape::Each, 0)?.median(&["validate"], 0)?.memory;
    let blocks = size * 5;
    let large = Place::new(Shape::Blocks, blocks)?.median(&["validate"], 0)?;
    let each = Place::new(Shape::Each, size)?.median(&["validate"], 0)?;
    let bytes = |cost: &Cost, count: usize| cost.memory.saturating_sub(bare) / count as u64;
    Ok(vec![
        figure(format!("validate, {blocks} blocks, {} bytes each", bytes(&large, blocks)), "28.5 s", 3.0, large),
        figure(format!("validate, for_each of {size}, {} bytes each", bytes(&each, size)), "-", 0.2, each),
    ])
}

fn estates(size: usize) -> std::io::Result<Vec<Figure>> {
    let place = Place::new(Shape::Estate, size)?;
    let validate = place.median(&["validate"], 0)?;
    let create = place.median(&PLAN, 2)?;
    let apply = place.run(&APPLY, 0)?;
    let nothing = place.median(&PLAN, 0)?;
    Ok(vec![
        figure(format!("validate, estate of {size}"), "6.2 s", 0.5, validate),
        figure(format!("plan, create, estate of {size}"), "26.6 s", 0.6, create),
        figure(format!("apply: {} certificates issued and deployed", size / 2), "-", f64::INFINITY, apply),
        figure(format!("plan, no changes, estate of {size}"), "26.6 s", 0.5, nothing),
    ])
}

fn counts(size: usize) -> std::io::Result<Vec<Figure>> {
    let place = Place::new(Shape::Count, size)?;
    place.run(&APPLY, 0)?;
    let nothing = place.median(&PLAN, 0)?;
    Ok(vec![figure(format!("plan, no changes, one block with count = {size}"), "124.8 s", 0.3, nothing)])
}

fn applies(size: usize) -> std::io::Result<Vec<Figure>> {
    let size = APPLIED.min(size);
    let cost = Place::new(Shape::Blocks, size)?.run(&APPLY, 0)?;
    Ok(vec![figure(format!("apply of {size} objects that touch nothing outside"), "131.7 s", 2.0, cost)])
}

/// Cold: the files of the binary may be in memory, nothing of `cap` is. Wall time, since starting is mostly waiting.
fn versions(_: usize) -> std::io::Result<Vec<Figure>> {
    let place = Place::new(Shape::Count, 1)?;
    let runs: Result<Vec<Cost>, _> = (0..21).map(|_| place.run(&["version"], 0)).collect();
    let mut runs = runs?;
    runs.iter_mut().for_each(|cost| cost.cpu = cost.wall);
    Ok(vec![figure("version, cold (wall time)".to_owned(), "-", 0.01, measure::median(runs))])
}

/// How CPU time grows from one size to ten times as much: one is linear, two is quadratic.
fn growth(size: usize) -> std::io::Result<Vec<(&'static str, f64)>> {
    let create = |size| Place::new(Shape::Estate, size)?.median(&PLAN, 2);
    let nothing = |size| {
        let place = Place::new(Shape::Count, size)?;
        place.run(&APPLY, 0)?;
        place.median(&PLAN, 0)
    };
    let exponent = |small: Cost, large: Cost| (large.cpu.as_secs_f64() / small.cpu.as_secs_f64()).log10();
    Ok(vec![
        ("plan, create, estate", exponent(create(size)?, create(size * 10)?)),
        ("plan, no changes, count", exponent(nothing(size)?, nothing(size * 10)?)),
    ])
}
