//! Sums of products of tensors whose axes have letters: Einstein's notation.
//!
//! Owns what is done with operands: diagonals are views, sums that no other operand needs come first, and then two at a time in the order
//! that `path` finds cheapest. A product of two is one product of matrices, of their axes as they lie wherever that is one. Nothing here is
//! an op, so derivatives, programs and batches come from the parts. `notation` reads the letters.

mod notation;
mod path;

use super::methods::{as_data, at_once};
use super::{Var, same_tape};
use crate::error::{Error, Named, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{MatMul, Slice, TensorOp};
use crate::tensor::kernels::layout::View;
use crate::tensor::span::SliceSpec;
use crate::tensor::{Axes, Shape, Tensor};
use notation::{Label, Notation};
use smallvec::SmallVec;
use std::sync::Arc;

/// Products of tensors by letters.
impl<'t, T: Element> Var<'t, T> {
    /// The sum of products of tensors whose axes have letters: a letter that several operands have is one index, and one that the output
    /// lacks is summed. `"ij,jk->ik"` is a matrix product, `"bij,bjk->bik"` one of stacks, `"ii"` a trace, `"i,j->ij"` an outer product.
    ///
    /// A letter twice in one operand is its diagonal. `...` stands for any axes in front of the others, which broadcast. Without an arrow
    /// the output has the letters that stand once, in the order of the alphabet. Several operands are multiplied two at a time, in
    /// the order with the fewest multiplications (for up to eight; a greedy one for more). A product of two is one product of matrices.
    ///
    /// # Panics
    /// Where [`Var::try_einsum`] fails.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor, Var};
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var([[1.0, 2.0], [3.0, 4.0]]), tape.var([[1.0, 0.0], [2.0, 1.0]]));
    /// assert_eq!(Var::einsum("ij,jk->ik", &[a, b]).value(), a.matmul(b).value());
    /// // The trace of a product, and its gradient, which is the other factor's transpose.
    /// let trace = Var::einsum("ij,ji", &[a, b]);
    /// assert_eq!(trace.item(), 9.0);
    /// assert_eq!(trace.backward().wrt(a), b.value().t());
    /// ```
    #[track_caller]
    pub fn einsum(letters: &str, operands: &[Self]) -> Self {
        Self::try_einsum(letters, operands).or_panic()
    }

    /// As [`Var::einsum`].
    ///
    /// # Errors
    /// Letters that are none, or as many lists of them as there are no operands; an operand with other axes than letters; a letter with two
    /// lengths, which are named; an output letter that no operand has, or twice. Operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_einsum(letters: &str, operands: &[Self]) -> Result<Self> {
        let mut tape = None;
        for operand in operands {
            tape = same_tape("einsum", tape, operand.tape)?;
        }
        let shapes: Vec<Shape> = operands.iter().map(|operand| operand.shape()).collect();
        let notation = Notation::read(letters, &shapes)?;
        let mut terms: Vec<Option<Term<'t, T>>> = Vec::with_capacity(operands.len());
        for (at, (operand, labels)) in operands.iter().zip(&notation.inputs).enumerate() {
            let operand = tape.map_or(*operand, |tape| operand.on(tape));
            let term = Term::diagonal(operand, labels, &notation)?;
            let elsewhere = |label: Label| {
                notation.output.contains(&label)
                    || notation.inputs.iter().enumerate().any(|(other, labels)| other != at && labels.contains(&label))
            };
            terms.push(Some(term.summed(elsewhere)?));
        }
        let labels: Vec<&[Label]> = terms.iter().flatten().map(|term| &term.labels[..]).collect();
        for [left, right] in path::order(&labels, &notation) {
            let (Some(x), Some(y)) = (terms[left].take(), terms[right].take()) else {
                unreachable!("a path takes what is there")
            };
            let kept = |label: Label| {
                notation.output.contains(&label) || terms.iter().flatten().any(|term| term.labels.contains(&label))
            };
            let shared: Vec<Label> = x.labels.iter().copied().filter(|label| y.labels.contains(label)).collect();
            let summed: Vec<Label> = shared.iter().copied().filter(|&label| !kept(label)).collect();
            terms.push(Some(x.times(y, &shared, &summed, &notation)?));
        }
        let Some(term) = terms.pop().flatten() else { unreachable!("a path ends with one") };
        term.in_order(&notation.output)
    }
}

