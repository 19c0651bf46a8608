//! What evaluation is given from outside: values for variables in their order of precedence, and paths.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast;

/// Values from outside. Later sources win: environment, files in order, arguments in order.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// `CAP_VAR_name`, by name.
    pub environment: BTreeMap<String, String>,
    /// Variable files that are taken without being asked for, in order: each a body of `name = value`.
    pub files: Vec<ast::File>,
    /// `-var` and `-var-file`, in the order of the command line.
    pub arguments: Vec<Argument>,
    /// What `path` holds.
    pub paths: Paths,
}

/// One option of the command line that sets variables.
#[derive(Debug, Clone)]
pub enum Argument {
    /// `-var name=value`
    Variable {
        /// The name.
        name: String,
        /// The value as it was typed.
        text: String,
        /// The option, among the texts of the run.
        place: Option<Span>,
    },
    /// `-var-file`, parsed.
    File(ast::File),
}

/// What `path.module`, `path.root` and `path.cwd` are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The directory of the module, as the user named it: the root's.
    pub root: String,
    /// The directory the command was started in.
    pub cwd: String,
}

impl Default for Paths {
    fn default() -> Self {
        Self { root: ".".to_owned(), cwd: ".".to_owned() }
    }
}

impl Inputs {
    /// Whether anything sets the variable.
    pub fn gives(&self, name: &str) -> bool {
        let in_file = |file: &ast::File| file.body.attribute(name).is_some();
        let in_argument = |argument: &Argument| match argument {
            Argument::Variable { name: set, .. } => set == name,
            Argument::File(file) => in_file(file),
        };
        self.environment.contains_key(name) || self.files.iter().any(in_file) || self.arguments.iter().any(in_argument)
    }
}

impl Argument {
    /// Reads what follows `-var`.
    ///
    /// # Errors
    /// There is no `=`, no name, or there are spaces around the equals sign.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        let fault = |why: &str| {
            Diagnostic::error(&codes::ASSIGNMENT, format!("The option -var is given a text that {why}."))
                .hint("Write -var 'name=value', without spaces around the equals sign.")
        };
        let (name, value) = text.split_once('=').ok_or_else(|| fault("has no equals sign"))?;
        if name.is_empty() {
            return Err(fault("has no name before its equals sign"));
        }
        if name.trim() != name || (value.starts_with(' ') && name.trim_end() != name) {
            return Err(fault("has spaces around its name"));
        }
        Ok(Self::Variable { name: name.to_owned(), text: value.to_owned(), place: None })
    }

    /// The same with its place.
    #[must_use]
    pub fn at(self, span: Span) -> Self {
        match self {
            Self::Variable { name, text, .. } => Self::Variable { name, text, place: Some(span) },
            file @ Self::File(_) => file,
        }
    }
}
