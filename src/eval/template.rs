//! Templates: texts put together from their parts.

use std::slice::from_ref;

use super::expression::{as_text, described};
use super::fault::{Evaluated, Gather, fault};
use super::scope::Scope;
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Expr, Part};
use crate::syntax::nfc;
use crate::syntax::references::each_reference_of_parts;

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
                let holds = self.condition(&one.condition)?;
                let (chosen, other) = if holds { (&one.yes, &one.no) } else { (&one.no, &one.yes) };
                self.declared(|visit| each_reference_of_parts(other, visit))?;
                self.parts(chosen, text, span)
            }
            Part::For(one) => {
                let mut entered = false;
                self.each(&one.over, |inner| {
                    entered = true;
                    inner.parts(&one.body, text, span)
                })?;
                if entered { Ok(()) } else { self.declared(|visit| each_reference_of_parts(from_ref(part), visit)) }
            }
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
