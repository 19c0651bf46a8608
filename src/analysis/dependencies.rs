//! Which resource blocks refer to which, by way of local values, variables and outputs of modules. Instances are not told
//! apart: this is what the files say, whatever the values are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::declared::{Module, text_of};
use crate::eval::library::{Library, locate};
use crate::graph::Needs;
use crate::limits;
use crate::syntax::ast::{Block, Body, Expr, File};
use crate::syntax::references::{Reference, each_reference};

/// Blocks and what they refer to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// Resource blocks, in the order of their addresses: `module.m.certificate.www`.
    pub blocks: Vec<Node>,
    /// For each block those it refers to: indices, in order, each once.
    pub needs: Vec<Vec<usize>>,
}

/// One resource block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// The names of the module calls on the way to it; empty in the root.
    pub module: Vec<String>,
    /// `certificate.www`
    pub name: String,
}

impl Node {
    /// `module.m.certificate.www`
    pub fn address(&self) -> String {
        let steps = self.module.iter().map(|name| format!("module.{name}."));
        steps.chain([self.name.clone()]).collect()
    }
}

impl Dependencies {
    /// A circle: each refers to the next, and the last to the first.
    pub fn circle(&self) -> Option<Vec<usize>> {
        let mut graph = Needs::new(self.blocks.len());
        for (one, needs) in self.needs.iter().enumerate() {
            needs.iter().for_each(|other| graph.add(one, *other));
        }
        graph.order().err()
    }
}

/// Reads what the files say. `is_kind` tells types of resources from other roots of references.
pub fn of(root: &[File], library: &Library, is_kind: &dyn Fn(&str) -> bool) -> Dependencies {
    let mut tree = Tree { modules: Vec::new(), is_kind };
    tree.add(root, library, "", Vec::new(), None);
    let mut index: BTreeMap<Node, (usize, &Block)> = BTreeMap::new();
    for (at, one) in tree.modules.iter().enumerate() {
        for ((kind, name), block) in one.declared.resources.iter().filter(|((kind, _), _)| is_kind(kind)) {
            let node = Node { module: one.path.clone(), name: format!("{kind}.{name}") };
            index.insert(node, (at, block));
        }
    }
    let positions: HashMap<&Node, usize> = index.keys().enumerate().map(|(at, node)| (node, at)).collect();
    let needs = index.values().map(|(at, block)| {
        let mut walk = Walk { tree: &tree, seen: HashSet::new(), found: BTreeSet::new() };
        walk.body(*at, &block.body);
        walk.calls(*at);
        walk.found.iter().filter_map(|node| positions.get(node).copied()).collect()
    });
    let needs = needs.collect();
    Dependencies { needs, blocks: index.into_keys().collect() }
}

/// All modules, each as often as it is called.
struct Tree<'a> {
    modules: Vec<One<'a>>,
    is_kind: &'a dyn Fn(&str) -> bool,
}

struct One<'a> {
    path: Vec<String>,
    declared: Module<'a>,
    caller: Option<(usize, &'a Block)>,
    /// The modules it calls, by the call's name.
    callees: HashMap<&'a str, usize>,
}

impl<'a> Tree<'a> {
    fn add(
        &mut self,
        files: &'a [File],
        library: &'a Library,
        directory: &str,
        path: Vec<String>,
        caller: Option<(usize, &'a Block)>,
    ) -> usize {
        let declared = Module::of(files);
        let calls: Vec<(&str, &Block)> = declared.calls.iter().map(|(name, block)| (*name, *block)).collect();
        let at = self.modules.len();
        self.modules.push(One { path: path.clone(), declared, caller, callees: HashMap::new() });
        for (name, block) in calls {
            let source = text_of(block, "source").and_then(|source| Some(locate(directory, &source).ok()?.directory));
            let Some((below, files)) = source.and_then(|source| library.get_key_value(&source)) else { continue };
            // Modules that call each other in a circle are evaluation's to report.
            if path.len() >= limits::NESTING || self.modules.len() >= limits::MODULES {
                continue;
            }
            let path = path.iter().cloned().chain([name.to_owned()]).collect();
            let callee = self.add(files, library, below, path, Some((at, block)));
            self.modules[at].callees.insert(name, callee);
        }
        at
    }
}

/// One walk from a block to all resource blocks it refers to.
struct Walk<'a, 't> {
    tree: &'t Tree<'a>,
    /// Names that were followed, by module.
    seen: HashSet<(usize, &'a str, &'a str)>,
    found: BTreeSet<Node>,
}

impl<'a> Walk<'a, '_> {
    fn body(&mut self, module: usize, body: &'a Body) {
        body.attributes.iter().for_each(|attribute| self.expr(module, &attribute.value));
        body.blocks.iter().for_each(|block| self.body(module, &block.body));
    }

