//! Tall Jacobians: a function of few numbers compiled with its tangents, a lane for each direction.
//!
//! In compiler terms: forward mode in vector form: one vector lane for each tangent.

use super::record::{Recorded, record_directions};
use super::tail::Output;
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::math::Mode;
use crate::num::simd::{self, Kernel};
use crate::parallel::Workers;
use crate::program::block::{Access, BlockCode, Origin, Source};
use crate::tape::Var;
use crate::tensor::kernels::chunks::chunk;
use crate::tensor::{Shape, Tensor};

/// A function of n numbers, compiled with its Jacobian: forward, along all n directions at once.
///
/// What the function computes is computed once, its derivatives for a vector of directions at a time. A number that a direction
/// does not reach costs nothing where none reaches it; sums, differences and multiples by literals that nothing else follows are
/// done once for values and derivatives. For functions of a point's numbers, over many points: [`Map`](super::Map).
///
/// # Examples
/// ```
/// use retrograd::program::Jacobian;
/// let mut circle = Jacobian::compile(2, |x| vec![x[0] * x[1].cos(), x[0] * x[1].sin(), x[0]])?;
/// let (values, jacobian) = circle.run(&[2.0, 0.0])?;
/// assert_eq!(values, [2.0, 0.0, 2.0]);
/// assert_eq!(jacobian.shape().dims(), [3, 2]);
/// assert_eq!(jacobian.to_vec(), [1.0, 0.0, 0.0, 2.0, 1.0, 0.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Jacobian<T: 'static> {
    n: usize,
    code: BlockCode<T>,
    /// Lanes: n directions, the value, and what is missing of a whole chunk.
    lanes: usize,
    /// What moves in which lane: the unit matrix, [n + 1, lanes].
    directions: Vec<T>,
    /// What leaves: derivatives, then the value, [any, lanes].
    rows: Vec<T>,
    /// The m numbers that follow.
    outputs: Vec<Output<T>>,
    workers: Workers,
}

impl Jacobian<f64> {
    /// Compiles a function of `n` numbers, of f64; for another precision: [`Jacobian::of`]. The closure is called once.
    ///
    /// # Errors
    /// As [`Map::compile`](super::Map::compile).
    pub fn compile(n: usize, f: impl for<'t> FnOnce(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>) -> Result<Self> {
        Self::of(n, f)
    }
}

impl<T: Element> Jacobian<T> {
    /// Compiles a function of `n` numbers.
    ///
    /// # Errors
    /// As [`Map::compile`](super::Map::compile).
    pub fn of(n: usize, f: impl for<'t> FnOnce(&[Var<'t, T>]) -> Vec<Var<'t, T>>) -> Result<Self> {
        // A square of them: a direction for each number, and one for the value.
        Shape::fitting::<T>("jacobian", &[n.saturating_add(1); 2])?;
        let lanes = (n + 1).next_multiple_of(chunk::<T>());
        let (Recorded { body, targets, widths, .. }, outputs) = record_directions(n, lanes, f)?;
        let source = |k| Source { from: Origin::Input(0), walk: Access::Strided { start: k * lanes, step: 1 } };
        let sources: Vec<Source> = (0..=n).map(source).collect();
        let mut directions = vec![T::from_f64(0.0); (n + 1) * lanes];
        directions.iter_mut().step_by(lanes + 1).for_each(|one| *one = T::from_f64(1.0));
        Ok(Self {
            n,
            code: BlockCode::new(&body, &sources, &targets, 1),
            lanes,
            directions,
            rows: vec![T::from_f64(0.0); widths[0] * lanes],
            outputs,
            workers: Workers::new(1),
        })
    }

    /// The values and the Jacobian, [m, n].
    ///
    /// # Errors
    /// Not as many numbers as the function takes.
    pub fn run(&mut self, x: &[T]) -> Result<(Vec<T>, Tensor<T>)> {
        let m = self.outputs.len();
        let (mut values, mut jacobian) = (vec![T::from_f64(0.0); m], Tensor::zeros([m, self.n]));
        self.run_into(x, &mut values, jacobian.as_mut_slice())?;
        Ok((values, jacobian))
    }

    /// The same into memory of the caller's.
    ///
    /// # Errors
    /// As [`Jacobian::run`]; `values` does not have m elements, or `jacobian` m n.
    #[inline(never)]
    pub fn run_into(&mut self, x: &[T], values: &mut [T], jacobian: &mut [T]) -> Result<()> {
        let (n, m) = (self.n, self.outputs.len());
        for (what, found, wanted) in
            [("numbers", x.len(), n), ("values", values.len(), m), ("derivatives", jacobian.len(), m * n)]
        {
            if found != wanted {
                return Err(Error::shape(format!("jacobian: {wanted} {what} are needed, got {found}")));
            }
        }
        self.code.run(self.lanes, &[&self.directions], x, &mut [&mut self.rows], &mut [], &mut self.workers);
        let (rows, outputs) = (&self.rows, &self.outputs);
        simd::dispatch(TakeApart { rows, lanes: self.lanes, outputs, n, values, jacobian });
        Ok(())
    }
}

/// Elements that are copied at a time.
const PIECE: usize = 8;

/// Puts derivatives side by side, and values.
struct TakeApart<'a, T> {
    rows: &'a [T],
    lanes: usize,
    outputs: &'a [Output<T>],
    n: usize,
    values: &'a mut [T],
    jacobian: &'a mut [T],
}

impl<T: Element> Kernel for TakeApart<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { rows, lanes, outputs, n, values, jacobian } = self;
        for (i, (output, value)) in outputs.iter().zip(values).enumerate() {
            let row = &rows[output.row * lanes..][..lanes];
            let signed = if output.negated { -row[n] } else { row[n] };
            *value = output.plus.map_or(signed, |plus| signed + plus);
            // Whole pieces where there is room behind the row: the next one writes over the rest.
            let wide = n.next_multiple_of(PIECE);
            let width = if i * n + wide <= jacobian.len() { wide } else { n };
            let to = &mut jacobian[i * n..][..width];
            if output.negated { copy::<T, true>(to, row) } else { copy::<T, false>(to, row) }
        }
    }
}

/// Copies as much as there is room for, negated or as it is; a zero stays the positive one.
#[inline(always)]
fn copy<T: Element, const NEGATED: bool>(to: &mut [T], from: &[T]) {
    let number = |x: T| if NEGATED { T::from_f64(0.0) - x } else { x };
    let (to, rest) = to.as_chunks_mut::<PIECE>();
    let (from, from_rest) = from.as_chunks::<PIECE>();
    for (to, from) in to.iter_mut().zip(from) {
        // As a value: read one by one and written one by one, they would not be a vector.
        let piece = *from;
        *to = std::array::from_fn(|l| number(piece[l]));
    }
    let over = from.get(to.len()).map_or(from_rest, |piece| piece);
    rest.iter_mut().zip(over).for_each(|(to, &x)| *to = number(x));
}
