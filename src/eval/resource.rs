//! Resource blocks: how often they are repeated, and the references that their names stand for.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use super::call::convert_at;
use super::decode::Prepared;
use super::desired::Repetition;
use super::evaluator::{Evaluator, Label, Memo};
use super::expression::{described, refuse_secret};
use super::fault::{Evaluated, an, fault, fault_with};
use super::index::KindIndex;
use super::module::Module;
use super::roots::BlockRoots;
use super::scope::Scope;
use super::submodule::MODULE;
use super::types::Type;
use super::value::Value;
use crate::address::{Key, ModuleStep, ResourceAddress};
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, Body};

/// One resource block of one module instance.
pub(super) struct Resource<'a> {
    pub(super) block: &'a Block,
    pub(super) kind: Rc<KindIndex>,
    /// Its address without a key.
    pub(super) address: Arc<ResourceAddress>,
    pub(super) prepared: OnceCell<Prepared<'a>>,
    expansion: Memo<Rc<Expansion>>,
    instances: OnceCell<Vec<Memo<Value>>>,
}

/// The instances of a block.
pub(super) struct Expansion {
    pub(super) repetition: Repetition,
    pub(super) instances: Vec<Copy>,
    /// What the block's name stands for: a reference, or a list or a map of them.
    pub(super) reference: Value,
}

/// One instance, before it is decoded.
#[derive(Clone)]
pub(super) struct Copy {
    pub(super) address: Arc<ResourceAddress>,
    /// `each.value`, of `for_each`.
    pub(super) value: Value,
}

impl<'a> Resource<'a> {
    pub(super) fn new(block: &'a Block, kind: Rc<KindIndex>, module: Arc<[ModuleStep]>) -> Self {
        let (name, label) = (block.kind.text.clone(), block.labels[0].text.clone());
        let address = Arc::new(ResourceAddress { module, kind: name, name: label, key: None });
        Self { block, kind, address, prepared: OnceCell::new(), expansion: Memo::default(), instances: OnceCell::new() }
    }
}

impl Expansion {
    /// The instance of that key.
    fn position(&self, key: Option<&Key>) -> Option<usize> {
        match (self.repetition, key) {
            (Repetition::Single, None) => (!self.instances.is_empty()).then_some(0),
            (Repetition::Count, Some(Key::Index(at))) => {
                usize::try_from(*at).ok().filter(|at| *at < self.instances.len())
            }
            (Repetition::ForEach, Some(Key::Name(_))) => {
                self.instances.binary_search_by(|copy| copy.address.key.as_ref().cmp(&key)).ok()
            }
            _ => None,
        }
    }
}

impl<'a> Evaluator<'a> {
    /// The instances of a block. `at` is the reference that asks.
    pub(super) fn expansion(&self, module: &Module<'a>, resource: &Resource<'a>, at: Span) -> Evaluated<Rc<Expansion>> {
        let label = || Label::Repetition(resource.address.clone());
        self.memo(&resource.expansion, label, at, || self.expand(module, resource).map(Rc::new))
    }

    fn expand(&self, module: &Module<'a>, resource: &Resource<'a>) -> Evaluated<Expansion> {
        let roots = BlockRoots::of_module(self, module);
        let scope = Scope::new(&roots, &self.session);
        repeat(&scope, &resource.block.body, &resource.address, resource.kind.schema.name)
    }

    /// The decoded value of one instance.
    pub(super) fn instance(
        &self,
        module: &Module<'a>,
        resource: &Resource<'a>,
        expansion: &Expansion,
        position: usize,
        at: Span,
    ) -> Evaluated {
        let count = expansion.instances.len();
        let memos = resource.instances.get_or_init(|| std::iter::repeat_with(Memo::default).take(count).collect());
        let Some(memo) = memos.get(position) else { return Err(super::fault::Faults::reported()) };
        let copy = &expansion.instances[position];
        let label = || Label::Instance(copy.address.clone());
        self.memo(memo, label, at, || self.decode_instance(module, resource, copy))
    }

