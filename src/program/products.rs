//! How each product of a program is run. It is decided here, once, before memory is planned: what changes a carried input in
//! place, the plan and the steps go by the [`Way`] that a product carries, and none of them looks at its shape again.
//!
//! Large products whose elements one fused step reads, run a panel of rows at a time: the panel is still in the second-level
//! cache when it is read, and the next one is written over it. That is the gradient of a weight on its way into Adam, or a wide
//! layer on its way through bias and activation. It pays where the product is larger than the cache and its right factor, which
//! every panel reads, is small. With several threads the two steps run one after the other, each on all threads. The bits are
//! the same.
//!
//! **Invariant.** The factors of a product that runs by panels last until the fused step is done, which writes nothing that they
//! are in.
//!
//! In compiler terms: choice of kernels, and producer-consumer tiling of a product with the group that reads it.
//!
//! Where shapes change how things are run, in products and in the steps around them. Each is defined once, where it stands here;
//! `program/tests/thresholds.rs` and `tests/programs/program_thresholds.rs` have shapes below, at and above; for numbers of fused steps, maps
//! and the product's blocks that is in the tests beside them.
//!
//! | what is decided | by | where |
//! |---|---|---|
//! | a product is one thread's | fewer than 4,000,000 multiplications | `matmul::is_small` |
//! | ... and bound to its addresses | also no empty side | `matmul::is_bound` |
//! | a stack of products is bound | each of them is, and a factor has a matrix for each, or one for all | `MatMul::stack` |
//! | a product may be cut into rows | more than one step and column | `matmul::has_rows_to_cut` |
//! | a part of a product, for a thread or a panel | 48 rows or columns | `matmul::PART` |
//! | a product and its reader run by panels | more than 256 KB; right factor up to 64 KB; not one thread's; two panels | `Way::fits_panels` |
//! | a panel | about 64 KB, whole parts | `rows_of_a_panel` |
//! | the kernel of a product | row, dots, one tile, blocks | `matmul::chosen` |
//! | a block of the product's | depth, width, height, packing | `matmul/blocks.rs` |
//! | ... multiplied in parts | k above 4096, dots above 512 in each lane of a vector | `matmul/deep.rs` |
//! | products of pieces are added up as they are computed | a power of two up to 64; k one block; one chain an element | `matmul/tree.rs` |
//! | sums are carried | after 64 chunks of lanes, 64 rows | `chunks/rows.rs` |
//! | arithmetic moves to its reader | two buffers, six ops | `lower/sink.rs` |
//! | a fused step is short (bound) | all lanes in one block: 3 KB a register, 32 KB in all | `block::longest`, `Code::assemble` |
//! | lanes go in chunks | the kernels' width | `block::kernels::chunk` |
//! | segments of lanes | eight blocks, 32 rows for sums by column, 64 of them | `BlockCode::segment` |
//! | segments go to threads | 500,000 element operations | `BlockCode::pays_for_threads` |
//! | streams are fetched ahead | 4 MB | `block/run.rs` |
//! | numbers of a fused step in batches | 64 ops | `block::code::BATCHED` |
//! | numbers in batches and chains | four alike; chains of four, up to four side by side | `batch/emit.rs`, `batch/chains.rs` |
//! | maps gather points | 2^20 operations, 2^10 points | `map/mod.rs` |

use super::block::{Access, Origin, Target};
use super::lower::{FusedGroup, ScheduledStep, StepKind};
use crate::graph::ssa::Ir;
use crate::num::Element;
use crate::ops::structural::MatMul;
use crate::tensor::Shape;
use crate::tensor::kernels::matmul::{PART, has_rows_to_cut, is_bound, is_small};

/// A product of more bytes than this is cut.
pub(super) const LARGE: usize = 256 << 10;
/// The right factor has at most so many.
pub(super) const FACTOR: usize = 64 << 10;
/// About as many bytes a panel has.
const PANEL: usize = 64 << 10;

/// How a product is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Bound to its addresses, with the kernel chosen: two matrices that one thread multiplies.
    Bound,
    /// So many rows at a time, each read by the fused step that is next before the others are computed.
    Panels { rows: usize },
    /// As a stack of small products, each bound but for its address.
    Stack,
    /// By itself, on all threads: two matrices, or stacks of others.
    Whole,
}

