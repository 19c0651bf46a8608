//! The JSON Schema (draft 2020-12) of the configuration's JSON form, out of the same catalog that decoding uses: what
//! editors check `*.cap.json` against, and what documentation tools read. An expression may stand for any value, as a
//! template string.

use serde_json::{Map, Value as Json, json};

use super::schema::{AttributeSchema, BlockSchema, BodySchema, Catalog, KindSchema, Occurs, Presence};
use super::types::Type;

/// The whole schema.
pub fn configuration(catalog: &Catalog) -> Json {
    let mut properties = language_blocks();
    for kind in catalog.iter() {
        properties
            .insert(kind.name.to_owned(), labelled(kind.doc, json!({ "$ref": format!("#/$defs/{}", kind.name) })));
    }
    let mut definitions: Map<String, Json> =
        catalog.iter().map(|kind| (kind.name.to_owned(), resource(kind))).collect();
    definitions.insert("expression".to_owned(), expression());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cap configuration, JSON form",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions,
    })
}

fn expression() -> Json {
    json!({ "type": "string", "pattern": "\\$\\{|%\\{", "description": "A template that is evaluated." })
}

/// Blocks that are not resources. Their bodies are held to their rules by `cap validate`.
fn language_blocks() -> Map<String, Json> {
    let named = ["variable", "output", "module", "check"];
    let plain = ["cap", "locals", "moved", "removed", "import"];
    let body = json!({ "type": "object" });
    let labelled = named.iter().map(|name| ((*name).to_owned(), labelled("", body.clone())));
    let bare = plain.iter().map(|name| ((*name).to_owned(), one_or_many(body.clone())));
    labelled.chain(bare).collect()
}

/// Blocks with a label: an object by name.
fn labelled(doc: &str, body: Json) -> Json {
    let mut schema = json!({ "type": "object", "additionalProperties": one_or_many(body) });
    if !doc.is_empty() {
        schema["description"] = json!(doc);
    }
    schema
}

fn one_or_many(body: Json) -> Json {
    json!({ "anyOf": [body, { "type": "array", "items": body }] })
}

/// Arguments that every resource block takes.
fn resource(kind: &KindSchema) -> Json {
    let mut schema = body(&kind.body);
    let anything = json!({});
    for (name, doc) in META {
        schema["properties"][name] = json!({ "description": doc });
    }
    schema["properties"]["dynamic"] = json!({ "type": "object" });
    if kind.in_project {
        schema["properties"]["project"] = expression_or(anything, "The project it belongs to.");
    }
    schema["description"] = json!(kind.doc);
    schema
}

const META: [(&str, &str); 4] = [
    ("for_each", "A map or a set of strings: one instance for each element."),
    ("count", "How many instances."),
    ("depends_on", "What has to be there first, beyond what is referred to."),
    ("lifecycle", "`prevent_destroy`, `destroy`, `ignore_changes`, `enabled`, `precondition`, `postcondition`."),
];

fn body(schema: &BodySchema) -> Json {
    let attributes = schema.attributes.iter().map(|one| (one.name.to_owned(), attribute(one)));
    let blocks = schema.blocks.iter().map(|one| (one.name.to_owned(), block(one)));
    let properties: Map<String, Json> = attributes.chain(blocks).collect();
    let attributes = schema.attributes.iter().filter(|one| matches!(one.presence, Presence::Required));
    let blocks = schema.blocks.iter().filter(|one| one.occurs == Occurs::Once);
    let required: Vec<&str> = attributes.map(|one| one.name).chain(blocks.map(|one| one.name)).collect();
    let mut out = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        out["required"] = json!(required);
    }
    out
}

fn attribute(schema: &AttributeSchema) -> Json {
    let mut value = of_type(&schema.ty);
    if !schema.one_of.is_empty() {
        let strings = json!({ "enum": schema.one_of });
        value = if schema.ty == Type::String { strings } else { json!({ "type": "array", "items": strings }) };
    }
    let mut out = expression_or(value, schema.doc);
    if let Presence::Default(default) = &schema.presence {
        out["default"] = super::encode::to_json(default);
    }
    out
}

fn expression_or(value: Json, doc: &str) -> Json {
    json!({ "description": doc, "anyOf": [value, { "$ref": "#/$defs/expression" }, { "type": "null" }] })
}

fn block(schema: &BlockSchema) -> Json {
    let mut out = match schema.occurs {
        Occurs::Optional | Occurs::Once => body(&schema.body),
        Occurs::Many => one_or_many(body(&schema.body)),
    };
    out["description"] = json!(schema.doc);
    out
}

/// References and secrets are always expressions.
fn of_type(ty: &Type) -> Json {
    match ty {
        Type::Any => json!({}),
        Type::Bool => json!({ "type": "boolean" }),
        Type::Number => json!({ "type": "number" }),
        Type::String => json!({ "type": "string" }),
        Type::List(element) | Type::Set(element) => {
            json!({ "type": "array", "items": { "anyOf": [of_type(element), { "$ref": "#/$defs/expression" }] } })
        }
        Type::Map(element) => {
            json!({ "type": "object", "additionalProperties": { "anyOf": [of_type(element), { "$ref": "#/$defs/expression" }] } })
        }
        Type::Tuple(items) => json!({ "type": "array", "prefixItems": items.iter().map(of_type).collect::<Vec<_>>() }),
        Type::Object(fields) => {
            let properties: Map<String, Json> =
                fields.iter().map(|(name, field)| (name.to_string(), of_type(&field.ty))).collect();
            json!({ "type": "object", "properties": properties })
        }
        Type::Ref(_) | Type::Secret => json!({ "$ref": "#/$defs/expression" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::schema::{optional, required};
    use crate::eval::value::Value;

    #[test]
    fn a_kind_says_what_it_takes() {
        let mut catalog = Catalog::default();
        let attributes = vec![
            required("apex", Type::String, "The domain."),
            optional("mode", Type::String, "How.").one_of(&["a", "b"]).or(Value::string("a")),
        ];
        let body = BodySchema { attributes, blocks: Vec::new() };
        catalog.register(KindSchema { name: "zone", doc: "A zone.", body, facts: Vec::new(), in_project: true });
        let schema = configuration(&catalog);
        let zone = &schema["$defs"]["zone"];
        assert_eq!(zone["required"], json!(["apex"]));
        assert_eq!(zone["properties"]["mode"]["anyOf"][0], json!({ "enum": ["a", "b"] }));
        assert_eq!(zone["properties"]["mode"]["default"], json!("a"));
        assert!(zone["properties"]["for_each"].is_object() && zone["properties"]["project"].is_object());
        assert!(schema["properties"]["zone"].is_object());
    }
}
