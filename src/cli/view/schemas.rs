//! JSON Schemas (draft 2020-12) of what `-json` prints: out of the types that are printed, and for plans, whose shape is
//! Terraform's, out of one description here that a test holds to real plans.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value as Json, json};

use super::{diagnostic, event, job};
use crate::address::Address;
use crate::job::JobId;
use crate::plan::summary::Summary;
use crate::plan::{Action, Reason, Work};
use crate::time::Timestamp;

/// A line of `timeline -json`.
pub fn event() -> Json {
    titled::<event::Link<'_>>("cap event: a line of cap timeline -json")
}

/// A line of `jobs list -json`, and what `jobs show -json` prints.
pub fn job() -> Json {
    titled::<job::Shown<'_>>("cap job: a line of cap jobs list -json")
}

/// What `validate -json` prints.
pub fn report() -> Json {
    titled::<diagnostic::Validation<'_>>("cap report: what cap validate -json prints")
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

fn titled<T: JsonSchema>(title: &str) -> Json {
    let mut schema = generator().into_root_schema_for::<T>().to_value();
    schema["title"] = json!(title);
    schema
}

/// What `show -json PLAN` prints: Terraform's format 1.2, with what is `cap`'s own under `cap`.
pub fn plan() -> Json {
    let mut generator = generator();
    let mut definitions = json!({
        "change": change(),
        "values": values(),
        "object": object(&mut generator),
        "module": module(),
        "output": output(),
        "expression": expression(),
        "configuration": configuration(),
    });
    let timestamp = generator.subschema_for::<Timestamp>();
    let summary = generator.subschema_for::<Summary>();
    let drift = resource_change(&mut generator, None);
    let deferred = deferred(&mut generator);
    let own = own(&mut generator);
    let change = resource_change(&mut generator, Some(own));
    if let Some(all) = definitions.as_object_mut() {
        all.extend(generator.take_definitions(true));
    }
    let mut schema = closed(
        json!({
            "format_version": text("Version of this format."),
            "terraform_version": text("Version of cap."),
            "variables": map(closed(json!({ "value": {}, "sensitive": { "const": true } }), json!([]))),
            "resource_drift": list(drift),
            "resource_changes": list(change),
            "output_changes": map(reference("change")),
            "timestamp": timestamp,
            "applyable": truth("Whether applying it would change anything."),
            "complete": truth("False where something is deferred."),
            "deferred_changes": list(deferred),
            "errored": truth("Always false."),
            "cap": closed(json!({ "store": text("Identity of the store."), "summary": summary }), json!(["store", "summary"])),
            "prior_state": closed(
                json!({ "format_version": text("Version of the state's format."), "terraform_version": text("Version of cap."), "values": reference("values") }),
                json!(["format_version", "values"]),
            ),
            "planned_values": reference("values"),
            "configuration": closed(
                json!({ "provider_config": { "type": "object" }, "root_module": reference("configuration") }),
                json!(["root_module"]),
            ),
            "checks": list(check()),
        }),
        json!([
            "format_version",
            "variables",
            "resource_changes",
            "resource_drift",
            "output_changes",
            "timestamp",
            "cap"
        ]),
    );
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("cap plan: what cap show -json PLAN prints");
    schema["$defs"] = definitions;
    schema
}

/// What the conditions of one block came to.
fn check() -> Json {
    let status = json!({ "enum": ["pass", "unknown", "fail"] });
    let address = |more: Json| {
        let mut members = json!({ "module": text("The module it is in."), "to_display": text("Its address.") });
        if let (Some(members), Json::Object(more)) = (members.as_object_mut(), more) {
            members.extend(more);
        }
        closed(members, json!(["to_display"]))
    };
    let block = address(json!({
        "kind": { "enum": ["resource", "output_value", "check", "var"] },
        "mode": { "const": "managed" },
        "type": text("The resource's type."),
        "name": text("Its name."),
    }));
    let problem = closed(json!({ "message": text("What does not hold.") }), json!(["message"]));
    let instance = closed(
        json!({
            "address": address(json!({ "instance_key": {} })),
            "status": status,
            "problems": list(problem),
        }),
        json!(["address", "status"]),
    );
    closed(
        json!({ "address": block, "status": status, "instances": list(instance) }),
        json!(["address", "status", "instances"]),
    )
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn text(description: &str) -> Json {
    json!({ "type": "string", "description": description })
}

fn truth(description: &str) -> Json {
    json!({ "type": "boolean", "description": description })
}

fn list(items: Json) -> Json {
    json!({ "type": "array", "items": items })
}

/// An object by name.
fn map(values: Json) -> Json {
    json!({ "type": "object", "additionalProperties": values })
}

/// An object that holds these and nothing else.
fn closed(properties: Json, required: Json) -> Json {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The names of an object, by which all lists of objects know it.
fn identity(generator: &mut SchemaGenerator) -> Json {
    json!({
        "address": generator.subschema_for::<Address>(),
        "module_address": text("The module it lies in; absent in the root."),
        "mode": { "const": "managed" },
        "type": text("Type of the block; `deployment` of one."),
        "name": text("Its label; of a deployment its address."),
        "index": { "type": ["string", "integer"], "description": "Its key, of for_each or count." },
        "provider_name": { "const": "cap" },
    })
}

fn resource_change(generator: &mut SchemaGenerator, own: Option<Json>) -> Json {
    let mut properties = identity(generator);
    properties["change"] = reference("change");
    properties["previous_address"] = json!(generator.subschema_for::<Address>());
    if let Some(own) = own {
        properties["cap"] = own;
        properties["action_reason"] = text("Terraform's word for the reason, where it has one.");
    }
    closed(properties, json!(["address", "type", "name", "mode", "change"]))
}

/// What is left to a later plan; absent where nothing is.
fn deferred(generator: &mut SchemaGenerator) -> Json {
    let own = json!({
        "job": generator.subschema_for::<JobId>(),
        "waits_for": generator.subschema_for::<Address>(),
    });
    closed(
        json!({
            "reason": {
                "enum": ["unfinished_job", "deferred_prereq"],
                "description": "Whether a job works on it, or it waits for what is deferred.",
            },
            "resource_change": resource_change(generator, None),
            "cap": closed(own, json!(["job"])),
        }),
        json!(["reason", "resource_change", "cap"]),
    )
}

/// What is `cap`'s own of a change.
fn own(generator: &mut SchemaGenerator) -> Json {
    let action = generator.subschema_for::<Action>();
    let work = generator.subschema_for::<Work>();
    let reasons = generator.subschema_for::<Vec<Reason>>();
    closed(json!({ "action": action, "work": work, "reasons": reasons }), json!(["action", "work", "reasons"]))
}

/// What becomes of a value; of drift only some of it is known.
fn change() -> Json {
    let actions = json!({ "enum": ["no-op", "create", "update", "delete", "forget"] });
    closed(
        json!({
            "actions": list(actions),
            "before": { "description": "Null where there was nothing." },
            "after": { "description": "Null where nothing will be, or it is not known yet." },
            "after_unknown": { "description": "Where the value is known only after apply.", "type": ["boolean", "object"] },
            "before_sensitive": { "description": "Where a secret was referred to." },
            "after_sensitive": { "description": "Where a secret will be referred to." },
            "replace_paths": list(list(json!({ "type": "string" }))),
            "importing": closed(json!({ "id": text("As the import block says it.") }), json!(["id"])),
        }),
        json!(["actions", "before", "after"]),
    )
}

fn values() -> Json {
    closed(json!({ "outputs": map(reference("output")), "root_module": reference("module") }), json!(["root_module"]))
}

fn output() -> Json {
    closed(json!({ "sensitive": truth("Whether its value is hidden."), "value": {} }), json!(["sensitive", "value"]))
}

fn object(generator: &mut SchemaGenerator) -> Json {
    let mut properties = identity(generator);
    properties["schema_version"] = json!({ "type": "integer" });
    properties["values"] = json!({ "type": ["object", "null"], "description": "Its arguments." });
    properties["sensitive_values"] = json!({ "description": "Where a secret is referred to." });
    closed(properties, json!(["address", "mode", "type", "name", "values"]))
}

fn module() -> Json {
    closed(
        json!({
            "address": text("Absent of the root."),
            "resources": list(reference("object")),
            "child_modules": list(reference("module")),
        }),
        json!(["resources"]),
    )
}

/// An argument: a constant, or what its expression refers to. Of blocks a list of their arguments.
fn expression() -> Json {
    let references = closed(json!({ "references": list(json!({ "type": "string" })) }), json!([]));
    let constant = closed(json!({ "constant_value": {} }), json!(["constant_value"]));
    json!({ "anyOf": [constant, references, list(map(reference("expression")))] })
}

/// A module as it is written.
fn configuration() -> Json {
    let repeated = json!({
        "for_each_expression": reference("expression"),
        "count_expression": reference("expression"),
        "depends_on": list(json!({ "type": "string" })),
    });
    let with = |mut properties: Json| {
        let more = repeated.as_object().cloned().unwrap_or_default();
        if let Some(all) = properties.as_object_mut() {
            all.extend(more);
        }
        properties
    };
    let resource = with(json!({
        "address": text("Its address within the module."), "mode": { "const": "managed" }, "type": text("Type of the block."),
        "name": text("Its label."), "provider_config_key": { "const": "cap" }, "schema_version": { "type": "integer" },
        "expressions": map(reference("expression")),
    }));
    let call = with(json!({
        "source": text("As it is written."), "expressions": map(reference("expression")), "module": reference("configuration"),
    }));
    let described = json!({ "description": { "description": "As it is written." }, "sensitive": { "const": true } });
    let mut variable = described.clone();
    variable["default"] = json!({ "description": "Left out where the variable is sensitive." });
    let mut output = with(described);
    output["expression"] = reference("expression");
    closed(
        json!({
            "resources": list(closed(resource, json!(["address", "type", "name", "expressions"]))),
            "variables": map(closed(variable, json!([]))),
            "outputs": map(closed(output, json!(["expression"]))),
            "module_calls": map(closed(call, json!(["source", "expressions"]))),
        }),
        json!(["resources", "variables", "outputs", "module_calls"]),
    )
}
