//! Values that are given without the configuration that declares them: beside a saved plan, or to destroy without files.
//! Nothing of a configuration is read here, so types are not known: a value is compared by what it says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use super::args::VarArgs;
use super::configuration::{SensitiveValues, arguments, utf8};
use super::place::Place;
use super::shell::Failure;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::load;
use crate::eval::number::Number;
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
    let is_new = |(name, text): &(&String, &Option<Zeroizing<String>>)| {
        let Some(planned) = plan.variables.get(*name) else { return true };
        let optional: Vec<&[String]> = plan.optional.get(*name).into_iter().flatten().map(Vec::as_slice).collect();
        let is_same = |text: &Zeroizing<String>| says(planned, &optional, text);
        planned.get("$secret").is_none() && !text.as_ref().is_some_and(is_same)
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

/// Whether a text says this value, where these attributes may be left out.
fn says(planned: &Json, optional: &[&[String]], text: &str) -> bool {
    match planned {
        Json::String(value) => value == text,
        _ if is_number(planned) => Number::from_text(text).is_some() && Number::from_text(text) == number(planned),
        _ => {
            let written = parse_expression(SourceId(0), 0, text).ok().and_then(|expr| constant(&expr));
            // Numbers are read as the language does; JSON's own reader rounds them, and comes last.
            let given = written.or_else(|| serde_json::from_str(text).ok());
            given.is_some_and(|given| same(planned, optional, &given))
        }
    }
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
/// been converted to it, so that a number may be a text there, a list a set, and what may be left out has its default.
fn same(planned: &Json, optional: &[&[String]], given: &Json) -> bool {
    match (planned, given) {
        (Json::Array(planned), Json::Array(given)) => are_same(planned, &below(optional, "*"), given),
        (Json::Object(kept), Json::Object(given)) if word(planned).is_none() => are_same_entries(kept, optional, given),
        (Json::Null, Json::Null) => true,
        _ if is_number(planned) => number(given).is_some_and(|given| Some(given) == number(planned)),
        _ => word(planned).is_some_and(|text| Some(text) == word(given)),
    }
}

/// The same names with the same values. A plan leaves attributes out that are null, and has those that were left out.
fn are_same_entries(planned: &Map<String, Json>, optional: &[&[String]], given: &Map<String, Json>) -> bool {
    let is_left_out = |name: &String| given.get(name).is_none_or(Json::is_null);
    let may_lack = |name: &String| optional.iter().any(|path| matches!(path, [one] if one == name));
    given.keys().all(|name| planned.contains_key(name) || is_left_out(name))
        && planned.iter().all(|(name, value)| match given.get(name) {
            Some(other) if same(value, &below(optional, name), other) => true,
            _ => is_left_out(name) && may_lack(name),
        })
}

/// What may be left out within an element of that name.
fn below<'a>(optional: &[&'a [String]], name: &str) -> Vec<&'a [String]> {
    let leads = |path: &&'a [String]| path.split_first().filter(|(one, _)| *one == name || *one == "*");
    optional.iter().filter_map(|path| leads(path).map(|(_, rest)| rest)).filter(|rest| !rest.is_empty()).collect()
}

/// In the same order; or as the elements of a set of texts or numbers, which a plan holds each once.
fn are_same(planned: &[Json], optional: &[&[String]], given: &[Json]) -> bool {
    let in_order = || planned.iter().zip(given).all(|(one, other)| same(one, optional, other));
    let plain = |json: &Json| match planned.iter().all(is_number) {
        true => number(json).map(|number| number.to_string()),
        false => word(json),
    };
    let plains = |items: &[Json]| items.iter().map(plain).collect::<Option<BTreeSet<String>>>();
    let as_set = || plains(planned).is_some_and(|set| set.len() == planned.len() && Some(set) == plains(given));
    (planned.len() == given.len() && in_order()) || as_set()
}

/// Whether it is a number, and no text that says one.
fn is_number(json: &Json) -> bool {
    json.is_number() || json.get("$number").is_some_and(|_| word(json).is_some())
}

/// A value that may stand for a number, as that number.
fn number(json: &Json) -> Option<Number> {
    word(json).filter(|_| !json.is_boolean()).and_then(|text| Number::from_text(&text))
}

/// A value that may stand for a text, as that text.
fn word(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) => Some(json.to_string()),
        Json::Number(number) => Number::parse(&number.to_string()).map(|number| number.to_string()),
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
        let user = ["hosts", "*", "user"].map(str::to_owned);
        let check = |text: &str, expected: bool| assert_eq!(says(&planned, &[&user], text), expected, "{text}");
        check(r#"{ hosts = { a = { port = "443", user = "deploy" } }, names = ["a", "b"], on = "true" }"#, true);
        check(r#"{"hosts": {"a": {"port": 443}}, "names": ["b", "a", "a"], "on": true}"#, true);
        check(r#"{ hosts = { a = { port = 443, user = null } }, names = ["a", "b"], on = true, more = null }"#, true);
        check(r#"{ hosts = { a = { user = "deploy" } }, names = ["a", "b"], on = true }"#, false);
        check(r#"{ hosts = { a = { port = 443, user = "other" } }, names = ["a", "b"], on = true }"#, false);
        check(r#"{ hosts = { a = { port = 443 }, b = {} }, names = ["a", "b"], on = true }"#, false);
        check(r#"{ hosts = {}, names = ["a", "b"], on = true }"#, false);
        check(r#"{ hosts = { a = { port = 443 } }, names = ["a"], on = true }"#, false);
        check(r#"{ hosts = { a = { port = 443 } }, names = ["a", "b", "c"], on = true }"#, false);
        check(r#"{ hosts = { a = { port = 443 } }, names = ["a", "b"], on = false }"#, false);
        check(r#"{ hosts = { a = { port = 443 } }, names = ["a", "b"], on = upper("true") }"#, false);
        check(r#"{ hosts = { a = { port = 443 } }, names = ["a", "b"] }"#, false);
        check("3", false);
    }

    #[test]
    fn a_map_has_the_plan_s_keys() {
        let planned = json!({ "a": "1", "b": "2" });
        for (text, expected) in [
            (r#"{ a = "1", b = "2" }"#, true),
            (r#"{ b = 2, a = 1 }"#, true),
            (r#"{ a = "1" }"#, false),
            (r#"{ a = "1", b = null }"#, false),
            ("{}", false),
            (r#"{ a = "1", b = "2", c = "3" }"#, false),
        ] {
            assert_eq!(says(&planned, &[], text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_and_texts_are_what_they_say() {
        let long = "12345678901234567890123";
        for (planned, text, expected) in [
            (json!(3), "3", true),
            (json!(3), "4", false),
            (json!("3"), "3", true),
            (json!("1000"), "1e3", false),
            (json!({ "$number": "0.5" }), "0.5", true),
            (json!({ "$number": "0.5" }), ".50", true),
            (json!(1000), "1e3", true),
            (json!(1000), "1e2", false),
            (json!(-1000), "-1e3", true),
            (json!([1000, "1000"]), "[1e3, 1e3]", true),
            (json!({ "$number": long }), long, true),
            (json!([{ "$number": long }]), "[12345678901234567890123]", true),
            (json!([{ "$number": long }]), "[12345678901234567890124]", false),
            (json!([{ "$number": long }]), r#"{"$number": 1}"#, false),
            (json!([1, 1000]), "[1e3, 1.0, 1]", true),
            (json!(1), "true", false),
            (json!(null), "null", true),
            (json!([[1], [2]]), "[[2], [1]]", false),
        ] {
            assert_eq!(says(&planned, &[], text), expected, "{planned} {text}");
        }
    }
}
