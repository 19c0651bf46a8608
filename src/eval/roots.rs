//! What references in a module begin with: variables, local values, resources, and what the block's repetition adds.

use std::sync::Arc;

use super::bounds::bounded;
use super::evaluator::{Evaluator, Label};
use super::fault::{Evaluated, Faults, did_you_mean, fault, fault_with};
use super::module::Module;
use super::resource::Copy;
use super::scope::{Resolved, Roots, Scope};
use super::submodule::path_of;
use super::value::Value;
use crate::address::{Key, ResourceAddress};
use crate::diagnostic::codes::language as codes;
use crate::source::Span;

/// The roots within one block of a module.
pub(super) struct BlockRoots<'e, 'a> {
    pub(super) evaluator: &'e Evaluator<'a>,
    pub(super) module: &'e Module<'a>,
    /// The instance that is decoded, if the block is a resource's.
    pub(super) copy: Option<&'e Copy>,
    /// Whether facts may be read.
    pub(super) facts: bool,
    /// The real value of a sensitive variable, within its own validation.
    pub(super) own: Option<(&'e str, &'e Value)>,
}

impl<'e, 'a> BlockRoots<'e, 'a> {
    pub(super) fn of_module(evaluator: &'e Evaluator<'a>, module: &'e Module<'a>) -> Self {
        Self { evaluator, module, copy: None, facts: false, own: None }
    }

    fn variable(&self, name: &str, span: Span) -> Evaluated {
        if let Some((own, value)) = self.own
            && own == name
        {
            return Ok(value.clone());
        }
        match self.module.variables.get_key_value(name) {
            Some((name, variable)) => self.evaluator.variable(self.module, name, variable, span),
            None => {
                let hint = did_you_mean(name, self.module.variables.keys().copied())
                    .or_else(|| Some(format!("Declare it: variable \"{name}\" {{ … }}.")));
                fault_with(&codes::UNDECLARED, span, format!("There is no variable named \"{name}\"."), hint)
            }
        }
    }

    fn local(&self, name: &str, span: Span) -> Evaluated {
        let Some((name, local)) = self.module.locals.get_key_value(name) else {
            let hint = did_you_mean(name, self.module.locals.keys().copied());
            return fault_with(&codes::UNDECLARED, span, format!("There is no local value named \"{name}\"."), hint);
        };
        self.evaluator.memo(
            &local.value,
            || Label::Local(name),
            span,
            || {
                let roots = BlockRoots::of_module(self.evaluator, self.module);
                let value = Scope::new(&roots, &self.evaluator.session).eval(local.expr)?;
                bounded(value, local.expr.span)
            },
        )
    }

    fn each(&self, name: &str, span: Span) -> Evaluated {
        let Some((copy, key)) = self.copy.and_then(|copy| Some((copy, copy.each_key()?))) else {
            let detail = "each can be used only in a block that is repeated by for_each.";
            return fault(&codes::REFERENCE, span, detail);
        };
        match name {
            "key" => Ok(key),
            "value" => Ok(copy.value.clone()),
            _ => fault(&codes::REFERENCE, span, format!("each has key and value, and nothing named \"{name}\".")),
        }
    }

    fn count(&self, name: &str, span: Span) -> Evaluated {
        let copy = self.copy.filter(|copy| copy.each_key().is_none());
        let Some(Key::Index(at)) = copy.and_then(|copy| copy.address.key.as_ref()) else {
            let detail = "count can be used only in a block that is repeated by count.";
            return fault(&codes::REFERENCE, span, detail);
        };
        match name {
            "index" => Ok(Value::number(usize::try_from(*at).unwrap_or(usize::MAX))),
            _ => fault(&codes::REFERENCE, span, format!("count has index, and nothing named \"{name}\".")),
        }
    }

    fn path(&self, name: &str, span: Span) -> Evaluated {
        let paths = &self.evaluator.inputs.paths;
        match name {
            "module" if !self.module.directory.is_empty() => Ok(Value::string(self.module.directory)),
            "module" | "root" => Ok(Value::string(paths.root.as_str())),
            "cwd" => Ok(Value::string(paths.cwd.as_str())),
            _ => {
                let detail = format!("path has module, root and cwd, and nothing named \"{name}\".");
                fault_with(&codes::REFERENCE, span, detail, did_you_mean(name, ["module", "root", "cwd"]))
            }
        }
    }

