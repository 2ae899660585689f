//! Sums of products of tensors whose axes have letters: Einstein's notation.
//!
//! Owns what is done with operands: diagonals are views, sums that no other operand needs come first, and then two at a time in the order
//! that `path` finds cheapest. A product of two is one product of matrices, of their axes as they lie wherever that is one. Nothing here is
//! an op, so derivatives, programs and batches come from the parts. `notation` reads the letters, `pair` says how two operands
//! lie in their product.

mod notation;
mod pair;
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
use pair::{Operand, Pair};
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
            let product = x.times(y, &kept, &notation)?;
            terms.push(Some(product));
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

    /// The product of two, summed over the letters that they share and nothing else needs.
    #[track_caller]
    fn times(self, other: Self, kept: &dyn Fn(Label) -> bool, notation: &Notation) -> Result<Self> {
        let operands = [&self, &other].map(|term| Operand { labels: &term.labels, elements: term.var.numel() });
        let Pair { swapped, factors: [left, right], matmul, labels, out } = Pair::of(operands, kept, notation)?;
        let (x, y) = if swapped { (other, self) } else { (self, other) };
        let x = x.in_order(&left.order)?.to_shape(left.shape)?;
        let y = y.in_order(&right.order)?.to_shape(right.shape)?;
        let var = match matmul {
            Some([ta, tb]) => Var::record_tensor_op(TensorOp::MatMul(MatMul::plain(ta, tb)), &[x, y]),
            None => x.try_mul(y),
        };
        Ok(Self { var: var.named("einsum")?.to_shape(out)?, labels })
    }
}

impl Error {
    /// An error of what was asked of `einsum`.
    fn einsum(message: impl std::fmt::Display) -> Self {
        Self::argument(format!("einsum: {message}"))
    }
}
