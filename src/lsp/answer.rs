//! Answers to requests, out of texts and trees alone.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionTextEdit, DocumentSymbol, Documentation, Hover,
    HoverContents, InsertTextFormat, Location, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel,
    Position, Range, SignatureHelp, SignatureInformation, SymbolKind, TextEdit, Url,
};

use super::document::Document;
use super::publish::Places;
use super::workspace::{Workspace, directory_of, is_values, normal};
use crate::analysis::complete::{Completion, Sort, complete, signature, variables};
use crate::analysis::cursor::{self, Cursor};
use crate::analysis::declared::text_of;
use crate::analysis::explain::{Declaration, declaration, explain};
use crate::analysis::{Module, World};
use crate::eval::functions;
use crate::eval::library::locate;
use crate::eval::schema::Catalog;
use crate::source::SourceId;
use crate::syntax::print::native;
use crate::syntax::{ast, format};

/// Most completions at once: more are asked for as the word grows.
const COMPLETIONS: usize = 400;

/// A place in a file that is known.
pub(super) struct Asked<'s> {
    pub(super) workspace: &'s Workspace,
    pub(super) catalog: &'s Catalog,
    pub(super) path: &'s Path,
    pub(super) document: &'s Document,
}

/// What stands at a place: within its piece, which begins at `begin` of the file.
struct Found {
    cursor: Cursor,
    word: String,
    begin: usize,
    offset: usize,
}

impl Asked<'_> {
    fn at(&self, place: Position) -> Found {
        let offset = self.document.offset(place);
        let begin = self.document.piece_at(offset).map_or(0, |(begin, _)| begin);
        let after = self.document.placed().map(|(begin, _)| begin).find(|other| *other > begin);
        let text = &self.document.text[begin..after.unwrap_or(self.document.text.len())];
        let cursor = cursor::at(text, offset - begin);
        let word = text.get(cursor.word.clone()).unwrap_or("").to_owned();
        Found { cursor, word, begin, offset }
    }

    /// Asks about the module that the file belongs to.
    fn within<T>(&self, ask: impl FnOnce(&World<'_>) -> T) -> T {
        let directory = directory_of(self.path);
        let module = Module::of(self.trees(directory));
        let below = |block: &ast::Block| {
            let located = locate("", &text_of(block, "source")?).ok()?;
            Some(normal(&directory.join(located.directory)))
        };
        let calls: HashMap<&str, PathBuf> =
            module.calls.iter().filter_map(|(name, block)| Some((*name, below(block)?))).collect();
        let callees: BTreeMap<&Path, Module<'_>> =
            calls.values().map(|path| (path.as_path(), Module::of(self.trees(path)))).collect();
        let directories: Vec<&Path> = callees.keys().copied().chain([directory]).collect();
        // Most questions need no text at all.
        let texts: OnceCell<HashMap<SourceId, &ast::File>> = OnceCell::new();
        let gather = || {
            let files = directories.iter().flat_map(|directory| self.trees(directory));
            files.map(|file| (file.source, file)).collect()
        };
        let text = |expr: &ast::Expr| match texts.get_or_init(gather).get(&expr.span.source) {
            // Whoever asks writes the native form.
            Some(file) if file.json => native(expr),
            Some(file) => file.snippet(expr.span).to_owned(),
            None => String::new(),
        };
        let callee = |name: &str| callees.get(calls.get(name)?.as_path());
        ask(&World { catalog: self.catalog, module: &module, callee: &callee, text: &text })
    }

    fn trees(&self, directory: &Path) -> impl Iterator<Item = &ast::File> {
        self.workspace.files(directory).into_iter().flat_map(|(_, document)| &document.pieces).map(|piece| &piece.file)
    }

    pub(super) fn completion(&self, place: Position, snippets: bool) -> CompletionList {
        let found = self.at(place);
        let typed = found.begin + found.cursor.word.start;
        let prefix = self.document.text.get(typed..found.offset).unwrap_or("").to_lowercase();
        let range = self.document.places(typed..found.offset);
        let fits = |one: &Completion| one.label.trim_start_matches('"').to_lowercase().starts_with(&prefix);
        let mut all = self.within(|world| {
            if is_values(self.path) { variables(world, &found.cursor) } else { complete(world, &found.cursor, &prefix) }
        });
        all.retain(fits);
        let is_incomplete = all.len() > COMPLETIONS;
        all.truncate(COMPLETIONS);
        let items = all.into_iter().map(|one| item(one, range, snippets)).collect();
        CompletionList { is_incomplete, items }
    }

    pub(super) fn hover(&self, place: Position) -> Option<Hover> {
        let found = self.at(place);
        let value = self.within(|world| explain(world, &found.cursor, &found.word))?;
        let word = &found.cursor.word;
        Some(Hover {
            contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
            range: Some(self.document.places(found.begin + word.start..found.begin + word.end)),
        })
    }

    pub(super) fn definition(&self, place: Position) -> Option<Location> {
        let found = self.at(place);
        match self.within(|world| declaration(world, &found.cursor, &found.word))? {
            Declaration::Name(span) => {
                let (path, range) = Places::new(self.workspace).of(span)?;
                Some(Location::new(Url::from_file_path(path).ok()?, range))
            }
            Declaration::Module(call) => {
                let source = self.within(|world| text_of(world.module.calls.get(call.as_str())?, "source"))?;
                let directory = normal(&directory_of(self.path).join(locate("", &source).ok()?.directory));
                let files = self.workspace.files(&directory);
                let main = files.iter().find(|(path, _)| path.ends_with("main.cap.hcl")).or(files.first());
                let target = main.map_or(directory.as_path(), |(path, _)| path);
                Some(Location::new(Url::from_file_path(target).ok()?, Range::default()))
            }
        }
    }

    pub(super) fn signature(&self, place: Position) -> Option<SignatureHelp> {
        let call = self.at(place).cursor.call?;
        let function = functions::find(&call.name)?;
        let all = function.params.iter().chain(&function.variadic);
        let parameters: Vec<ParameterInformation> = all
            .map(|param| ParameterInformation {
                label: ParameterLabel::Simple(param.name.to_owned()),
                documentation: None,
            })
            .collect();
        let last = parameters.len().saturating_sub(1);
        let active = if function.variadic.is_some() { call.argument.min(last) } else { call.argument };
        Some(SignatureHelp {
            signatures: vec![SignatureInformation {
                label: signature(function),
                documentation: Some(markdown(function.doc)),
                parameters: Some(parameters),
                active_parameter: u32::try_from(active).ok(),
            }],
            active_signature: Some(0),
            active_parameter: u32::try_from(active).ok(),
        })
    }

    /// The canonical layout, as an edit of what differs. A file that does not parse is left alone.
    pub(super) fn formatting(&self) -> Option<Vec<TextEdit>> {
        if !self.document.whole() {
            return None;
        }
        let old = self.document.text.as_str();
        let new = format::format(old);
        if old == new {
            return Some(Vec::new());
        }
        let border = |at: &usize| old.is_char_boundary(*at) && new.is_char_boundary(*at);
        let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
        let begin = (0..=same).rev().find(border).unwrap_or(0);
        let most = old.len().min(new.len()) - begin;
        let same = old.bytes().rev().zip(new.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
        let border = |tail: &usize| old.is_char_boundary(old.len() - tail) && new.is_char_boundary(new.len() - tail);
        let tail = (0..=same).rev().find(border).unwrap_or(0);
        let range = self.document.places(begin..old.len() - tail);
        Some(vec![TextEdit::new(range, new[begin..new.len() - tail].to_owned())])
    }

    pub(super) fn symbols(&self) -> Vec<DocumentSymbol> {
        let placed = self.document.placed().filter(|(_, piece)| piece.fresh());
        placed
            .flat_map(|(begin, piece)| piece.file.body.blocks.iter().map(move |block| (begin, piece, block)))
            .map(|(begin, piece, block)| {
                let words = block.labels.iter().map(|label| &*label.text);
                let head = block.head.range();
                let end = begin + piece.file.text.trim_end().len();
                symbol(
                    block.kind.text.to_string(),
                    words.collect::<Vec<_>>().join(" "),
                    self.document.places(begin + head.start..end.max(begin + head.end)),
                    self.document.places(begin + head.start..begin + head.end),
                )
            })
            .collect()
    }
}

#[expect(deprecated, reason = "the field is part of the structure")]
fn symbol(kind: String, label: String, range: Range, selection_range: Range) -> DocumentSymbol {
    let (name, detail) = if label.is_empty() { (kind, None) } else { (label, Some(kind)) };
    let kind = match detail.as_deref() {
        Some("variable" | "output") => SymbolKind::VARIABLE,
        Some("module") => SymbolKind::MODULE,
        Some(_) => SymbolKind::OBJECT,
        None => SymbolKind::NAMESPACE,
    };
    DocumentSymbol { name, detail, kind, tags: None, deprecated: None, range, selection_range, children: None }
}

fn markdown(text: &str) -> Documentation {
    Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value: text.to_owned() })
}