/// Products of tensors by letters.
impl<T: Element> Tensor<T> {
    /// The sum of products of tensors whose axes have letters: as [`Var::einsum`].
    ///
    /// # Panics
    /// Where [`Tensor::try_einsum`] fails.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let (a, x) = (Tensor::from([[1.0, 2.0], [3.0, 4.0]]), Tensor::from([1.0, 10.0]));
    /// assert_eq!(Tensor::einsum("i,ij,j->", &[x.clone(), a, x]).item(), 451.0);
    /// ```
    #[track_caller]
    pub fn einsum(letters: &str, operands: &[Self]) -> Self {
        Self::try_einsum(letters, operands).or_panic()
    }

    /// As [`Tensor::einsum`].
    ///
    /// # Errors
    /// As of [`Var::try_einsum`].
    #[inline(never)]
    pub fn try_einsum(letters: &str, operands: &[Self]) -> Result<Self> {
        at_once(|tape| {
            let operands: Vec<_> = operands.iter().map(|operand| as_data(tape, operand)).collect();
            Ok(Var::try_einsum(letters, &operands)?.value())
        })
    }
}

/// A tensor with a letter for each axis, none twice.
struct Term<'t, T> {
    var: Var<'t, T>,
    labels: SmallVec<[Label; 6]>,
}

impl<'t, T: Element> Term<'t, T> {
    /// An operand along the diagonals of axes that have one letter, without axes of length 1 that others stretch.
    #[track_caller]
    fn diagonal(var: Var<'t, T>, letters: &[Label], notation: &Notation) -> Result<Self> {
        let shape = var.shape();
        let strides = shape.strides();
        let mut labels: SmallVec<[Label; 6]> = SmallVec::new();
        let mut steps: SmallVec<[isize; 4]> = SmallVec::new();
        let mut lengths: SmallVec<[usize; 6]> = SmallVec::new();
        for ((&label, &n), &stride) in letters.iter().zip(shape.iter()).zip(&strides) {
            if n != notation.length(label) {
                continue;
            }
            match labels.iter().position(|&seen| seen == label) {
                Some(at) => steps[at] += stride as isize,
                None => {
                    labels.push(label);
                    steps.push(stride as isize);
                    lengths.push(n);
                }
            }
        }
        let to: Shape = lengths.iter().copied().collect();
        let twice =
            (0..letters.len()).any(|i| letters[..i].contains(&letters[i]) && shape[i] == notation.length(letters[i]));
        let var = if twice {
            let spec = SliceSpec { from: shape, to, view: View { start: 0, strides: steps } };
            Var::record_tensor_op(TensorOp::Slice(Slice { spec: Arc::new(spec) }), &[var]).named("einsum")?
        } else {
            var.to_shape(to)?
        };
        Ok(Self { var, labels })
    }

    /// Summed over the letters that are not kept.
    #[track_caller]
    fn summed(self, kept: impl Fn(Label) -> bool) -> Result<Self> {
        let axes: Vec<isize> = (0..self.labels.len()).filter(|&k| !kept(self.labels[k])).map(|k| k as isize).collect();
        if axes.is_empty() {
            return Ok(self);
        }
        let var = self.var.reduce_sum("einsum", Axes::from(&axes[..]))?;
        Ok(Self { var, labels: self.labels.into_iter().filter(|&label| kept(label)).collect() })
    }

