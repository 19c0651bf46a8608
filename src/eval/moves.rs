//! `moved` and `removed` blocks: what used to have another address, and what is not managed any more. Their addresses are
//! written as references and never evaluated.

use std::collections::HashMap;
use std::sync::Arc;

use super::constant::constant;
use super::desired::{Desired, Endpoint, Instance, Moved, Removed};
use super::evaluator::Evaluator;
use super::fault::{Evaluated, Faults, a, an, fault, fault_with};
use super::module::{Module, check_body};
use super::repeated::{MOVED, with_known_keys};
use super::resource::Copy;
use super::roots::BlockRoots;
use super::scope::Scope;
use super::value::Value;
use super::variable::truth_of;
use crate::address::{Key, ModuleStep, ResourceAddress};
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::syntax::ast::{Block, Expr, ExprKind, Step, StepKind};

impl<'a> Evaluator<'a> {
    /// The `moved` blocks of a module.
    pub(super) fn moved(&self, module: &Module<'a>) -> Vec<Moved> {
        module.moved.iter().flat_map(|block| self.keep(self.moves(module, block)).unwrap_or_default()).collect()
    }

    /// The moves of one block: as many as its `for_each` says, whose keys and values may then stand in the addresses.
    fn moves(&self, module: &Module<'a>, block: &'a Block) -> Evaluated<Vec<Moved>> {
        self.only(block, &["from", "to", "for_each"], &[]);
        let one = |copy: &Option<Copy>| {
            let roots = BlockRoots { copy: copy.as_ref(), ..BlockRoots::of_module(self, module) };
            let scope = Scope::new(&roots, &self.session);
            self.one_move(module, block, copy.as_ref().map(|_| &scope))
        };
        self.copies(module, block, MOVED)?.iter().map(one).collect()
    }

    fn one_move(&self, module: &Module<'a>, block: &'a Block, keys: Option<&Scope<'_>>) -> Evaluated<Moved> {
        let from = self.endpoint(module, block, "from", keys)?;
        let to = self.endpoint(module, block, "to", keys)?;
        let mismatch = match (&from, &to) {
            (Endpoint::Resource(from), Endpoint::Resource(to)) if from.kind != to.kind => {
                Some(format!("{} cannot become {}.", an(&from.kind), a(&to.kind)))
            }
            (Endpoint::Resource(_), Endpoint::Module(_)) | (Endpoint::Module(_), Endpoint::Resource(_)) => {
                Some("A resource cannot become a module, nor a module a resource.".to_owned())
            }
            (from, to) if from == to => Some(format!("{from} cannot move to where it is.")),
            _ => None,
        };
        match mismatch {
            Some(detail) => fault(&codes::MOVED, block.head, detail),
            None => Ok(Moved { from, to, span: block.head }),
        }
    }

    /// The `removed` blocks of a module.
    pub(super) fn removed(&self, module: &Module<'a>) -> Vec<Removed> {
        module.removed.iter().filter_map(|block| self.keep(self.one_removal(module, block))).collect()
    }

    fn one_removal(&self, module: &Module<'a>, block: &'a Block) -> Evaluated<Removed> {
        self.only(block, &["from"], &["lifecycle"]);
        let from = self.endpoint(module, block, "from", None)?;
        if from.has_key() {
            let hint = "Name the block; to let one instance go, take its key out of for_each or count.".to_owned();
            let detail = format!("A removed block names a whole block or module, and {from} is an instance.");
            return fault_with(&codes::REMOVED, block.head, detail, Some(hint));
        }
        let mut destroy = true;
        for lifecycle in block.body.blocks_of("lifecycle") {
            self.only(lifecycle, &["destroy"], &[]);
            if let Some(attribute) = lifecycle.body.attribute("destroy") {
                let Some(truth) = truth_of(&constant(&self.session, &attribute.value)?) else {
                    return fault(&codes::TYPE, attribute.value.span, "\"destroy\" is true or false.");
                };
                destroy = truth;
            }
        }
        Ok(Removed { from, destroy, span: block.head })
    }

    pub(super) fn only(&self, block: &Block, attributes: &[&str], blocks: &[&str]) {
        let mut faults = Diagnostics::default();
        check_body(&block.body, &format!("{} block", block.kind.text), attributes, blocks, &mut faults);
        self.report_all(Faults { diagnostics: faults.0, ..Faults::default() });
    }