    fn expr(&mut self, module: usize, expr: &'a Expr) {
        let mut references = Vec::new();
        each_reference(expr, &mut |reference| references.push(reference));
        references.into_iter().for_each(|reference| self.follow(module, &reference));
    }

    fn follow(&mut self, module: usize, reference: &Reference<'a>) {
        let Some(name) = reference.first else { return };
        if !self.seen.insert((module, reference.root, name)) {
            return;
        }
        let one = &self.tree.modules[module];
        match reference.root {
            "local" => {
                if let Some(local) = one.declared.locals.get(name) {
                    self.expr(module, &local.value);
                }
            }
            "var" => {
                if let Some((parent, argument)) =
                    one.caller.and_then(|(parent, call)| Some((parent, call.body.attribute(name)?)))
                {
                    self.expr(parent, &argument.value);
                }
            }
            "module" => {
                if let Some(callee) = one.callees.get(name) {
                    self.outputs(*callee);
                }
            }
            kind if (self.tree.is_kind)(kind) => {
                let node = Node { module: one.path.clone(), name: format!("{kind}.{name}") };
                self.found.insert(node);
            }
            _ => {}
        }
    }

    fn outputs(&mut self, module: usize) {
        let outputs: Vec<&'a Block> = self.tree.modules[module].declared.outputs.values().copied().collect();
        outputs.into_iter().for_each(|output| self.body(module, &output.body));
    }

    /// What the calls on the way to a module wait for, and are repeated over.
    fn calls(&mut self, module: usize) {
        let mut next = self.tree.modules[module].caller;
        while let Some((parent, call)) = next {
            for name in ["depends_on", "for_each", "count"] {
                if let Some(argument) = call.body.attribute(name) {
                    self.expr(parent, &argument.value);
                }
            }
            next = self.tree.modules[parent].caller;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;
    use crate::syntax::parse;

    /// The edges of a root and one module `m`.
    fn edges(root: &str, module: &str) -> Vec<String> {
        let file = |id, text: &str| {
            let (file, faults) = parse(SourceId(id), text);
            assert!(faults.is_empty(), "{faults:?}");
            vec![file]
        };
        let library = Library::from([("m".to_owned(), file(1, module))]);
        let found = of(&file(0, root), &library, &|kind| ["zone", "certificate"].contains(&kind));
        let edge = |(one, needs): (usize, &Vec<usize>)| {
            let from = found.blocks[one].address();
            needs.iter().map(|to| format!("{from} -> {}", found.blocks[*to].address())).collect::<Vec<_>>()
        };
        found.needs.iter().enumerate().flat_map(edge).collect()
    }

    #[test]
    fn references_are_followed_through_names_and_modules() {
        let root = "zone \"a\" {}\nlocals {\n z = [local.y]\n y = zone.a\n}\ncertificate \"c\" {\n x {\n z = local.z\n }\n}\n\
                    module \"m\" {\n source = \"./m\"\n zone = zone.a\n}\ncertificate \"d\" {\n z = module.m.out\n}\n";
        let module =
            "variable \"zone\" {}\ncertificate \"e\" {\n z = var.zone\n}\noutput \"out\" {\n value = certificate.e\n}";
        assert_eq!(
            edges(root, module),
            ["certificate.c -> zone.a", "certificate.d -> module.m.certificate.e", "module.m.certificate.e -> zone.a",]
        );
    }

    #[test]
    fn circles_are_found() {
        let text = "zone \"a\" { x = zone.b }\nzone \"b\" { x = local.l }\nlocals {\n l = zone.a\n m = local.m\n}\n";
        let found = of(&[parse(SourceId(0), text).0], &Library::new(), &|kind| kind == "zone");
        assert_eq!(found.circle(), Some(vec![0, 1]));
    }
}
