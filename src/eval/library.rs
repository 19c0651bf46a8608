//! Where modules come from: `source` of a `module` block, and the files that were loaded for it.

use std::collections::BTreeMap;

use super::package::{self, Package, Within, package_around};
use crate::source::Span;
use crate::syntax::ast::{Body, ExprKind, File};

/// The files of modules besides the root, by their directory as seen from the root: `modules/web`, `../shared`.
pub type Library = BTreeMap<String, Vec<File>>;

/// Where a module lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its directory as seen from the root.
    pub directory: String,
    /// The package that has to be got before it is there.
    pub package: Option<Package>,
}

/// A call of a module.
#[derive(Debug, Clone)]
pub struct Called {
    /// Where the module lies.
    pub located: Located,
    /// The call's `source`.
    pub span: Span,
}

/// Where the module lies that `source` names in a module of the directory `parent`.
///
/// # Errors
/// It names none: why, and what to do.
pub fn locate(parent: &str, source: &str) -> Result<Located, (String, &'static str)> {
    if !source.starts_with("./") && !source.starts_with("../") && source != "." && source != ".." {
        let Some(Within { package, directory }) = package::parse(source)? else { return Err(refused(source)) };
        let directory = below(&package.directory(), &directory);
        return Ok(Located { directory, package: Some(package) });
    }
    let directory = below(parent, source);
    if package_around(parent) != package_around(&directory) {
        let detail = format!("\"{source}\" leads out of the package that the module lies in.");
        return Err((detail, "A package holds all directories that its modules call."));
    }
    Ok(Located { directory, package: None })
}

/// The directory at a path from another one.
fn below(parent: &str, path: &str) -> String {
    let mut way: Vec<&str> = parent.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if way.last().is_none_or(|last| *last == "..") => way.push(".."),
            ".." => _ = way.pop(),
            name => way.push(name),
        }
    }
    way.join("/")
}

fn refused(source: &str) -> (String, &'static str) {
    let hint = "A directory begins with ./ or ../, as in \"./modules/name\"; a repository with git::, as in \"git::https://host/path.git?ref=v1\".";
    (format!("\"{source}\" names no module."), hint)
}

/// The modules that files of a directory call; a source that names none is left to evaluation to report.
pub fn called_by<'f>(parent: &str, files: impl IntoIterator<Item = &'f File>) -> Vec<Called> {
    let bodies = files.into_iter().flat_map(|file| file.body.blocks_of("module")).map(|block| &block.body);
    let called = |body: &Body| {
        let value = &body.attribute("source")?.value;
        let ExprKind::Literal(source) = &value.kind else { return None };
        Some(Called { located: locate(parent, source.as_str()?).ok()?, span: value.span })
    };
    bodies.filter_map(called).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_seen_from_the_root() {
        for (parent, source, expected) in [
            ("", "./modules/web", Some("modules/web")),
            ("modules/web", "../tls", Some("modules/tls")),
            ("modules", "../../shared/./x/", Some("../shared/x")),
            ("../shared", "../..", Some("../..")),
            ("a", "..", Some("")),
            ("", "modules/web", None),
            ("", "https://example.com/x.zip", None),
            ("", "/etc/modules", None),
            (".cap/modules/x-1/a", "../b", Some(".cap/modules/x-1/b")),
            (".cap/modules/x-1/a", "../../y-2", None),
            (".cap/modules/x-1/a", "../../../..", None),
        ] {
            let found = locate(parent, source).map(|located| located.directory);
            assert_eq!(found.ok().as_deref(), expected, "{parent} {source}");
        }
    }
}
