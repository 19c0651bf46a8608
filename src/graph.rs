//! Order and cycles over petgraph; built when needed and never stored.

use petgraph::algo::{greedy_feedback_arc_set, tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

/// What needs what, over `0..count`.
pub struct Needs(DiGraph<(), ()>);

impl Needs {
    /// Nothing needs anything yet.
    pub fn new(count: usize) -> Self {
        let mut graph = DiGraph::with_capacity(count, count);
        (0..count).for_each(|_| _ = graph.add_node(()));
        Self(graph)
    }

    /// `one` needs `other` first.
    pub fn add(&mut self, one: usize, other: usize) {
        self.0.add_edge(NodeIndex::new(other), NodeIndex::new(one), ());
    }

    /// An order in which each comes after what it needs, the same for the same additions.
    ///
    /// # Errors
    /// A circle: each needs the next, and the last needs the first.
    pub fn order(&self) -> Result<Vec<usize>, Vec<usize>> {
        match toposort(&self.0, None) {
            Ok(order) => Ok(order.into_iter().map(NodeIndex::index).collect()),
            Err(_) => Err(self.circle()),
        }
    }

    /// What one needs, directly.
    pub fn of(&self, one: usize) -> impl Iterator<Item = usize> {
        self.0.neighbors_directed(NodeIndex::new(one), petgraph::Direction::Incoming).map(NodeIndex::index)
    }

    /// Needs without which there is no circle, each of one for another: few, and the same for the same additions. None
    /// when there is no circle.
    pub fn closing(&self) -> Vec<(usize, usize)> {
        let closing = greedy_feedback_arc_set(&self.0);
        closing.map(|edge| (edge.target().index(), edge.source().index())).collect()
    }

    /// A circle within the first component that has one.
    fn circle(&self) -> Vec<usize> {
        let components = tarjan_scc(&self.0).into_iter().map(|nodes| nodes.into_iter().map(NodeIndex::index).collect());
        let circular =
            |nodes: &Vec<usize>| nodes.len() > 1 || nodes.iter().any(|one| self.of(*one).any(|it| it == *one));
        let mut component: Vec<usize> = components.into_iter().find(circular).unwrap_or_default();
        component.sort_unstable();
        let Some(first) = component.first() else { return Vec::new() };
        // Within a component everything is needed by something in it, so this walk meets itself.
        let mut walk = vec![*first];
        loop {
            let last = walk[walk.len() - 1];
            let Some(next) = self.of(last).filter(|next| component.binary_search(next).is_ok()).min() else {
                return walk;
            };
            if let Some(met) = walk.iter().position(|one| *one == next) {
                return walk.split_off(met);
            }
            walk.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(count: usize, needs: &[(usize, usize)], expected: Result<&[usize], &[usize]>) {
        let mut graph = Needs::new(count);
        needs.iter().for_each(|(one, other)| graph.add(*one, *other));
        assert_eq!(graph.order().as_deref().map_err(Vec::as_slice), expected);
    }

    #[test]
    fn everything_comes_after_what_it_needs() {
        check(3, &[(0, 2), (2, 1)], Ok(&[1, 2, 0]));
        check(0, &[], Ok(&[]));
    }

    #[test]
    fn a_circle_is_named_without_what_hangs_on_it() {
        check(5, &[(4, 1), (1, 2), (2, 3), (3, 1), (3, 0)], Err(&[1, 2, 3]));
        check(2, &[(1, 1)], Err(&[1]));
    }

    #[test]
    fn a_circle_is_opened_and_nothing_else_is() {
        let closing = |count, needs: &[(usize, usize)]| {
            let mut graph = Needs::new(count);
            needs.iter().for_each(|(one, other)| graph.add(*one, *other));
            graph.closing()
        };
        assert_eq!(closing(4, &[(0, 2), (2, 1), (3, 1), (3, 0)]), []);
        for needs in [&[(0, 1), (1, 0)][..], &[(3, 0), (0, 1), (1, 2), (2, 0)]] {
            let opened = closing(4, needs);
            assert_eq!(opened.len(), 1, "{needs:?}: {opened:?}");
            assert!(needs.contains(&opened[0]) && opened[0] != (3, 0), "{needs:?}: {opened:?}");
        }
    }
}
