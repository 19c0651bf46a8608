//! The order in which blocks and files stand changes nothing: any permutation of the blocks of an estate, spread over any
//! number of files, makes the same plan.

use std::path::{Path, PathBuf};

use cap::cli::wiring::kinds::kinds;
use cap::diff::{Options, diff};
use cap::engine::files::ModuleDirectory;
use cap::eval::{Inputs, evaluate};
use cap::model::estate;
use cap::observed::Observed;
use cap::plan::{Meta, Plan, file, make};
use cap::source::Sources;
use cap::state::State;
use cap::syntax::ast::File;
use cap::syntax::{format, parse};
use cap::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The blocks of an example's files, each as a text of its own.
fn blocks(directory: &Path) -> Vec<String> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("an example").flatten().map(|one| one.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".cap.hcl"));
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        // In the canonical layout a block ends with a brace at the beginning of a line.
        let text = format::format(&std::fs::read_to_string(path).expect("a file"));
        let mut rest = text.as_str();
        while let Some(end) = rest.find("\n}\n").map(|at| at + 3) {
            let line = rest.find("}\n").map(|at| at + 2).filter(|at| rest[..*at].trim().lines().count() == 1);
            let (block, after) = rest.split_at(line.unwrap_or(end).min(end));
            found.push(block.to_owned());
            rest = after;
        }
        if !rest.trim().is_empty() {
            found.push(rest.to_owned());
        }
    }
    found
}

/// The plan of blocks that are spread over files, from nothing.
fn plan(directory: &Path, files: &[String]) -> Plan {
    let mut sources = Sources::default();
    let parsed: Vec<File> = files
        .iter()
        .map(|text| {
            let (file, faults) = parse(sources.add("main.cap.hcl", text.as_str()), text);
            assert!(!faults.has_errors(), "{faults:?}");
            file
        })
        .collect();
    let kinds = kinds();
    let now = Timestamp::from_millis(1_795_000_000_000);
    let around = ModuleDirectory::new(directory, None);
    let (evaluation, faults) = evaluate(&parsed, &Inputs::default(), &kinds.catalog(), &around, now);
    assert!(!faults.has_errors(), "{faults:?}");
    let (estate, faults) = estate(&evaluation.desired, &evaluation, &kinds);
    assert!(!faults.has_errors(), "{faults:?}");
    let (state, observed, options) = (State::default(), Observed::default(), Options::default());
    let (changes, faults) = diff(&estate, &state, &observed, now, &options);
    assert!(!faults.has_errors(), "{faults:?}");
    let meta = Meta {
        cap_version: "0".to_owned(),
        store: "s".to_owned(),
        location: Default::default(),
        created_at: now,
        outputs: Default::default(),
    };
    let mut plan = make(changes, meta).expect("no circle");
    // Lines are what permuting changes.
    for step in &mut plan.steps {
        step.origin = None;
        step.after.iter_mut().for_each(|draft| draft.origin = None);
    }
    plan.conditions.iter_mut().for_each(|condition| condition.origin = None);
    plan
}

#[test]
fn any_order_of_blocks_and_files_makes_the_same_plan() {
    let mut tried = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).expect("examples").flatten() {
        let directory = entry.path();
        let blocks = blocks(&directory);
        assert!(blocks.len() >= 4, "{directory:?}");
        if blocks.iter().any(|block| block.contains("module \"")) {
            continue;
        }
        tried += 1;
        let expected = file::encode(&plan(&directory, &blocks));
        let shuffled = (Just(blocks).prop_shuffle(), 1..6_usize);
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let same = TestRunner::new_with_rng(config, rng).run(&shuffled, |(blocks, files)| {
            let texts: Vec<String> = blocks.chunks(blocks.len().div_ceil(files)).map(|some| some.concat()).collect();
            prop_assert_eq!(&file::encode(&plan(&directory, &texts)), &expected);
            Ok(())
        });
        assert!(same.is_ok(), "{directory:?}: {same:?}");
    }
    assert!(tried >= 4);
}
