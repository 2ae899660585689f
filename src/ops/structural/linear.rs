//! Matrix products, determinant, inverse, linear systems.

use super::matrices::{Nothing, Right, last};
use super::{Contribution, Dims, Node, RustCall, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::formula::{self, Between};
use crate::num::elementwise::{Arguments, Bond, Formula, Math, RustFunction};
use crate::num::simd;
use crate::ops::algebra::Algebra;
use crate::parallel::Workers;
use crate::tensor::kernels::linalg::Lu;
use crate::tensor::kernels::matmul::{Prepared, Together, gemm_gated, gemm_rows};
use crate::tensor::{Operand, Shape};
use smallvec::SmallVec;

/// The product of the last two axes, of transposes where asked for; leading axes broadcast.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MatMul {
    pub ta: bool,
    pub tb: bool,
    /// Which factors are gradients on their way: their zeros stay zeros, whatever they are multiplied with, as of
    /// [`Scale`](crate::ops::Scale).
    pub gates: [bool; 2],
}

impl TensorRule for MatMul {
    const NAME: &'static str = "matmul";
    const RUST: &'static [RustFunction] = &[
        RustFunction { name: "matmul", calls: &[], text: include_str!("printed/matmul.rs") },
        RustFunction { name: "matmul_blocks", calls: &["matmul"], text: include_str!("printed/matmul_blocks.rs") },
    ];
    fn gates(&self) -> [bool; 2] {
        self.gates
    }
    fn without_gates(self) -> Self {
        Self { gates: [false; 2], ..self }
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let (x, y) = (inputs[0].dims(), inputs[1].dims());
        let sizes = self.sizes(x, y)?;
        if x.len() == 2 && y.len() == 2 {
            return Shape::of("matmul", &[sizes.m, sizes.n]);
        }
        let blocks = Shape::broadcast("matmul", &leading(x), &leading(y))?;
        let lengths: SmallVec<[usize; 4]> = blocks.iter().copied().chain([sizes.m, sizes.n]).collect();
        Shape::of("matmul", &lengths)
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        self.product(inputs[0], inputs[1], out, false, None);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, _a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        let (x, y, product) = self.gradient(wrt, &node.inputs[0], &node.inputs[1], g);
        Contribution::Product { x: x.clone(), y: y.clone(), product }
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let (mut factors, mut product) = ([&node.inputs[0], &node.inputs[1]], self.clone());
        (factors[wrt], product.gates[wrt]) = (tangent, true);
        a.apply(TensorOp::MatMul(product), &factors)
    }
    /// A stack of products; of a stack of matrices and one that all runs share, the product of all their rows at once.
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        let product = TensorOp::MatMul(self.clone());
        let [x, y] = [0, 1].map(|k| &stack.arguments[k]);
        let ranks = [0, 1].map(|k| stack.rank(a, k));
        if let (true, false, false, [2, 2]) = (x.stacked, y.stacked, self.ta, ranks) {
            let shape = a.shape(&x.value);
            let rows = a.reshape(&x.value, &Shape::from([shape[0] * shape[1], shape[2]]));
            let out = a.apply(product, &[&rows, &y.value]);
            let columns = a.shape(&out)[1];
            return Some(a.reshape(&out, &Shape::from([shape[0], shape[1], columns])));
        }
        let rank = ranks[0].max(ranks[1]);
        Some(a.apply(product, &[&stack.aligned(a, 0, rank), &stack.aligned(a, 1, rank)]))
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        let (x, y) = (&inputs[0], &inputs[1]);
        let Sizes { m, n, k } = self.sizes(x, y).expect("shapes that fitted");
        let mut arguments = vec![format!("[{}, {}]", self.ta, self.tb), format!("[{m}, {k}, {n}]")];
        if x.rank() == 2 && y.rank() == 2 {
            return Some(RustCall::of(&Self::RUST[0], arguments));
        }
        let [own_x, own_y] = [leading(x), leading(y)];
        let blocks = Shape::broadcast("matmul", &own_x, &own_y).expect("shapes that fitted");
        let pair = |block| (own_block(block, &blocks, &own_x), own_block(block, &blocks, &own_y));
        let pairs: Vec<(usize, usize)> = (0..blocks.numel()).map(pair).collect();
        arguments.push(format!("&{pairs:?}"));
        Some(RustCall::of(&Self::RUST[1], arguments))
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let factor =
            |i: usize, transposed: bool| if transposed { args.raised(i, formula::TRANSPOSE) } else { args.matrix(i) };
        (Math::row(factor(0, self.ta), Between::Matrix, factor(1, self.tb)), Bond::Product)
    }
}

