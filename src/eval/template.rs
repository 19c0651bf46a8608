//! Templates: texts put together from their parts.

use super::expression::{as_text, described};
use super::fault::{Evaluated, Gather, fault};
use super::scope::Scope;
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Expr, Part};
use crate::syntax::nfc;

impl Scope<'_> {
    pub(super) fn template(&self, parts: &[Part], span: Span) -> Evaluated {
        let mut text = String::new();
        self.parts(parts, &mut text, span)?;
        Ok(Value::String(nfc(&text)))
    }

    fn parts(&self, parts: &[Part], text: &mut String, span: Span) -> Evaluated<()> {
        let mut gather = Gather::default();
        for part in parts {
            gather.take(self.part(part, text, span));
            if text.len() > limits::STRING_BYTES {
                return fault(&codes::LIMIT, span, format!("The text is longer than {} bytes.", limits::STRING_BYTES));
            }
        }
        gather.done()
    }

    fn part(&self, part: &Part, text: &mut String, span: Span) -> Evaluated<()> {
        match part {
            Part::Literal(literal) => {
                text.push_str(literal);
                Ok(())
            }
            Part::Interpolation(inner) => self.interpolation(inner, text),
            Part::If(one) => {
                let chosen = if self.condition(&one.condition)? { &one.yes } else { &one.no };
                self.parts(chosen, text, span)
            }
            Part::For(one) => self.each(&one.over, |inner| inner.parts(&one.body, text, span)),
        }
    }

    fn interpolation(&self, inner: &Expr, text: &mut String) -> Evaluated<()> {
        let value = self.eval(inner)?;
        if value.is_null() {
            return fault(&codes::TEMPLATE, inner.span, "This is null, and a text cannot hold null.");
        }
        match as_text(&value, inner.span)? {
            Some(part) => text.push_str(&part),
            None => {
                let detail = format!("A text holds strings, numbers and bools, and this is {}.", described(&value));
                return fault(&codes::TEMPLATE, inner.span, detail);
            }
        }
        Ok(())
    }
}
