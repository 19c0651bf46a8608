//! From hcl-edit's tree to our own. Structures are taken one after the other, so that both trees never stand whole.
//!
//! Decides what the tree alone can: names are interned, texts are normalized to NFC, numbers are read exactly from the
//! text, and a splat takes the steps that belong to it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::expr::{self as hcl, TraversalOperator};
use hcl_edit::structure::{self, BlockLabel, Structure};
use hcl_edit::{Decorated, Ident, parser};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::ast::{
    Attribute, Binary, BinaryOp, Block, Body, Call, Conditional, Expr, ExprKind, For, Item, Loop, Name, Operation,
    Step, StepKind, Traversal, UnaryOp,
};
use super::lexer::{Kind, Lexer};
use super::stand_in::stand_in;
use super::{fault, rows, template};
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::eval::number::Number;
use crate::eval::value::Value;
use crate::source::{SourceId, Span};

/// Longest text that is kept once for all its uses: names, and values that repeat.
const INTERNED: usize = 40;
/// Most splats in one traversal: each nests.
const SPLATS: usize = 32;

/// What lowering knows of the text.
pub(super) struct Lowering<'t> {
    pub(super) source: SourceId,
    /// Where the text begins within the source.
    pub(super) base: usize,
    /// Where the text's bytes stand when some of them are written as escapes.
    pub(super) escapes: &'t [Escape],
    pub(super) text: &'t str,
    names: HashSet<Arc<str>>,
    /// Rows of operators in whose place the parser was given a number.
    rows: Vec<Range<usize>>,
    pub(super) diagnostics: Diagnostics,
}

/// From this byte of a text on, its bytes stand so much further on than they would without escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Escape {
    pub(super) from: usize,
    pub(super) further: usize,
}

impl<'t> Lowering<'t> {
    pub(super) fn new(source: SourceId, base: usize, text: &'t str) -> Self {
        let (names, rows) = (HashSet::new(), Vec::new());
        Self { source, base, escapes: &[], text, names, rows, diagnostics: Diagnostics::default() }
    }

    /// Turns to another text of the same source, which begins at `base`.
    pub(super) fn turn_to(&mut self, base: usize, text: &'t str, escapes: &'t [Escape]) {
        (self.base, self.text, self.escapes) = (base, text, escapes);
    }

    pub(super) fn place(&self, range: Range<usize>) -> Span {
        Span::new(self.source, self.offset(range.start)..self.offset(range.end))
    }

    fn offset(&self, at: usize) -> usize {
        let passed = self.escapes.partition_point(|escape| escape.from <= at);
        let further = passed.checked_sub(1).map_or(0, |last| self.escapes[last].further);
        at + self.base + further
    }

    fn place_of(&self, node: &impl hcl_edit::Span) -> Span {
        self.place(range_of(node))
    }

