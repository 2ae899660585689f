//! Linear algebra: products, inverses, systems and decompositions, as methods of variables and tensors.

use super::Var;
use super::methods::methods;
use crate::error::{Error, Named, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{
    Cholesky, Det, Eigh, Expm, Inv, MatMul, Qr, Right, SlogDet, Solve, SolveTriangular, Svd, TensorOp,
};
use crate::tensor::{Shape, Span, Tensor};

/// Which triangle of a matrix [`Var::solve_triangular`] reads.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, Triangle};
/// let m = Tensor::from([[2.0, 9.0], [1.0, 4.0]]);
/// let b = Tensor::from([2.0, 9.0]);
/// // The 9 is not read, and then the 1 is not.
/// assert_eq!(m.solve_triangular(&b, Triangle::Lower).to_vec(), [1.0, 2.0]);
/// assert_eq!(m.solve_triangular(&b, Triangle::Upper).to_vec(), [-9.125, 2.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Triangle {
    /// The diagonal and what is below it.
    Lower,
    /// The diagonal and what is above it.
    Upper,
}

methods! {
    /// Linear algebra: matrices stand in the last two axes, and leading axes are batches.
    errors "Shapes that do not fit."

    /// The matrix product of the last two axes; leading axes broadcast, and a vector is a row on the left or a column on the right.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let a: Tensor<f64> = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.matmul(&a.t()), Tensor::from([[5.0, 11.0], [11.0, 25.0]]));
    /// assert_eq!((2.0 * &a - a.mean(0)).sum(()).item(), 10.0);
    /// ```
    matmul try_matmul(x, &rhs) -> Self { x.product(rhs, MatMul::plain(false, false)) }

    /// The matrix product with this operand transposed, without moving its elements.
    matmul_tn try_matmul_tn(x, &rhs) -> Self { x.product(rhs, MatMul::plain(true, false)) }

    /// The matrix product with the other operand transposed, without moving its elements.
    matmul_nt try_matmul_nt(x, &rhs) -> Self { x.product(rhs, MatMul::plain(false, true)) }

    /// The inner product of two vectors.
    dot try_dot(x, &rhs) -> Self {
        let (a, b) = (x.shape(), rhs.shape());
        if a.rank() != 1 || a != b {
            return Err(Error::shape(format!("dot: needs two vectors of one length, got shapes {a} and {b}")));
        }
        x.product(rhs, MatMul::plain(false, false))
    }

    /// The matrix of all products of two vectors' elements.
    outer try_outer(x, &rhs) -> Self {
        let (a, b) = (x.shape(), rhs.shape());
        if a.rank() != 1 || b.rank() != 1 {
            return Err(Error::shape(format!("outer: needs two vectors, got shapes {a} and {b}")));
        }
        x.try_reshape([a[0], 1])?.try_mul(rhs.try_reshape([1, b[0]])?)
    }

    /// The Kronecker product: every element of this tensor times all of the other, along every axis; where one has fewer axes, it has axes
    /// of length 1 in front.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let a = Tensor::from([[1.0, 2.0]]);
    /// assert_eq!(a.kron([[1.0, 0.0], [0.0, 1.0]]), Tensor::from([[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 2.0]]));
    /// ```
    kron try_kron(x, &rhs) -> Self,
        errors "A product that no memory holds."
    {
        let (a, b) = (x.shape(), rhs.shape());
        let rank = a.rank().max(b.rank());
        let length = |shape: &Shape, axis: usize| (axis + shape.rank()).checked_sub(rank).map_or(1, |axis| shape[axis]);
        let lengths = |of: [Option<&Shape>; 2]| -> Result<Shape> {
            let pair = |axis: usize| of.map(|shape| shape.map_or(1, |shape| length(shape, axis)));
            Shape::of("kron", &(0..rank).flat_map(pair).collect::<Vec<_>>())
        };
        // No wrap: a length that large is refused.
        let out: Vec<usize> = (0..rank).map(|axis| length(&a, axis).saturating_mul(length(&b, axis))).collect();
        let out = Shape::of("kron", &out)?;
        let (left, right) = (x.to_shape(lengths([Some(&a), None])?)?, rhs.to_shape(lengths([None, Some(&b)])?)?);
        left.try_mul(right).named("kron")?.to_shape(out)
    }

    /// The solution x of A x = b in least squares, for A of [m, n] and a right side: a vector, or a matrix of columns. With m >= n it is the
    /// one x that makes A x - b shortest; with m < n, the shortest x that solves the system. By the QR decomposition of A, or of its transpose.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// // A line through three points: 1 + 2 t.
    /// let a: Tensor<f64> = Tensor::from([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]);
    /// let line = a.lstsq([1.0, 3.0, 5.0]);
    /// assert!((line - Tensor::from([1.0, 2.0])).abs().max(()).item() < 1e-14);
    /// ```
    lstsq try_lstsq(a, &rhs) -> Self,
        errors "Fewer than two axes, right sides that do not fit; dependent columns, or rows where m < n, which leave no single solution."
    {
        let (shape, right) = (a.shape(), rhs.shape());
        let &[.., m, n] = shape.dims() else {
            return Err(Error::shape(format!("lstsq: needs matrices in the last two axes, got shape {shape}")));
        };
        let is_vector = right.rank() + 1 == shape.rank();
        let b = if is_vector { rhs.try_unsqueeze(-1)? } else { rhs };
        let (rows, of_b) = (&shape.dims()[..shape.rank() - 1], b.shape());
        if of_b.rank() != shape.rank() || of_b.dims()[..shape.rank() - 1] != *rows {
            return Err(Error::shape(format!(
                "lstsq: the matrices have shape {shape}, the right sides {right}; rows and leading axes must agree"
            )));
        }
        let triangle = |transposed: bool| {
            TensorOp::SolveTriangular(SolveTriangular { lower: false, transposed, right: Right::Given })
        };
        let dependent = |what: &str, error: Error| {
            error.named(&format!("lstsq: the {what} of a matrix are dependent, so that no one solution is the best; of its Q R"))
        };
        let x = if m >= n {
            let (q, r) = a.try_qr().named("lstsq")?;
            let b = Var::record_tensor_op(TensorOp::MatMul(MatMul::plain(true, false)), &[q, b])?;
            Var::record_tensor_op(triangle(false), &[r, b]).map_err(|error| dependent("columns", error))?
        } else {
            let (q, r) = a.try_t()?.try_qr().named("lstsq")?;
            let y = Var::record_tensor_op(triangle(true), &[r, b]).map_err(|error| dependent("rows", error))?;
            Var::record_tensor_op(TensorOp::MatMul(MatMul::plain(false, false)), &[q, y])?
        };
        if is_vector { x.try_squeeze(-1) } else { Ok(x) }
    }

    /// The matrix exponential, I + A + A^2 / 2 + ... It is computed in `f64` by scaling and squaring, with the Pade approximation of
    /// degree 13. Derivatives of every order are those of the exponential, by larger matrices: a gradient costs eight products of A's size
    /// for each one of the value.
    ///
    /// What a large element leaves of the others' digits: beside one of 1e10, half of them, as of `[[1, 1e10], [0, -1]]`. From a norm
    /// of 6e15 on nothing is left, and the result is NaN.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// // A quarter turn.
    /// let angle = std::f64::consts::FRAC_PI_2;
    /// let turn = Tensor::from([[0.0, -angle], [angle, 0.0]]).expm();
    /// assert!((turn - Tensor::from([[0.0, -1.0], [1.0, 0.0]])).abs().max(()).item() < 1e-15);
    /// // det exp(A) = e^(trace A)
    /// let tape = Tape::new();
    /// let a = tape.var([[0.5, 1.0], [0.25, -1.0]]);
    /// let found = a.expm().det().ln().backward().wrt(a);
    /// assert!((found - Tensor::eye(2)).abs().max(()).item() < 1e-14);
    /// ```
    ///
    /// Source: Higham, The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005).
    expm try_expm(x) -> Self,
        errors "Matrices that are not square."
    { Var::record_tensor_op(TensorOp::Expm(Expm { directions: 0 }), &[x]) }

    /// The determinant, which may leave the range of numbers where [`Self::slogdet`] does not. Gradient: the
    /// cofactors, which are det(A) inv(A)^T where there is an inverse, and there for singular matrices as well, at every order.
    det try_det(x) -> Self,
        errors "Matrices that are not square."
    { Var::record_tensor_op(TensorOp::Det(Det), &[x]) }

    /// The inverse. For a system, [`Self::solve`] is more accurate, and cheaper.
    inv try_inv(x) -> Self,
        errors "Matrices that are not square; a singular one, which is named."
    { Var::record_tensor_op(TensorOp::Inv(Inv), &[x]) }

    /// The solution x of A x = b, for this A and a right side: a vector, or a matrix of columns.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let a: Tensor<f64> = Tensor::from([[2.0, 0.0], [1.0, 4.0]]);
    /// assert_eq!(a.solve(&Tensor::from([2.0, 9.0])), Tensor::from([1.0, 2.0]));
    /// ```
    solve try_solve(x, &rhs) -> Self,
        errors "Matrices that are not square, right sides that do not fit; a singular one, which is named."
    {
        let op = TensorOp::Solve(Solve { transposed: false, right: Right::Given });
        let shape = rhs.shape();
        if shape.rank() + 1 == x.rank() {
            return Var::record_tensor_op(op, &[x, rhs.try_unsqueeze(-1)?])?.to_shape(shape);
        }
        Var::record_tensor_op(op, &[x, rhs])
    }

    /// L, lower triangular with a positive diagonal, of L L^T = A; of A, the mean with its transpose is read, so that the gradient is
    /// symmetric.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let a: Tensor<f64> = Tensor::from([[4.0, 2.0], [2.0, 5.0]]);
    /// assert_eq!(a.cholesky(), Tensor::from([[2.0, 0.0], [1.0, 2.0]]));
    /// // The logarithm of the determinant is twice the sum of the logarithms on the diagonal; its gradient is the inverse.
    /// let tape = Tape::new();
    /// let a = tape.var(&a);
    /// let log_det = 2.0 * a.cholesky().diag().ln().sum(());
    /// let found = log_det.backward().wrt(a);
    /// assert!((found.matmul(&a.value()) - Tensor::eye(2)).abs().sum(()).item() < 1e-14);
    /// ```
    cholesky try_cholesky(x) -> Self,
        errors "Matrices that are not square; one that is not positive definite, which is named with its pivot."
    {
        Var::record_tensor_op(TensorOp::Cholesky(Cholesky), &[x])
    }

    /// X of T X = B, where T is a triangle of A: the rest of A is not read, and has no gradient. B is a matrix of columns, or a vector.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, Triangle};
    /// let a: Tensor<f64> = Tensor::from([[2.0, 7.0], [1.0, 4.0]]);
    /// let b = Tensor::from([2.0, 9.0]);
    /// assert_eq!(a.solve_triangular(&b, Triangle::Lower), Tensor::from([1.0, 2.0]));
    /// ```
    solve_triangular try_solve_triangular(a, &rhs; triangle: Triangle) -> Self,
        errors "Matrices that are not square, right sides that do not fit; a 0 on the diagonal."
    {
        let op = TensorOp::SolveTriangular(SolveTriangular { lower: triangle == Triangle::Lower, transposed: false, right: Right::Given });
        let shape = rhs.shape();
        if shape.rank() + 1 == a.rank() {
            return Var::record_tensor_op(op, &[a, rhs.try_unsqueeze(-1)?])?.try_reshape(shape);
        }
        Var::record_tensor_op(op, &[a, rhs])
    }

    /// The sign of the determinant, and ln of its magnitude: 0 and -inf for a singular matrix. In range where the determinant is not.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let tape = Tape::<f32>::of();
    /// let a = tape.var(0.01f32 * Tensor::eye(20));
    /// let (sign, log) = a.slogdet();
    /// assert_eq!(sign.item(), 1.0);
    /// assert!((log.item() - 20.0 * 0.01f32.ln()).abs() < 1e-4);
    /// assert!((log.backward().wrt(a).as_slice()[0] - 100.0).abs() < 1e-4);
    /// ```
    slogdet try_slogdet(x) -> (Self, Self),
        errors "Matrices that are not square. A derivative at a singular matrix is an error where it is taken."
    {
        let shape = x.shape();
        let packed = Var::record_tensor_op(TensorOp::SlogDet(SlogDet), &[x])?;
        let number: Shape = shape.dims()[..shape.rank() - 2].into();
        Ok((packed.rows(0, 1)?.try_reshape(number.clone())?, packed.rows(1, 2)?.try_reshape(number)?))
    }

    /// Q with orthonormal columns, and R, upper triangular with no negative number on its diagonal, of Q R = A: for A of [m, n] and
    /// k = min(m, n), Q is [m, k] and R is [k, n].
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let a: Tensor<f64> = Tensor::from([[3.0, 5.0], [4.0, 0.0], [0.0, 3.0]]);
    /// let (q, r) = a.qr();
    /// assert!((r - Tensor::from([[5.0, 3.0], [0.0, 5.0]])).abs().max(()).item() < 1e-15);
    /// assert!((q.t().matmul(&q) - Tensor::eye(2)).abs().max(()).item() < 1e-15);
    /// ```
    qr try_qr(x) -> (Self, Self),
        errors "Fewer than two axes. A derivative where the first k columns are dependent is an error where it is taken."
    {
        let shape = x.shape();
        let &[.., m, n] = shape.dims() else {
            return Err(Error::shape(format!("qr: needs matrices in the last two axes, got shape {shape}")));
        };
        if m >= n {
            let packed = Var::record_tensor_op(TensorOp::Qr(Qr), &[x])?;
            return Ok((packed.rows(0, m)?, packed.rows(m, m + n)?));
        }
        // Q is that of the first columns; the others follow.
        let columns = x.try_t()?;
        let (q, r) = columns.rows(0, m)?.try_t()?.try_qr()?;
        let rest = q.try_t()?.try_matmul(columns.rows(m, n)?.try_t()?)?;
        Ok((q, Var::try_concat(&[r, rest], -1)?))
    }

    /// The eigenvalues of a symmetric matrix in rising order, and its eigenvectors as columns, each with its largest element positive;
    /// the mean of the matrix and its transpose is read, so that the gradient is symmetric.
    ///
    /// Derivatives: where eigenvalues are equal, of what treats them alike and uses no vector of theirs (a trace, a sum of powers);
    /// anything else has none, or none that one choice of vectors tells, and is an error where it is taken. Forward mode needs
    /// the vectors' tangents, and so distinct eigenvalues.
    ///
    /// Not noticed: a function of the matrix by values and vectors, V f(L) V^T, where eigenvalues are equal *and* f is 0 there. It looks
    /// like a function of values alone, and its gradient lacks what belongs to pairs of the equal ones.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let a = tape.var([[2.0, 1.0], [1.0, 2.0]]);
    /// let (values, vectors) = a.eigh();
    /// assert!((values.value() - Tensor::from([1.0, 3.0])).abs().max(()).item() < 1e-15);
    /// assert_eq!(vectors.shape().dims(), [2, 2]);
    /// // The gradient of an eigenvalue is the product of its vector with itself.
    /// let found = values.at([1]).backward().wrt(a);
    /// assert!((found - 0.5).abs().max(()).item() < 1e-15);
    /// ```
    eigh try_eigh(x) -> (Self, Self),
        errors "Matrices that are not square."
    {
        let shape = x.shape();
        let packed = Var::record_tensor_op(TensorOp::Eigh(Eigh), &[x])?;
        let n = shape[shape.rank() - 1];
        let row = shape.dims()[..shape.rank() - 1].iter().copied().collect::<Shape>();
        Ok((packed.rows(0, 1)?.try_reshape(row)?, packed.rows(1, n + 1)?))
    }

    /// U, the singular values in falling order, and V^T, of U S V^T = A: for A of [m, n] and k = min(m, n), U is [m, k] and V^T [k, n].
    /// In every row of V^T the largest element is positive.
    ///
    /// Derivatives: as of [`Self::eigh`]; where a singular value is 0 and A is not square, also of what does not use its vector.
    ///
    /// Not noticed: U f(S) V^T where f of a singular value is 0 *and* that value is equal to another, or 0: its gradient lacks what
    /// belongs to the vectors of these.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let a = tape.var([[3.0, 0.0], [0.0, -2.0], [0.0, 0.0]]);
    /// let (u, s, vt) = a.svd();
    /// assert_eq!(s.value(), Tensor::from([3.0, 2.0]));
    /// // The gradient of the sum of singular values is U V^T.
    /// let found = s.sum(()).backward().wrt(a);
    /// assert!((found - u.matmul(vt).value()).abs().max(()).item() < 1e-15);
    /// ```
    svd try_svd(x) -> (Self, Self, Self),
        errors "Fewer than two axes."
    {
        let shape = x.shape();
        let packed = Var::record_tensor_op(TensorOp::Svd(Svd), &[x])?;
        let (m, n) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        let values = shape.dims()[..shape.rank() - 2].iter().copied().chain([m.min(n)]).collect::<Shape>();
        let v = packed.rows(m + 1, m + 1 + n)?;
        Ok((packed.rows(0, m)?, packed.rows(m, m + 1)?.try_reshape(values)?, v.try_t()?))
    }
}

