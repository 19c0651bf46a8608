//! Reports as editors show them, file by file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lsp_types::{
    Diagnostic as Shown, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Range, Url,
};

use super::workspace::Workspace;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};

/// Most reports of one file: more of them help nobody.
const MOST: usize = 500;

/// Where texts are in files.
pub(super) struct Places<'w> {
    workspace: &'w Workspace,
    /// The file and the piece's beginning, and whether the piece is still of that text.
    begins: HashMap<SourceId, (&'w Path, usize, bool)>,
}

impl<'w> Places<'w> {
    /// Of all files that are known. The tree of a broken piece lies where the piece begins.
    pub(super) fn new(workspace: &'w Workspace) -> Self {
        let mut begins = HashMap::new();
        for (path, document) in &workspace.documents {
            for (begin, piece) in document.placed() {
                begins.insert(piece.source, (path.as_path(), begin, true));
                begins.entry(piece.file.source).or_insert((path.as_path(), begin, false));
            }
        }
        Self { workspace, begins }
    }

    /// The file that a span lies in, and the places around it.
    pub(super) fn of(&self, span: Span) -> Option<(&'w Path, Range)> {
        let (path, begin, _) = *self.begins.get(&span.source)?;
        let document = self.workspace.documents.get(path)?;
        let range = span.range();
        Some((path, document.places(begin + range.start..begin + range.end)))
    }

    /// Whether a span lies in a text as it is now.
    fn current(&self, span: Span) -> bool {
        self.begins.get(&span.source).is_some_and(|(.., current)| *current)
    }

    fn location(&self, span: Span) -> Option<Location> {
        let (path, range) = self.of(span)?;
        Some(Location::new(Url::from_file_path(path).ok()?, range))
    }

    fn shown(&self, one: &Diagnostic, range: Range) -> Shown {
        let related = one.related.iter().filter_map(|(span, label)| {
            Some(DiagnosticRelatedInformation { location: self.location(*span)?, message: label.clone() })
        });
        let related: Vec<_> = related.collect();
        let hint = one.hint.as_ref().map_or_else(String::new, |hint| format!("\n{hint}"));
        Shown {
            range,
            severity: Some(if one.is_error() { DiagnosticSeverity::ERROR } else { DiagnosticSeverity::WARNING }),
            code: Some(NumberOrString::String(one.code.to_string())),
            source: Some("cap".to_owned()),
            message: format!("{}: {}{hint}", one.summary(), one.detail),
            related_information: Some(related).filter(|all| !all.is_empty()),
            ..Shown::default()
        }
    }
}

/// All that is to be shown of files, by path. What was `found` in a root module and has no place of its own is shown at the
/// beginning of its first file.
pub(super) fn all(workspace: &Workspace, found: &BTreeMap<PathBuf, Vec<Diagnostic>>) -> BTreeMap<PathBuf, Vec<Shown>> {
    let places = Places::new(workspace);
    let mut shown: BTreeMap<PathBuf, Vec<Shown>> = BTreeMap::new();
    let mut add = |path: &Path, one: Shown| {
        let all = shown.entry(path.to_owned()).or_default();
        // A file that two root modules share has its faults in both.
        if all.len() < MOST && !all.contains(&one) {
            all.push(one);
        }
    };
    for (path, document) in &workspace.documents {
        for piece in &document.pieces {
            for one in piece.faults.iter() {
                let range = one.span.and_then(|span| places.of(span)).map_or_else(Range::default, |(_, range)| range);
                add(path, places.shown(one, range));
            }
        }
    }
    for (directory, all) in found {
        let first = workspace.files(directory).first().map(|(path, _)| path.as_path());
        for one in all {
            let place = match one.span {
                Some(span) => places.of(span).filter(|_| places.current(span)),
                None => first.map(|path| (path, Range::default())),
            };
            if let Some((path, range)) = place {
                add(path, places.shown(one, range));
            }
        }
    }
    shown
}