/// The sizes of one product: [m, k] times [k, n].
pub(crate) struct Sizes {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// A stack of products of m, n and k, and how far it is from a factor's matrix to the next: 0 where all have the same.
pub(crate) struct StackOfProducts {
    pub sizes: [usize; 3],
    pub count: usize,
    pub steps: [usize; 2],
}

impl MatMul {
    /// The rule: the two factors of the gradient by an operand, and which of them are transposed.
    ///
    /// Out = op(X) op(Y): d op(X) = G op(Y)', d op(Y) = op(X)' G; the transpose of that where the operand was transposed. G is a
    /// gate, and the other factor stays one.
    pub(crate) fn gradient<V>(&self, wrt: usize, x: V, y: V, g: V) -> (V, V, MatMul) {
        let other = self.gates[1 - wrt];
        let first = |ta, tb| MatMul { ta, tb, gates: [true, other] };
        let second = |ta, tb| MatMul { ta, tb, gates: [other, true] };
        match (wrt, self.ta, self.tb) {
            (0, false, tb) => (g, y, first(false, !tb)),
            (0, true, tb) => (y, g, second(tb, true)),
            (_, ta, false) => (x, g, second(!ta, false)),
            (_, ta, true) => (g, x, first(true, ta)),
        }
    }

    /// A product without gates.
    pub(crate) fn plain(ta: bool, tb: bool) -> Self {
        Self { ta, tb, gates: [false; 2] }
    }

    fn sizes(&self, x: &[usize], y: &[usize]) -> Result<Sizes> {
        let ([.., a, b], [.., c, d]) = (x, y) else {
            return Err(Error::shape(format!("matmul: needs matrices, got shapes {x:?} and {y:?}")));
        };
        let (m, k) = if self.ta { (*b, *a) } else { (*a, *b) };
        let (inner, n) = if self.tb { (*d, *c) } else { (*c, *d) };
        if k != inner {
            let of = |transposed| if transposed { " transposed" } else { "" };
            return Err(Error::shape(format!(
                "matmul: inner dimensions differ: lhs {x:?}{} has {k} columns, rhs {y:?}{} has {inner} rows",
                of(self.ta),
                of(self.tb)
            )));
        }
        Ok(Sizes { m, n, k })
    }

    fn block<T: Element>(
        &self,
        sizes: &Sizes,
        x: &[T],
        y: &[T],
        out: &mut [T],
        accumulate: bool,
        workers: Option<&mut Workers>,
    ) {
        let Sizes { m, n, k } = *sizes;
        gemm_gated(simd::level(), [m, n, k], [x, y], [self.ta, self.tb], self.gates, out, accumulate, workers);
    }

    /// The shape of the product of two matrices.
    pub(crate) fn product_shape(&self, x: &[usize], y: &[usize]) -> Result<Shape> {
        if x.len() != 2 || y.len() != 2 {
            return Err(Error::shape(format!("matmul: needs two matrices, got shapes {x:?} and {y:?}")));
        }
        let sizes = self.sizes(x, y)?;
        Shape::of("matmul", &[sizes.m, sizes.n])
    }

