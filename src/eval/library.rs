//! Where modules come from: `source` of a `module` block, and the files that were loaded for it.

use std::collections::BTreeMap;

use crate::syntax::ast::{Body, ExprKind, File};

/// The files of modules besides the root, by their directory as seen from the root: `modules/web`, `../shared`.
pub type Library = BTreeMap<String, Vec<File>>;

/// The directory that `source` names in a module of `parent`, as seen from the root.
///
/// # Errors
/// It names no directory: why, and what to do.
pub fn directory_of(parent: &str, source: &str) -> Result<String, (String, &'static str)> {
    if !source.starts_with("./") && !source.starts_with("../") && source != "." && source != ".." {
        return Err(refused(source));
    }
    let mut path: Vec<&str> = parent.split('/').filter(|name| !name.is_empty()).collect();
    for name in source.split('/') {
        match name {
            "" | "." => {}
            ".." if path.last().is_none_or(|last| *last == "..") => path.push(".."),
            ".." => _ = path.pop(),
            name => path.push(name),
        }
    }
    Ok(path.join("/"))
}

fn refused(source: &str) -> (String, &'static str) {
    let remote = source.contains("::") || source.contains("://") || source.starts_with("git@");
    if remote || source.contains(".git") || source.starts_with("github.com/") {
        let detail = format!("\"{source}\" lies elsewhere, and this version loads modules from directories only.");
        (detail, "Put a copy of the module beside the configuration, and write source = \"./modules/name\".")
    } else {
        (format!("\"{source}\" names no directory."), "A directory begins with ./ or ../, as in \"./modules/name\".")
    }
}

/// The directories of the modules that files call, as seen from the root; what names none is left to evaluation to report.
pub fn called_by<'f>(parent: &str, files: impl IntoIterator<Item = &'f File>) -> Vec<String> {
    let source = |body: &Body| match &body.attribute("source")?.value.kind {
        ExprKind::Literal(value) => value.as_str().map(str::to_owned),
        _ => None,
    };
    let bodies = files.into_iter().flat_map(|file| file.body.blocks_of("module")).map(|block| &block.body);
    bodies.filter_map(source).filter_map(|source| directory_of(parent, &source).ok()).collect()
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
            ("", "git::https://example.com/x.git", None),
            ("", "https://example.com/x.zip", None),
            ("", "/etc/modules", None),
        ] {
            assert_eq!(directory_of(parent, source).ok().as_deref(), expected, "{parent} {source}");
        }
    }
}
