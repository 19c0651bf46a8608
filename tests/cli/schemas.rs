//! `cap schema`: what programs read fits the schemas, to the letter. Nothing is printed that no schema names.

use serde_json::{Map, Value as Json};

use super::Place;

/// Whether a value fits a schema, as far as `cap schema` uses JSON Schema. An object with properties is taken as closed
/// even where its schema leaves it open: a member that nobody described is a fault here.
struct Held<'s> {
    root: &'s Json,
}

impl Held<'_> {
    fn fits(&self, schema: &Json, value: &Json, at: &str) -> Result<(), String> {
        let Json::Object(schema) = schema else {
            return if *schema == Json::Bool(false) { Err(format!("{at}: nothing fits here")) } else { Ok(()) };
        };
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let target = self.root.pointer(reference.trim_start_matches('#'));
            self.fits(target.unwrap_or_else(|| panic!("{reference} is not there")), value, at)?;
        }
        for any in ["anyOf", "oneOf"] {
            if let Some(all) = schema.get(any).and_then(Json::as_array) {
                let tried: Vec<_> = all.iter().map(|one| self.fits(one, value, at)).collect();
                if tried.iter().all(Result::is_err) {
                    return Err(format!("{at}: {tried:?}"));
                }
            }
        }
        self.is_of_type(schema, value, at)?;
        match value {
            Json::Object(members) => self.members(schema, members, at),
            Json::Array(items) => match schema.get("items") {
                Some(inner) => {
                    items.iter().enumerate().try_for_each(|(n, item)| self.fits(inner, item, &format!("{at}/{n}")))
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn is_of_type(&self, schema: &Map<String, Json>, value: &Json, at: &str) -> Result<(), String> {
        let is = |name: &str| match name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other} is no type"),
        };
        let fits = match schema.get("type") {
            Some(Json::String(name)) => is(name),
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).any(is),
            _ => true,
        };
        let constant = schema.get("const").is_none_or(|constant| constant == value);
        let listed = schema.get("enum").and_then(Json::as_array).is_none_or(|all| all.contains(value));
        if fits && constant && listed { Ok(()) } else { Err(format!("{at}: {value} is not {schema:?}")) }
    }

    fn members(&self, schema: &Map<String, Json>, members: &Map<String, Json>, at: &str) -> Result<(), String> {
        for required in schema.get("required").and_then(Json::as_array).into_iter().flatten() {
            let name = required.as_str().expect("a name");
            if !members.contains_key(name) {
                return Err(format!("{at}: {name} is missing"));
            }
        }
        let properties = schema.get("properties").and_then(Json::as_object);
        for (name, value) in members {
            let known = properties.and_then(|all| all.get(name)).or_else(|| schema.get("additionalProperties"));
            match known {
                Some(inner) => self.fits(inner, value, &format!("{at}/{name}"))?,
                None if properties.is_some() => return Err(format!("{at}: nobody described {name}")),
                None => {}
            }
        }
        Ok(())
    }
}

pub(super) fn schema(of: &str) -> Json {
    Place::new().expect(&format!("schema -type={of}"), 0).json()
}

pub(super) fn check(schema: &Json, value: &Json, of: &str) {
    if let Err(why) = (Held { root: schema }).fits(schema, value, of) {
        panic!("{why}\n{value:#}");
    }
}

fn check_lines(schema: &Json, lines: &str, of: &str) -> usize {
    lines.lines().map(|line| check(schema, &serde_json::from_str(line).expect("JSON"), of)).count()
}

const ESTATE: &str = r#"
project "demo" {
  description = "All of it."
  dynamic "grant" {
    for_each = ["viewer"]
    content {
      role    = grant.value
      members = [member.robot["a"]]
    }
  }
}

variable "token" {
  type        = string
  sensitive   = true
  description = "A secret."
  default     = "hush"
}

variable "days" {
  default = 30
}

member "robot" {
  for_each = toset(["a", "b"])
  email    = "${each.key}@example.com"
  token    = var.token
}

private_ca "house" {
  common_name = "House"
  intermediate {
    common_name = "House Issuing"
  }
}

certificate "www" {
  issuer      = private_ca.house
  common_name = "www.example.test"
  lifetime    = "${var.days}d"
  targets     = [file_target.local]
}

file_target "local" {
  files {
    directory = "out/${certificate.name}"
  }
}

module "m" {
  source     = "./m"
  count      = 2
  name       = "m"
  depends_on = [member.robot]
}

