//! An expression as text of the native form, whatever form it was written in: what is stored of it is read back as that.
//!
//! The tree keeps its parentheses, so none are added; the layout is one line.

use std::fmt::Write as _;

use super::ast::{BinaryOp, Expr, ExprKind, For, Item, Loop, Part, Step, StepKind, Traversal, UnaryOp};
use crate::eval::value::Value;

/// The expression in the native form.
pub fn native(expr: &Expr) -> String {
    let mut out = String::new();
    write_expr(&mut out, expr);
    out
}

fn write_expr(out: &mut String, expr: &Expr) {
    match &expr.kind {
        ExprKind::Literal(value) => write_literal(out, value),
        ExprKind::Template(parts) => {
            out.push('"');
            write_parts(out, parts);
            out.push('"');
        }
        ExprKind::Wrapped(inner) => wrapped(out, "\"${", inner, "}\""),
        ExprKind::Parenthesis(inner) => wrapped(out, "(", inner, ")"),
        ExprKind::Tuple(items) => {
            out.push('[');
            write_list(out, items);
            out.push(']');
        }
        ExprKind::Object(items) => write_object(out, items),
        ExprKind::Variable(name) => out.push_str(name),
        ExprKind::Traversal(traversal) => write_traversal(out, traversal),
        ExprKind::Call(call) => {
            let _ = write!(out, "{}(", call.name.text);
            write_list(out, &call.arguments);
            out.push_str(if call.expand { "...)" } else { ")" });
        }
        ExprKind::Unary(UnaryOp::Negate, inner) => wrapped(out, "-", inner, ""),
        ExprKind::Unary(UnaryOp::Not, inner) => wrapped(out, "!", inner, ""),
        ExprKind::Binary(row) => {
            write_expr(out, &row.first);
            row.rest.iter().for_each(|one| wrapped(out, operator(one.operator), &one.right, ""));
        }
        ExprKind::Conditional(one) => {
            joined(out, &one.condition, " ? ", &one.yes);
            wrapped(out, " : ", &one.no, "");
        }
        ExprKind::For(one) => write_for(out, one),
    }
}

fn wrapped(out: &mut String, before: &str, inner: &Expr, after: &str) {
    out.push_str(before);
    write_expr(out, inner);
    out.push_str(after);
}

fn joined(out: &mut String, left: &Expr, between: &str, right: &Expr) {
    write_expr(out, left);
    out.push_str(between);
    write_expr(out, right);
}

fn write_list(out: &mut String, items: &[Expr]) {
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write_expr(out, item);
    }
}

fn write_object(out: &mut String, items: &[Item]) {
    out.push('{');
    for (at, Item { key, value }) in items.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        match &key.kind {
            ExprKind::Literal(Value::String(_))
            | ExprKind::Template(_)
            | ExprKind::Wrapped(_)
            | ExprKind::Parenthesis(_) => write_expr(out, key),
            _ => wrapped(out, "(", key, ")"),
        }
        wrapped(out, " = ", value, "");
    }
    out.push('}');
}

fn write_literal(out: &mut String, value: &Value) {
    match value {
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => {
            out.push('"');
            write_text(out, text);
            out.push('"');
        }
        // No other value stands in a text.
        _ => out.push_str("null"),
    }
}

fn write_text(out: &mut String, text: &str) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => out.extend([c, c]),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
}

fn write_parts(out: &mut String, parts: &[Part]) {
    for part in parts {
        match part {
            // A sign before a sequence would be read as its escape.
            Part::Literal(text) => match text.strip_suffix(['$', '%']) {
                Some(text_before) => {
                    write_text(out, text_before);
                    let _ = write!(out, "${{\"{}\"}}", &text[text_before.len()..]);
                }
                None => write_text(out, text),
            },
            Part::Interpolation(inner) => wrapped(out, "${", inner, "}"),
            Part::If(one) => {
                wrapped(out, "%{ if ", &one.condition, " }");
                write_parts(out, &one.yes);
                if !one.no.is_empty() {
                    out.push_str("%{ else }");
                    write_parts(out, &one.no);
                }
                out.push_str("%{ endif }");
            }
            Part::For(one) => {
                out.push_str("%{ ");
                write_loop(out, &one.over);
                out.push_str(" }");
                write_parts(out, &one.body);
                out.push_str("%{ endfor }");
            }
        }
    }
}

