//! What a module takes and gives: its variables and outputs as their authors described them.

use super::declared::{Module, flag, text_of};
use crate::syntax::ast::{Block, Expr};

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its type as it is written: `any` when it says none.
    pub ty: String,
    /// Its default as it is written; none when a value must be given.
    pub default: Option<String>,
    /// Whether its value is a secret.
    pub sensitive: bool,
    /// Whether `null` may be given.
    pub nullable: bool,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether it is shown only on request.
    pub sensitive: bool,
}

impl Input {
    /// Reads a `variable` block. `text` gives an expression as it is written.
    pub fn of(name: &str, block: &Block, text: &dyn Fn(&Expr) -> String) -> Self {
        let written = |name: &str| block.body.attribute(name).map(|attribute| text(&attribute.value));
        Self {
            name: name.to_owned(),
            description: text_of(block, "description").unwrap_or_default().trim().to_owned(),
            ty: written("type").map_or_else(|| "any".to_owned(), |ty| unindented(&ty)),
            default: written("default").map(|default| unindented(&default)),
            sensitive: ["sensitive", "ephemeral"].iter().any(|name| flag(block, name) == Some(true)),
            nullable: flag(block, "nullable").unwrap_or(true),
        }
    }
}

/// The variables of a module, by name.
pub fn inputs(module: &Module<'_>, text: &dyn Fn(&Expr) -> String) -> Vec<Input> {
    module.variables.iter().map(|(name, block)| Input::of(name, block, text)).collect()
}

/// The outputs of a module, by name.
pub fn outputs(module: &Module<'_>) -> Vec<Output> {
    let output = |(name, block): (&&str, &&Block)| Output {
        name: (*name).to_owned(),
        description: text_of(block, "description").unwrap_or_default().trim().to_owned(),
        sensitive: flag(block, "sensitive").unwrap_or(false),
    };
    module.outputs.iter().map(output).collect()
}

/// A text that begins within a line, without the indentation that its other lines share.
pub fn unindented(text: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let others = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let shared = others.map(depth).min().unwrap_or(0);
    let mut lines = text.lines();
    let mut out = lines.next().unwrap_or("").to_owned();
    for line in lines {
        out.push('\n');
        out.push_str(line.get(shared..).unwrap_or(""));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_lose_the_indentation_of_their_block() {
        assert_eq!(unindented("object({\n    a = string\n\n  })"), "object({\n  a = string\n\n})");
        assert_eq!(unindented("string"), "string");
    }
}