output "expires" {
  description = "When."
  value       = certificate.www.not_after
}

output "hidden" {
  sensitive  = true
  value      = [member.robot["a"].email]
  depends_on = [certificate.www]
}
"#;

const MODULE: &str = "variable \"name\" {}\nmember \"in\" {\n  email = \"${var.name}@b.cd\"\n}\noutput \"o\" {\n  value = member.in.email\n}\n";

/// A saved plan, checked and shown.
fn planned(place: &Place, schema: &Json, options: &str) -> Json {
    place.expect(&format!("plan -out=saved.plan {options}"), 0);
    let shown = place.expect("show -json saved.plan", 0).json();
    check(schema, &shown, "plan");
    shown
}

#[test]
fn plans_fit_their_schema_whatever_is_in_them() {
    let (place, schema) = (Place::new(), schema("plan"));
    place.write("m/main.cap.hcl", MODULE);
    place.write("main.cap.hcl", ESTATE);
    assert!(planned(&place, &schema, "")["configuration"]["root_module"]["module_calls"]["m"]["module"].is_object());
    place.expect("apply -auto-approve", 0);
    place.write("out/www/current/fullchain.pem", "drift");
    assert_ne!(planned(&place, &schema, "")["resource_drift"].as_array().map(Vec::len), Some(0));
    planned(&place, &schema, "-replace=private_ca.house -var=days=20");
    planned(&place, &schema, "-destroy");
    let changed = ESTATE
        .replace("member \"robot\"", "member \"machine\"")
        .replace("member.robot", "member.machine")
        .replace("count      = 2", "count      = 1")
        + "moved {\n  from = member.robot\n  to   = member.machine\n}\nremoved {\n  from = member.gone\n}\n\
           member \"new\" {\n  email = \"a@b.cd\"\n}\nimport {\n  to = member.new\n  id = \"x\"\n}\n";
    place.write("main.cap.hcl", changed);
    let shown = planned(&place, &schema, "");
    let changes = shown["resource_changes"].as_array().expect("changes");
    assert!(changes.iter().any(|one| one["change"]["importing"]["id"] == "x"));
    assert!(changes.iter().any(|one| one["previous_address"] == "member.robot[\"a\"]"));
    assert!(changes.iter().any(|one| one["action_reason"] == "delete_because_no_module"));
}

#[test]
fn jobs_events_and_reports_fit_their_schemas() {
    let place = Place::new();
    place.write("m/main.cap.hcl", MODULE);
    place.write("main.cap.hcl", ESTATE);
    place.expect("apply -auto-approve", 0);
    place.write("main.cap.hcl", ESTATE.replace("out/$", "/proc/no/$"));
    place.expect("apply -auto-approve", 1);
    let (jobs, events) = (schema("job"), schema("event"));
    let listed = place.expect("jobs list -all -json", 0).out;
    assert!(check_lines(&jobs, &listed, "job") >= 4 && listed.contains("\"failed\""), "{listed}");
    let first: Json = serde_json::from_str(listed.lines().next().expect("a job")).expect("JSON");
    let shown = place.expect(&format!("jobs show -json {}", first["id"].as_str().expect("an id")), 0).json();
    assert_ne!(shown["log"].as_array().map(Vec::len), Some(0));
    check(&jobs, &shown, "job");
    assert!(check_lines(&events, &place.expect("timeline -json certificate.www", 0).out, "event") >= 4);

    place.write("main.cap.hcl", ESTATE.replace("common_name = \"www", "comon_name = \"www"));
    let report = schema("report");
    let shown = place.expect("validate -json", 1).json();
    assert_ne!(shown["error_count"], 0);
    check(&report, &shown, "report");
    place.write("main.cap.hcl", ESTATE);
    check(&report, &place.expect("validate -json", 0).json(), "report");
}

#[test]
fn what_no_schema_names_is_found() {
    let (plan, report) = (schema("plan"), schema("report"));
    let refused = |schema: &Json, text: &str| {
        let value = serde_json::from_str(text).expect("JSON");
        assert!((Held { root: schema }).fits(schema, &value, "").is_err(), "{text}");
    };
    refused(&plan, "{}");
    refused(
        &report,
        r#"{"format_version":"1.0","valid":true,"error_count":0,"warning_count":0,"diagnostics":[],"more":1}"#,
    );
    refused(&report, r#"{"format_version":"1.0","valid":"yes","error_count":0,"warning_count":0,"diagnostics":[]}"#);
}
