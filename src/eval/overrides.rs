//! Override files: their blocks change blocks that other files declare, argument by argument, as Terraform merges them.
//! Nested blocks replace all of their type; `lifecycle` and `locals` are merged by name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::syntax::ast::{Attribute, Block, Body, ExprKind, File};

/// Blocks that have no name to be found by.
const UNNAMED: [&str; 4] = ["moved", "removed", "import", "check"];

/// Nested blocks that stay what they are.
const CONDITIONS: [&str; 3] = ["validation", "precondition", "postcondition"];

/// Type and labels of a block.
type Header = (Arc<str>, Vec<Arc<str>>);

/// The files with override files merged into the others.
pub(super) fn merge(files: &[File], diagnostics: &mut Diagnostics) -> Vec<File> {
    let (overrides, base): (Vec<&File>, Vec<&File>) = files.iter().partition(|file| file.overrides);
    let mut merged: Vec<File> = base.into_iter().cloned().collect();
    let mut places = HashMap::new();
    for (at, file) in merged.iter().enumerate() {
        for (position, block) in file.body.blocks.iter().enumerate() {
            places.entry(header(block)).or_insert((at, position));
        }
    }
    for file in overrides {
        // Its text is needed for its places, and what stands outside of blocks is reported with the rest.
        let attributes = file.body.attributes.clone();
        let mut left = File { body: Body { attributes, blocks: Vec::new() }, ..file.clone() };
        for block in &file.body.blocks {
            match &*block.kind.text {
                "locals" => locals(block, &mut merged, diagnostics),
                kind if UNNAMED.contains(&kind) => diagnostics.push(unnamed(block)),
                _ => match places.get(&header(block)) {
                    Some((at, position)) => body(&mut merged[*at].body.blocks[*position], block, diagnostics),
                    None if &*block.kind.text == "cap" => left.body.blocks.push(block.clone()),
                    None => diagnostics.push(missing(block)),
                },
            }
        }
        merged.push(left);
    }
    merged
}

fn header(block: &Block) -> Header {
    (block.kind.text.clone(), block.labels.iter().map(|label| label.text.clone()).collect())
}

fn body(into: &mut Block, from: &Block, diagnostics: &mut Diagnostics) {
    if let Some(attribute) = from.body.attribute("depends_on").filter(|attribute| !names_nothing(attribute)) {
        let detail = "The argument depends_on cannot be overridden.";
        diagnostics.push(Diagnostic::error(&codes::OVERRIDE, detail).at(attribute.name.span));
        return;
    }
    attributes(&mut into.body, &from.body);
    let (lifecycle, nested): (Vec<&Block>, Vec<&Block>) =
        from.body.blocks.iter().partition(|block| &*block.kind.text == "lifecycle");
    let (conditions, nested): (Vec<&Block>, Vec<&Block>) =
        nested.into_iter().partition(|block| CONDITIONS.contains(&&*block.kind.text));
    diagnostics.extend(Diagnostics(conditions.into_iter().map(unnamed).collect()));
    into.body.blocks.retain(|old| !nested.iter().any(|new| produced(new) == produced(old)));
    into.body.blocks.extend(nested.into_iter().cloned());
    for new in lifecycle {
        if !into.body.blocks.iter().any(|old| old.kind.text == new.kind.text) {
            into.body.blocks.push(Block { body: Body::default(), ..new.clone() });
        }
        if let Some(old) = into.body.blocks.iter_mut().find(|old| old.kind.text == new.kind.text) {
            body(old, new, diagnostics);
        }
    }
}

/// The type of the blocks that a nested block is or makes: `dynamic "grant"` makes blocks of type `grant`.
fn produced(block: &Block) -> &str {
    match (&*block.kind.text, block.labels.first()) {
        ("dynamic", Some(label)) => &label.text,
        (kind, _) => kind,
    }
}

fn attributes(into: &mut Body, from: &Body) {
    for new in &from.attributes {
        // Only one of the two ways to repeat a block can hold.
        let rival = match &*new.name.text {
            "for_each" => "count",
            "count" => "for_each",
            _ => "",
        };
        if &*new.name.text == "depends_on" {
            continue;
        }
        into.attributes.retain(|old| old.name.text != new.name.text && &*old.name.text != rival);
        into.attributes.push(new.clone());
    }
}

/// Whether it is a list of nothing.
fn names_nothing(attribute: &Attribute) -> bool {
    matches!(&attribute.value.kind, ExprKind::Tuple(items) if items.is_empty())
}

fn locals(block: &Block, merged: &mut [File], diagnostics: &mut Diagnostics) {
    for new in &block.body.attributes {
        match local(merged, new) {
            Some(old) => *old = new.clone(),
            None => {
                let detail = format!("There is no local value named \"{}\" to override.", new.name.text);
                diagnostics.push(Diagnostic::error(&codes::OVERRIDE, detail).at(new.name.span));
            }
        }
    }
}

fn local<'m>(merged: &'m mut [File], wanted: &Attribute) -> Option<&'m mut Attribute> {
    let blocks = merged.iter_mut().flat_map(|file| &mut file.body.blocks);
    let mut all = blocks.filter(|block| &*block.kind.text == "locals").flat_map(|block| &mut block.body.attributes);
    all.find(|one| one.name.text == wanted.name.text)
}

fn unnamed(block: &Block) -> Diagnostic {
    let detail = format!("Blocks of type \"{}\" cannot be overridden.", block.kind.text);
    Diagnostic::error(&codes::OVERRIDE, detail).at(block.head).hint("Put the block into a file that overrides nothing.")
}

fn missing(block: &Block) -> Diagnostic {
    let labels: Vec<String> = block.labels.iter().map(|label| format!(" \"{}\"", label.text)).collect();
    let detail = format!("There is no block {}{} to override.", block.kind.text, labels.concat());
    let report = Diagnostic::error(&codes::OVERRIDE, detail).at(block.head);
    report.hint("An override file changes what other files declare; new blocks belong into those.")
}