    /// The attribute of the resource behind a reference. `facts` says whether facts may be read here.
    pub(super) fn dereference(&self, address: &ResourceAddress, name: &str, span: Span, facts: bool) -> Evaluated {
        if &*address.kind == MODULE {
            return self.module_output(address, name, span, facts);
        }
        let found = self.module(&address.module);
        let Some((module, resource)) =
            found.as_ref().and_then(|module| Some((module, module.resource(&address.kind, &address.name)?)))
        else {
            return fault(&codes::UNDECLARED, span, format!("{address} is not declared."));
        };
        if resource.kind.body.slot(name).is_none() {
            return self.fact(resource, name, span, facts);
        }
        let expansion = self.expansion(module, resource, span)?;
        let Some(position) = expansion.position(address.key.as_ref()) else {
            return fault(&codes::UNDECLARED, span, format!("{} has no instance {address}.", resource.address));
        };
        let value = self.instance(module, resource, &expansion, position, span)?;
        Ok(value.get(name).cloned().unwrap_or(Value::NULL))
    }

    fn fact(&self, resource: &Resource<'a>, name: &str, span: Span, allowed: bool) -> Evaluated {
        let schema = &resource.kind.schema;
        let known = schema.facts.iter().any(|(fact, ..)| *fact == name);
        if known && allowed {
            return Err(super::fault::Faults::needs_facts());
        }
        if known {
            let detail = format!(
                "\"{name}\" of {} is a fact: it exists only after apply, and configuration cannot depend on it.",
                resource.address
            );
            let hint = "Facts can be read in outputs, checks and postconditions.".to_owned();
            return fault_with(&codes::FACT, span, detail, Some(hint));
        }
        let names = resource.kind.body.names().chain(schema.facts.iter().map(|(fact, ..)| *fact));
        let hint = super::fault::did_you_mean(name, names);
        fault_with(&codes::ATTRIBUTE, span, format!("{} has no attribute named \"{name}\".", an(schema.name)), hint)
    }
}

/// The instances of a block that has the address, by its `for_each` or `count`.
pub(super) fn repeat(
    scope: &Scope<'_>,
    body: &Body,
    address: &Arc<ResourceAddress>,
    kind: &str,
) -> Evaluated<Expansion> {
    let enabled = body.blocks_of("lifecycle").find_map(|lifecycle| lifecycle.body.attribute("enabled"));
    match (body.attribute("for_each"), body.attribute("count")) {
        (Some(other), _) | (None, Some(other)) if enabled.is_some() => {
            let detail = "A block that is repeated is not enabled or disabled: leave its keys out instead.";
            let span = enabled.map_or(other.name.span, |enabled| enabled.name.span);
            let report = Diagnostic::error(&codes::LIFECYCLE, detail).at(span);
            Err(report.related(other.name.span, "repeated here").into())
        }
        (Some(each), Some(count)) => {
            Err(Diagnostic::error(&codes::COUNT, "A block is repeated by for_each or by count, and not by both.")
                .at(count.name.span)
                .related(each.name.span, "for_each is given here")
                .into())
        }
        (Some(each), None) => scope.explained(&each.value, for_each(scope, address, kind, each)),
        (None, Some(count)) => scope.explained(&count.value, counted(scope, address, kind, count)),
        (None, None) if enabled.map_or(Ok(true), |enabled| is_enabled(scope, enabled))? => Ok(Expansion {
            repetition: Repetition::Single,
            instances: vec![Copy { address: address.clone(), value: Value::NULL }],
            reference: Value::Ref(address.clone()),
        }),
        (None, None) => Ok(Expansion { repetition: Repetition::Single, instances: Vec::new(), reference: Value::NULL }),
    }
}

/// `enabled` of a `lifecycle`. What is disabled has no instance, and its name stands for null.
fn is_enabled(scope: &Scope<'_>, enabled: &Attribute) -> Evaluated<bool> {
    let (value, span) = (scope.eval(&enabled.value)?, enabled.value.span);
    refuse_secret(&value, span)?;
    match scope.explained(&enabled.value, convert_at(&value, &Type::Bool, span, "\"enabled\""))?.as_bool() {
        Some(truth) => Ok(truth),
        None => fault(&codes::LIFECYCLE, span, "\"enabled\" is true or false, and not null."),
    }
}

