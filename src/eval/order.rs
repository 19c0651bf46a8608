//! The order in which values are computed: what a value refers to comes before it, as far as the text tells. The order
//! changes no result; it keeps long chains of references from recursing.

use std::collections::HashSet;

use super::evaluator::Evaluator;
use super::module::Module;
use super::roots::BlockRoots;
use super::scope::Roots as _;
use super::submodule::path_of;
use crate::syntax::ast::{Body, Expr};
use crate::syntax::references::each_reference;

/// A value of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Node<'a> {
    Variable(&'a str),
    Local(&'a str),
    Resource(&'a str, &'a str),
    /// A call of a module, with everything in it.
    Call(&'a str),
}

/// A node on the way, and those it refers to that are still to be visited.
struct Visit<'a> {
    node: Node<'a>,
    waiting: Vec<Node<'a>>,
}

impl<'a> Evaluator<'a> {
    /// Computes every value of a module. Faults are noted on the way.
    pub(super) fn compute(&self, module: &Module<'a>) {
        let mut seen = HashSet::new();
        let mut stack = Vec::new();
        let variables = module.variables.keys().map(|name| Node::Variable(name));
        let locals = module.locals.keys().map(|name| Node::Local(name));
        let resources =
            module.resources.iter().map(|one| Node::Resource(&one.block.kind.text, &one.block.labels[0].text));
        let calls = module.calls.keys().map(|name| Node::Call(name));
        for node in variables.chain(locals).chain(resources).chain(calls) {
            visit(module, node, &mut seen, &mut stack);
            while let Some(top) = stack.last_mut() {
                match top.waiting.pop() {
                    Some(next) => visit(module, next, &mut seen, &mut stack),
                    None => {
                        let node = top.node;
                        stack.pop();
                        self.compute_node(module, node);
                    }
                }
            }
        }
    }

    /// Computes one value; it is kept where it belongs, and so are its faults.
    fn compute_node(&self, module: &Module<'a>, node: Node<'a>) {
        match node {
            Node::Variable(name) => {
                if let Some(variable) = module.variables.get(name) {
                    let _ = self.variable(module, name, variable, variable.block.labels[0].span);
                }
            }
            Node::Local(name) => {
                if let Some(local) = module.locals.get(name) {
                    let roots = BlockRoots::of_module(self, module);
                    let _ = roots.resolve("local", Some(name), local.name.span);
                }
            }
            Node::Call(name) => {
                let Some(call) = module.calls.get(name) else { return };
                let Ok(expansion) = self.call_expansion(module, call, call.block.head) else { return };
                for copy in &expansion.instances {
                    if let Some(callee) = self.module(&path_of(&copy.address)) {
                        self.check_variables(&callee);
                        self.compute(&callee);
                    }
                }
            }
            Node::Resource(kind, name) => {
                let Some(resource) = module.resource(kind, name) else { return };
                let head = resource.block.head;
                // What is wrong with the block is reported even when it is repeated no time, or cannot be.
                self.prepared(resource);
                if let Ok(expansion) = self.expansion(module, resource, head) {
                    for at in 0..expansion.instances.len() {
                        let _ = self.instance(module, resource, &expansion, at, head);
                    }
                }
            }
        }
    }
}

fn visit<'a>(module: &Module<'a>, node: Node<'a>, seen: &mut HashSet<Node<'a>>, stack: &mut Vec<Visit<'a>>) {
    if seen.insert(node) {
        stack.push(Visit { node, waiting: needs(module, node) });
    }
}

/// What a node refers to, the last first.
fn needs<'a>(module: &Module<'a>, node: Node<'a>) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    match node {
        Node::Variable(_) | Node::Call(_) => {}
        Node::Local(name) => {
            if let Some(local) = module.locals.get(name) {
                add(module, local.expr, &mut found);
            }
        }
        Node::Resource(kind, name) => {
            if let Some(resource) = module.resource(kind, name) {
                add_body(module, &resource.block.body, &mut found);
            }
        }
    }
    if let Node::Call(name) = node
        && let Some(call) = module.calls.get(name)
    {
        add_body(module, &call.block.body, &mut found);
    }
    found.reverse();
    found
}

fn add_body<'a>(module: &Module<'a>, body: &'a Body, found: &mut Vec<Node<'a>>) {
    body.attributes.iter().for_each(|attribute| add(module, &attribute.value, found));
    body.blocks.iter().for_each(|block| add_body(module, &block.body, found));
}

fn add<'a>(module: &Module<'a>, expr: &'a Expr, found: &mut Vec<Node<'a>>) {
    each_reference(expr, &mut |reference| {
        let Some(first) = reference.first else { return };
        match reference.root {
            "var" => found.push(Node::Variable(first)),
            "local" => found.push(Node::Local(first)),
            "module" => found.push(Node::Call(first)),
            kind if module.resource(kind, first).is_some() => found.push(Node::Resource(kind, first)),
            _ => {}
        }
    });
}
