//! The tree of a text as the evaluator reads it: bodies, blocks, attributes, expressions and templates, each with its
//! place. Independent of the parser that made it. Decides nothing about meaning.

use std::sync::Arc;

use crate::address::Key;
use crate::eval::value::Value;
use crate::source::{SourceId, Span};

/// One parsed file.
#[derive(Debug, Clone)]
pub struct File {
    /// Its text's id.
    pub source: SourceId,
    /// Its text: places point into it.
    pub text: Arc<str>,
    /// What it holds.
    pub body: Body,
    /// Whether it is an override file, merged into the others last.
    pub overrides: bool,
    /// Whether it is in the JSON form: what stands in its text is then no expression of the native form.
    pub json: bool,
}

impl Default for File {
    fn default() -> Self {
        Self { source: SourceId(u32::MAX), text: Arc::from(""), body: Body::default(), overrides: false, json: false }
    }
}

/// Attributes and blocks, in the order they stand.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// `name = expression`.
    pub attributes: Vec<Attribute>,
    /// `type "label" { … }`.
    pub blocks: Vec<Block>,
}

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// `name = expression`.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The name.
    pub name: Name,
    /// The expression.
    pub value: Arc<Expr>,
}

/// `type "label" { … }`.
#[derive(Debug, Clone)]
pub struct Block {
    /// The type.
    pub kind: Name,
    /// The labels.
    pub labels: Vec<Name>,
    /// What it holds.
    pub body: Body,
    /// From the type to the last label.
    pub head: Span,
}

/// An expression and where it stands.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// `null`, `true`, `12`, `"text"`.
    Literal(Value),
    /// A template of several parts: always a string.
    Template(Box<[Part]>),
    /// `"${expression}"` and nothing else: the expression's value as it is.
    Wrapped(Box<Expr>),
    /// `(expression)`.
    Parenthesis(Box<Expr>),
    /// `[a, b]`.
    Tuple(Box<[Expr]>),
    /// `{ key = value }`.
    Object(Box<[Item]>),
    /// A name: `var`, `each`, a variable of `for`.
    Variable(Arc<str>),
    /// `source.name[index]`, and splats.
    Traversal(Box<Traversal>),
    /// `name(arguments)`.
    Call(Box<Call>),
    /// `-a`, `!a`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(Box<Binary>),
    /// `condition ? a : b`.
    Conditional(Box<Conditional>),
    /// `[for …]`, `{for …}`.
    For(Box<For>),
}

/// One `key = value` of an object.
#[derive(Debug, Clone)]
pub struct Item {
    /// The key: a literal where it is a bare name.
    pub key: Expr,
    /// The value.
    pub value: Expr,
}

/// Steps from a value to a value within it.
#[derive(Debug, Clone)]
pub struct Traversal {
    /// Where it begins.
    pub source: Expr,
    /// The steps, in order.
    pub steps: Box<[Step]>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: StepKind,
}

impl Step {
    /// The step as it is written, unless its key has to be evaluated: `.apex`, `[0]`, `["k"]`.
    pub fn written(&self) -> Option<String> {
        match &self.kind {
            StepKind::Attribute(name) => Some(format!(".{name}")),
            StepKind::Index(Expr { kind: ExprKind::Literal(Value::Number(at)), .. }) => Some(format!("[{at}]")),
            StepKind::Index(Expr { kind: ExprKind::Literal(Value::String(key)), .. }) => {
                Some(Key::Name(key.clone()).to_string())
            }
            _ => None,
        }
    }
}

/// What a step is.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// `.name`
    Attribute(Arc<str>),
    /// `[expression]`, and `.0`.
    Index(Expr),
    /// `.*` and `[*]`: the steps apply to each element.
    Splat(Box<[Step]>),
}

/// `name(arguments…)`.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function's name, with its namespace.
    pub name: Name,
    /// The arguments.
    pub arguments: Box<[Expr]>,
    /// Whether `...` follows the last argument: its elements are arguments each.
    pub expand: bool,
}

/// An operator of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// An operator of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// Operands joined by operators that bind alike, from left to right: `a + b - c`. A row, so that long ones do not nest.
#[derive(Debug, Clone)]
pub struct Binary {
    /// The first operand.
    pub first: Expr,
    /// The operators, each with the operand to its right; at least one.
    pub rest: Box<[Operation]>,
}

/// `operator right`.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The operator.
    pub operator: BinaryOp,
    /// The operand to its right.
    pub right: Expr,
}

/// `condition ? yes : no`.
#[derive(Debug, Clone)]
pub struct Conditional {
    /// The condition.
    pub condition: Expr,
    /// The result when it holds.
    pub yes: Expr,
    /// The result when it does not.
    pub no: Expr,
}

/// `for key, value in collection`.
#[derive(Debug, Clone)]
pub struct Loop {
    /// The variable of the key, if it is named.
    pub key: Option<Name>,
    /// The variable of the element.
    pub value: Name,
    /// What is gone through.
    pub collection: Expr,
}

/// `[for … : result if condition]`, `{for … : key => result... if condition}`.
#[derive(Debug, Clone)]
pub struct For {
    /// What is gone through, and under which names.
    pub over: Loop,
    /// The key of each result: the result is an object.
    pub key: Option<Expr>,
    /// Each result.
    pub result: Expr,
    /// `...`: results of one key are collected.
    pub grouping: bool,
    /// Which elements count.
    pub condition: Option<Expr>,
}

/// A part of a template.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text as it is.
    Literal(Arc<str>),
    /// `${…}`
    Interpolation(Expr),
    /// `%{if …}…%{else}…%{endif}`
    If(Box<IfPart>),
    /// `%{for …}…%{endfor}`
    For(Box<ForPart>),
}

/// `%{if condition}yes%{else}no%{endif}`
#[derive(Debug, Clone)]
pub struct IfPart {
    /// The condition.
    pub condition: Expr,
    /// The text when it holds.
    pub yes: Box<[Part]>,
    /// The text when it does not.
    pub no: Box<[Part]>,
}

/// `%{for … in …}body%{endfor}`
#[derive(Debug, Clone)]
pub struct ForPart {
    /// What is gone through, and under which names.
    pub over: Loop,
    /// The text for each element.
    pub body: Box<[Part]>,
}

impl File {
    /// The text of an expression of this file.
    pub fn snippet(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }
}

impl Body {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name.text == name)
    }

    /// The blocks of that type.
    pub fn blocks_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| &*block.kind.text == kind)
    }
}

impl Expr {
    /// A value that was already known when the text was read.
    pub fn literal(value: Value, span: Span) -> Self {
        Self { span, kind: ExprKind::Literal(value) }
    }
}