    fn endpoint(
        &self,
        module: &Module<'a>,
        block: &Block,
        name: &str,
        keys: Option<&Scope<'_>>,
    ) -> Evaluated<Endpoint> {
        let Some(attribute) = block.body.attribute(name) else {
            let detail = format!("A {} block needs \"{name}\".", block.kind.text);
            return fault(&codes::MISSING_ARGUMENT, block.head, detail);
        };
        match keys {
            Some(scope) => self.endpoint_of(module, name, &with_known_keys(&attribute.value, scope)?),
            None => self.endpoint_of(module, name, &attribute.value),
        }
    }

    /// The resource or module that an address names, as it is written in a module.
    pub(super) fn endpoint_of(&self, module: &Module<'a>, name: &str, expr: &Expr) -> Evaluated<Endpoint> {
        let endpoint = parts(expr).and_then(|parts| endpoint(&module.path, &parts));
        match endpoint {
            Some(Endpoint::Resource(address)) if !self.kinds.contains_key(&*address.kind) => {
                fault(&codes::REFERENCE, expr.span, format!("\"{}\" is no type of resource.", address.kind))
            }
            Some(endpoint) => Ok(endpoint),
            None => {
                let hint = "Write it as it is referred to: certificate.www, zone.all[\"a\"], module.web.".to_owned();
                let detail = format!("\"{name}\" is the address of a resource or a module.");
                fault_with(&codes::REFERENCE, expr.span, detail, Some(hint))
            }
        }
    }

    /// Reports moves that cannot be: what has moved is still declared, moves in a circle or to and from more places than
    /// one, and what was removed is there.
    pub(super) fn check_moves(&self, desired: &Desired) {
        let mut known = Known::default();
        desired.moved.iter().for_each(|one| self.check_ambiguity(one, &mut known));
        for one in &desired.moved {
            if let Some(declared) = one.left_behind(&desired.instances) {
                let detail = format!("{} is said to have moved, and is still declared.", declared.address);
                let report = Diagnostic::error(&codes::MOVED, detail).at(one.span);
                self.report(report.related(declared.span, "declared here").hint("Take one of the two blocks out."));
            } else if known.circular(one) {
                let detail = format!("Following the moves from {} leads back to it.", one.from);
                self.report(Diagnostic::error(&codes::MOVED, detail).at(one.span));
            }
        }
        for one in &desired.removed {
            if let Some(declared) = desired.instances.iter().find(|instance| one.from.covers(&instance.address)) {
                let detail = format!("{} is said to be removed, and is still declared.", declared.address);
                let report = Diagnostic::error(&codes::REMOVED, detail).at(one.span);
                self.report(report.related(declared.span, "declared here").hint("Take one of the two blocks out."));
            }
        }
    }
}

/// The moves so far, by either end.
#[derive(Default)]
struct Known<'m> {
    from: HashMap<&'m Endpoint, &'m Moved>,
    to: HashMap<&'m Endpoint, &'m Moved>,
}

impl Known<'_> {
    fn circular(&self, first: &Moved) -> bool {
        let mut at = &first.to;
        for _ in 0..self.from.len() {
            if *at == first.from {
                return true;
            }
            let Some(next) = self.from.get(at) else { return false };
            at = &next.to;
        }
        false
    }
}

impl<'a> Evaluator<'a> {
    /// Saying the same twice is fine.
    fn check_ambiguity<'m>(&self, one: &'m Moved, known: &mut Known<'m>) {
        let first = *known.from.entry(&one.from).or_insert(one);
        let second = *known.to.entry(&one.to).or_insert(one);
        let detail = if first.to != one.to {
            format!("{} is said to have moved to {} and to {}.", one.from, first.to, one.to)
        } else if second.from != one.from {
            format!("{} and {} are both said to have moved to {}.", second.from, one.from, one.to)
        } else {
            return;
        };
        let other = if first.to != one.to { first } else { second };
        let report = Diagnostic::error(&codes::MOVED, detail).at(one.span).hint("Take one of the two moves out.");
        self.report(if other.span == one.span { report } else { report.related(other.span, "the other move") });
    }
}

/// One name of an address, with the key behind it.
struct Part<'e> {
    name: &'e str,
    key: Option<Key>,
}