impl Way {
    /// The way of a product that nothing is known of but its factors' shapes.
    pub fn alone(op: &MatMul, [x, y]: [&Shape; 2], accumulate: bool) -> Self {
        match op.matrices(x, y) {
            Some(sizes) if is_bound(sizes) => Way::Bound,
            None if op.stack(x, y).is_some_and(|stack| is_bound(stack.sizes))
                && !(accumulate && op.gates != [false; 2]) =>
            {
                Way::Stack
            }
            _ => Way::Whole,
        }
    }

    /// Whether a product of [m, k] and [k, n] may run by panels, and pays.
    pub fn fits_panels<T>([m, n, k]: [usize; 3]) -> bool {
        let bytes = |rows: usize, columns: usize| rows.saturating_mul(columns).saturating_mul(size_of::<T>());
        let pays = bytes(m, n) > LARGE && bytes(k, n) <= FACTOR && !is_small([m, n, k]);
        pays && has_rows_to_cut([m, n, k]) && m / 2 >= rows_of_a_panel::<T>(n)
    }
}

/// The rows of a panel of n columns: none is so short that another kernel would take it.
pub(super) fn rows_of_a_panel<T>(n: usize) -> usize {
    (PANEL / (n.max(1) * size_of::<T>())).max(1).next_multiple_of(PART)
}

/// Settles which products run by panels, and puts each just before the step that reads it, which then counts its lanes by rows of
/// the product.
pub(super) fn settle<T: Element>(ir: &Ir<T>, drafts: &mut [ScheduledStep<T>]) {
    bring_together(drafts);
    for k in 1..drafts.len() {
        let (before, after) = drafts.split_at_mut(k);
        let (product, fused) = (&mut before[k - 1], &mut after[0]);
        let Some((rows, columns)) = panels(product, fused) else { continue };
        let key = product.writes[0];
        let guarded = ir.guards.iter().flat_map(|guard| [guard.left, guard.right]);
        let leaves = ir.outputs.iter().copied().chain(guarded).any(|end| ir.root(end) == key);
        let readers = drafts.iter().flat_map(|draft| &draft.reads).filter(|&&read| read == key).count();
        if leaves || readers != 1 {
            continue;
        }
        if let [
            ScheduledStep { run: StepKind::Product { way, .. }, .. },
            ScheduledStep { run: StepKind::FusedGroup(block), .. },
        ] = &mut drafts[k - 1..=k]
        {
            *way = Way::Panels { rows };
            block.inner = columns;
        }
    }
}

/// Moves products that can run in panels to just before the step that reads them.
fn bring_together<T: Element>(drafts: &mut [ScheduledStep<T>]) {
    for k in 2..drafts.len() {
        let StepKind::FusedGroup(block) = &drafts[k].run else { continue };
        if block.lanes * size_of::<T>() <= LARGE {
            continue;
        }
        let Some(j) = (0..k - 1).rev().find(|&j| panels(&drafts[j], &drafts[k]).is_some()) else { continue };
        let between = &drafts[j + 1..k];
        if !between.iter().any(|draft| draft.reads.contains(&drafts[j].writes[0])) {
            drafts[j..k].rotate_left(1);
        }
    }
}

/// The rows of a panel and the columns, where a fused step could read this product by panels.
fn panels<T: Element>(product: &ScheduledStep<T>, fused: &ScheduledStep<T>) -> Option<(usize, usize)> {
    let StepKind::Product { op, factors, accumulate: false, .. } = &product.run else { return None };
    let StepKind::FusedGroup(block) = &fused.run else { return None };
    let read = fused.reads[..block.buffers].iter().position(|&key| key == product.writes[0])?;
    let sizes @ [m, n, _] = op.matrices(&factors[0], &factors[1])?;
    if !Way::fits_panels::<T>(sizes) || !goes_by_rows(block, read, [m, n]) {
        return None;
    }
    Some((rows_of_a_panel::<T>(n), n))
}

/// Whether a fused step can take its lanes by rows of the product that it reads: in order, and no sums.
fn goes_by_rows<T>(block: &FusedGroup<T>, read: usize, [m, n]: [usize; 2]) -> bool {
    let whole = block.lanes == m * n && [n, block.lanes].contains(&block.inner);
    let by_rows = block.sources.iter().all(|source| match source.walk {
        Access::Flat => true,
        Access::Row => block.inner == n && source.from != Origin::Input(read),
        _ => false,
    });
    let stored = block.targets.iter().all(|target| matches!(target, Target::Flat { .. }));
    whole && by_rows && stored
}
