//! Large products whose elements one fused step reads, run a panel of rows at a time: the panel is still in the second-level
//! cache when it is read, and the next one is written over it.
//!
//! In compiler terms: producer-consumer tiling of a product with the group that reads it.
//!
//! That is the gradient of a weight on its way into Adam, or a wide layer on its way through bias and activation. It pays where
//! the product is larger than the cache and its right factor, which every panel reads, is small. With several threads the two
//! steps run one after the other, each on all threads. The bits are the same.

use super::block::{Access, Origin, Target};
use super::ir::Ir;
use super::lower::{ScheduledStep, StepKind, root};
use crate::num::Element;
use crate::ops::structural::TensorOp;

/// A product of more bytes than this is cut.
const LARGE: usize = 256 << 10;
/// The right factor has at most so many.
const FACTOR: usize = 64 << 10;
/// About as many bytes a panel has.
const PANEL: usize = 64 << 10;

/// How a product and the step after it run together.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    /// Rows of a panel.
    pub rows: usize,
    /// Which of the fused step's inputs is the product.
    pub read: usize,
}

/// Moves products that can run in panels to just before the step that reads them.
pub(super) fn bring_together<T: Element>(drafts: &mut [ScheduledStep<T>]) {
    for k in 2..drafts.len() {
        let StepKind::FusedGroup(block) = &drafts[k].run else { continue };
        if block.lanes * size_of::<T>() <= LARGE {
            continue;
        }
        let reads = &drafts[k].reads[..block.buffers];
        let product = (0..k - 1).rev().find(|&j| {
            let is_read = matches!(drafts[j].run, StepKind::Tensor { .. }) && reads.contains(&drafts[j].writes[0]);
            is_read && panels(&drafts[j], &drafts[k]).is_some()
        });
        let Some(j) = product else { continue };
        let between = &drafts[j + 1..k];
        if !between.iter().any(|draft| draft.reads.contains(&drafts[j].writes[0])) {
            drafts[j..k].rotate_left(1);
        }
    }
}

/// For every step whether it and the next run in panels; such a fused step then counts its lanes by rows of the product.
pub(super) fn find<T: Element>(ir: &Ir<T>, drafts: &mut [ScheduledStep<T>]) -> Vec<Option<Panels>> {
    let mut found: Vec<Option<Panels>> = vec![None; drafts.len()];
    for k in 1..drafts.len() {
        let (before, after) = drafts.split_at_mut(k);
        let (product, fused) = (&before[k - 1], &mut after[0]);
        let Some((panels, columns)) = panels(product, fused) else { continue };
        let key = product.writes[0];
        let guarded = ir.guards.iter().flat_map(|guard| [guard.left, guard.right]);
        let leaves = ir.outputs.iter().copied().chain(guarded).any(|end| root(ir, end) == key);
        let readers = drafts.iter().flat_map(|draft| &draft.reads).filter(|&&read| read == key).count();
        if leaves || readers != 1 {
            continue;
        }
        if let StepKind::FusedGroup(block) = &mut drafts[k].run {
            block.inner = columns;
        }
        found[k - 1] = Some(panels);
    }
    found
}

fn panels<T: Element>(product: &ScheduledStep<T>, fused: &ScheduledStep<T>) -> Option<(Panels, usize)> {
    let StepKind::Tensor { op: TensorOp::MatMul(op), shapes, accumulate: false } = &product.run else { return None };
    let StepKind::FusedGroup(block) = &fused.run else { return None };
    let [x, y] = [&shapes[0], &shapes[1]];
    if x.rank() != 2 || y.rank() != 2 {
        return None;
    }
    let (m, n) = (x[op.ta as usize], y[1 - op.tb as usize]);
    let bytes = m * n * size_of::<T>();
    let rows = (PANEL / (n.max(1) * size_of::<T>())).next_multiple_of(48);
    let read = fused.reads[..block.buffers].iter().position(|&key| key == product.writes[0])?;
    let whole = block.lanes == m * n && [n, block.lanes].contains(&block.inner);
    let by_rows = block.sources.iter().all(|source| match source.walk {
        Access::Flat => true,
        Access::Row => block.inner == n && source.from != Origin::Input(read),
        _ => false,
    });
    let stored = block.targets.iter().all(|target| matches!(target, Target::Flat { .. }));
    let pays = bytes > LARGE && y.numel() * size_of::<T>() <= FACTOR && 2 * rows <= m;
    (whole && by_rows && stored && pays).then_some((Panels { rows, read }, n))
}