    /// Writes the product to `out`, which has as many elements, or adds it.
    ///
    /// # Panics
    /// The shapes do not fit: [`TensorRule::shape`] was not asked.
    pub(crate) fn product<T: Element>(
        &self,
        x: Source<'_, T>,
        y: Source<'_, T>,
        out: &mut [T],
        accumulate: bool,
        mut workers: Option<&mut Workers>,
    ) {
        let sizes = self.sizes(x.dims, y.dims).expect("the shapes were checked");
        if x.dims.len() == 2 && y.dims.len() == 2 {
            return self.block(&sizes, x.data, y.data, out, accumulate, workers);
        }
        if out.is_empty() {
            // However many products of no elements there are.
            return;
        }
        let (xb, yb) = (leading(x.dims), leading(y.dims));
        let blocks = Shape::broadcast("matmul", &xb, &yb).expect("the shapes were checked");
        let (xs, ys, os) = (sizes.m * sizes.k, sizes.k * sizes.n, sizes.m * sizes.n);
        for block in 0..blocks.numel() {
            let (i, j) = (stretched_block(block, &blocks, &xb), stretched_block(block, &blocks, &yb));
            let (x, y) = (&x.data[i * xs..(i + 1) * xs], &y.data[j * ys..(j + 1) * ys]);
            self.block(&sizes, x, y, &mut out[block * os..(block + 1) * os], accumulate, workers.as_deref_mut());
        }
    }

    /// A stack of products of which each is by itself, where there is one: each factor has a matrix for each product, or one for all.
    pub(crate) fn stack(&self, x: &[usize], y: &[usize]) -> Option<StackOfProducts> {
        let Sizes { m, n, k } = self.sizes(x, y).ok()?;
        let own = [leading(x), leading(y)];
        let blocks = Shape::broadcast("matmul", &own[0], &own[1]).ok()?;
        let steps = [(&own[0], m * k), (&own[1], k * n)].map(|(own, size)| match own.numel() {
            1 => Some(0),
            _ if *own == blocks => Some(size),
            _ => None,
        });
        Some(StackOfProducts { sizes: [m, n, k], count: blocks.numel(), steps: [steps[0]?, steps[1]?] })
    }

    /// m, n and k, where both factors are one matrix.
    pub(crate) fn matrices(&self, x: &[usize], y: &[usize]) -> Option<[usize; 3]> {
        let Sizes { m, n, k } = self.sizes(x, y).ok().filter(|_| x.len() == 2 && y.len() == 2)?;
        Some([m, n, k])
    }

    /// The product of two matrices made ready.
    ///
    /// # Panics
    /// As [`MatMul::product`]; a side is 0.
    pub(crate) fn prepared<T: Element>(&self, x: &[usize], y: &[usize], accumulate: bool) -> Prepared<T> {
        let sizes = self.matrices(x, y).expect("the shapes were checked");
        Prepared::new(simd::level(), sizes, [self.ta, self.tb], self.gates, accumulate)
    }

    /// One product of a stack made ready.
    ///
    /// # Panics
    /// A side is 0.
    pub(crate) fn prepared_in_stack<T: Element>(&self, stack: &StackOfProducts, accumulate: bool) -> Prepared<T> {
        Prepared::new(simd::level(), stack.sizes, [self.ta, self.tb], self.gates, accumulate)
    }

    /// So many products of two matrices of these shapes, if they are matrices and no side is 0.
    pub(crate) fn together<T: Element>(&self, x: &[usize], y: &[usize], count: usize) -> Option<Together<T>> {
        Together::new(simd::level(), self.matrices(x, y)?, [self.ta, self.tb], self.gates, count)
    }

    /// Writes rows `from..to` of the product of two matrices.
    ///
    /// # Panics
    /// As [`MatMul::product`]; other rows than the product has.
    pub(crate) fn rows<T: Element>(&self, x: Source<'_, T>, y: Source<'_, T>, out: &mut [T], rows: [usize; 2]) {
        let Sizes { m, n, k } = self.sizes(x.dims, y.dims).expect("the shapes were checked");
        gemm_rows(simd::level(), [m, n, k], [x.data, y.data], [self.ta, self.tb], self.gates, out, rows);
    }

