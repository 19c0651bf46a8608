//! Arguments that every resource block may have: `depends_on` and `lifecycle`.

use super::call::convert_at;
use super::desired::{Ignore, Lifecycle};
use super::evaluator::Evaluator;
use super::fault::{Evaluated, Faults, Gather, an, did_you_mean, fault, fault_with};
use super::module::{Module, check_body, check_unlabelled};
use super::resource::{Copy, Resource};
use super::roots::BlockRoots;
use super::scope::Scope;
use super::types::Type;
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::syntax::ast::{Block, Body, Expr, ExprKind, Step, StepKind};

impl<'a> Evaluator<'a> {
    /// `depends_on`: the addresses, all instances of a block where its name alone is given.
    pub(super) fn depends_on(&self, module: &Module<'a>, body: &Body) -> Evaluated<Vec<ResourceAddress>> {
        let Some(attribute) = body.attribute("depends_on") else { return Ok(Vec::new()) };
        let ExprKind::Tuple(items) = &attribute.value.kind else {
            let hint = "Write depends_on = [zone.example].".to_owned();
            return fault_with(
                &codes::DEPENDS_ON,
                attribute.value.span,
                "depends_on takes a list of references.",
                Some(hint),
            );
        };
        let roots = BlockRoots::of_module(self, module);
        let scope = Scope::new(&roots, &self.session);
        let mut gather = Gather::default();
        let mut addresses = Vec::new();
        for item in items {
            let value = gather.take(scope.eval(item).and_then(|value| only_references(value, item)));
            if let Some(value) = value {
                value.each_reference(&mut |address| addresses.push((**address).clone()));
            }
        }
        gather.done()?;
        Ok(addresses)
    }

    /// The `lifecycle` block of an instance.
    pub(super) fn lifecycle(&self, module: &Module<'a>, resource: &Resource<'a>, copy: &Copy) -> Evaluated<Lifecycle> {
        let mut blocks = resource.block.body.blocks_of("lifecycle");
        let Some(block) = blocks.next() else { return Ok(Lifecycle::default()) };
        if let Some(second) = blocks.next() {
            let report = Diagnostic::error(&codes::BLOCK_COUNT, "A resource has one lifecycle block.").at(second.head);
            return Err(report.related(block.head, "the first one").into());
        }
        check(block)?;
        let roots = BlockRoots { copy: Some(copy), ..BlockRoots::of_module(self, module) };
        let scope = Scope::new(&roots, &self.session);
        let mut gather = Gather::default();
        let mut flag = |name: &str| {
            let attribute = block.body.attribute(name)?;
            let value = scope.eval(&attribute.value);
            let span = attribute.value.span;
            let value = value.and_then(|value| convert_at(&value, &Type::Bool, span, &format!("\"{name}\"")));
            let truth = value.and_then(|value| match value.as_bool() {
                Some(truth) => Ok(truth),
                None => fault(&codes::LIFECYCLE, span, format!("\"{name}\" is true or false, and not null.")),
            });
            gather.take(truth)
        };
        let (prevent, destroy) = (flag("prevent_destroy"), flag("destroy"));
        let ignore = block.body.attribute("ignore_changes").map(|attribute| ignored(&attribute.value, resource));
        let ignore = ignore.and_then(|ignore| gather.take(ignore));
        gather.done()?;
        Ok(Lifecycle {
            prevent_destroy: prevent.unwrap_or(false),
            forget: destroy == Some(false),
            ignore_changes: ignore.unwrap_or_default(),
        })
    }
}

/// What an element of `depends_on` is: references, alone or in a collection. A variable or a local value may be named
/// whatever it holds, as in Terraform: only the references in it are waited for.
fn only_references(value: Value, item: &Expr) -> Evaluated {
    let named = match &item.kind {
        ExprKind::Traversal(traversal) => &traversal.source.kind,
        other => other,
    };
    if matches!(named, ExprKind::Variable(root) if matches!(&**root, "var" | "local")) {
        return Ok(value);
    }
    let is_reference = |one: &Value| matches!(one, Value::Ref(_));
    let fits = match &value {
        Value::Map(_, entries) => entries.values().all(is_reference),
        Value::List(_, items) => items.iter().all(is_reference),
        other => is_reference(other),
    };
    if fits { Ok(value) } else { fault(&codes::DEPENDS_ON, item.span, "A reference to a resource is required.") }
}

fn check(block: &Block) -> Evaluated<()> {
    let foreign = [
        ("create_before_destroy", "A renewal always issues the new version before the old one goes."),
        ("replace_triggered_by", "Certificates are versions: nothing is replaced."),
    ];
    let mut faults = Diagnostics::default();
    check_unlabelled(block, &mut faults);
    check_body(
        &block.body,
        "lifecycle block",
        &["prevent_destroy", "destroy", "ignore_changes", "enabled"],
        &["precondition", "postcondition"],
        &mut faults,
    );
    for fault in &mut faults.0 {
        let meant = |(name, _): &&(&str, &str)| {
            block.body.attribute(name).is_some_and(|attribute| Some(attribute.name.span) == fault.span)
        };
        if let Some((_, why)) = foreign.iter().find(meant) {
            fault.hint = Some((*why).to_owned());
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Box::<Faults>::from(faults)) }
}

/// `ignore_changes`: names of arguments as they are, or `all`. They are not evaluated.
fn ignored(expr: &Expr, resource: &Resource<'_>) -> Evaluated<Ignore> {
    match &expr.kind {
        ExprKind::Variable(word) if &**word == "all" => Ok(Ignore::All),
        ExprKind::Tuple(items) => {
            let mut gather = Gather::default();
            let paths = items.iter().filter_map(|item| gather.take(path_of(item, resource))).collect();
            gather.done()?;
            Ok(Ignore::Paths(paths))
        }
        _ => {
            let hint = "Write ignore_changes = [owner], or ignore_changes = all.".to_owned();
            fault_with(&codes::LIFECYCLE, expr.span, "ignore_changes takes a list of arguments, or all.", Some(hint))
        }
    }
}

fn path_of(item: &Expr, resource: &Resource<'_>) -> Evaluated<String> {
    let (root, steps): (&str, &[Step]) = match &item.kind {
        ExprKind::Variable(name) => (name, &[]),
        ExprKind::Literal(Value::String(name)) => (name, &[]),
        ExprKind::Traversal(traversal) => match &traversal.source.kind {
            ExprKind::Variable(name) => (name, &traversal.steps),
            _ => return fault(&codes::LIFECYCLE, item.span, "The name of an argument is required."),
        },
        _ => return fault(&codes::LIFECYCLE, item.span, "The name of an argument is required."),
    };
    let index = &resource.kind.body;
    let first = root.split('.').next().unwrap_or(root);
    if index.slot(first).is_none() {
        let detail = format!("{} has no argument named \"{first}\".", an(resource.kind.schema.name));
        return fault_with(&codes::LIFECYCLE, item.span, detail, did_you_mean(first, index.names()));
    }
    let mut path = root.to_owned();
    for step in steps {
        match &step.kind {
            StepKind::Attribute(name) => path.push_str(&format!(".{name}")),
            StepKind::Index(Expr { kind: ExprKind::Literal(Value::Number(at)), .. }) => {
                path.push_str(&format!(".{at}"))
            }
            StepKind::Index(Expr { kind: ExprKind::Literal(Value::String(key)), .. }) => {
                path.push_str(&format!(".{key}"))
            }
            _ => return fault(&codes::LIFECYCLE, step.span, "Only names and constant keys can be part of it."),
        }
    }
    Ok(path)
}
