//! Moves cheap ops to the group that uses them, instead of writing their results to memory for it.
//!
//! In compiler terms: rematerialisation: a cheap producer is computed again in its consumer.
//!
//! A momentum times 0.9 waits for the gradient, a sigmoid's derivative for what comes back: computed where they are read,
//! they cost no memory traffic, since what they are made of is in memory anyway.

use super::{Home, Lowering, is_elementwise};
use crate::graph::ssa::{IrOp, NodeKey};
use crate::num::Element;
use crate::ops::{BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use slotmap::SecondaryMap;

/// No more buffers than this are read in place of one.
const BUFFERS: usize = 2;
/// No deeper chain of ops than this moves at once.
const DEPTH: usize = 6;

impl<T: Element> Lowering<T> {
    /// Moves what can move, last nodes first, so that a chain follows its end.
    pub(super) fn sink(&mut self) {
        let readers = self.readers();
        let stored = self.read_outside();
        for key in self.ir.order.clone().into_iter().rev() {
            if let Some(group) = self.later_group(key, &readers)
                && self.buffers_behind(key, &readers, &stored, DEPTH).is_some_and(|n| n <= BUFFERS)
            {
                self.move_to(key, group, &readers, &stored);
            }
        }
        for group in &mut self.groups {
            group.members.clear();
        }
        for &key in &self.ir.order {
            if let Home::FusionGroup(group) = self.homes[key] {
                self.groups[group].members.push(key);
            }
        }
    }

    /// The nodes that read each node; what leaves the program is read by itself.
    fn readers(&self) -> SecondaryMap<NodeKey, Vec<NodeKey>> {
        let mut readers: SecondaryMap<NodeKey, Vec<NodeKey>> = SecondaryMap::new();
        for &key in &self.ir.order {
            readers.insert(key, Vec::new());
            for &arg in &self.node(key).args {
                readers[arg].push(key);
            }
        }
        let guards = self.ir.guards.iter().flat_map(|guard| [guard.left, guard.right]);
        for key in self.ir.outputs.iter().copied().chain(guards) {
            readers[key].push(key);
        }
        readers
    }

    /// The one group of the node's shape, at a later stage, that all its readers are in.
    fn later_group(&self, key: NodeKey, readers: &SecondaryMap<NodeKey, Vec<NodeKey>>) -> Option<usize> {
        let Home::FusionGroup(own) = self.homes[key] else { return None };
        let mut groups = readers[key].iter().map(|&reader| match self.homes[reader] {
            Home::FusionGroup(group) if reader != key && self.groups[group].shape == self.groups[own].shape => {
                Some(group)
            }
            _ => None,
        });
        let first = groups.next()??;
        (first != own && self.groups[own].shape.numel() > 1 && groups.all(|group| group == Some(first)))
            .then_some(first)
    }

    /// How many buffers the node is computed from, if that is cheap: those in memory anyway, through ops that only it needs.
    fn buffers_behind(
        &self,
        key: NodeKey,
        readers: &SecondaryMap<NodeKey, Vec<NodeKey>>,
        stored: &SecondaryMap<NodeKey, ()>,
        depth: usize,
    ) -> Option<usize> {
        let node = self.node(key);
        if depth == 0 || !is_cheap(&node.op) {
            return None;
        }
        let mut sources: Vec<NodeKey> = node.args.iter().map(|&arg| self.unstretched(arg)).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.retain(|&source| self.node(source).shape.numel() != 1);
        sources.into_iter().try_fold(0, |sum, source| {
            let inside = self.homes[source] == self.homes[key];
            if !inside || stored.contains_key(source) {
                return Some(sum + 1);
            }
            let only_ours = readers[source].iter().all(|&reader| reader == key);
            if only_ours { Some(sum + self.buffers_behind(source, readers, stored, depth - 1)?) } else { None }
        })
    }

    /// Moves the node and what only it needs, if the group can read its arguments.
    fn move_to(
        &mut self,
        key: NodeKey,
        group: usize,
        readers: &SecondaryMap<NodeKey, Vec<NodeKey>>,
        stored: &SecondaryMap<NodeKey, ()>,
    ) {
        let own = self.homes[key];
        let sources: Vec<NodeKey> = self.node(key).args.iter().map(|&arg| self.unstretched(arg)).collect();
        let outside = |source: &NodeKey| self.homes[*source] != own || stored.contains_key(*source);
        let outside: Vec<NodeKey> = sources.iter().copied().filter(outside).collect();
        if !outside.into_iter().all(|source| self.fits(source, group)) {
            return;
        }
        self.homes.insert(key, Home::FusionGroup(group));
        for source in sources {
            let moves = self.homes[source] == own
                && !stored.contains_key(source)
                && is_elementwise(&self.node(source).op)
                && readers[source].iter().all(|&reader| self.homes[reader] == Home::FusionGroup(group));
            if moves {
                self.move_to(source, group, readers, stored);
            }
        }
    }
}

/// Whether an op is arithmetic: less work than reading its result from memory.
fn is_cheap<T>(op: &IrOp<T>) -> bool {
    match op {
        IrOp::Op(NodeOp::Unary(op)) => {
            matches!(op, UnaryOp::Neg(_) | UnaryOp::Square(_) | UnaryOp::Abs(_) | UnaryOp::Relu(_))
        }
        IrOp::Op(NodeOp::Binary(op)) => matches!(
            op,
            BinaryOp::Add(_) | BinaryOp::Sub(_) | BinaryOp::Mul(_) | BinaryOp::Scale(_) | BinaryOp::Greater(_)
        ),
        IrOp::Op(NodeOp::Tensor(_)) | IrOp::Op(NodeOp::Select) => true,
        _ => false,
    }
}
