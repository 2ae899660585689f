//! How two operands become one product: which of their axes are rows, columns and what is summed, and in what order they lie.

use super::notation::{Label, Notation};
use crate::error::Result;
use crate::tensor::Shape;
use smallvec::SmallVec;

/// An operand, as far as its place in a product goes.
pub(super) struct Operand<'a> {
    pub labels: &'a [Label],
    pub elements: usize,
}

/// A factor: its letters in this order, in this shape.
pub(super) struct Factor {
    pub order: Vec<Label>,
    pub shape: Shape,
}

/// A product of two.
pub(super) struct Pair {
    /// Whether the second operand is the left factor.
    pub swapped: bool,
    /// Left and right.
    pub factors: [Factor; 2],
    /// Which factors are transposed in a product of matrices; none where nothing is summed, and elements are multiplied.
    pub matmul: Option<[bool; 2]>,
    /// The letters of the product, and its shape.
    pub labels: SmallVec<[Label; 6]>,
    pub out: Shape,
}

impl Pair {
    /// The product of two operands, summed over those of their letters that are not kept.
    #[inline(never)]
    pub fn of(operands: [Operand<'_>; 2], kept: &dyn Fn(Label) -> bool, notation: &Notation) -> Result<Self> {
        let [x, y] = operands;
        let shared = |label: &Label| x.labels.contains(label) && y.labels.contains(label);
        let of = |labels: &[Label], keep: &dyn Fn(&Label) -> bool| -> Vec<Label> {
            labels.iter().copied().filter(|label| keep(label)).collect()
        };
        let is_batch = |label: &Label| shared(label) && kept(*label);
        let is_summed = |label: &Label| shared(label) && !kept(*label);
        let free = [&x, &y].map(|operand| of(operand.labels, &|label| !shared(label)));
        // As the output has them, if it has them so: the result then lies as it is asked for.
        let reversed = [of(x.labels, &is_batch), free[1].clone(), free[0].clone()].concat();
        let swapped = reversed == notation.output && free.iter().all(|free| !free.is_empty());
        let (x, y) = if swapped { (y, x) } else { (x, y) };
        let [left, right] = [&x, &y].map(|operand| of(operand.labels, &|label| !shared(label)));
        // The shared letters in the order of one of both: where the fewer elements have to move.
        let orders = [x.labels, y.labels]
            .into_iter()
            .flat_map(|batch| [x.labels, y.labels].map(|sum| [of(batch, &is_batch), of(sum, &is_summed)]));
        let moved = |[batch, sum]: &[Vec<Label>; 2]| {
            let cost = |operand: &Operand<'_>, free: &[Label]| {
                let lies = *operand.labels == [&batch[..], free, sum].concat()
                    || *operand.labels == [&batch[..], sum, free].concat();
                if lies { 0 } else { operand.elements }
            };
            cost(&x, &left) + cost(&y, &right)
        };
        let Some([batch, sum]) = orders.min_by_key(moved) else { unreachable!("four of them") };
        let size = |labels: &[Label]| -> usize { labels.iter().map(|&label| notation.length(label)).product() };
        let labels: SmallVec<[Label; 6]> = batch.iter().chain(&left).chain(&right).copied().collect();
        let out = Shape::of("einsum", &labels.iter().map(|&label| notation.length(label)).collect::<Vec<_>>())?;
        let (b, m, n, k) = (size(&batch), size(&left), size(&right), size(&sum));
        if sum.is_empty() {
            let factors = [
                Factor { order: [&batch[..], &left].concat(), shape: [b, m, 1].into() },
                Factor { order: [&batch[..], &right].concat(), shape: [b, 1, n].into() },
            ];
            return Ok(Self { swapped, factors, matmul: None, labels, out });
        }
        let factor = |parts: [&[Label]; 2], sides: [usize; 2]| Factor {
            order: [&batch[..], parts[0], parts[1]].concat(),
            shape: if batch.is_empty() { sides.into() } else { [b, sides[0], sides[1]].into() },
        };
        // A factor as it lies, or turned.
        let ta = *x.labels == [&batch[..], &sum, &left].concat() && !left.is_empty();
        let tb = *y.labels == [&batch[..], &right, &sum].concat() && !right.is_empty();
        let factors = [
            if ta { factor([&sum, &left], [k, m]) } else { factor([&left, &sum], [m, k]) },
            if tb { factor([&right, &sum], [n, k]) } else { factor([&sum, &right], [k, n]) },
        ];
        Ok(Self { swapped, factors, matmul: Some([ta, tb]), labels, out })
    }
}
