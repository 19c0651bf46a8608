//! What stands in brackets: lists, objects, `for`, and the arguments of calls.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::eval::value::Value;
use crate::syntax::ast::{Expr, ExprKind, For, Item, Loop};

impl Parser<'_> {
    /// `[a, b]` or `[for …]`
    pub(super) fn tuple(&mut self) -> Parsed<ExprKind> {
        self.bracketed(1, "bracket", true, |parser| {
            if parser.word() == "for" {
                return parser.for_expr("]");
            }
            let mut items = Vec::new();
            while !parser.eat("]") {
                items.push(parser.expr()?);
                if !parser.eat(",") {
                    parser.expect("]", "`,` or `]`")?;
                    break;
                }
            }
            Ok(ExprKind::Tuple(items.into()))
        })
    }

    /// `{ key = value }` or `{for …}`. A line's end separates as a comma does.
    pub(super) fn object(&mut self) -> Parsed<ExprKind> {
        self.bracketed(1, "block or object", false, |parser| {
            parser.lines();
            if parser.word() == "for" {
                return parser.joined(|parser| parser.for_expr("}"));
            }
            let mut items = Vec::new();
            loop {
                parser.lines();
                if parser.eat("}") {
                    return Ok(ExprKind::Object(items.into()));
                }
                items.push(parser.item_of_object()?);
                parser.space();
                if !parser.eat(",") && !parser.is_line_end() && parser.peek(0) != b'}' {
                    return Err(parser.unexpected("`,`, the end of the line or `}`"));
                }
            }
        })
    }

    fn item_of_object(&mut self) -> Parsed<Item> {
        let key = self.object_key()?;
        self.space();
        if !matches!(self.peek(0), b'=' | b':') {
            return Err(self.unexpected("`=` or `:` and a value"));
        }
        self.at += 1;
        Ok(Item { key, value: self.expr()? })
    }

    /// Keys that look like names are names, the reserved words too; a bare reference is ambiguous.
    fn object_key(&mut self) -> Parsed<Expr> {
        let key = self.expr()?;
        let name = match &key.kind {
            ExprKind::Variable(name) => name.clone(),
            ExprKind::Literal(Value::Null(_)) => self.intern("null"),
            ExprKind::Literal(Value::Bool(truth)) => self.intern(if *truth { "true" } else { "false" }),
            ExprKind::Traversal(traversal) if matches!(traversal.source.kind, ExprKind::Variable(_)) => {
                let report = Diagnostic::error(&codes::SYNTAX, "This key could be a name or a reference.").at(key.span);
                self.note(report.hint("Wrap it in parentheses if it is a reference, or in quotes if it is a name."));
                return Ok(key);
            }
            _ => return Ok(key),
        };
        Ok(Expr::literal(Value::String(name), key.span))
    }

    /// `for … in … : …`, up to what closes it.
    fn for_expr(&mut self, close: &str) -> Parsed<ExprKind> {
        let over = self.for_intro()?;
        self.expect(":", "`:`")?;
        let mut result = self.expr()?;
        let mut key = None;
        if close == "}" {
            self.expect("=>", "`=>`")?;
            key = Some(std::mem::replace(&mut result, self.expr()?));
        }
        let grouping = key.is_some() && self.eat("...");
        let condition = if self.eat_word("if") { Some(self.expr()?) } else { None };
        self.expect(close, if close == "]" { "`if` or `]`" } else { "`...`, `if` or `}`" })?;
        Ok(ExprKind::For(Box::new(For { over, key, result, grouping, condition })))
    }

    /// `for key, value in collection`
    pub(super) fn for_intro(&mut self) -> Parsed<Loop> {
        if !self.eat_word("for") {
            return Err(self.unexpected("`for`"));
        }
        let first = self.name()?;
        let (key, value) = if self.eat(",") { (Some(first), self.name()?) } else { (None, first) };
        if !self.eat_word("in") {
            return Err(self.unexpected("`in`"));
        }
        Ok(Loop { key, value, collection: self.expr()? })
    }

    /// The arguments of a call in their parentheses, and whether the last one is expanded.
    pub(super) fn arguments(&mut self) -> Parsed<(Box<[Expr]>, bool)> {
        self.bracketed(1, "bracket", true, |parser| {
            let mut arguments = Vec::new();
            while !parser.eat(")") {
                arguments.push(parser.expr()?);
                if parser.eat("...") {
                    parser.expect(")", "`)`, for what is expanded is the last argument")?;
                    return Ok((arguments.into(), true));
                }
                if !parser.eat(",") {
                    parser.expect(")", "`,` or `)`")?;
                    break;
                }
            }
            Ok((arguments.into(), false))
        })
    }
}
