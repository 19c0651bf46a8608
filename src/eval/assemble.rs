//! From files and inputs to what should exist: the door of evaluation.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::capture::capture;
use super::desired::{Block, Condition, Desired, Instance};
use super::evaluator::Evaluator;
use super::fault::Evaluated;
use super::functions::{CallContext, Files};
use super::index::KindIndex;
use super::inputs::Inputs;
use super::library::Library;
use super::module::Module;
use super::overrides;
use super::render::{Evaluation, Sensitive, Template};
use super::resource::{Copy, Resource};
use super::roots::BlockRoots;
use super::schema::Catalog;
use super::scope::{Scope, Session};
use super::submodule::{MODULE, path_of};
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
    evaluate_with(files, &Library::new(), inputs, catalog, files_port, plan_time)
}

/// As [`evaluate`], with the modules that the files call, directly or not.
pub fn evaluate_with(
    files: &[File],
    library: &Library,
    inputs: &Inputs,
    catalog: &Catalog,
    files_port: &dyn Files,
    plan_time: Timestamp,
) -> (Evaluation, Diagnostics) {
    let call = CallContext { files: files_port, plan_time };
    let (evaluation, mut diagnostics) =
        with_evaluator(files, library, inputs, catalog, call, |evaluator| evaluator.evaluation(plan_time));
    once_each(&mut diagnostics, !library.is_empty());
    (evaluation, diagnostics)
}

/// Sets an evaluator up and runs something with it. The faults are those of the set-up, then those of the run.
pub(super) fn with_evaluator<T>(
    files: &[File],
    library: &Library,
    inputs: &Inputs,
    catalog: &Catalog,
    call: CallContext<'_>,
    run: impl FnOnce(&Evaluator<'_>) -> T,
) -> (T, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let files = overridden(files, &mut diagnostics);
    let library = overridden_library(library, &mut diagnostics);
    let kinds: HashMap<&str, Rc<KindIndex>> =
        catalog.iter().map(|kind| (kind.name, Rc::new(KindIndex::new(kind)))).collect();
    let variable_files = inputs.files.iter().chain(inputs.arguments.iter().filter_map(|one| match one {
        super::inputs::Argument::File(file) => Some(file),
        super::inputs::Argument::Variable { .. } => None,
    }));
    let all = files.iter().chain(library.values().flatten()).chain(variable_files);
    let texts = all.filter(|file| !file.json).map(|file| (file.source, &*file.text)).collect();
    let root = Rc::new(Module::collect(&files, Arc::from([]), &kinds, &mut diagnostics));
    let evaluator = Evaluator::new(inputs, Session::new(call), texts, kinds, root, &library);
    let result = run(&evaluator);
    diagnostics.extend(evaluator.into_diagnostics());
    (result, diagnostics)
}

/// The files of one module as they are read: with its override files merged.
pub fn merged(files: &[File]) -> Cow<'_, [File]> {
    overridden(files, &mut Diagnostics::default())
}

/// The files with overrides merged; as they are where there are none.
fn overridden<'f>(files: &'f [File], diagnostics: &mut Diagnostics) -> Cow<'f, [File]> {
    if files.iter().any(|file| file.overrides) {
        Cow::Owned(overrides::merge(files, diagnostics))
    } else {
        Cow::Borrowed(files)
    }
}

fn overridden_library<'f>(library: &'f Library, diagnostics: &mut Diagnostics) -> Cow<'f, Library> {
    if !library.values().flatten().any(|file| file.overrides) {
        return Cow::Borrowed(library);
    }
    let merge =
        |(directory, files): (&String, &Vec<File>)| (directory.clone(), overridden(files, diagnostics).into_owned());
    Cow::Owned(library.iter().map(merge).collect())
}

/// What fails alike for each element of a collection is reported once, and so are instances of one module.
fn once_each(diagnostics: &mut Diagnostics, modules: bool) {
    let mut seen = HashSet::new();
    diagnostics.0.retain(|one| {
        let address = one.address.clone().filter(|_| !modules);
        one.span.is_none() || seen.insert((one.code.number, one.span, one.detail.clone(), address))
    });
}

#[derive(Default)]
struct Found {
    instances: Vec<Instance>,
    blocks: BTreeMap<ResourceAddress, Block>,
    templates: BTreeMap<ResourceAddress, Arc<[Template]>>,
    /// Outputs of modules that templates refer to.
    outputs: serde_json::Map<String, serde_json::Value>,
    conditions: Vec<Condition>,
    failed: BTreeSet<ResourceAddress>,
}