    /// Adds the product of two matrices to `out`, if they are two matrices and the product has that many elements.
    pub(crate) fn add_into<T: Element>(&self, x: Operand<'_, T>, y: Operand<'_, T>, out: &mut [T]) -> bool {
        if x.dims().len() != 2 || y.dims().len() != 2 {
            return false;
        }
        match self.sizes(x.dims(), y.dims()) {
            Ok(sizes) if sizes.m * sizes.n == out.len() => {
                self.block(&sizes, x.data(), y.data(), out, true, None);
                true
            }
            _ => false,
        }
    }
}

/// The axes before the last two.
pub(super) fn leading(dims: &[usize]) -> Shape {
    dims[..dims.len() - 2].into()
}

/// Which block of a stretched operand belongs to a block of the output.
fn stretched_block(mut block: usize, blocks: &Shape, own: &Shape) -> usize {
    let (mut index, mut stride) = (0, 1);
    let lead = blocks.rank() - own.rank();
    for axis in (0..blocks.rank()).rev() {
        let i = block % blocks[axis];
        block /= blocks[axis];
        if axis >= lead && own[axis - lead] != 1 {
            index += i * stride;
            stride *= own[axis - lead];
        }
    }
    index
}

/// The size of square matrices, in the last two axes.
pub(super) fn square_size(op: &str, dims: &[usize]) -> Result<usize> {
    match *dims {
        [.., rows, columns] if rows == columns => Ok(rows),
        _ => Err(Error::shape(format!("{op}: needs square matrices in the last two axes, got shape {dims:?}"))),
    }
}

/// The error of the last singular matrix, if there was one.
fn regular(op: &str, n: usize, singular: Option<usize>) -> Result<()> {
    match singular {
        Some(i) => Err(Error::argument(format!("{op}: matrix {i} of shape [{n}, {n}] is singular"))),
        None => Ok(()),
    }
}

/// One number for each matrix, with two axes of length 1 appended.
pub(super) fn per_matrix<T: Element, A: Algebra<T>>(a: &A, x: &A::V) -> A::V {
    a.reshape(x, &a.shape(x).iter().copied().chain([1, 1]).collect())
}

/// The inverse of the last two axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inv;
impl TensorRule for Inv {
    const NAME: &'static str = "inv";
    const CAN_FAIL: bool = true;
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "inv", calls: &["solve"], text: include_str!("printed/inv.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![last(&inputs[0])]
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        square_size("inv", inputs[0].dims())?;
        Ok(inputs[0].dims().into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let n = inputs[0].last();
        if out.is_empty() {
            // No matrices, or matrices of no elements: an identity of the same size may be larger than memory.
            return Ok(());
        }
        let (identity, size) = (crate::Tensor::<T>::eye(n), (n * n).max(1));
        let mut singular = None;
        for (i, (x, out)) in inputs[0].data.chunks_exact(size).zip(out.chunks_exact_mut(size)).enumerate() {
            let lu = Lu::new(x, n);
            if lu.is_singular() {
                singular = Some(i);
            }
            lu.solve(identity.as_slice(), n, false, out);
        }
        regular("inv", n, singular)
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let y = node.output;
        a.neg(&a.gradient_times(&a.times_gradient(y, true, g, false), false, y, true)).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let y = node.output;
        a.neg(&a.gradient_times(&a.times_gradient(y, false, tangent, false), false, y, false))
    }
    batched_as_it_is!(Inv);
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        (args.raised(0, Math::integer(-1)), Bond::Whole)
    }
}

/// The solution X of A X = B, or of A^T X = B, for matrices in the last two axes.
///
/// Both are solved by the decomposition of A, so that a gradient exists wherever the value does: rounding may leave a pivot of 0 to
/// the transposed matrix alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Solve {
    pub transposed: bool,
    pub right: Right,
}
impl TensorRule for Solve {
    const NAME: &'static str = "solve";
    const CAN_FAIL: bool = true;
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "solve", calls: &["lu"], text: include_str!("printed/solve.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![last(&inputs[0]), last(&inputs[1]), self.transposed.to_string()]
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
        square_size("solve", a)?;
        if b.len() != a.len() || b[..b.len() - 1] != a[..a.len() - 1] {
            return Err(Error::shape(format!(
                "solve: the matrices have shape {a:?}, the right sides {b:?}; rows and leading axes must agree"
            )));
        }
        Ok(b.into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let (a, b) = (inputs[0], inputs[1]);
        let (n, columns) = (a.last(), b.last());
        let size = (n * columns).max(1);
        let systems =
            a.data.chunks_exact((n * n).max(1)).zip(b.data.chunks_exact(size)).zip(out.chunks_exact_mut(size));
        let mut singular = None;
        for (i, ((a, b), out)) in systems.enumerate() {
            let nothing = Nothing::of(self.right, b, columns);
            if nothing.is_all() {
                out.fill(T::from_f64(0.0));
                continue;
            }
            let lu = Lu::new(a, n);
            if !lu.is_singular() {
                lu.solve(b, columns, self.transposed, out);
            } else if self.right == Right::OfGradient {
                out.fill(T::from_f64(f64::NAN));
            } else {
                singular = Some(i);
            }
            nothing.clear(out);
        }
        regular("solve", n, singular)
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        let back = TensorOp::Solve(Solve { transposed: !self.transposed, right: self.right.of_derivative() });
        let db = a.apply(back, &[&node.inputs[0], g]);
        match wrt {
            0 => gradient_by_system(a, &db, node.output, self.transposed, self.right).into(),
            _ => db.into(),
        }
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let right = match wrt {
            0 => moved_by_system(a, tangent, node.output, self.transposed, self.right),
            _ => tangent.clone(),
        };
        a.apply(TensorOp::Solve(Solve { right: self.right.of_derivative(), ..*self }), &[&node.inputs[0], &right])
    }
    batched_as_it_is!(Solve);
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let power = if self.transposed { formula::TRANSPOSE.negative() } else { Math::integer(-1) };
        (Math::row(args.raised(0, power), Between::Matrix, args.at(1, Bond::Whole)), Bond::Product)
    }
}

