//! Values that are given without the configuration that declares them: beside a saved plan, or to destroy without files.
//! Nothing of a configuration is read here, so types are not known: a value is compared by what it says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::args::VarArgs;
use super::configuration::{SensitiveValues, arguments, utf8};
use super::place::Place;
use super::shell::Failure;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::load;
use crate::eval::value::Value;
use crate::eval::{Argument, encode};
use crate::plan::Plan;
use crate::source::{SourceId, Sources};
use crate::syntax::{ast, parse_expression};

/// Values for sensitive variables: from the environment and the command line. There are no other places to look in.
pub fn again(place: &Place, vars: &VarArgs) -> Result<SensitiveValues, Failure> {
    let environment = load::environment(std::env::vars_os().filter_map(utf8));
    let mut values: SensitiveValues =
        environment.into_iter().map(|(name, text)| (name, Zeroizing::new(text.into_bytes()))).collect();
    let typed = typed(place, vars)?;
    values.extend(typed.into_iter().filter_map(|(name, text)| Some((name, Zeroizing::new(text?.as_bytes().to_vec())))));
    Ok(values)
}

/// The same for a saved plan, which holds the values of all variables but sensitive ones: another value than it was made
/// with is refused, since it would change nothing.
pub fn for_plan(place: &Place, vars: &VarArgs, plan: &Plan) -> Result<SensitiveValues, Failure> {
    let is_new = |(name, text): &(&String, &Option<Zeroizing<String>>)| match plan.variables.get(*name) {
        Some(planned) => planned.get("$secret").is_none() && !text.as_ref().is_some_and(|text| says(planned, text)),
        None => true,
    };
    let typed = typed(place, vars)?;
    let refused: Vec<&str> = typed.iter().filter(is_new).map(|(name, _)| name.as_str()).collect();
    if refused.is_empty() {
        return again(place, vars);
    }
    let detail = format!(
        "Can't set variables when applying a saved plan: the options -var and -var-file cannot set {}, because a saved plan holds the values that were set when it was created.",
        refused.join(", ")
    );
    let report = Diagnostic::error(&codes::shell::USAGE, detail);
    Err(report
        .hint("Leave the options out, or make a new plan with them. Only sensitive variables are given again.")
        .into())
}

/// What -var and -var-file set, as texts; the later wins. A value of a file that is no constant has none.
fn typed(place: &Place, vars: &VarArgs) -> Result<BTreeMap<String, Option<Zeroizing<String>>>, Failure> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let mut values = BTreeMap::new();
    for argument in arguments(place, vars, &mut sources, &mut diagnostics) {
        match argument {
            Argument::Variable { name, text, .. } => _ = values.insert(name, Some(Zeroizing::new(text))),
            Argument::File(file) => values.extend(file.body.attributes.iter().map(text_of)),
        }
    }
    if diagnostics.has_errors() { Err(Failure { diagnostics, sources }) } else { Ok(values) }
}

/// A text as it is, anything else as JSON.
fn text_of(attribute: &ast::Attribute) -> (String, Option<Zeroizing<String>>) {
    let text = constant(&attribute.value).map(|json| match json {
        Json::String(text) => text,
        other => other.to_string(),
    });
    (attribute.name.text.to_string(), text.map(Zeroizing::new))
}

/// Whether a text says this value.
fn says(planned: &Json, text: &str) -> bool {
    if let Json::String(value) = planned {
        return value == text;
    }
    let given = serde_json::from_str(text).ok();
    let given = given.or_else(|| constant(&parse_expression(SourceId(0), 0, text).ok()?));
    given.is_some_and(|given| same(planned, &given))
}

/// A constant as JSON.
fn constant(expr: &ast::Expr) -> Option<Json> {
    match &expr.kind {
        ast::ExprKind::Literal(value) => Some(encode::to_json(value)),
        ast::ExprKind::Wrapped(inner) | ast::ExprKind::Parenthesis(inner) => constant(inner),
        ast::ExprKind::Unary(ast::UnaryOp::Negate, inner) => match &inner.kind {
            ast::ExprKind::Literal(Value::Number(number)) => Some(encode::to_json(&Value::Number(number.neg()))),
            _ => None,
        },
        ast::ExprKind::Tuple(items) => items.iter().map(constant).collect(),
        ast::ExprKind::Object(items) => {
            let entries = items.iter().map(|item| Some((word(&constant(&item.key)?)?, constant(&item.value)?)));
            entries.collect::<Option<_>>().map(Json::Object)
        }
        _ => None,
    }
}

/// Whether a value that was given is the one that was planned, as far as that can be told without its type: the plan's has
/// been converted to it, so that a number may be a text there, a list a set, and what was left out has its default.
fn same(planned: &Json, given: &Json) -> bool {
    match (planned, given) {
        (Json::Array(planned), Json::Array(given)) => are_same(planned, given),
        (Json::Object(kept), Json::Object(given)) if word(planned).is_none() => given.iter().all(|(name, value)| {
            let planned = kept.get(name);
            planned.map_or(value.is_null(), |planned| same(planned, value))
        }),
        (Json::Null, Json::Null) => true,
        _ => word(planned).is_some_and(|text| Some(text) == word(given)),
    }
}

/// In the same order; or as the elements of a set of texts, which a plan holds each once.
fn are_same(planned: &[Json], given: &[Json]) -> bool {
    let words = |items: &[Json]| items.iter().map(word).collect::<Option<BTreeSet<String>>>();
    let in_order = planned.len() == given.len() && planned.iter().zip(given).all(|(one, other)| same(one, other));
    let as_set = || words(planned).is_some_and(|set| set.len() == planned.len() && Some(set) == words(given));
    in_order || as_set()
}

/// A value that may stand for a text, as that text.
fn word(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(json.to_string()),
        Json::Object(entries) if entries.len() == 1 => entries.get("$number")?.as_str().map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_recognized_however_it_is_written_and_no_other_is() {
        let planned = json!({ "hosts": { "a": { "port": 443, "user": "deploy" } }, "names": ["a", "b"], "on": true });
        let check = |text: &str, expected: bool| assert_eq!(says(&planned, text), expected, "{text}");
        check(r#"{ hosts = { a = { port = "443", user = "deploy" } }, names = ["a", "b"], on = "true" }"#, true);
        check(r#"{"hosts": {"a": {"port": 443}}, "names": ["b", "a", "a"], "on": true}"#, true);
        check(r#"{ hosts = { a = { port = -443 } } }"#, false);
        check(r#"{ hosts = { a = { port = 443 }, b = {} } }"#, false);
        check(r#"{ names = ["a"] }"#, false);
        check(r#"{ names = ["a", "b", "c"] }"#, false);
        check(r#"{ on = false }"#, false);
        check(r#"{ on = upper("true") }"#, false);
        check("3", false);
    }

    #[test]
    fn numbers_and_texts_are_what_they_say() {
        for (planned, text, expected) in [
            (json!(3), "3", true),
            (json!(3), "4", false),
            (json!("3"), "3", true),
            (json!({ "$number": "0.5" }), "0.5", true),
            (json!(null), "null", true),
            (json!([[1], [2]]), "[[2], [1]]", false),
        ] {
            assert_eq!(says(&planned, text), expected, "{planned} {text}");
        }
    }
}