impl<'a> Evaluator<'a> {
    fn evaluation(&self, plan_time: Timestamp) -> Evaluation {
        let root = self.root.clone();
        let settings = self.settings(&root);
        self.check_variables(&root);
        self.check_undeclared(&root);
        self.compute(&root);
        let modules = self.all_modules();
        let mut found = Found::default();
        for module in &modules {
            let inherited = self.inherited(module);
            module.resources.iter().for_each(|one| self.assemble(module, one, &inherited, &mut found));
        }
        found.instances.sort_by(|a, b| a.address.cmp(&b.address));
        wait_for_modules(&mut found.instances);
        let mut outputs = BTreeMap::new();
        for module in &modules {
            let all = self.outputs(module);
            if module.caller.is_none() {
                outputs.extend(all);
            }
            found.conditions.extend(self.conditions_of_outputs(module));
            found.conditions.extend(self.checks(module));
        }
        let moved = modules.iter().flat_map(|module| self.moved(module)).collect();
        let removed = modules.iter().flat_map(|module| self.removed(module)).collect();
        let imports = modules.iter().flat_map(|module| self.imports(module)).collect();
        let Found { instances, blocks, conditions, templates, outputs: behind, failed } = found;
        let guarded = self.take_guarded();
        let desired =
            Desired { settings, instances, blocks, outputs, conditions, guarded, moved, removed, imports, failed };
        self.check_moves(&desired);
        self.check_imports(&desired);
        let variables = root.variables.iter().filter_map(|(name, variable)| {
            let value = self.variable(&root, name, variable, variable.block.labels[0].span).ok()?;
            Some((Arc::from(*name), value))
        });
        let variables = variables.collect();
        let optional = root.variables.iter().filter_map(|(name, variable)| {
            let optional = self.variable_type(name, variable).ok()?.optional_attributes();
            (!optional.is_empty()).then(|| (Arc::from(*name), optional))
        });
        let optional = optional.collect();
        let sensitive = self.take_sensitive().into_iter();
        let sensitive = sensitive.map(|(name, value)| (Arc::from(name), Sensitive(value))).collect();
        Evaluation { desired, sensitive, variables, optional, templates, outputs: behind, plan_time }
    }

    /// The instances of one block. Those that failed are left out: their faults are noted.
    fn assemble(&self, module: &Module<'a>, resource: &Resource<'a>, inherited: &[ResourceAddress], found: &mut Found) {
        let span = resource.block.head;
        let mut depends_on = self.keep(self.depends_on(module, &resource.block.body)).unwrap_or_default();
        depends_on.extend_from_slice(inherited);
        let Ok(expansion) = self.expansion(module, resource, span) else {
            found.failed.insert((*resource.address).clone());
            return;
        };
        found.blocks.insert((*resource.address).clone(), Block { repetition: expansion.repetition, span });
        let prepared = self.prepared(resource);
        let paths: Arc<[Box<str>]> = prepared.templates.iter().map(|slot| slot.path.clone()).collect();
        for (at, copy) in expansion.instances.iter().enumerate() {
            let lifecycle = match self.lifecycle(module, resource, copy) {
                Ok(lifecycle) => lifecycle,
                Err(faults) => {
                    self.report_instance(*faults, &copy.address);
                    found.failed.insert((*copy.address).clone());
                    continue;
                }
            };
            let Ok(value) = self.instance(module, resource, &expansion, at, span) else {
                found.failed.insert((*copy.address).clone());
                continue;
            };
            self.conditions_of(module, resource, copy, &mut found.conditions);
            let address = (*copy.address).clone();
            if !prepared.templates.is_empty() {
                match self.templates(module, resource, copy) {
                    Ok(templates) => {
                        for template in &*templates {
                            found.outputs.append(&mut self.outputs_behind(&template.captured));
                        }
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

/// Who waits for a module waits for everything in it.
fn wait_for_modules(instances: &mut [Instance]) {
    let is_module = |address: &ResourceAddress| &*address.kind == MODULE;
    if !instances.iter().any(|one| one.depends_on.iter().any(is_module)) {
        return;
    }
    let all: Vec<ResourceAddress> = instances.iter().map(|one| one.address.clone()).collect();
    for instance in instances {
        let (modules, mut addresses): (Vec<_>, Vec<_>) = instance.depends_on.drain(..).partition(is_module);
        for path in modules.iter().map(path_of) {
            addresses.extend(all.iter().filter(|one| one.module.starts_with(&path)).cloned());
        }
        instance.depends_on = addresses;
    }
}
