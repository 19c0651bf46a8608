//! `module` blocks: calls of other modules. Each instance of a call is a module of its own, whose variables are the call's
//! arguments. A reference to a call is the address of its instance; its attributes are the module's outputs, and each is
//! evaluated when it is asked for.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::desired::OutputValue;
use super::encode::to_json;
use super::evaluator::{Evaluator, Label, Memo};
use super::fault::{Evaluated, Faults, did_you_mean, fault, fault_with};
use super::library::{Located, locate};
use super::module::{Caller, Module, with_hint};
use super::resource::{Expansion, repeat};
use super::roots::BlockRoots;
use super::scope::Scope;
use super::value::Value;
use crate::address::{ModuleStep, ResourceAddress};
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::{Block, ExprKind, File};

/// The type in addresses that stand for an instance of a module call.
pub(super) const MODULE: &str = "module";
/// Arguments of a call that are not the module's variables.
const META: [&str; 6] = ["source", "version", "providers", "for_each", "count", "depends_on"];

/// A `module` block.
pub(super) struct Call<'a> {
    pub(super) block: &'a Block,
    expansion: Memo<Rc<Expansion>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(block: &'a Block) -> Self {
        Self { block, expansion: Memo::default() }
    }
}

/// The path of the module instance that an address of a call stands for.
pub(super) fn path_of(address: &ResourceAddress) -> Arc<[ModuleStep]> {
    let step = ModuleStep { name: address.name.clone(), key: address.key.clone() };
    address.module.iter().cloned().chain([step]).collect()
}

impl<'a> Evaluator<'a> {
    /// The instances of a call; their modules are known from then on. `at` is the reference that asks.
    pub(super) fn call_expansion(&self, module: &Module<'a>, call: &Call<'a>, at: Span) -> Evaluated<Rc<Expansion>> {
        let name = call.block.labels[0].text.clone();
        let address = Arc::new(ResourceAddress { module: module.path.clone(), kind: MODULE.into(), name, key: None });
        let label = || Label::Repetition(address.clone());
        self.memo(&call.expansion, label, at, || self.expand_call(module, call, &address).map(Rc::new))
    }

    fn expand_call(
        &self,
        module: &Module<'a>,
        call: &Call<'a>,
        address: &Arc<ResourceAddress>,
    ) -> Evaluated<Expansion> {
        let (directory, files) = self.callee(module, call)?;
        let roots = BlockRoots::of_module(self, module);
        let expansion = repeat(&Scope::new(&roots, &self.session), &call.block.body, address, MODULE)?;
        let mut checked = false;
        for copy in &expansion.instances {
            let caller = Caller { parent: module.path.clone(), block: call.block, copy: copy.clone() };
            let made = self.enter(path_of(&copy.address), directory, files, caller);
            if !checked {
                self.check_call(call.block, &made);
                checked = true;
            }
        }
        Ok(expansion)
    }

