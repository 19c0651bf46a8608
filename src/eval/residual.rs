//! Outputs that read facts: what is stored of them, and their value once the facts are known.
//!
//! What is stored is the expression's text with the values it refers to, so that the configuration is not needed again.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::capture::{Behind, CapturedRoots, kept_names};
use super::encode::{from_json, to_json};
use super::expression::refuse_secret;
use super::fault::{Evaluated, fault};
use super::functions::{CallContext, FileFault, FileKind, Files};
use super::scope::{Scope, Session};
use super::submodule::MODULE;
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::{SourceId, Span};
use crate::syntax::parse_expression;
use crate::time::Timestamp;

/// What is known of resources after apply.
pub trait FactSource {
    /// The fact of that name: `not_after`.
    fn fact(&self, address: &ResourceAddress, name: &str) -> Option<Value>;
    /// The configured attribute of that name, as it was applied.
    fn attribute(&self, address: &ResourceAddress, name: &str) -> Option<Value>;
}

/// Texts that are evaluated again belong to no source.
const STORED: SourceId = SourceId(u32::MAX);

/// The time of the plan is kept only where it is asked for: otherwise every plan would change every such output.
/// `outputs` are those of modules that the expression refers to, by the call's address.
pub(super) fn stored(expression: &str, captured: &Value, outputs: Map<String, Json>, plan_time: Timestamp) -> Json {
    let mut residual = json!({"expression": expression, "scope": to_json(captured)});
    if !outputs.is_empty() {
        residual["outputs"] = Json::Object(outputs);
    }
    if expression.contains("plantimestamp") {
        residual["plan_time"] = json!(plan_time.millis());
    }
    json!({"$residual": residual})
}

/// The value of a stored residual with these facts.
///
/// # Errors
/// It is no residual, or evaluating it fails: facts are missing because the resource was never applied.
pub fn resolve(stored: &Json, facts: &dyn FactSource) -> Result<Value, Diagnostics> {
    let broken = || Diagnostic::error(&codes::RESIDUAL, "What is stored of the output is not what cap stores.");
    let residual = stored.get("$residual").ok_or_else(broken)?;
    let text = residual.get("expression").and_then(Json::as_str).ok_or_else(broken)?;
    let captured = from_json(residual.get("scope").ok_or_else(broken)?);
    let plan_time =
        residual.get("plan_time").and_then(Json::as_i64).map_or(Timestamp::from_millis(0), Timestamp::from_millis);
    let session = Session::new(CallContext { files: &NoFiles, plan_time });
    let behind = Facts { facts, outputs: residual.get("outputs") };
    let roots = CapturedRoots { captured: &captured, extra: None, behind: &behind };
    let expr = parse_expression(STORED, 0, text).map_err(|all| placeless(all.0))?;
    let scope = Scope::new(&roots, &session);
    let value = scope.eval(&expr).and_then(|value| scope.opened_deep(value, expr.span)).and_then(|value| {
        refuse_secret(&value, expr.span)?;
        Ok(value)
    });
    value.map_err(|faults| placeless(faults.diagnostics))
}

/// Places in a stored text are no places in a file.
fn placeless(diagnostics: Vec<Diagnostic>) -> Diagnostics {
    Diagnostics(diagnostics.into_iter().map(|one| Diagnostic { span: None, related: Vec::new(), ..one }).collect())
}

struct Facts<'f> {
    facts: &'f dyn FactSource,
    /// Outputs of modules, by the call's address.
    outputs: Option<&'f Json>,
}

impl Facts<'_> {
    /// An output of a module, which may be a residual itself.
    fn output(&self, address: &ResourceAddress, name: &str, span: Span) -> Evaluated {
        let found = self.outputs.and_then(|all| all.get(address.to_string())).and_then(|module| module.get(name));
        match found {
            Some(stored) if stored.get("$residual").is_some() => {
                resolve(stored, self.facts).map_err(Box::<super::fault::Faults>::from)
            }
            Some(value) => Ok(from_json(value)),
            None => fault(&codes::RESIDUAL, span, format!("{address} has no output named \"{name}\".")),
        }
    }
}

impl Behind for Facts<'_> {
    fn outputs(&self, address: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        kept_names(self.outputs.and_then(|all| all.get(address.to_string())))
    }

    fn attribute(&self, address: &ResourceAddress, name: &str, span: Span) -> Evaluated {
        if &*address.kind == MODULE {
            return self.output(address, name, span);
        }
        match self.facts.attribute(address, name).or_else(|| self.facts.fact(address, name)) {
            Some(value) => Ok(value),
            None => {
                fault(&codes::RESIDUAL, span, format!("\"{name}\" of {address} is not known: it is known after apply."))
            }
        }
    }
}

/// After evaluation no file is read: a plan must not depend on files that changed since.
pub(super) struct NoFiles;

const WHY: &str = "files are read when the configuration is evaluated, and this expression is evaluated later; read the file in a local value";

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, FileFault> {
        Err(FileFault::Other(WHY.to_owned()))
    }

    fn kind(&self, _: &str) -> Result<FileKind, FileFault> {
        Err(FileFault::Other(WHY.to_owned()))
    }

    fn list(&self, _: &str) -> Result<Vec<(String, FileKind)>, FileFault> {
        Err(FileFault::Other(WHY.to_owned()))
    }
}