fn item(one: Completion, range: Range, snippets: bool) -> CompletionItem {
    let (text, snippet) = written(&one, snippets);
    CompletionItem {
        kind: Some(match one.kind {
            Sort::Argument => CompletionItemKind::PROPERTY,
            Sort::Block => CompletionItemKind::STRUCT,
            Sort::Reference => CompletionItemKind::REFERENCE,
            Sort::Function => CompletionItemKind::FUNCTION,
            Sort::Value => CompletionItemKind::ENUM_MEMBER,
            Sort::Keyword => CompletionItemKind::KEYWORD,
        }),
        detail: Some(one.detail).filter(|text| !text.is_empty()),
        documentation: Some(one.doc).filter(|text| !text.is_empty()).map(|text| markdown(&text)),
        sort_text: Some(format!("{}{}", if one.first { 0 } else { 1 }, one.label)),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, text))),
        insert_text_format: Some(if snippet { InsertTextFormat::SNIPPET } else { InsertTextFormat::PLAIN_TEXT }),
        label: one.label,
        ..CompletionItem::default()
    }
}

/// What is written, and whether the editor has places in it to go to.
fn written(one: &Completion, snippets: bool) -> (String, bool) {
    match (&one.block, one.kind, snippets) {
        (Some(label), _, true) if label.is_empty() => (format!("{} {{\n  $0\n}}", one.label), true),
        (Some(label), _, true) => {
            let label = label.trim_matches('"');
            (format!("{} \"${{1:{label}}}\" {{\n  $0\n}}", one.label), true)
        }
        (_, Sort::Argument, _) => (format!("{} = ", one.label), false),
        (_, Sort::Function, true) => (format!("{}($0)", one.label), true),
        _ => (one.label.clone(), false),
    }
}