    /// The axes in the order of these letters, which are this one's.
    #[track_caller]
    fn in_order(self, labels: &[Label]) -> Result<Var<'t, T>> {
        if self.labels[..] == *labels {
            return Ok(self.var);
        }
        let at = |label: &Label| self.labels.iter().position(|own| own == label).expect("one of this one's letters");
        self.var.try_permute(&labels.iter().map(at).collect::<Vec<_>>()).named("einsum")
    }

    /// The product of two, summed over some of the letters that they share.
    #[track_caller]
    fn times(self, other: Self, shared: &[Label], summed: &[Label], notation: &Notation) -> Result<Self> {
        let free = |term: &Self| -> Vec<Label> {
            term.labels.iter().copied().filter(|label| !shared.contains(label)).collect()
        };
        let (left, right) = (free(&self), free(&other));
        // As the output has them, if it has them so: the result then lies as it is asked for.
        let backwards = {
            let batch = shared.iter().filter(|label| !summed.contains(label));
            let reversed: Vec<Label> = batch.chain(&right).chain(&left).copied().collect();
            reversed == notation.output[..] && !left.is_empty() && !right.is_empty()
        };
        let (x, y, left, right) = if backwards { (other, self, right, left) } else { (self, other, left, right) };
        // The shared letters in the order of one of both: where the fewer elements have to move.
        let in_order_of = |term: &Self, of: &dyn Fn(Label) -> bool| -> Vec<Label> {
            term.labels.iter().copied().filter(|&label| shared.contains(&label) && of(label)).collect()
        };
        let (is_batch, is_summed) = (|label: Label| !summed.contains(&label), |label: Label| summed.contains(&label));
        let orders = [&x, &y]
            .into_iter()
            .flat_map(|batch| [&x, &y].map(|sum| [in_order_of(batch, &is_batch), in_order_of(sum, &is_summed)]));
        let moved = |[batch, sum]: &[Vec<Label>; 2]| {
            let lies = |term: &Self, free: &[Label]| {
                term.labels[..] == [&batch[..], free, sum].concat()
                    || term.labels[..] == [&batch[..], sum, free].concat()
            };
            let cost = |term: &Self, free: &[Label]| if lies(term, free) { 0 } else { term.var.numel() };
            cost(&x, &left) + cost(&y, &right)
        };
        let Some([batch, sum]) = orders.min_by_key(moved) else { unreachable!("four of them") };
        let size = |labels: &[Label]| -> usize { labels.iter().map(|&label| notation.length(label)).product() };
        let labels: SmallVec<[Label; 6]> = batch.iter().chain(&left).chain(&right).copied().collect();
        let out: Shape = Shape::of("einsum", &labels.iter().map(|&label| notation.length(label)).collect::<Vec<_>>())?;
        let (b, m, n, k) = (size(&batch), size(&left), size(&right), size(&sum));
        if sum.is_empty() {
            // Nothing to add up: elements times elements.
            let x = x.in_order(&[&batch[..], &left].concat())?.to_shape([b, m, 1].into())?;
            let y = y.in_order(&[&batch[..], &right].concat())?.to_shape([b, 1, n].into())?;
            let var = x.try_mul(y).named("einsum")?.to_shape(out)?;
            return Ok(Self { var, labels });
        }
        let matrix = |[rows, columns]: [usize; 2]| -> Shape {
            if batch.is_empty() { [rows, columns].into() } else { [b, rows, columns].into() }
        };
        // A factor as it lies, or turned.
        let ta = x.labels[..] == [&batch[..], &sum, &left].concat() && !left.is_empty();
        let tb = y.labels[..] == [&batch[..], &right, &sum].concat() && !right.is_empty();
        let (x_order, x_shape) = if ta {
            ([&batch[..], &sum, &left].concat(), [k, m])
        } else {
            ([&batch[..], &left, &sum].concat(), [m, k])
        };
        let (y_order, y_shape) = if tb {
            ([&batch[..], &right, &sum].concat(), [n, k])
        } else {
            ([&batch[..], &sum, &right].concat(), [k, n])
        };
        let x = x.in_order(&x_order)?.to_shape(matrix(x_shape))?;
        let y = y.in_order(&y_order)?.to_shape(matrix(y_shape))?;
        let product = TensorOp::MatMul(MatMul::plain(ta, tb));
        let var = Var::record_tensor_op(product, &[x, y]).named("einsum")?.to_shape(out)?;
        Ok(Self { var, labels })
    }
}

impl Error {
    /// An error of what was asked of `einsum`.
    fn einsum(message: impl std::fmt::Display) -> Self {
        Self::argument(format!("einsum: {message}"))
    }
}
