//! Functions of types: conversions, the first value there is, and what is secret.

use super::support::{Outcome, any, any_param, converted, function, string_param, text, variadic};
use super::{CallContext, Fault, Function, Param};
use crate::eval::convert::convert;
use crate::eval::types::Type;
use crate::eval::unify::unify;
use crate::eval::value::{SecretRef, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    variadic(
        "coalesce",
        &[],
        any_param("vals").nullable(),
        "The first value that is neither null nor an empty string: `coalesce(\"\", \"b\")` is `\"b\"`.",
        coalesce,
    ),
    function(
        "ephemeralasnull",
        &[Param::moved("value").nullable()],
        "The value itself: no value is ephemeral here, and secrets are kept nowhere.",
        |_, args| Ok(any(args, 0)?.clone()),
    ),
    function(
        "issensitive",
        &[Param::moved("value").nullable()],
        "Whether a secret is in a value: `issensitive(\"a\")` is `false`.",
        |_, args| Ok(Value::Bool(any(args, 0)?.has_secret())),
    ),
    function(
        "nonsensitive",
        &[Param::moved("value").nullable()],
        "The value itself. Refused for a secret: a secret never becomes a value.",
        nonsensitive,
    ),
    function(
        "secret_env",
        &[string_param("name")],
        "A secret read from a variable of the environment when it is needed: `secret_env(\"CF_TOKEN\")`.",
        |_, args| Ok(secret(SecretRef::Env(filled(args, 0)?))),
    ),
    function(
        "secret_file",
        &[string_param("path")],
        "A secret read from a file when it is needed, without its last line break: `secret_file(\"~/.ssh/id\")`.",
        |_, args| Ok(secret(SecretRef::File(filled(args, 0)?))),
    ),
    function(
        "sensitive",
        &[Param::moved("value").nullable()],
        "The secret itself. Refused for any other value: what stands in the configuration is no secret any more, and \
         a mark would not make it one. Use `secret_env`, `secret_file` or a `sensitive` variable.",
        sensitive,
    ),
    function("tobool", &[any_param("v").nullable()], "Converts to a bool: `tobool(\"true\")` is `true`.", tobool),
    function(
        "tolist",
        &[Param::moved("v").nullable()],
        "Converts to a list: `tolist([\"a\", 1])` is `tolist([\"a\", \"1\"])`.",
        |_, args| collection(args, &Type::list(Type::Any), "list"),
    ),
    function(
        "tomap",
        &[Param::moved("v").nullable()],
        "Converts to a map: `tomap({a = 1, b = \"x\"})` is `tomap({a = \"1\", b = \"x\"})`.",
        |_, args| collection(args, &Type::map(Type::Any), "map"),
    ),
    function("tonumber", &[any_param("v").nullable()], "Converts to a number: `tonumber(\"1\")` is `1`.", tonumber),
    function(
        "toset",
        &[Param::moved("v").nullable()],
        "Converts to a set, which holds each element once: `toset([\"c\", \"b\", \"b\"])` is `toset([\"b\", \"c\"])`.",
        |_, args| collection(args, &Type::set(Type::Any), "set"),
    ),
    function("tostring", &[any_param("v").nullable()], "Converts to a string: `tostring(1)` is `\"1\"`.", |_, args| {
        primitive(args, &Type::String, "string", "")
    }),
];

fn coalesce(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    if args.is_empty() {
        return Err(Fault::call("at least one argument is required"));
    }
    let types: Vec<Type> = args.iter().map(Value::type_of).collect();
    let ty = unify(&types).ok_or_else(|| Fault::call("all arguments must have the same type"))?;
    for (at, arg) in args.iter().enumerate().filter(|(_, arg)| !arg.is_null()) {
        let value = converted(at, arg, &ty)?;
        if value.as_str() != Some("") {
            return Ok(value);
        }
    }
    Err(Fault::call("no non-null, non-empty-string arguments"))
}

fn tobool(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    primitive(args, &Type::Bool, "bool", "; only the strings \"true\" or \"false\" are allowed")
}

fn tonumber(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    primitive(args, &Type::Number, "number", "; given string must be a decimal representation of a number")
}

fn primitive(args: &[Value], to: &Type, name: &str, hint: &str) -> Outcome {
    let value = any(args, 0)?;
    convert(value, to).map_err(|_| {
        Fault::at(
            0,
            match value.as_str() {
                Some(text) => format!("cannot convert \"{text}\" to {name}{hint}"),
                None => format!("cannot convert {} to {name}", value.type_of()),
            },
        )
    })
}

fn collection(args: &[Value], to: &Type, name: &str) -> Outcome {
    let value = any(args, 0)?;
    let fault = |_| Fault::at(0, format!("cannot convert {} to {name} of any single type", value.type_of()));
    convert(value, to).map_err(fault)
}

fn sensitive(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let value = any(args, 0)?;
    if value.has_secret() {
        return Ok(value.clone());
    }
    Err(Fault::at(
        0,
        "a value of the configuration cannot be made secret; take it from secret_env, secret_file or a variable that \
         is sensitive",
    ))
}

fn nonsensitive(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let value = any(args, 0)?;
    if value.has_secret() {
        return Err(Fault::at(0, "a secret never becomes a value; give it to an argument that takes a secret"));
    }
    Ok(value.clone())
}

fn secret(reference: SecretRef) -> Value {
    Value::Secret(std::sync::Arc::new(reference))
}

fn filled(args: &[Value], at: usize) -> Result<String, Fault> {
    let text = text(args, at)?;
    if text.is_empty() {
        return Err(Fault::at(at, "it must not be empty"));
    }
    Ok(text.to_owned())
}
