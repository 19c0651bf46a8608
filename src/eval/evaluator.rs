//! Lazy evaluation along references: each value is computed once, when it is first needed, and a cycle is one report.
//!
//! Before values are computed they are put in an order in which what they refer to comes first, so that long chains of
//! references do not recurse.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::fault::{Evaluated, Faults};
use super::index::KindIndex;
use super::inputs::Inputs;
use super::library::Library;
use super::module::Module;
use super::scope::Session;
use super::value::Value;
use crate::address::{ModuleStep, ResourceAddress};
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::{SourceId, Span};
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::print;

/// A value that is computed once.
pub(super) struct Memo<T> {
    state: RefCell<State<T>>,
}

enum State<T> {
    Idle,
    Running,
    Done(T),
    /// Its faults are reported.
    Failed,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { state: RefCell::new(State::Idle) }
    }
}

/// What is being computed, for the report of a cycle.
#[derive(Clone)]
pub(super) enum Label<'a> {
    Variable(&'a str),
    Local(&'a str),
    /// The repetition of a block.
    Repetition(Arc<ResourceAddress>),
    Instance(Arc<ResourceAddress>),
    /// An output of a module, with the module's path before it.
    Output(String),
}

impl std::fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "var.{name}"),
            Self::Local(name) => write!(f, "local.{name}"),
            Self::Repetition(address) => write!(f, "the repetition of {address}"),
            Self::Instance(address) => write!(f, "{address}"),
            Self::Output(name) => f.write_str(name),
        }
    }
}

struct Frame<'a> {
    memo: *const (),
    label: Label<'a>,
    /// The reference that led here.
    at: Span,
}

/// All that one evaluation holds.
pub(super) struct Evaluator<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) session: Session<'a>,
    /// The texts in the native form.
    pub(super) texts: HashMap<SourceId, &'a str>,
    pub(super) kinds: HashMap<&'a str, Rc<KindIndex>>,
    pub(super) root: Rc<Module<'a>>,
    pub(super) library: &'a Library,
    /// Directories of modules whose files have been looked at.
    pub(super) entered: RefCell<HashSet<&'a str>>,
    diagnostics: RefCell<Diagnostics>,
    stack: RefCell<Vec<Frame<'a>>>,
    modules: RefCell<HashMap<Arc<[ModuleStep]>, Rc<Module<'a>>>>,
    cycles: Cell<usize>,
    /// Real values of sensitive variables. Only validation and the shell see them.
    sensitive: RefCell<BTreeMap<&'a str, Value>>,
    /// What has conditions.
    guarded: RefCell<BTreeSet<ResourceAddress>>,
    /// How often a fault was found at a place: instances of one block fail alike.
    repeated: RefCell<HashMap<(u16, Span), usize>>,
}

/// Reports of one kind at one place: more of them say nothing new.
const REPEATED: usize = 3;