/// The names of a traversal: `module.m["k"].zone.z` is `module`, `m["k"]`, `zone`, `z`.
fn parts(expr: &Expr) -> Option<Vec<Part<'_>>> {
    let ExprKind::Traversal(traversal) = &expr.kind else { return None };
    let ExprKind::Variable(root) = &traversal.source.kind else { return None };
    let mut parts = vec![Part { name: root, key: None }];
    for Step { kind, .. } in &traversal.steps {
        match kind {
            StepKind::Attribute(name) => parts.push(Part { name, key: None }),
            StepKind::Index(Expr { kind: ExprKind::Literal(value), .. }) => {
                let last = parts.last_mut().filter(|part| part.key.is_none())?;
                last.key = Some(match value {
                    Value::String(name) => Key::Name(name.clone()),
                    Value::Number(number) => Key::Index(u64::try_from(number.to_i64()?).ok()?),
                    _ => return None,
                });
            }
            _ => return None,
        }
    }
    Some(parts)
}

fn endpoint(within: &[ModuleStep], parts: &[Part<'_>]) -> Option<Endpoint> {
    let mut module = within.to_vec();
    let mut rest = parts;
    while let [Part { name: "module", key: None }, step, more @ ..] = rest {
        module.push(ModuleStep { name: Arc::from(step.name), key: step.key.clone() });
        rest = more;
    }
    match rest {
        [] => Some(Endpoint::Module(module.into())),
        [Part { name: kind, key: None }, Part { name, key }] => Some(Endpoint::Resource(ResourceAddress {
            module: module.into(),
            kind: Arc::from(*kind),
            name: Arc::from(*name),
            key: key.clone(),
        })),
        _ => None,
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Resource(address) => address.fmt(f),
            Self::Module(path) => {
                let steps: Vec<String> = path.iter().map(ToString::to_string).collect();
                f.write_str(&steps.join("."))
            }
        }
    }
}

impl Endpoint {
    fn has_key(&self) -> bool {
        match self {
            Self::Resource(address) => address.key.is_some(),
            Self::Module(path) => path.last().is_some_and(|step| step.key.is_some()),
        }
    }

    /// Whether an instance is this, or of this block, or within this module.
    pub fn covers(&self, address: &ResourceAddress) -> bool {
        match self {
            Self::Resource(own) => own == address || (own.key.is_none() && *own == address.block()),
            Self::Module(path) => within(path, &address.module).is_some(),
        }
    }
}

/// The part of a module path that lies within another, with the key of the step that was matched without one.
fn within<'p>(outer: &[ModuleStep], path: &'p [ModuleStep]) -> Option<(Option<Key>, &'p [ModuleStep])> {
    let (last, before) = outer.split_last()?;
    let step = path.get(before.len())?;
    let fits = path.starts_with(before) && step.name == last.name && (last.key.is_none() || last.key == step.key);
    fits.then(|| (step.key.clone().filter(|_| last.key.is_none()), &path[outer.len()..]))
}

impl Moved {
    /// Where an address goes by this move; `None` when the move is not about it.
    pub fn follow(&self, address: &ResourceAddress) -> Option<ResourceAddress> {
        match (&self.from, &self.to) {
            (Endpoint::Resource(from), Endpoint::Resource(to)) => {
                if from == address {
                    return Some(to.clone());
                }
                let whole = from.key.is_none() && to.key.is_none() && *from == address.block();
                whole.then(|| ResourceAddress { key: address.key.clone(), ..to.clone() })
            }
            (Endpoint::Module(from), Endpoint::Module(to)) => {
                let (key, rest) = within(from, &address.module)?;
                let mut path = to.to_vec();
                let last = path.last_mut()?;
                if key.is_some() {
                    if last.key.is_some() {
                        return None;
                    }
                    last.key = key;
                }
                path.extend(rest.iter().cloned());
                Some(ResourceAddress { module: path.into(), ..address.clone() })
            }
            _ => None,
        }
    }

    /// The first declared instance that this move says is not there any more.
    fn left_behind<'i>(&self, instances: &'i [Instance]) -> Option<&'i Instance> {
        if let Endpoint::Resource(from) = &self.from {
            // Instances are in the order of their addresses: the first that can be meant is the one from here on.
            let at = instances.partition_point(|instance| instance.address < *from);
            return instances.get(at).filter(|instance| self.follow(&instance.address).is_some());
        }
        instances.iter().find(|instance| self.follow(&instance.address).is_some())
    }
}