/// The gradient by A of the solution X of A X = B, or of A^T X = B, from that by B: -B' X^T, or its transpose.
///
/// Where B is a gradient on its way, so is X: nothing that comes back from an unknown B passes a zero of it, NaN included.
pub(super) fn gradient_by_system<T: Element, A: Algebra<T>>(
    a: &A,
    db: &A::V,
    x: &A::V,
    transposed: bool,
    right: Right,
) -> A::V {
    let gate = right.is_gate();
    let product = |gates| TensorOp::MatMul(MatMul { ta: false, tb: true, gates });
    a.neg(&if transposed { a.apply(product([gate, true]), &[x, db]) } else { a.apply(product([true, gate]), &[db, x]) })
}

/// The right side of the system whose solution is the tangent of X, from that of A: -dA X, or -dA^T X; gated alike.
pub(super) fn moved_by_system<T: Element, A: Algebra<T>>(
    a: &A,
    tangent: &A::V,
    x: &A::V,
    transposed: bool,
    right: Right,
) -> A::V {
    a.neg(
        &a.apply(TensorOp::MatMul(MatMul { ta: transposed, tb: false, gates: [true, right.is_gate()] }), &[tangent, x]),
    )
}

/// Which block of a stretched operand belongs to a block of the product.
fn own_block(block: usize, blocks: &Shape, own: &Shape) -> usize {
    let lead = blocks.rank() - own.rank();
    let (strides, own_strides) = (blocks.strides(), own.strides());
    (0..own.rank())
        .map(|axis| if own[axis] == 1 { 0 } else { block / strides[lead + axis] % own[axis] * own_strides[axis] })
        .sum()
}
