//! The `cap` block: the version it needs and where the store is.

use super::constant::constant;
use super::desired::Settings;
use super::evaluator::Evaluator;
use super::fault::{Evaluated, Faults, fault, fault_with};
use super::module::{Module, check_body};
use super::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::Attribute;

/// The version that this program is.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl<'a> Evaluator<'a> {
    /// The settings of all `cap` blocks together.
    pub(super) fn settings(&self, module: &Module<'a>) -> Settings {
        let mut settings = Settings::default();
        let mut seen: Vec<&Attribute> = Vec::new();
        for block in &module.settings {
            let mut faults = Diagnostics::default();
            check_body(&block.body, "cap block", &["required_version", "store"], &[], &mut faults);
            self.report_all(Faults { diagnostics: faults.0, ..Faults::default() });
            for attribute in &block.body.attributes {
                if let Some(first) = seen.iter().find(|first| first.name.text == attribute.name.text) {
                    let detail = format!("\"{}\" is already set.", attribute.name.text);
                    let report = Diagnostic::error(&codes::DUPLICATE, detail).at(attribute.name.span);
                    self.report(report.related(first.name.span, "first set here"));
                    continue;
                }
                seen.push(attribute);
                self.setting(attribute, &mut settings);
            }
        }
        settings
    }

    fn setting(&self, attribute: &Attribute, settings: &mut Settings) {
        let span = attribute.value.span;
        let text = constant(&self.session, &attribute.value).and_then(|value| match value {
            Value::String(text) => Ok(text.to_string()),
            other => {
                let detail = format!(
                    "\"{}\" is a string, and this is {}.",
                    attribute.name.text,
                    super::expression::described(&other)
                );
                fault(&codes::TYPE, span, detail)
            }
        });
        let Some(text) = self.keep(text) else { return };
        match &*attribute.name.text {
            "required_version" => {
                self.keep(check_version(&text, VERSION, span));
                settings.required_version = Some(text);
            }
            "store" => {
                self.keep(check_store(&text, span));
                settings.store = Some(text);
            }
            _ => {}
        }
    }
}

/// A store's address in a file holds no password.
fn check_store(text: &str, span: Span) -> Evaluated<()> {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(""));
    if authority.contains('@') {
        let hint = "Give the address with its credentials in the environment: CAP_STORE.".to_owned();
        return fault_with(
            &codes::VALUE,
            span,
            "The store's address holds credentials, and files are no place for them.",
            Some(hint),
        );
    }
    Ok(())
}

/// Whether a version meets Terraform's constraints: `>= 1.2, < 2.0`, `~> 1.4`.
fn check_version(constraints: &str, version: &str, span: Span) -> Evaluated<()> {
    for constraint in constraints.split(',').map(str::trim) {
        let at = constraint.find(|c: char| c.is_ascii_digit()).unwrap_or(constraint.len());
        let (operator, wanted) = (constraint[..at].trim(), constraint[at..].trim());
        let (Some(wanted), Some(have)) = (numbers(wanted), numbers(version)) else {
            let hint = "Write it like \">= 0.1, < 2.0\" or \"~> 0.1\".".to_owned();
            return fault_with(
                &codes::VERSION,
                span,
                format!("{constraint:?} is no constraint on versions."),
                Some(hint),
            );
        };
        match meets(&have, operator, &wanted) {
            Some(true) => {}
            Some(false) => {
                let detail = format!("The configuration needs cap {constraint}, and this is cap {version}.");
                return fault_with(&codes::VERSION, span, detail, Some("Install a version that meets it.".to_owned()));
            }
            None => {
                return fault(&codes::VERSION, span, format!("{operator:?} is no operator: use = != > >= < <= ~>."));
            }
        }
    }
    Ok(())
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split('-').next()?.split('.').map(|part| part.parse().ok()).collect()
}

fn meets(have: &[u64], operator: &str, wanted: &[u64]) -> Option<bool> {
    let pad = |numbers: &[u64]| [0, 1, 2].map(|at| numbers.get(at).copied().unwrap_or(0));
    let (version, bound) = (pad(have), pad(wanted));
    Some(match operator {
        "" | "=" => version == bound,
        "!=" => version != bound,
        ">" => version > bound,
        ">=" => version >= bound,
        "<" => version < bound,
        "<=" => version <= bound,
        // Only the last number given may grow.
        "~>" => {
            let fixed = wanted.len().saturating_sub(1).max(1);
            version >= bound && version[..fixed.min(3)] == bound[..fixed.min(3)]
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    #[test]
    fn constraints_are_those_of_terraform() {
        let span = Span::new(SourceId(0), 0..1);
        for (constraint, version, holds) in [
            (">= 0.1", "0.1.0", true),
            ("~> 0.1", "0.9.3", true),
            ("~> 0.1.0", "0.2.0", false),
            ("~> 1.2.3", "1.2.9", true),
            (">= 1.0, < 2.0", "1.9.9", true),
            ("> 1.0", "1.0.0", false),
            ("1.2.3", "1.2.3", true),
            ("!= 1.2.3", "1.2.3", false),
            ("latest", "1.0.0", false),
            ("=> 1.0", "1.0.0", false),
        ] {
            assert_eq!(check_version(constraint, version, span).is_ok(), holds, "{constraint} {version}");
        }
    }
}