    /// Makes the module of one instance. What is wrong with its files is reported once.
    fn enter(
        &self,
        path: Arc<[ModuleStep]>,
        directory: &'a str,
        files: &'a [File],
        caller: Caller<'a>,
    ) -> Rc<Module<'a>> {
        let mut faults = Diagnostics::default();
        let mut module = Module::collect(files, path.clone(), &self.kinds, &mut faults);
        module.directory = directory;
        module.caller = Some(caller);
        for block in &module.settings {
            let detail = "A cap block stands in the root module only: it is about the whole estate.";
            faults.push(Diagnostic::error(&codes::MODULE, detail).at(block.head));
        }
        if self.entered.borrow_mut().insert(directory) {
            self.report_all(Faults { diagnostics: faults.0, ..Faults::default() });
        }
        let module = Rc::new(module);
        self.keep_module(path, module.clone());
        module
    }

    /// The directory and the files of the module that is called.
    fn callee(&self, module: &Module<'a>, call: &Call<'a>) -> Evaluated<(&'a str, &'a [File])> {
        let Some(attribute) = call.block.body.attribute("source") else {
            let detail = "A module block needs \"source\": the directory of the module.";
            // Whatever else a call is given may be one of the module's variables, so that nobody refuses what was mistyped.
            let given = call.block.body.attributes.iter().map(|one| &*one.name.text);
            let mistyped = crate::diagnostic::did_you_mean("source", given);
            let hint = mistyped.map(|given| format!("Is \"{given}\" meant to be \"source\"?"));
            return fault_with(&codes::MISSING_ARGUMENT, call.block.head, detail, hint);
        };
        let span = attribute.value.span;
        let ExprKind::Literal(Value::String(source)) = &attribute.value.kind else {
            let detail = "\"source\" is a text without references: modules are loaded before anything is evaluated.";
            return fault(&codes::MODULE, span, detail);
        };
        let Located { directory, package } = locate(module.directory, source).map_err(|(detail, hint)| {
            let report = Diagnostic::error(&codes::MODULE, detail).at(span);
            Box::<Faults>::from(report.hint(hint))
        })?;
        if let Some(circle) = self.circle(module, &directory) {
            let detail = format!("Modules call each other in a circle: {circle}.");
            return fault(&codes::MODULE, span, detail);
        }
        match self.library.get_key_value(directory.as_str()) {
            Some((directory, files)) => Ok((directory, files)),
            None if package.is_some() => {
                let detail = format!("The module \"{source}\" was not got yet.");
                fault_with(&codes::NOT_GOT, span, detail, Some("Run `cap get`.".to_owned()))
            }
            None => fault(&codes::MODULE, span, format!("The module \"{source}\" was not loaded.")),
        }
    }

    /// The way from a directory back to itself, if a module calls one that is on the way to it.
    fn circle(&self, module: &Module<'a>, directory: &str) -> Option<String> {
        let shown = |directory: &str| if directory.is_empty() { ".".to_owned() } else { directory.to_owned() };
        let mut way = vec![shown(directory), shown(module.directory)];
        let mut found = module.directory == directory;
        let mut next = module.caller.as_ref().map(|caller| caller.parent.clone());
        while let Some(parent) = next.take().filter(|_| !found).and_then(|path| self.module(&path)) {
            way.push(shown(parent.directory));
            found = parent.directory == directory;
            next = parent.caller.as_ref().map(|caller| caller.parent.clone());
        }
        way.reverse();
        found.then(|| way.join(" → "))
    }

    /// Reports arguments that the module does not take, and variables that need one and get none.
    fn check_call(&self, block: &Block, module: &Module<'a>) {
        for attribute in &block.body.attributes {
            let name = &*attribute.name.text;
            let (detail, hint) = match name {
                "version" => ("Modules from directories have no version.".to_owned(), None),
                "providers" => ("There are no providers to hand on.".to_owned(), None),
                name if META.contains(&name) || module.variables.contains_key(name) => continue,
                name => {
                    let hint = did_you_mean(name, module.variables.keys().copied());
                    (format!("The module declares no variable named \"{name}\"."), hint)
                }
            };
            self.report(with_hint(&codes::UNKNOWN_ARGUMENT, detail, attribute.name.span, hint));
        }
        for lifecycle in block.body.blocks_of("lifecycle") {
            self.only(lifecycle, &["enabled"], &[]);
        }
        for inner in block.body.blocks.iter().filter(|inner| &*inner.kind.text != "lifecycle") {
            let detail = format!("A module block holds no blocks of type \"{}\".", inner.kind.text);
            self.report(Diagnostic::error(&codes::UNKNOWN_BLOCK, detail).at(inner.kind.span));
        }
        for (name, variable) in &module.variables {
            if variable.block.body.attribute("default").is_none() && block.body.attribute(name).is_none() {
                let detail = format!("The module needs the argument \"{name}\": its variable has no default.");
                let report = Diagnostic::error(&codes::MISSING_ARGUMENT, detail).at(block.head);
                self.report(report.related(variable.block.labels[0].span, "declared here"));
            }
        }
    }

    /// The argument of a call for one of the module's variables.
    pub(super) fn passed(&self, caller: &Caller<'a>, name: &str) -> Evaluated<Option<(Value, Span)>> {
        let Some(attribute) = caller.block.body.attribute(name) else { return Ok(None) };
        let Some(parent) = self.module(&caller.parent) else { return Err(Faults::reported()) };
        let roots = BlockRoots { copy: Some(&caller.copy), ..BlockRoots::of_module(self, &parent) };
        let value = Scope::new(&roots, &self.session).eval(&attribute.value)?;
        Ok(Some((value, attribute.value.span)))
    }

    /// What a module call's name stands for.
    pub(super) fn called(&self, module: &Module<'a>, name: &str, span: Span) -> Evaluated {
        match module.calls.get(name) {
            Some(call) => Ok(self.call_expansion(module, call, span)?.reference.clone()),
            None => {
                let hint = did_you_mean(name, module.calls.keys().copied());
                let detail = format!("There is no module block named \"{name}\" in this module.");
                fault_with(&codes::UNDECLARED, span, detail, hint)
            }
        }
    }

    /// An output of the module behind a reference to a call.
    pub(super) fn module_output(&self, address: &ResourceAddress, name: &str, span: Span, facts: bool) -> Evaluated {
        let Some(module) = self.module(&path_of(address)) else { return Err(Faults::reported()) };
        let Some((name, output)) = module.outputs.get_key_value(name) else {
            let hint = did_you_mean(name, module.outputs.keys().copied());
            let detail = format!("{address} has no output named \"{name}\".");
            return fault_with(&codes::ATTRIBUTE, span, detail, hint);
        };
        if let Some(message) = self.deprecation(output.block).ok().flatten() {
            let report = Diagnostic::warning(&codes::DEPRECATED, format!("The output \"{name}\": {message}")).at(span);
            self.report(report.related(output.block.labels[0].span, "declared here"));
        }
        match self.output_value(&module, name, output, span)? {
            OutputValue::Known(value) => Ok(value),
            OutputValue::Residual(_) if facts => Err(Faults::needs_facts()),
            OutputValue::Residual(_) => {
                let detail = format!(
                    "\"{name}\" of {address} reads facts: it has a value only after apply, and configuration cannot depend on it."
                );
                let hint = "Facts can be read in outputs, checks and postconditions.".to_owned();
                fault_with(&codes::FACT, span, detail, Some(hint))
            }
        }
    }

    /// The outputs of every module that a value refers to, as JSON by the call's address: a residual needs them later.
    pub(super) fn outputs_behind(&self, value: &Value) -> Map<String, Json> {
        let mut found = Map::new();
        value.each_reference(&mut |address| {
            let module = Some(address).filter(|address| &*address.kind == MODULE);
            let Some(module) = module.and_then(|address| self.module(&path_of(address))) else { return };
            let outputs = module.outputs.iter().filter_map(|(name, output)| {
                let json = match self.output_value(&module, name, output, output.block.head).ok()? {
                    OutputValue::Known(value) if value.has_secret() => return None,
                    OutputValue::Known(value) => to_json(&value),
                    OutputValue::Residual(json) => json,
                };
                Some(((*name).to_owned(), json))
            });
            found.insert(address.to_string(), Json::Object(outputs.collect()));
        });
        found
    }

    /// What every resource of a module waits for: what its calls name in `depends_on`, from the outermost inwards.
    pub(super) fn inherited(&self, module: &Module<'a>) -> Vec<ResourceAddress> {
        let Some(caller) = &module.caller else { return Vec::new() };
        let Some(parent) = self.module(&caller.parent) else { return Vec::new() };
        let mut found = self.inherited(&parent);
        found.extend(self.keep(self.depends_on(&parent, &caller.block.body)).unwrap_or_default());
        found
    }
}
