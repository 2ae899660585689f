//! The Cholesky decomposition, and systems with a triangular matrix.
//!
//! Source of the rules: Murray, Differentiation of the Cholesky decomposition, arXiv:1602.07527.

use super::linear::{gradient_by_system, moved_by_system, square_size};
use super::matrices::{Nothing, Right, in_f64, last, lower_half, lower_of_product, only, symmetric};
use super::{Contribution, Dims, Node, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::formula::{self, Between};
use crate::num::elementwise::{Arguments, Bond, Formula, Math, RustFunction};
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::linalg::change_in_f64;
use crate::tensor::kernels::linalg::cholesky::{self, Half};

/// L of L L^T = (A + A^T) / 2, lower triangular with a positive diagonal, for matrices in the last two axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cholesky;

impl TensorRule for Cholesky {
    const NAME: &'static str = "cholesky";
    const CAN_FAIL: bool = true;
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "cholesky", calls: &[], text: include_str!("printed/cholesky.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![last(&inputs[0])]
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        square_size("cholesky", inputs[0].dims())?;
        Ok(inputs[0].dims().into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let n = inputs[0].last();
        for (i, matrix) in in_f64(inputs[0]) {
            let factored = change_in_f64(&mut out[i * n * n..(i + 1) * n * n], |l| cholesky::cholesky(&matrix, n, l));
            factored.map_err(|column| {
                Error::argument(format!(
                    "cholesky: matrix {i} of shape [{n}, {n}] is not positive definite: pivot {column} is not positive"
                ))
            })?;
        }
        Ok(())
    }
    /// A' = (S + S^T) / 2 with S = L^-T P L^-1, P being the lower half of L^T L'.
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let l = node.output;
        let p = lower_half(a, &lower_of_product(a, l, &only(a, g, |i, j| i >= j)));
        let left = back(a, l, &p);
        symmetric(a, &back(a, l, &a.transpose(&left))).into()
    }
    batched_as_it_is!(Cholesky);
    /// dL = L P, P being the lower half of L^-1 dA L^-T.
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let l = node.output;
        let forward =
            TensorOp::SolveTriangular(SolveTriangular { lower: true, transposed: false, right: Right::Gradient });
        let left = a.apply(forward.clone(), &[l, &symmetric(a, tangent)]);
        let both = a.apply(forward, &[l, &a.transpose(&left)]);
        a.times_gradient(l, false, &lower_half(a, &both), false)
    }
}

/// L^-T x.
fn back<T: Element, A: Algebra<T>>(a: &A, l: &A::V, x: &A::V) -> A::V {
    a.apply(
        TensorOp::SolveTriangular(SolveTriangular { lower: true, transposed: true, right: Right::Gradient }),
        &[l, x],
    )
}

/// X of T X = B, where T is the lower or upper triangle of A, or its transpose; the rest of A is not read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SolveTriangular {
    pub lower: bool,
    pub transposed: bool,
    pub right: Right,
}

impl SolveTriangular {
    /// The triangle of a matrix that is read.
    fn triangle<T: Element, A: Algebra<T>>(&self, a: &A, x: &A::V) -> A::V {
        if self.lower { only(a, x, |i, j| i >= j) } else { only(a, x, |i, j| i <= j) }
    }
}

impl TensorRule for SolveTriangular {
    const NAME: &'static str = "solve_triangular";
    const CAN_FAIL: bool = true;
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "solve_triangular", calls: &[], text: include_str!("printed/solve_triangular.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![last(&inputs[0]), last(&inputs[1]), self.lower.to_string(), self.transposed.to_string()]
    }
    fn gates(&self) -> [bool; 2] {
        [false, self.right.is_gate()]
    }
    fn without_gates(self) -> Self {
        Self { right: Right::Given, ..self }
    }
    fn unrefused(&self) -> Option<Self> {
        (self.right == Right::Gradient).then(|| Self { right: Right::OfGradient, ..self.clone() })
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let (a, b) = (inputs[0].dims(), inputs[1].dims());
        square_size("solve_triangular", a)?;
        if b.len() != a.len() || b[..b.len() - 1] != a[..a.len() - 1] {
            return Err(Error::shape(format!(
                "solve_triangular: the matrices have shape {}, the right sides {}; rows and leading axes must agree",
                Shape::from(a),
                Shape::from(b)
            )));
        }
        Ok(b.into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let (n, columns) = (inputs[0].last(), inputs[1].last());
        let half = Half { lower: self.lower, transposed: self.transposed };
        let size = n * columns;
        for (i, matrix) in in_f64(inputs[0]) {
            let out = &mut out[i * size..(i + 1) * size];
            out.copy_from_slice(&inputs[1].data[i * size..(i + 1) * size]);
            let nothing = Nothing::of(self.right, out, columns);
            if nothing.is_all() {
                continue;
            }
            let solved = change_in_f64(out, |x| cholesky::solve_triangular(&matrix, n, half, x, columns));
            match solved {
                Ok(()) => {}
                Err(_) if self.right == Right::OfGradient => out.fill(T::from_f64(f64::NAN)),
                Err(row) => {
                    return Err(Error::argument(format!(
                        "solve_triangular: matrix {i} of shape [{n}, {n}] is singular: element [{row}, {row}] is 0"
                    )));
                }
            }
            nothing.clear(out);
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        let back = TensorOp::SolveTriangular(Self {
            transposed: !self.transposed,
            right: self.right.of_derivative(),
            ..*self
        });
        let db = a.apply(back, &[&node.inputs[0], g]);
        if wrt == 1 {
            return db.into();
        }
        self.triangle(a, &gradient_by_system(a, &db, node.output, self.transposed, self.right)).into()
    }
    batched_as_it_is!(SolveTriangular);
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let right = match wrt {
            0 => moved_by_system(a, &self.triangle(a, tangent), node.output, self.transposed, self.right),
            _ => tangent.clone(),
        };
        a.apply(
            TensorOp::SolveTriangular(Self { right: self.right.of_derivative(), ..*self }),
            &[&node.inputs[0], &right],
        )
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let half = args.at(0, Bond::Sum);
        let name = Math::function(if self.lower { "tril" } else { "triu" });
        let power = if self.transposed { formula::TRANSPOSE.negative() } else { Math::integer(-1) };
        let factor = name.call(half).above(power);
        (Math::row(factor, Between::Matrix, args.at(1, Bond::Whole)), Bond::Product)
    }
}
