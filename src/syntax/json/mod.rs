//! The JSON form of the language (HCL's JSON syntax specification): the same tree as of the native form, each element with
//! its place. What is a block and what an argument is not said by JSON but by the schema, so parsing needs the catalog.

mod grammar;
mod reader;
mod shape;

use std::sync::Arc;

use super::ast::{Body, File};
use super::lower::Lowering;
use crate::diagnostic::Diagnostics;
use crate::eval::schema::Catalog;
use crate::source::SourceId;

/// Parses a file of the configuration in the JSON form. One that is no JSON is empty.
pub fn parse(source: SourceId, text: &str, catalog: &Catalog) -> (File, Diagnostics) {
    shaped(source, text, |shaping, node| shaping.body(node, grammar::Inside::File(catalog)))
}

/// Parses a test file in the JSON form.
pub fn parse_tests(source: SourceId, text: &str) -> (File, Diagnostics) {
    shaped(source, text, |shaping, node| shaping.body(node, grammar::Inside::Tests))
}

/// Parses a variable file in the JSON form: texts are as they are and no templates. Its faults do not repeat what stands
/// there: it may be part of a secret.
pub fn parse_values(source: SourceId, text: &str) -> (File, Diagnostics) {
    let (file, mut faults) = shaped(source, text, |shaping, node| shaping.values(node));
    for fault in &mut faults.0 {
        VALUES.clone_into(&mut fault.detail);
        fault.related.clear();
    }
    (file, faults)
}

const VALUES: &str =
    "A variable file in the JSON form is one object of \"name\": value, each name once. What stands here does not fit.";

fn shaped(
    source: SourceId,
    text: &str,
    body: impl for<'t> FnOnce(&mut shape::Shaping<'_, 't>, &'t reader::Node<'t>) -> Body,
) -> (File, Diagnostics) {
    let mut file = File { source, text: Arc::from(text), json: true, ..File::default() };
    let node = reader::read(text);
    let mut lowering = Lowering::new(source, 0, text);
    let mut shaping = shape::Shaping { lowering: &mut lowering };
    match &node {
        Ok(node) => file.body = body(&mut shaping, node),
        Err(fault) => shaping.refuse(fault),
    }
    (file, lowering.diagnostics)
}

#[cfg(test)]
mod tests;