    fn resource(&self, kind: &str, name: &str, span: Span) -> Evaluated {
        if let Some(resource) = self.module.resource(kind, name) {
            return Ok(self.evaluator.expansion(self.module, resource, span)?.reference.clone());
        }
        let hint = did_you_mean(name, self.module.names_of(kind)).or_else(|| {
            let template = kind == "certificate" && ["name", "key", "address", "common_name", "sans"].contains(&name);
            template.then(|| "The certificate being deployed is known only in templates of a target.".to_owned())
        });
        fault_with(&codes::UNDECLARED, span, format!("{kind}.{name} is not declared in this module."), hint)
    }

    fn unknown(&self, root: &str, first: Option<&str>, span: Span) -> Evaluated<Resolved> {
        let hint = match (root, first) {
            ("terraform", Some("workspace")) => {
                Some("There are no workspaces: use a variable, or a store of its own.".to_owned())
            }
            ("data", _) => Some("There are no data sources.".to_owned()),
            ("self", _) => Some("self can be used only in postconditions.".to_owned()),
            (_, None) => did_you_mean(root, self.roots())
                .or_else(|| Some(format!("If a text is meant, put it in quotes: \"{root}\"."))),
            _ => did_you_mean(root, self.roots()),
        };
        let detail =
            format!("\"{root}\" is neither a type of resource nor anything else that can be referred to here.");
        fault_with(&codes::REFERENCE, span, detail, hint)
    }

    fn roots(&self) -> impl Iterator<Item = &str> {
        let fixed = ["var", "local", "each", "count", "path", "module"];
        let mut kinds: Vec<&str> = self.evaluator.kinds.keys().copied().collect();
        kinds.sort_unstable();
        fixed.into_iter().chain(kinds)
    }
}

impl BlockRoots<'_, '_> {
    fn find(&self, root: &str, first: Option<&str>, span: Span) -> Evaluated<Resolved> {
        let known = self.evaluator.kinds.contains_key(root);
        let fixed = matches!(root, "var" | "local" | "each" | "count" | "path" | "module");
        if let Some(copy) = self.copy.filter(|_| root == "self" && self.facts) {
            return Ok(Resolved::root(Value::Ref(copy.address.clone())));
        }
        let Some(name) = first else {
            if !fixed && !known {
                return self.unknown(root, None, span);
            }
            let example = match root {
                "var" | "local" => format!("{root}.name"),
                "each" => "each.key".to_owned(),
                "count" => "count.index".to_owned(),
                "path" => "path.module".to_owned(),
                kind => format!("{kind}.name"),
            };
            let hint = format!("Write {example}.");
            return fault_with(&codes::REFERENCE, span, format!("\"{root}\" is no value by itself."), Some(hint));
        };
        let value = match root {
            "var" => self.variable(name, span)?,
            "local" => self.local(name, span)?,
            "each" => self.each(name, span)?,
            "count" => self.count(name, span)?,
            "path" => self.path(name, span)?,
            "module" => self.evaluator.called(self.module, name, span)?,
            kind if known => self.resource(kind, name, span)?,
            _ => return self.unknown(root, first, span),
        };
        Ok(Resolved::first(value))
    }
}

impl Roots for BlockRoots<'_, '_> {
    fn resolve(&self, root: &str, first: Option<&str>, span: Span) -> Evaluated<Resolved> {
        self.find(root, first, span).map_err(Faults::of_references)
    }

    fn outputs(&self, address: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        let module = self.evaluator.module(&path_of(address))?;
        Some(module.outputs.keys().map(|name| Arc::from(*name)).collect())
    }

    fn dereference(&self, address: &Arc<ResourceAddress>, name: &str, span: Span) -> Evaluated {
        self.evaluator.dereference(address, name, span, self.facts)
    }
}