    pub(super) fn fault(&mut self, span: Span, detail: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(&codes::SYNTAX, detail).at(span));
    }

    /// Notes what the parser found wrong with the text.
    pub(super) fn explain(&mut self, error: &parser::Error) {
        let report = fault::explain(&|range| self.place(range), self.text, error);
        self.diagnostics.push(report);
    }

    /// What the parser makes of the text, after it refused a row of operators of that without it.
    fn parse<T>(&mut self, parse: impl Fn(&str) -> Result<T, parser::Error>) -> Result<T, parser::Error> {
        let taken = stand_in(self.text);
        let parsed = parse(&taken);
        if !parsed.as_ref().is_err_and(fault::is_long_row) {
            return parsed;
        }
        let (text, rows) = rows::cut(&taken);
        self.rows = rows;
        parse(&text)
    }

    /// The text as a body.
    pub(super) fn parse_body(&mut self) -> Result<structure::Body, parser::Error> {
        self.parse(parser::parse_body)
    }

    /// The text as one expression.
    pub(super) fn parse_expression(&mut self) -> Option<Expr> {
        // Behind what stands in for a row there are spaces.
        match self.parse(|text| parser::parse_expr(text.trim_end())) {
            Ok(parsed) => Some(self.expr(&parsed)),
            Err(error) => {
                self.explain(&error);
                None
            }
        }
    }

    /// The text as a template as a whole.
    pub(super) fn parse_template(&mut self) -> Option<ExprKind> {
        match parser::parse_template(self.text) {
            Ok(parsed) => Some(template::bare(self, &parsed)),
            Err(error) => {
                self.explain(&error);
                None
            }
        }
    }

    /// The text, kept once if it is short, in NFC.
    pub(super) fn intern(&mut self, text: &str) -> Arc<str> {
        if text.len() > INTERNED {
            return nfc(text);
        }
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let new = nfc(text);
        self.names.insert(new.clone());
        new
    }

    pub(super) fn name(&mut self, ident: &Decorated<Ident>) -> Name {
        let span = self.place_of(ident);
        Name { text: self.intern(ident.as_str()), span }
    }

    pub(super) fn body(&mut self, body: structure::Body) -> Body {
        let mut lowered = Body::default();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => lowered.attributes.push(self.attribute(&attribute)),
                Structure::Block(block) => lowered.blocks.push(self.block(block)),
            }
        }
        lowered
    }

    fn attribute(&mut self, attribute: &structure::Attribute) -> Attribute {
        Attribute { name: self.name(&attribute.key), value: Arc::new(self.expr(&attribute.value)) }
    }

    fn block(&mut self, block: structure::Block) -> Block {
        let kind = self.name(&block.ident);
        let labels: Vec<Name> = block.labels.iter().map(|label| self.label(label)).collect();
        let head = labels.last().map_or(kind.span, |last| kind.span.to(last.span));
        Block { kind, labels, body: self.body(block.body), head }
    }

    fn label(&mut self, label: &BlockLabel) -> Name {
        match label {
            BlockLabel::Ident(ident) => self.name(ident),
            BlockLabel::String(text) => {
                let span = self.place_of(text);
                Name { text: self.intern(text.as_str()), span }
            }
        }
    }

    pub(super) fn expr(&mut self, expr: &hcl::Expression) -> Expr {
        let span = self.place_of(expr);
        Expr { span, kind: self.kind(expr) }
    }

    fn boxed(&mut self, expr: &hcl::Expression) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn kind(&mut self, expr: &hcl::Expression) -> ExprKind {
        match expr {
            hcl::Expression::Null(_) => ExprKind::Literal(Value::NULL),
            hcl::Expression::Bool(truth) => ExprKind::Literal(Value::Bool(*truth.value())),
            hcl::Expression::Number(_) => {
                let range = range_of(expr);
                match self.rows.iter().find(|row| row.start == range.start).cloned() {
                    Some(row) => self.long_row(row),
                    None => self.number(range),
                }
            }
            hcl::Expression::String(text) => self.string(text.as_str(), range_of(expr)),
            hcl::Expression::Array(array) => ExprKind::Tuple(array.iter().map(|item| self.expr(item)).collect()),
            hcl::Expression::Object(object) => self.object(object, range_of(expr)),
            hcl::Expression::StringTemplate(parts) => template::quoted(self, parts),
            hcl::Expression::HeredocTemplate(heredoc) => template::heredoc(self, heredoc),
            hcl::Expression::Parenthesis(inner) => ExprKind::Parenthesis(self.boxed(inner.inner())),
            hcl::Expression::Variable(name) => ExprKind::Variable(self.intern(name.as_str())),
            hcl::Expression::Conditional(one) => ExprKind::Conditional(Box::new(self.conditional(one))),
            hcl::Expression::FuncCall(call) => ExprKind::Call(Box::new(self.call(call))),
            hcl::Expression::Traversal(traversal) => self.traversal(traversal),
            hcl::Expression::UnaryOp(operation) => {
                ExprKind::Unary(unary(*operation.operator.value()), self.boxed(&operation.expr))
            }
            hcl::Expression::BinaryOp(operation) => ExprKind::Binary(Box::new(self.binary(operation))),
            hcl::Expression::ForExpr(one) => ExprKind::For(Box::new(self.for_expr(one))),
        }
    }

    /// The number as it is written: hcl-edit has it as binary floating point, and a sign before it as part of it.
    fn number(&mut self, range: Range<usize>) -> ExprKind {
        let text = self.text.get(range.clone()).unwrap_or("");
        let sign = if text.starts_with('-') { "-" } else { "" };
        let digits = Lexer::new(text).find(|token| token.kind == Kind::Number).map_or("", |token| &text[token.range]);
        let written = format!("{sign}{digits}");
        match Number::parse(&written) {
            Some(number) => ExprKind::Literal(Value::Number(number)),
            None => {
                let shown = fault::shortened(&written);
                let detail =
                    format!("{shown} is out of range: numbers have at most 4096 digits on either side of the point.");
                self.fault(self.place(range), detail);
                ExprKind::Literal(Value::NULL)
            }
        }
    }

    fn string(&mut self, text: &str, range: Range<usize>) -> ExprKind {
        self.check_one_line(range);
        ExprKind::Literal(Value::String(self.intern(text)))
    }

    /// Quoted texts stay on one line: a forgotten quote would otherwise swallow the rest of the file.
    pub(super) fn check_one_line(&mut self, range: Range<usize>) {
        let raw = self.text.get(range.clone()).unwrap_or("");
        if let Some(first) = raw.find('\n') {
            let line = self.place(range.start..range.start + first);
            self.diagnostics.push(
                Diagnostic::error(&codes::SYNTAX, "A quoted text must end on the line it begins on.")
                    .at(line)
                    .hint("Close it with \"\\\"\", write the line break as \\n, or use a heredoc: <<EOT."),
            );
        }
    }

    fn object(&mut self, object: &hcl::Object, range: Range<usize>) -> ExprKind {
        // What stands before an item: the brace, or the item before it.
        let mut before = range.start + 1;
        let mut items = Vec::with_capacity(object.len());
        for (key, value) in object.iter() {
            items.push(self.item(before, key, value));
            before = range_of(value.expr()).end;
        }
        ExprKind::Object(items.into())
    }

    fn item(&mut self, before: usize, key: &hcl::ObjectKey, value: &hcl::ObjectValue) -> Item {
        let key = match key {
            hcl::ObjectKey::Ident(name) => {
                let span = self.word(name.as_str(), before..range_of(value.expr()).start);
                Expr::literal(Value::String(self.intern(name.as_str())), span)
            }
            hcl::ObjectKey::Expression(key) => self.object_key(key),
        };
        Item { key, value: self.expr(value.expr()) }
    }

    /// Keys that look like names are names, the reserved words too; a bare reference is ambiguous.
    fn object_key(&mut self, key: &hcl::Expression) -> Expr {
        let lowered = self.expr(key);
        match key {
            hcl::Expression::Null(_) => Expr::literal(Value::string("null"), lowered.span),
            hcl::Expression::Bool(truth) => Expr::literal(Value::string(truth.value().to_string()), lowered.span),
            hcl::Expression::Traversal(_) => {
                let detail = "This key could be a name or a reference.";
                self.diagnostics.push(
                    Diagnostic::error(&codes::SYNTAX, detail)
                        .at(lowered.span)
                        .hint("Wrap it in parentheses if it is a reference, or in quotes if it is a name."),
                );
                lowered
            }
            _ => lowered,
        }
    }

    /// Where a bare key stands, which hcl-edit does not keep: it is the first such word between comments.
    fn word(&self, word: &str, within: Range<usize>) -> Span {
        let text = self.text.get(within.clone()).unwrap_or("");
        let found = Lexer::new(text).find(|token| &text[token.range.clone()] == word);
        let range =
            found.map_or(within.clone(), |token| within.start + token.range.start..within.start + token.range.end);
        self.place(range)
    }

    fn conditional(&mut self, one: &hcl::Conditional) -> Conditional {
        Conditional {
            condition: self.expr(&one.cond_expr),
            yes: self.expr(&one.true_expr),
            no: self.expr(&one.false_expr),
        }
    }

    fn call(&mut self, call: &hcl::FuncCall) -> Call {
        let mut name = self.name(&call.name.name);
        if call.name.is_namespaced() {
            let spaces: Vec<&str> = call.name.namespace.iter().map(|part| part.as_str()).collect();
            let whole = format!("{}::{}", spaces.join("::"), name.text);
            name.text = self.intern(&whole);
        }
        let arguments = call.args.iter().map(|argument| self.expr(argument)).collect();
        Call { name, arguments, expand: call.args.expand_final() }
    }

    /// Operators that bind alike are one row, which hcl-edit nests to the left.
    fn binary(&mut self, operation: &hcl::BinaryOp) -> Binary {
        let rank = operation.operator.precedence();
        let mut row = vec![operation];
        let mut first = &operation.lhs_expr;
        while let hcl::Expression::BinaryOp(inner) = first
            && inner.operator.precedence() == rank
        {
            row.push(inner);
            first = &inner.lhs_expr;
        }
        let first = self.expr(first);
        Binary { first, rest: row.into_iter().rev().map(|one| self.operation(one)).collect() }
    }

    /// A row that was not given to the parser.
    fn long_row(&mut self, row: Range<usize>) -> ExprKind {
        let (first, others) = rows::split(&self.text[row.clone()]);
        let mut operand = |one: Range<usize>| self.operand(row.start + one.start..row.start + one.end);
        let first = operand(first);
        let others = others.into_iter().map(|(operator, right)| Operation { operator, right: operand(right) });
        ExprKind::Binary(Box::new(Binary { first, rest: others.collect() }))
    }

    /// An operand of such a row.
    fn operand(&mut self, range: Range<usize>) -> Expr {
        let bare = super::without_comments_around(&self.text[range.clone()]);
        let range = range.start + bare.start..range.start + bare.end;
        let text = &self.text[range.clone()];
        // It may go on over lines only where the row stands in brackets.
        let (text, begin) =
            if text.contains('\n') { (format!("({text})"), range.start - 1) } else { (text.to_owned(), range.start) };
        let mut inner = Lowering::new(self.source, self.base + begin, &text);
        let parsed = inner.parse_expression();
        self.diagnostics.extend(inner.diagnostics);
        match parsed {
            Some(Expr { kind: ExprKind::Parenthesis(inner), .. }) if begin < range.start => *inner,
            Some(expr) => expr,
            None => Expr::literal(Value::NULL, self.place(range)),
        }
    }

    fn operation(&mut self, one: &hcl::BinaryOp) -> Operation {
        Operation { operator: binary(*one.operator.value()), right: self.expr(&one.rhs_expr) }
    }

    fn for_expr(&mut self, one: &hcl::ForExpr) -> For {
        let intro = &one.intro;
        For {
            over: self.over(intro.key_var.as_ref(), &intro.value_var, &intro.collection_expr),
            key: one.key_expr.as_ref().map(|key| self.expr(key)),
            result: self.expr(&one.value_expr),
            grouping: one.grouping,
            condition: one.cond.as_ref().map(|condition| self.expr(&condition.expr)),
        }
    }

    pub(super) fn over(
        &mut self,
        key: Option<&Decorated<Ident>>,
        value: &Decorated<Ident>,
        collection: &hcl::Expression,
    ) -> Loop {
        Loop { key: key.map(|key| self.name(key)), value: self.name(value), collection: self.expr(collection) }
    }

    fn traversal(&mut self, traversal: &hcl::Traversal) -> ExprKind {
        let splat = |one: &&Decorated<TraversalOperator>| {
            matches!(one.value(), TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_))
        };
        if traversal.operators.iter().filter(splat).count() > SPLATS {
            let span = self.place_of(traversal);
            self.fault(span, format!("At most {SPLATS} splats may follow one another."));
            return ExprKind::Literal(Value::NULL);
        }
        let source = self.expr(&traversal.expr);
        let steps = self.steps(&traversal.operators);
        ExprKind::Traversal(Box::new(Traversal { source, steps }))
    }

    fn steps(&mut self, operators: &[Decorated<TraversalOperator>]) -> Box<[Step]> {
        let mut steps = Vec::with_capacity(operators.len());
        let mut rest = operators;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let span = self.place_of(first);
            if let (TraversalOperator::LegacyIndex(_), Some(next)) = (first.value(), after.first())
                && matches!(next.value(), TraversalOperator::LegacyIndex(_))
            {
                let span = self.place_of(next);
                self.fault(span, "Two indexes after a dot may not follow one another: write [0][1] instead of .0.1.");
            }
            let kind = match first.value() {
                TraversalOperator::GetAttr(name) => StepKind::Attribute(self.intern(name.as_str())),
                TraversalOperator::Index(index) => StepKind::Index(self.expr(index)),
                TraversalOperator::LegacyIndex(index) => StepKind::Index(legacy(*index.value(), span)),
                TraversalOperator::FullSplat(_) => StepKind::Splat(self.steps(std::mem::take(&mut rest))),
                TraversalOperator::AttrSplat(_) => {
                    let count = after.iter().take_while(|one| is_attribute(one.value())).count();
                    let (own, others) = after.split_at(count);
                    rest = others;
                    if let Some(next) =
                        others.first().filter(|next| matches!(next.value(), TraversalOperator::AttrSplat(_)))
                    {
                        let span = self.place_of(next);
                        self.fault(span, "A splat may not stand within the splat .*: write [*] for both.");
                    }
                    StepKind::Splat(self.steps(own))
                }
            };
            steps.push(Step { span, kind });
        }
        steps.into()
    }
}

