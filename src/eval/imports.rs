//! `import` blocks: what exists already and is to be managed from now on. `to` is an address whose keys may be expressions,
//! `id` says where the thing is; both may be repeated with `for_each`.

use std::collections::HashMap;

use super::call::convert_at;
use super::desired::{Desired, Endpoint, Import};
use super::evaluator::Evaluator;
use super::fault::{Evaluated, fault, fault_with};
use super::module::Module;
use super::repeated::{IMPORT, with_known_keys};
use super::resource::Copy;
use super::roots::BlockRoots;
use super::scope::Scope;
use super::types::Type;
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::syntax::ast::Block;

impl<'a> Evaluator<'a> {
    /// The `import` blocks of a module: they stand in the root only.
    pub(super) fn imports(&self, module: &Module<'a>) -> Vec<Import> {
        let mut found = Vec::new();
        for block in &module.imports {
            if module.caller.is_some() {
                let detail = "An import block stands in the root module only: what exists is known there.";
                self.report(Diagnostic::error(&codes::IMPORT, detail).at(block.head));
                continue;
            }
            self.only(block, &["to", "id", "for_each"], &[]);
            found.extend(self.keep(self.import(module, block)).into_iter().flatten());
        }
        found
    }

    fn import(&self, module: &Module<'a>, block: &'a Block) -> Evaluated<Vec<Import>> {
        let copies = self.copies(module, block, IMPORT)?;
        let one = |copy: &Option<Copy>| {
            let roots = BlockRoots { copy: copy.as_ref(), ..BlockRoots::of_module(self, module) };
            self.one_import(module, block, &Scope::new(&roots, &self.session))
        };
        copies.iter().map(one).collect()
    }

    /// Reports what is imported twice, or to where nothing is declared.
    pub(super) fn check_imports(&self, desired: &Desired) {
        let mut places = HashMap::new();
        for import in &desired.imports {
            let to = &import.to;
            let report = |detail: String| Diagnostic::error(&codes::IMPORT, detail).at(import.span).about(to);
            if let Some(first) = places.insert(to, import.span) {
                self.report(report(format!("{to} is imported twice.")).related(first, "the first time"));
            } else if !desired.declares(to) && !desired.failed.contains(to) && !desired.failed.contains(&to.block()) {
                let detail = format!("{to} is not declared, so nothing can be imported to it.");
                self.report(report(detail).hint("Write its block, then import."));
            }
        }
    }

    fn one_import(&self, module: &Module<'a>, block: &'a Block, scope: &Scope<'_>) -> Evaluated<Import> {
        let Some(to) = block.body.attribute("to") else {
            return fault(&codes::MISSING_ARGUMENT, block.head, "An import block needs \"to\".");
        };
        let Some(id) = block.body.attribute("id") else {
            return fault(&codes::MISSING_ARGUMENT, block.head, "An import block needs \"id\".");
        };
        let address = match self.endpoint_of(module, "to", &with_known_keys(&to.value, scope)?)? {
            Endpoint::Resource(address) => address,
            Endpoint::Module(_) => {
                let hint = "Name a resource: to = certificate.www.".to_owned();
                return fault_with(&codes::IMPORT, to.value.span, "A module cannot be imported.", Some(hint));
            }
        };
        let value = scope.eval(&id.value)?;
        super::expression::refuse_secret(&value, id.value.span)?;
        let text = convert_at(&value, &Type::String, id.value.span, "\"id\"")?;
        match text.as_str().filter(|text| !text.is_empty()) {
            Some(text) => Ok(Import { to: address, id: text.to_owned(), span: id.value.span }),
            None => fault(&codes::IMPORT, id.value.span, "The id of what is imported must not be empty."),
        }
    }
}
