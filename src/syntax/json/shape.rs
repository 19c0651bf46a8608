//! From nodes to the tree of the native form: bodies by the grammar, expressions from texts.
//!
//! HCL's rules for JSON: labels are nested objects; several blocks of one type are an array, or a key that stands again;
//! texts are templates; a member named `"//"` of a body is a comment.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::grammar::{self, Inside, Within};
use super::reader::{Fault, Kind, Member, Node, Text};
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::eval::number::Number;
use crate::eval::value::Value;
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, Body, Expr, ExprKind, Item, Name};
use crate::syntax::lower::Lowering;

/// The member of a body that is a comment.
const COMMENT: &str = "//";

/// How the texts of an expression are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// As templates.
    Template,
    /// As expressions of the native form: references and types, which are never evaluated.
    Expression,
    /// As they are: values from outside.
    Literal,
}

/// Nodes on their way to a tree.
pub(super) struct Shaping<'l, 't> {
    pub(super) lowering: &'l mut Lowering<'t>,
}

/// A block on its way: its type, the labels so far, and how many are still to come.
struct Head<'n> {
    kind: Name,
    labels: Vec<Name>,
    left: usize,
    within: Within<'n>,
}

impl<'t> Shaping<'_, 't> {
    /// The body that a node is: an object, or all objects of an array together.
    pub(super) fn body(&mut self, node: &'t Node<'t>, inside: Inside<'_>) -> Body {
        let mut body = Body::default();
        let mut seen = HashMap::new();
        for member in self.members(node, "the arguments and blocks") {
            if member.key.content == COMMENT {
                continue;
            }
            let name = self.name(&member.key);
            match inside.name(&name.text) {
                grammar::Name::Block(labels, within) => {
                    let head = Head { kind: name, labels: Vec::new(), left: labels, within };
                    self.blocks(&member.value, head, &mut body.blocks);
                }
                one if self.first(&name, &mut seen) => {
                    let texts = match one {
                        grammar::Name::Expression => Texts::Expression,
                        grammar::Name::Literal => Texts::Literal,
                        _ => Texts::Template,
                    };
                    let value = Arc::new(self.expr(&member.value, texts));
                    body.attributes.push(Attribute { name, value });
                }
                _ => {}
            }
        }
        body
    }

    /// The `"name": value` of a variable file.
    pub(super) fn values(&mut self, node: &'t Node<'t>) -> Body {
        let mut body = Body::default();
        let Kind::Object(members) = &node.kind else {
            self.fault(node.range.clone(), "A variable file in the JSON form holds one object.");
            return body;
        };
        let mut seen = HashMap::new();
        for member in members.iter().filter(|member| member.key.content != COMMENT) {
            let name = self.name(&member.key);
            if self.first(&name, &mut seen) {
                let value = Arc::new(self.expr(&member.value, Texts::Literal));
                body.attributes.push(Attribute { name, value });
            }
        }
        body
    }

    /// Whether an argument is set for the first time.
    fn first(&mut self, name: &Name, seen: &mut HashMap<Arc<str>, Span>) -> bool {
        let Some(first) = seen.insert(name.text.clone(), name.span) else { return true };
        let detail = format!("The argument \"{}\" is already set, and each argument is set once.", name.text);
        let report = Diagnostic::error(&codes::SYNTAX, detail).at(name.span);
        self.lowering.diagnostics.push(report.related(first, "first set here"));
        false
    }

    /// The members of an object, or of all objects of an array. Null holds nothing.
    fn members(&mut self, node: &'t Node<'t>, of: &str) -> Vec<&'t Member<'t>> {
        match &node.kind {
            Kind::Null => Vec::new(),
            Kind::Object(members) => members.iter().collect(),
            Kind::Array(items) => {
                let mut all = Vec::new();
                for item in items {
                    match &item.kind {
                        Kind::Object(members) => all.extend(members),
                        _ => self.mistyped(item, of),
                    }
                }
                all
            }
            _ => {
                self.mistyped(node, of);
                Vec::new()
            }
        }
    }

    fn mistyped(&mut self, node: &Node<'_>, of: &str) {
        self.fault(first_line(node), &format!("A JSON object is required here, with {of}."));
    }

    /// The blocks of one type: objects of labels, as many levels as there are labels, then bodies.
    fn blocks(&mut self, node: &'t Node<'t>, head: Head<'_>, blocks: &mut Vec<Block>) {
        if head.left > 0 {
            return self.labelled(node, head, blocks);
        }
        match &node.kind {
            Kind::Null => {}
            Kind::Array(items) => {
                for item in items.iter().filter(|item| !matches!(item.kind, Kind::Null)) {
                    let place =
                        if head.labels.is_empty() { Some(item.range.start..item.range.start + 1) } else { None };
                    self.block(item, &head, place, blocks);
                }
            }
            _ => self.block(node, &head, None, blocks),
        }
    }

    fn labelled(&mut self, node: &'t Node<'t>, head: Head<'_>, blocks: &mut Vec<Block>) {
        let members = self.members(node, &format!("the names of blocks of type \"{}\" as its keys", head.kind.text));
        if members.is_empty() && matches!(node.kind, Kind::Object(_) | Kind::Null) {
            let detail = format!("A {} block has a name: the key of an object within \"{0}\".", head.kind.text);
            self.lowering.diagnostics.push(Diagnostic::error(&codes::LABELS, detail).at(head.kind.span));
        }
        for member in members {
            let label = self.name(&member.key);
            let labels = head.labels.iter().cloned().chain([label]).collect();
            let inner = Head { kind: head.kind.clone(), labels, left: head.left - 1, within: head.within };
            self.blocks(&member.value, inner, blocks);
        }
    }

    fn block(&mut self, node: &'t Node<'t>, head: &Head<'_>, place: Option<Range<usize>>, blocks: &mut Vec<Block>) {
        if matches!(node.kind, Kind::Array(_)) {
            return self.mistyped(node, "the arguments and blocks");
        }
        let label = head.labels.last();
        let body = match head.within.labelled(label.map(|label| &*label.text)) {
            Some(inside) => self.body(node, inside),
            None => Body::default(),
        };
        let named = label.map_or(head.kind.span, |label| label.span);
        let span = place.map_or(named, |place| self.span(&place));
        blocks.push(Block { kind: head.kind.clone(), labels: head.labels.clone(), body, head: span });
    }

    fn name(&mut self, text: &Text<'_>) -> Name {
        Name { text: self.lowering.intern(&text.content), span: self.span(&text.range) }
    }

    /// Ranges of nodes are those of the whole text.
    fn span(&self, range: &Range<usize>) -> Span {
        Span::new(self.lowering.source, range.clone())
    }

    fn fault(&mut self, range: Range<usize>, detail: &str) {
        let span = self.span(&range);
        self.lowering.fault(span, detail);
    }

    pub(super) fn refuse(&mut self, fault: &Fault) {
        let report = Diagnostic::error(&codes::SYNTAX, fault.detail.clone()).at(self.span(&fault.range));
        self.lowering.diagnostics.push(match fault.hint {
            Some(hint) => report.hint(hint),
            None => report,
        });
    }

    fn expr(&mut self, node: &'t Node<'t>, texts: Texts) -> Expr {
        let kind = match &node.kind {
            Kind::Null => ExprKind::Literal(Value::NULL),
            Kind::Bool(truth) => ExprKind::Literal(Value::Bool(*truth)),
            Kind::Number(digits) => self.number(digits, &node.range),
            Kind::Text(text) => return self.text(text, texts),
            Kind::Array(items) => ExprKind::Tuple(items.iter().map(|item| self.expr(item, texts)).collect()),
            Kind::Object(members) => self.object(members, texts),
        };
        Expr { span: self.span(&node.range), kind }
    }

    fn number(&mut self, digits: &str, range: &Range<usize>) -> ExprKind {
        match Number::parse(digits) {
            Some(number) => ExprKind::Literal(Value::Number(number)),
            None => {
                let detail =
                    "The number is out of range: numbers have at most 4096 digits on either side of the point.";
                self.fault(range.clone(), detail);
                ExprKind::Literal(Value::NULL)
            }
        }
    }

    fn object(&mut self, members: &'t [Member<'t>], texts: Texts) -> ExprKind {
        // The keys of an object that is never evaluated are names.
        let keys = if texts == Texts::Template { Texts::Template } else { Texts::Literal };
        let mut seen = HashMap::new();
        let mut items = Vec::with_capacity(members.len());
        for member in members {
            if let Some(first) = seen.insert(&*member.key.content, &member.key.range) {
                let detail = "This key is already in the object, and each key stands once.";
                let report = Diagnostic::error(&codes::SYNTAX, detail).at(self.span(&member.key.range));
                self.lowering.diagnostics.push(report.related(self.span(first), "first set here"));
                continue;
            }
            items.push(Item { key: self.text(&member.key, keys), value: self.expr(&member.value, texts) });
        }
        ExprKind::Object(items.into())
    }

    fn text(&mut self, text: &'t Text<'t>, texts: Texts) -> Expr {
        let span = self.span(&text.range);
        let plain = texts == Texts::Literal
            || (texts == Texts::Template && !text.content.contains("${") && !text.content.contains("%{"));
        if plain {
            return Expr::literal(Value::String(self.lowering.intern(&text.content)), span);
        }
        self.lowering.turn_to(text.range.start + 1, &text.content, &text.escapes);
        match texts {
            Texts::Expression => {
                let parsed = self.lowering.parse_expression();
                parsed.map_or_else(|| Expr::literal(Value::NULL, span), |expr| Expr { span, ..expr })
            }
            _ => {
                let kind = self.lowering.parse_template().unwrap_or(ExprKind::Literal(Value::NULL));
                Expr { span, kind }
            }
        }
    }
}

/// Where a node begins, for a report that should not underline the whole of it.
fn first_line(node: &Node<'_>) -> Range<usize> {
    match node.kind {
        Kind::Array(_) | Kind::Object(_) => node.range.start..node.range.start + 1,
        _ => node.range.clone(),
    }
}