fn write_loop(out: &mut String, over: &Loop) {
    out.push_str("for ");
    if let Some(key) = &over.key {
        let _ = write!(out, "{}, ", key.text);
    }
    let _ = write!(out, "{} in ", over.value.text);
    write_expr(out, &over.collection);
}

fn write_for(out: &mut String, one: &For) {
    out.push(if one.key.is_some() { '{' } else { '[' });
    write_loop(out, &one.over);
    out.push_str(" : ");
    if let Some(key) = &one.key {
        wrapped(out, "", key, " => ");
    }
    write_expr(out, &one.result);
    out.push_str(if one.grouping { "..." } else { "" });
    if let Some(condition) = &one.condition {
        wrapped(out, " if ", condition, "");
    }
    out.push(if one.key.is_some() { '}' } else { ']' });
}

fn write_traversal(out: &mut String, traversal: &Traversal) {
    let mut whole = String::new();
    write_expr(&mut whole, &traversal.source);
    for (at, step) in traversal.steps.iter().enumerate() {
        write_step(&mut whole, step);
        // A splat takes all steps behind it, so what it does not take stands outside of parentheses.
        if matches!(step.kind, StepKind::Splat(_)) && at + 1 < traversal.steps.len() {
            whole = format!("({whole})");
        }
    }
    out.push_str(&whole);
}

fn write_step(out: &mut String, step: &Step) {
    match &step.kind {
        StepKind::Attribute(name) => _ = write!(out, ".{name}"),
        StepKind::Index(index) => wrapped(out, "[", index, "]"),
        StepKind::Splat(steps) => {
            out.push_str("[*]");
            steps.iter().for_each(|step| write_step(out, step));
        }
    }
}

fn operator(operator: BinaryOp) -> &'static str {
    match operator {
        BinaryOp::Add => " + ",
        BinaryOp::Subtract => " - ",
        BinaryOp::Multiply => " * ",
        BinaryOp::Divide => " / ",
        BinaryOp::Remainder => " % ",
        BinaryOp::Equal => " == ",
        BinaryOp::NotEqual => " != ",
        BinaryOp::Less => " < ",
        BinaryOp::LessOrEqual => " <= ",
        BinaryOp::Greater => " > ",
        BinaryOp::GreaterOrEqual => " >= ",
        BinaryOp::And => " && ",
        BinaryOp::Or => " || ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;
    use crate::syntax::parse_expression;

    #[test]
    fn what_is_printed_is_read_back_as_the_same_tree() {
        let printed = |text: &str| native(&parse_expression(SourceId(0), 0, text).unwrap_or_else(|_| panic!("{text}")));
        for (text, expected) in [
            ("1 + 2 * (3 - x)", "1 + 2 * (3 - x)"),
            ("!a && -b < 1.50", "!a && -b < 1.5"),
            (
                "a ? [1,\"b\"] : {c=1, (d) = null, \"${e}\" = true}",
                "a ? [1, \"b\"] : {\"c\" = 1, (d) = null, \"${e}\" = true}",
            ),
            ("a.b[\"c\"].0[*].d[e].f", "a.b[\"c\"][0][*].d[e].f"),
            ("a.*.b[0]", "(a[*].b)[0]"),
            ("f(x, [1]...)", "f(x, [1]...)"),
            ("provider::x::f()", "provider::x::f()"),
            ("[for k, v in x : k if v]", "[for k, v in x : k if v]"),
            ("{for v in x : v => v.a...}", "{for v in x : v => v.a...}"),
            (r#""a\"\\\n$${b}%%{c}$d""#, r#""a\"\\\n$${b}%%{c}$d""#),
            (r#""${a}""#, r#""${a}""#),
            (
                r#""${"$"}${a}%{ if b }x%{ else }y%{ endif }%{ for i in c ~}  z%{ endfor }""#,
                r#""${"$"}${a}%{ if b }x%{ else }y%{ endif }%{ for i in c }z%{ endfor }""#,
            ),
        ] {
            let once = printed(text);
            assert_eq!(once, expected, "{text}");
            assert_eq!(printed(&once), once, "{text}");
        }
    }
}
