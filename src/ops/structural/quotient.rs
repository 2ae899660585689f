//! Quotients by the gaps between numbers, where some are none: what the rules of spectral decompositions divide by.

use super::matrices::rows_and_columns;
use super::{Contribution, Dims, Node, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tensor::Shape;

/// X_ij / (c_j - r_i), of X [.., m, n], c [.., 1, n] and r [.., m, 1]; 0 on the diagonal where it is `spectral`.
///
/// Where the gap is none, up to the rounding of a decomposition, the quotient is 0 if X_ij is nothing beside the largest of its
/// matrix: then what is differentiated does not depend on which vectors stand for a repeated eigenvalue. Else it is refused. With
/// a fourth input [.., rows, n], numbers of a row that belong to a repeated eigenvalue must be equal as well.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GapQuotient {
    pub spectral: bool,
    /// The decomposition that users know.
    pub of: &'static str,
}

/// What a number may be off by, in units of rounding and of the largest of them, after a decomposition of size n.
fn tolerance<T: Element>(n: usize) -> f64 {
    16.0 * n as f64 * T::EPSILON
}

fn largest<T: Element>(x: &[T]) -> f64 {
    x.iter().fold(0.0, |largest, x| x.to_f64().abs().max(largest))
}

impl TensorRule for GapQuotient {
    const NAME: &'static str = "gap_quotient";
    const CAN_FAIL: bool = true;
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "gap_quotient", calls: &[], text: include_str!("printed/gap_quotient.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        let weights = (inputs.len() < 4).then(|| "&[]".to_owned());
        weights.into_iter().chain(rows_and_columns(&inputs[0])).chain([self.spectral.to_string()]).collect()
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let dims = inputs[0].dims();
        let fits = dims.len() >= 2 && inputs[1].dims().last() == dims.last() && inputs[2].dims().last() == Some(&1);
        if !fits {
            return Err(Error::shape(format!("{}: quotients of shape {dims:?} by gaps of other sizes", self.of)));
        }
        Ok(dims.into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let &[.., m, n] = inputs[0].dims else { unreachable!("the shape was checked") };
        if m * n == 0 {
            return Ok(());
        }
        for (k, (x, out)) in inputs[0].data.chunks_exact(m * n).zip(out.chunks_exact_mut(m * n)).enumerate() {
            let (columns, rows) = (&inputs[1].data[k * n..(k + 1) * n], &inputs[2].data[k * m..(k + 1) * m]);
            let alike = inputs.get(3).map(|w| {
                let size = w.dims[w.dims.len() - 2] * n;
                &w.data[k * size..(k + 1) * size]
            });
            // Decompositions are computed in f64, and each number is rounded as it is stored.
            let computed = tolerance::<f64>(m.max(n)) * largest(columns).max(largest(rows));
            let coarse = tolerance::<T>(m.max(n)) * largest(columns).max(largest(rows));
            let x_all = x;
            let nothing = 0.25 * tolerance::<T>(m.max(n)) * largest(x);
            for i in 0..m {
                for j in 0..n {
                    let at = i * n + j;
                    let (x, c, r) = (x[at].to_f64(), columns[j].to_f64(), rows[i].to_f64());
                    let gap = c - r;
                    let none = computed + 4.0 * T::EPSILON * c.abs().max(r.abs());
                    out[at] = T::from_f64(match () {
                        _ if self.spectral && i == j => 0.0,
                        // A gradient on its way, which nothing passes.
                        _ if x == 0.0 && gap.is_nan() => 0.0,
                        // Not `gap.abs() > none`: NaN stays NaN.
                        _ if gap.abs() <= none => {
                            // The first row is judged by itself, what comes with the quotients by their size as well.
                            let differs = |(row, w): (usize, &[T])| {
                                let size = if row == 0 { largest(w) } else { largest(w).max(largest(x_all)) };
                                (w[i].to_f64() - w[j].to_f64()).abs() > 16.0 * tolerance::<T>(n) * size
                            };
                            let apart = alike.is_some_and(|alike| alike.chunks_exact(n).enumerate().any(differs));
                            if x.abs() > nothing || apart {
                                return Err(self.refusal(k, [i, j], columns[j].to_f64()));
                            }
                            0.0
                        }
                        // Beside a gap as small as this, rounding of what is nothing would be something.
                        _ if gap.abs() <= coarse && x.abs() <= nothing => 0.0,
                        _ => x / gap,
                    });
                }
            }
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        let again = |x: &A::V| a.apply(TensorOp::GapQuotient(self.clone()), &[x, &node.inputs[1], &node.inputs[2]]);
        match wrt {
            0 => {
                // Matrices of which nothing was asked, not selected as it may be: whatever comes back to that is not to be refused.
                let nothing = of_nothing(a, node.inputs);
                let known = a.select(&nothing, &a.literal(0.0), g);
                let unknown = a.select(&nothing, &a.literal(f64::NAN), &a.literal(0.0));
                a.add(&again(&known), &a.scale(g, &unknown))
            }
            1 | 2 => {
                let slope = again(&gated(a, g, node.output));
                let sum = a.sum_to(&slope, &a.shape(&node.inputs[wrt]));
                if wrt == 1 { a.neg(&sum) } else { sum }
            }
            _ => a.broadcast_to(&a.literal(0.0), &a.shape(&node.inputs[wrt])),
        }
        .into()
    }
    batched_as_it_is!(GapQuotient);
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let again = |x: &A::V| a.apply(TensorOp::GapQuotient(self.clone()), &[x, &node.inputs[1], &node.inputs[2]]);
        match wrt {
            0 => again(tangent),
            1 => a.neg(&again(&gated(a, tangent, node.output))),
            2 => again(&gated(a, tangent, node.output)),
            _ => a.broadcast_to(&a.literal(0.0), &a.shape(node.output)),
        }
    }
}

/// 1 for each matrix whose numerators are all 0, and whose numbers that must be alike are; else 0.
fn of_nothing<T: Element, A: Algebra<T>>(a: &A, inputs: &[A::V]) -> A::V {
    let size = |x: &A::V| {
        let one_each = a.shape(x).dims()[..a.rank(x) - 2].iter().copied().chain([1, 1]).collect();
        a.sum_to(&a.unary(UnaryOp::Abs(ops::Abs), x), &one_each)
    };
    let sizes = size(&inputs[0]);
    let sizes = inputs.get(3).map_or(sizes.clone(), |alike| a.add(&sizes, &size(alike)));
    a.equal(&sizes, &a.literal(0.0))
}

/// A gradient times a quotient: 0 where either is.
fn gated<T: Element, A: Algebra<T>>(a: &A, g: &A::V, quotient: &A::V) -> A::V {
    a.binary(BinaryOp::Gate(ops::Gate), g, quotient)
}

impl GapQuotient {
    fn refusal(&self, matrix: usize, [i, j]: [usize; 2], value: f64) -> Error {
        if !self.spectral {
            return Error::not_differentiable(format!(
                "{}: no derivative: singular value {j} of matrix {matrix} is 0, and the result depends on its vector, which is any unit vector \
                 at right angles to the others",
                self.of
            ));
        }
        let name = if self.of == "svd" { "singular values" } else { "eigenvalues" };
        let usual = value == 0.0 || (1e-4..1e16).contains(&value.abs());
        let value = if usual { value.to_string() } else { format!("{value:e}") };
        Error::not_differentiable(format!(
            "{}: no derivative: {name} {i} and {j} of matrix {matrix} are equal ({value}), and the result tells their vectors apart, or uses them \
             in a way that needs more than one of each; a function of all of them alike, as a sum, has a derivative",
            self.of
        ))
    }
}