impl<T: Element> Var<'_, T> {
    /// Rows `from..to` of every matrix.
    fn rows(self, from: usize, to: usize) -> Result<Self> {
        let mut spans = vec![Span::from(..); self.rank() - 1];
        *spans.last_mut().expect("a matrix") = Span::from(from..to);
        self.try_slice(&spans[..])
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn product(self, rhs: Self, op: MatMul) -> Result<Self> {
        let (a, b) = (self.shape(), rhs.shape());
        if a.rank() == 0 || b.rank() == 0 {
            return Err(Error::shape(format!("matmul: needs vectors or matrices, got shapes {a} and {b}")));
        }
        let lhs = if a.rank() == 1 { self.to_shape([1, a[0]].into())? } else { self };
        // A transposed vector operand stays what it is: the row or column that fits.
        let ta = op.ta && a.rank() > 1;
        let column = if op.tb { [1, b[0]] } else { [b[0], 1] };
        let right = if b.rank() == 1 { rhs.to_shape(column.into())? } else { rhs };
        // Stacked rows against one matrix are one tall product.
        if lhs.rank() > 2 && right.rank() == 2 && !ta {
            let (rows, k) = (a[..a.rank() - 1].iter().product(), a[a.rank() - 1]);
            let tall = lhs.to_shape([rows, k].into())?;
            let out = Var::record_tensor_op(TensorOp::MatMul(MatMul { ta, ..op }), &[tall, right])?;
            let n = out.shape()[1];
            let last = if b.rank() == 1 { None } else { Some(n) };
            return out.to_shape(a[..a.rank() - 1].iter().copied().chain(last).collect());
        }
        let out = Var::record_tensor_op(TensorOp::MatMul(MatMul { ta, ..op }), &[lhs, right])?;
        if a.rank() > 1 && b.rank() > 1 {
            return Ok(out);
        }
        let mut dims = out.shape().to_vec();
        if b.rank() == 1 {
            dims.pop();
        }
        if a.rank() == 1 {
            dims.remove(dims.len() - if b.rank() == 1 { 1 } else { 2 });
        }
        out.to_shape(dims.into())
    }
}
