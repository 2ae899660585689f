//! The scalar lane in a replay: pushes are compared with what was recorded.

use super::{COPY, LEAF, LIMIT, LITERAL_FIRST, Node, ScalarLane};
use crate::num::Element;
use crate::ops::N_UNARY;
use std::panic::Location;

/// The rest of a recording that a replay has left.
pub(super) struct Tail<T> {
    nodes: Vec<Node<T>>,
    parameters: Vec<[f64; 2]>,
    sites: Vec<&'static Location<'static>>,
}

impl<T: Element> ScalarLane<T> {
    /// Goes along the recorded nodes from the first on, with pushes that are compared with them.
    pub fn replay(&self) {
        self.along.start();
        self.along_parameters.set(0);
        self.set_limit();
    }

    /// The number of the node that comes next.
    pub fn position(&self) -> u32 {
        if self.along.is_on() { self.along.at() as u32 } else { self.len() }
    }

    /// Goes past a node that an op on tensors made.
    pub fn pass(&self) {
        self.along.step();
    }

    /// Whether the node is the recorded one; a leaf takes its value. If not, the replay ends.
    pub(super) fn follows(&self, first: T, second: T, word: u64) -> bool {
        let id = self.along.at();
        let same = self.nodes().get(id).is_some_and(|node| {
            let code = node.code();
            let literal = (N_UNARY..COPY).contains(&(code & !LITERAL_FIRST)) && node.b() >= LIMIT;
            node.word == word && (!literal || node.second.to_f64().to_bits() == second.to_f64().to_bits())
        });
        if !same {
            self.leave();
        } else if (word >> 56) as u8 == LEAF {
            // SAFETY: id is below the length, and no slice of the nodes is out.
            unsafe { self.write(id, first, second, word) };
        }
        same
    }

    /// Ends a replay before its end: what was recorded further on is put aside.
    pub fn leave(&self) {
        if !self.along.is_on() {
            return;
        }
        let (at, parameters) = (self.along.at(), self.along_parameters.get());
        let mut sites = self.sites.borrow_mut();
        let sites = if self.keeps_sites { sites.split_off(at) } else { Vec::new() };
        let parameters = self.parameters.borrow_mut().split_off(parameters);
        self.along.leave(Tail { nodes: self.nodes()[at..].to_vec(), parameters, sites });
        self.len.set(at);
        // What is recorded now in place of leaves may be anything.
        self.leading_leaves.set(self.leading_leaves.get().min(at));
        self.has_other_leaves.set(true);
        self.set_limit();
    }

    /// Ends a replay, and puts back what was put aside. Whether it came to its end.
    pub fn end_replay(&self) -> bool {
        let ended = self.along.at() == self.len.get();
        let left = self.along.end();
        if let Some(Tail { nodes, parameters, sites }) = left {
            let at = self.along.at();
            self.len.set(at);
            self.leading_leaves.set(self.leading_leaves.get().min(at));
            self.has_other_leaves.set(true);
            self.reserve(nodes.len());
            for (k, node) in nodes.iter().enumerate() {
                // SAFETY: room for so many nodes after `at` was just reserved.
                unsafe { self.start.get().add(at + k).write(*node) };
            }
            self.len.set(at + nodes.len());
            let mut kept = self.parameters.borrow_mut();
            kept.truncate(self.along_parameters.get());
            kept.extend(parameters);
            if self.keeps_sites {
                let mut kept = self.sites.borrow_mut();
                kept.truncate(at);
                kept.extend(sites);
            }
            self.set_limit();
            return false;
        }
        self.set_limit();
        ended
    }

    /// Whether a replay was left.
    pub fn has_left(&self) -> bool {
        self.along.has_left()
    }

    /// The value of a leaf.
    pub fn leaf_value(&self, id: u32) -> T {
        self.nodes()[id as usize].second
    }

    /// A leaf for each value, numbered from the result on.
    #[cold]
    pub(super) fn replayed_leaves(&self, values: &[T]) -> u32 {
        let first = self.position();
        values.iter().for_each(|&value| _ = self.push_leaf(value));
        first
    }

    /// The number of the parameters, if they are the recorded ones; else the replay ends.
    pub(super) fn replayed_parameters(&self, parameters: [f64; 2]) -> Option<u32> {
        let at = self.along_parameters.get();
        let recorded = self.parameters.borrow().get(at).map(|p| p.map(f64::to_bits));
        if recorded != Some(parameters.map(f64::to_bits)) {
            self.leave();
            return None;
        }
        self.along_parameters.set(at + 1);
        Some(at as u32)
    }
}
