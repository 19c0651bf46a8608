//! The house's own rules, held by tests: layers, documentation, file sizes, packages, licences.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Layers of the modules of `src/`, lowest first. A module imports only from its own layer and those below it.
const LAYERS: [&[&str]; 7] = [
    &["address", "as_text", "diagnostic", "digest", "glob", "limits", "source", "time", "x509"],
    &["syntax", "eval"],
    &["analysis", "model", "graph", "state", "observed", "renewal", "policy", "diff", "plan", "job", "timeline"],
    &["ports"],
    &["store", "issuer", "dns", "target", "secret", "vault", "fetch"],
    &["engine", "testing"],
    &["cli", "lsp", "main", "lib"],
];

/// Adapters never import each other, and the engine never imports an adapter.
const ADAPTERS: &[&str] = LAYERS[4];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the checkout").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files_below(&root().join("src"), ".rs", &mut found);
    found.sort();
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).expect("a source file"))).collect()
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("a file of src");
    let first = inside.iter().next().expect("a name").to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// The code of a file: without comments, and without the modules of tests that are written out in it.
fn code(text: &str) -> Vec<&str> {
    let mut code = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens = |next: &&str| next.split_whitespace().any(|word| word == "mod") && next.ends_with('{');
        if line == "#[cfg(test)]" && lines.peek().is_some_and(opens) {
            lines.by_ref().find(|line| *line == "}");
        } else if !line.trim_start().starts_with("//") {
            code.push(line);
        }
    }
    code
}

/// Modules named behind `crate::` in the code of a file, also where several stand in braces.
fn imports(text: &str) -> BTreeSet<String> {
    let code = code(text).join("\n");
    let after = code.match_indices("crate::").map(|(at, found)| &code[at + found.len()..]);
    after.flat_map(first_names).filter(|name| layer(name).is_some()).collect()
}

/// The names that a path begins with: `a::b` with `a`, and `{a::{b, c}, d}` with `a` and `d`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(several) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut names = Vec::new();
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, c) in several.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                names.push(name(several[begin..at].trim_start()));
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

#[test]
fn all_code_of_a_file_is_looked_at_and_its_tests_are_not() {
    let text = "#[cfg(test)]\nmod far;\nuse crate::diff;\nuse crate::{\n    job::{Job, store},\n    x509,\n};\n// crate::vault\n\
                #[cfg(test)]\npub(super) mod tests {\n    use crate::engine;\n}\nfn f() { crate::plan::g() }\n";
    assert_eq!(imports(text).into_iter().collect::<Vec<_>>(), ["diff", "job", "plan", "x509"]);
}

#[test]
fn imports_point_one_way() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        let Some(own) = layer(&module) else {
            faults.push(format!("{}: its module has no layer", path.display()));
            continue;
        };
        for import in imports(&text).into_iter().filter(|import| *import != module) {
            let other = layer(&import).expect("filtered above");
            let between_adapters = ADAPTERS.contains(&module.as_str()) && ADAPTERS.contains(&import.as_str());
            let engine_to_adapter = module == "engine" && ADAPTERS.contains(&import.as_str());
            if other > own || between_adapters || engine_to_adapter {
                faults.push(format!("{} imports crate::{import}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_stays_readable() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            faults.push(format!("{}: does not open with what it is", path.display()));
        }
        let lines = text.lines().count();
        if lines > 800 {
            faults.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_layers_do_no_io() {
    const FORBIDDEN: [&str; 6] = ["std::fs", "std::net", "tokio::", "tracing::", "SystemTime", "std::env"];
    let mut faults = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| layer(&module_of(path)).is_some_and(|at| at <= 2)) {
        for line in code(&text).into_iter().filter(|line| FORBIDDEN.iter().any(|word| line.contains(word))) {
            faults.push(format!("{}: {}", path.display(), line.trim()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_syntax_knows_the_parser() {
    let knows: Vec<PathBuf> =
        sources().into_iter().filter(|(_, text)| text.contains("hcl_edit")).map(|one| one.0).collect();
    assert!(!knows.is_empty(), "hcl-edit parses the native form");
    for path in knows {
        assert!(path.starts_with(root().join("src/syntax")), "{} uses hcl-edit", path.display());
    }
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_lock_file_stays_small() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let packages = lock.lines().filter(|line| line.starts_with("name = ")).count();
    assert!(packages <= 350, "{packages} packages are locked, and 350 is the ceiling");
}

#[test]
fn there_is_one_provider_of_cryptography() {
    let tree =
        cargo(&["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    for second in ["ring ", "openssl ", "openssl-sys ", "native-tls ", "mbedtls "] {
        assert!(!tree.lines().any(|line| line.starts_with(second)), "{second}is compiled beside aws-lc-rs");
    }
    assert!(tree.lines().any(|line| line.starts_with("aws-lc-rs ")));
}

/// Licences that may be linked into a program under MPL-2.0.
const LICENCES: [&str; 14] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
    "OpenSSL",
    "0BSD",
    "CC0-1.0",
    "BSL-1.0",
];

#[test]
fn every_licence_is_allowed() {
    let tree = cargo(&[
        "tree",
        "--locked",
        "--offline",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}\t{l}",
    ]);
    let mut faults = BTreeSet::new();
    for line in tree.lines().filter(|line| !line.ends_with("(*)")) {
        let Some((package, licence)) = line.split_once('\t') else { continue };
        // Every part joined by AND must be allowed; of parts joined by OR (or the old slash) one is enough.
        let allowed = licence
            .replace(['(', ')'], "")
            .split(" AND ")
            .all(|all| all.split(" OR ").flat_map(|part| part.split('/')).any(|one| LICENCES.contains(&one.trim())));
        if !allowed {
            faults.insert(format!("{package}: {licence}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
