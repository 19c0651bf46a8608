//! From files and inputs to what should exist: the door of evaluation.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::capture::capture;
use super::desired::{Block, Condition, Desired, Instance};
use super::evaluator::Evaluator;
use super::fault::Evaluated;
use super::functions::{CallContext, Files};
use super::index::KindIndex;
use super::inputs::Inputs;
use super::module::Module;
use super::render::{Evaluation, Sensitive, Template};
use super::resource::{Copy, Resource};
use super::roots::BlockRoots;
use super::schema::Catalog;
use super::scope::{Scope, Session};
use crate::address::ResourceAddress;
use crate::diagnostic::Diagnostics;
use crate::syntax::ast::File;
use crate::time::Timestamp;

/// Evaluates the files of the root module as one document. Pure: the same inputs give the same result, and the order of
/// the files does not matter. With errors among the diagnostics the result is not complete.
pub fn evaluate(
    files: &[File],
    inputs: &Inputs,
    catalog: &Catalog,
    files_port: &dyn Files,
    plan_time: Timestamp,
) -> (Evaluation, Diagnostics) {
    let kinds: HashMap<&str, Rc<KindIndex>> =
        catalog.iter().map(|kind| (kind.name, Rc::new(KindIndex::new(kind)))).collect();
    let variable_files = inputs.files.iter().chain(inputs.arguments.iter().filter_map(|one| match one {
        super::inputs::Argument::File(file) => Some(file),
        super::inputs::Argument::Variable { .. } => None,
    }));
    let texts = files.iter().chain(variable_files).map(|file| (file.source, &*file.text)).collect();
    let mut diagnostics = Diagnostics::default();
    let root = Rc::new(Module::collect(files, Arc::from([]), &kinds, &mut diagnostics));
    let session = Session::new(CallContext { files: files_port, plan_time });
    let evaluator = Evaluator::new(inputs, session, texts, kinds, root.clone());
    let settings = evaluator.settings(&root);
    evaluator.check_variables(&root);
    evaluator.check_undeclared(&root);
    evaluator.compute(&root);
    let mut found = Found::default();
    root.resources.iter().for_each(|resource| evaluator.assemble(&root, resource, &mut found));
    found.instances.sort_by(|a, b| a.address.cmp(&b.address));
    let outputs = evaluator.outputs(&root).into_iter().collect();
    let mut conditions = found.conditions;
    conditions.extend(root.outputs.iter().flat_map(|(name, block)| evaluator.conditions_of_output(&root, name, block)));
    conditions.extend(evaluator.checks(&root));
    let (moved, removed) = (evaluator.moved(&root), evaluator.removed(&root));
    let Found { instances, blocks, .. } = found;
    let desired = Desired { settings, instances, blocks, outputs, conditions, moved, removed };
    evaluator.check_moves(&desired);
    let sensitive = evaluator.take_sensitive().into_iter();
    let sensitive = sensitive.map(|(name, value)| (Arc::from(name), Sensitive(value))).collect();
    diagnostics.extend(evaluator.into_diagnostics());
    (Evaluation { desired, sensitive, templates: found.templates, plan_time }, diagnostics)
}

#[derive(Default)]
struct Found {
    instances: Vec<Instance>,
    blocks: BTreeMap<ResourceAddress, Block>,
    templates: BTreeMap<ResourceAddress, Arc<[Template]>>,
    conditions: Vec<Condition>,
}

impl<'a> Evaluator<'a> {
    /// The instances of one block. Those that failed are left out: their faults are noted.
    fn assemble(&self, module: &Module<'a>, resource: &Resource<'a>, found: &mut Found) {
        let span = resource.block.head;
        let depends_on = self.keep(self.depends_on(module, resource)).unwrap_or_default();
        let Ok(expansion) = self.expansion(module, resource, span) else { return };
        found.blocks.insert((*resource.address).clone(), Block { repetition: expansion.repetition, span });
        let prepared = self.prepared(resource);
        let paths: Arc<[Box<str>]> = prepared.templates.iter().map(|slot| slot.path.clone()).collect();
        for (at, copy) in expansion.instances.iter().enumerate() {
            let lifecycle = match self.lifecycle(module, resource, copy) {
                Ok(lifecycle) => lifecycle,
                Err(faults) => {
                    self.report_instance(*faults, &copy.address);
                    continue;
                }
            };
            let Ok(value) = self.instance(module, resource, &expansion, at, span) else { continue };
            self.conditions_of(module, resource, copy, &mut found.conditions);
            let address = (*copy.address).clone();
            if !prepared.templates.is_empty() {
                match self.templates(module, resource, copy) {
                    Ok(templates) => {
                        found.templates.insert(address.clone(), templates);
                    }
                    Err(faults) => self.report_instance(*faults, &copy.address),
                }
            }
            found.instances.push(Instance {
                address,
                kind: resource.kind.schema.clone(),
                value,
                span,
                places: prepared.places.clone(),
                templates: paths.clone(),
                depends_on: depends_on.clone(),
                lifecycle,
            });
        }
    }

    fn templates(&self, module: &Module<'a>, resource: &Resource<'a>, copy: &Copy) -> Evaluated<Arc<[Template]>> {
        let roots = BlockRoots { copy: Some(copy), ..BlockRoots::of_module(self, module) };
        let scope = Scope::new(&roots, &self.session);
        let slots = &self.prepared(resource).templates;
        let templates: Evaluated<Vec<Template>> = slots
            .iter()
            .map(|slot| {
                let expr = slot.attribute.value.clone();
                let captured = capture(&scope, &expr, "certificate")?;
                Ok(Template { path: slot.path.clone(), expr, captured, schema: slot.schema.clone() })
            })
            .collect();
        Ok(templates?.into())
    }
}