fn counted(scope: &Scope<'_>, address: &ResourceAddress, kind: &str, count: &Attribute) -> Evaluated<Expansion> {
    let value = scope.eval(&count.value)?;
    let span = count.value.span;
    if value.is_null() {
        return fault(&codes::COUNT, span, "count must not be null.");
    }
    let number = convert_at(&value, &Type::Number, span, "count")?;
    let wanted = number.as_number().and_then(super::number::Number::to_i64).and_then(|n| u64::try_from(n).ok());
    let Some(wanted) = wanted else {
        return fault(&codes::COUNT, span, "count must be a whole number that is not negative.");
    };
    check_limit(usize::try_from(wanted).unwrap_or(usize::MAX), span)?;
    let instances: Vec<Copy> =
        (0..wanted).map(|at| Copy { address: keyed(address, Key::Index(at)), value: Value::NULL }).collect();
    let references = instances.iter().map(|copy| Value::Ref(copy.address.clone()));
    let reference = Value::list(Type::reference([kind]), references);
    Ok(Expansion { repetition: Repetition::Count, instances, reference })
}

fn keyed(address: &ResourceAddress, key: Key) -> Arc<ResourceAddress> {
    Arc::new(ResourceAddress { key: Some(key), ..address.clone() })
}

pub(super) fn check_limit(wanted: usize, span: Span) -> Evaluated<()> {
    if wanted <= limits::INSTANCES {
        return Ok(());
    }
    fault(
        &codes::LIMIT,
        span,
        format!("This makes {wanted} instances, and a block makes at most {}.", limits::INSTANCES),
    )
}

fn for_each(scope: &Scope<'_>, address: &ResourceAddress, kind: &str, each: &Attribute) -> Evaluated<Expansion> {
    let span = each.value.span;
    let value = scope.opened(scope.eval(&each.value)?, span)?;
    refuse_keys(&value, span)?;
    let pairs = pairs_of(&value, span)?;
    check_limit(pairs.len(), span)?;
    let instances: Vec<Copy> =
        pairs.into_iter().map(|(key, value)| Copy { address: keyed(address, Key::Name(key)), value }).collect();
    let references = instances.iter().filter_map(|copy| match &copy.address.key {
        Some(Key::Name(name)) => Some((name.clone(), Value::Ref(copy.address.clone()))),
        _ => None,
    });
    let reference = Value::map(Type::reference([kind]), references);
    Ok(Expansion { repetition: Repetition::ForEach, instances, reference })
}

/// Keys become part of addresses, so a secret cannot be one; a secret among the values can be handed on.
fn refuse_keys(value: &Value, span: Span) -> Evaluated<()> {
    match value {
        Value::Map(..) | Value::Object(_) => Ok(()),
        other => refuse_secret(other, span),
    }
}

pub(super) fn pairs_of(value: &Value, span: Span) -> Evaluated<Vec<(Arc<str>, Value)>> {
    match value {
        Value::Map(_, entries) | Value::Object(entries) => {
            Ok(entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        Value::Set(_, items) => items.iter().map(|item| set_pair(item, span)).collect(),
        Value::List(..) | Value::Tuple(_) => {
            let detail =
                format!("for_each takes a map, an object or a set of strings, and this is {}.", described(value));
            let references =
                value.elements().is_some_and(|items| items.iter().any(|item| matches!(item, Value::Ref(_))));
            let hint = if references {
                "Give each reference a key: { a = zone.a, b = zone.b }."
            } else {
                "Elements of a list have no keys of their own; make a set of it: for_each = toset(…)."
            };
            fault_with(&codes::FOR_EACH, span, detail, Some(hint.to_owned()))
        }
        other => {
            let detail =
                format!("for_each takes a map, an object or a set of strings, and this is {}.", described(other));
            fault(&codes::FOR_EACH, span, detail)
        }
    }
}

fn set_pair(item: &Value, span: Span) -> Evaluated<(Arc<str>, Value)> {
    match item {
        Value::String(text) => Ok((text.clone(), item.clone())),
        other => {
            let detail = format!("A set for for_each holds strings, and this one holds {}.", described(other));
            fault(&codes::FOR_EACH, span, detail)
        }
    }
}