/// Where a node stands in the text that was parsed.
fn range_of(node: &impl hcl_edit::Span) -> Range<usize> {
    node.span().unwrap_or_default()
}

fn is_attribute(operator: &TraversalOperator) -> bool {
    matches!(operator, TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_))
}

fn legacy(index: u64, span: Span) -> Expr {
    Expr::literal(Value::Number(Number::from(usize::try_from(index).unwrap_or(usize::MAX))), span)
}

fn unary(operator: hcl::UnaryOperator) -> UnaryOp {
    match operator {
        hcl::UnaryOperator::Neg => UnaryOp::Negate,
        hcl::UnaryOperator::Not => UnaryOp::Not,
    }
}

fn binary(operator: hcl::BinaryOperator) -> BinaryOp {
    match operator {
        hcl::BinaryOperator::Eq => BinaryOp::Equal,
        hcl::BinaryOperator::NotEq => BinaryOp::NotEqual,
        hcl::BinaryOperator::LessEq => BinaryOp::LessOrEqual,
        hcl::BinaryOperator::GreaterEq => BinaryOp::GreaterOrEqual,
        hcl::BinaryOperator::Less => BinaryOp::Less,
        hcl::BinaryOperator::Greater => BinaryOp::Greater,
        hcl::BinaryOperator::Plus => BinaryOp::Add,
        hcl::BinaryOperator::Minus => BinaryOp::Subtract,
        hcl::BinaryOperator::Mul => BinaryOp::Multiply,
        hcl::BinaryOperator::Div => BinaryOp::Divide,
        hcl::BinaryOperator::Mod => BinaryOp::Remainder,
        hcl::BinaryOperator::And => BinaryOp::And,
        hcl::BinaryOperator::Or => BinaryOp::Or,
    }
}

/// The text in NFC, as all texts of the language are.
pub(crate) fn nfc(text: &str) -> Arc<str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Arc::from(text);
    }
    text.nfc().collect::<String>().into()
}
