//! Which nodes depend on chosen variables.

use crate::num::Element;
use crate::tape::{NodeId, NodeRef, Tape, Var};

/// A mark for every node that depends on one of the chosen variables.
pub(crate) struct Needs {
    scalars: Vec<bool>,
    entries: Vec<bool>,
    /// The chosen ones.
    ends: Vec<NodeId>,
}

impl Needs {
    /// Marks, in one pass forward, what lies downstream of the variables.
    pub fn downstream_of<T: Element>(tape: &Tape<T>, xs: &[Var<'_, T>]) -> Self {
        let entries = tape.entries();
        let mut needs = Needs {
            scalars: vec![false; tape.scalars().len() as usize],
            entries: vec![false; entries.len()],
            ends: xs.iter().map(|x| x.id).collect(),
        };
        for x in xs {
            match x.id.lane() {
                NodeRef::Scalar(id) => needs.scalars[id as usize] = true,
                NodeRef::Tensor(k) => needs.entries[k] = true,
                NodeRef::Constant => {}
            }
        }
        let mut lo = 0;
        for (k, entry) in entries.iter().enumerate() {
            needs.mark_scalars(tape, lo, entry.mark);
            lo = entry.mark;
            let depends = |id: NodeId| match id.lane() {
                NodeRef::Scalar(id) => needs.scalars[id as usize],
                NodeRef::Tensor(p) => needs.entries[p],
                NodeRef::Constant => false,
            };
            let depends = entry.active && entry.parents.iter().any(|parent| depends(parent.id));
            needs.entries[k] |= depends;
            if let Some(id) = entry.scalar {
                needs.scalars[id as usize] |= needs.entries[k];
            }
        }
        needs.mark_scalars(tape, lo, tape.scalars().len());
        needs
    }

    fn mark_scalars<T: Element>(&mut self, tape: &Tape<T>, lo: u32, hi: u32) {
        for id in lo..hi {
            let depends = tape.scalars().parents(id).iter().flatten().any(|&parent| self.scalars[parent as usize]);
            self.scalars[id as usize] |= depends;
        }
    }

    /// The variables that were chosen.
    pub fn ends(&self) -> &[NodeId] {
        &self.ends
    }
    pub fn scalar(&self, id: u32) -> bool {
        self.scalars.get(id as usize).is_some_and(|&needed| needed)
    }
    pub fn entry(&self, k: usize) -> bool {
        self.entries.get(k).is_some_and(|&needed| needed)
    }
}