impl<'a> Evaluator<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        session: Session<'a>,
        texts: HashMap<SourceId, &'a str>,
        kinds: HashMap<&'a str, Rc<KindIndex>>,
        root: Rc<Module<'a>>,
        library: &'a Library,
    ) -> Self {
        Self {
            inputs,
            session,
            texts,
            kinds,
            root,
            library,
            entered: RefCell::default(),
            diagnostics: RefCell::default(),
            stack: RefCell::default(),
            modules: RefCell::default(),
            cycles: Cell::new(0),
            sensitive: RefCell::default(),
            guarded: RefCell::default(),
            repeated: RefCell::default(),
        }
    }

    /// Notes that conditions are about this.
    pub(super) fn guards(&self, object: ResourceAddress) {
        self.guarded.borrow_mut().insert(object);
    }

    /// All that conditions are about.
    pub(super) fn take_guarded(&self) -> BTreeSet<ResourceAddress> {
        self.guarded.take()
    }

    pub(super) fn keep_sensitive(&self, name: &'a str, value: Value) {
        self.sensitive.borrow_mut().insert(name, value);
    }

    pub(super) fn sensitive_value(&self, name: &str) -> Option<Value> {
        self.sensitive.borrow().get(name).cloned()
    }

    /// All sensitive values, by the variable's name.
    pub(super) fn take_sensitive(&self) -> BTreeMap<&'a str, Value> {
        self.sensitive.take()
    }

    /// Notes the faults of one instance: those that others of its block had before are left out after a few.
    pub(super) fn report_instance(&self, faults: Faults, address: &ResourceAddress) {
        let repeated = address.key.is_some();
        for one in faults.diagnostics {
            let Some(span) = one.span.filter(|_| repeated) else {
                self.report(one);
                continue;
            };
            let mut seen = self.repeated.borrow_mut();
            let count = seen.entry((one.code.number, span)).or_default();
            *count += 1;
            if *count <= REPEATED {
                let known = one.address.is_some();
                self.report(if known { one } else { one.about(address) });
            }
        }
    }

    /// The module instance of that path.
    pub(super) fn module(&self, path: &Arc<[ModuleStep]>) -> Option<Rc<Module<'a>>> {
        if path.is_empty() {
            return Some(self.root.clone());
        }
        self.modules.borrow().get(path).cloned()
    }

    /// Keeps a module instance under its path.
    pub(super) fn keep_module(&self, path: Arc<[ModuleStep]>, module: Rc<Module<'a>>) {
        self.modules.borrow_mut().insert(path, module);
    }

    /// All module instances that are known, the root first, then in the order of their paths.
    pub(super) fn all_modules(&self) -> Vec<Rc<Module<'a>>> {
        let mut all: Vec<Rc<Module<'a>>> = self.modules.borrow().values().cloned().collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all.insert(0, self.root.clone());
        all
    }

    /// Notes a fault.
    pub(super) fn report(&self, one: Diagnostic) {
        self.diagnostics.borrow_mut().push(one);
    }

    /// Notes the faults, and gives the value if there is one.
    pub(super) fn keep<T>(&self, result: Evaluated<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(faults) => {
                self.report_all(*faults);
                None
            }
        }
    }

    pub(super) fn report_all(&self, faults: Faults) {
        self.diagnostics.borrow_mut().0.extend(faults.diagnostics);
    }

    /// The faults noted so far; they count as told.
    pub(super) fn take_diagnostics(&self) -> Diagnostics {
        self.diagnostics.take()
    }

    pub(super) fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics.into_inner()
    }

    /// An expression as text of the native form: as it is written, where it is written so. What JSON has to wrap,
    /// `"${reference}"`, is the reference.
    pub(super) fn text_of(&self, expr: &Expr) -> Cow<'a, str> {
        match (self.texts.get(&expr.span.source), &expr.kind) {
            (Some(text), _) => Cow::Borrowed(text.get(expr.span.range()).unwrap_or("")),
            (None, ExprKind::Wrapped(inner)) => Cow::Owned(print::native(inner)),
            (None, _) => Cow::Owned(print::native(expr)),
        }
    }

    /// The value of a memo, computed now if it was not before. Its faults are reported here and only here.
    pub(super) fn memo<T: Clone>(
        &self,
        memo: &Memo<T>,
        label: impl FnOnce() -> Label<'a>,
        at: Span,
        compute: impl FnOnce() -> Evaluated<T>,
    ) -> Evaluated<T> {
        match &*memo.state.borrow() {
            State::Done(value) => return Ok(value.clone()),
            State::Failed => return Err(Faults::reported()),
            State::Running => {
                self.cycle(std::ptr::from_ref(memo).cast(), at);
                return Err(Faults::reported());
            }
            State::Idle => {}
        }
        *memo.state.borrow_mut() = State::Running;
        self.stack.borrow_mut().push(Frame { memo: std::ptr::from_ref(memo).cast(), label: label(), at });
        let cycles = self.cycles.get();
        let result = compute();
        self.stack.borrow_mut().pop();
        // A value that `try` saved from a cycle is no value: what depends on itself has none.
        let failed_by_cycle = self.cycles.get() > cycles && self.stack.borrow().is_empty();
        match result {
            Ok(value) if !failed_by_cycle => {
                *memo.state.borrow_mut() = State::Done(value.clone());
                Ok(value)
            }
            Ok(_) => {
                *memo.state.borrow_mut() = State::Failed;
                Err(Faults::reported())
            }
            Err(faults) => {
                *memo.state.borrow_mut() = State::Failed;
                self.report_all(*faults);
                Err(Faults::reported())
            }
        }
    }

    /// Reports the cycle that the reference at `closing` closes, with every edge of it.
    fn cycle(&self, memo: *const (), closing: Span) {
        self.cycles.set(self.cycles.get() + 1);
        let stack = self.stack.borrow();
        let begin = stack.iter().position(|frame| std::ptr::eq(frame.memo, memo)).unwrap_or(0);
        let frames = &stack[begin..];
        let Some(first) = frames.first() else { return };
        let mut names: Vec<String> = frames.iter().map(|frame| frame.label.to_string()).collect();
        names.push(first.label.to_string());
        let mut report = Diagnostic::error(&codes::CYCLE, format!("{}.", names.join(" → "))).at(closing);
        for (at, frame) in frames.iter().enumerate().skip(1) {
            report = report.related(frame.at, format!("{} refers to {}", names[at - 1], names[at]));
        }
        let last = names[frames.len() - 1].clone();
        report = report.related(closing, format!("{last} refers to {}", first.label));
        drop(stack);
        self.report(report.hint("Take one of these references out, or move what both sides need into a local value."));
    }
}
