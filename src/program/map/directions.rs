//! Tall Jacobians: a function of few numbers compiled with its tangents, a lane for each direction.

use super::record::{Recorded, record_directions};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::math::Mode;
use crate::num::simd::{self, Kernel};
use crate::parallel::Workers;
use crate::program::block::kernels::chunk;
use crate::program::block::{BlockCode, Origin, Source, Walk};
use crate::tape::Var;
use crate::tensor::Tensor;

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
    m: usize,
    code: BlockCode<T>,
    /// Lanes: n directions, the value, and what is missing of a whole chunk.
    lanes: usize,
    /// What moves in which lane: the unit matrix, [n + 1, lanes].
    directions: Vec<T>,
    /// What leaves: derivatives, then the value, [m, lanes].
    rows: Vec<T>,
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
        let lanes = (n + 1).next_multiple_of(chunk::<T>());
        let Recorded { body, targets, widths, .. } = record_directions(n, lanes, f)?;
        let source = |k| Source { from: Origin::Input(0), walk: Walk::Strided { start: k * lanes, step: 1 } };
        let sources: Vec<Source> = (0..=n).map(source).collect();
        let mut directions = vec![T::from_f64(0.0); (n + 1) * lanes];
        directions.iter_mut().step_by(lanes + 1).for_each(|one| *one = T::from_f64(1.0));
        Ok(Self {
            n,
            m: widths[0],
            code: BlockCode::new(&body, &sources, &targets, 1),
            lanes,
            directions,
            rows: vec![T::from_f64(0.0); widths[0] * lanes],
            workers: Workers::new(1),
        })
    }

    /// The values and the Jacobian, [m, n].
    ///
    /// # Errors
    /// Not as many numbers as the function takes.
    pub fn run(&mut self, x: &[T]) -> Result<(Vec<T>, Tensor<T>)> {
        let (mut values, mut jacobian) = (vec![T::from_f64(0.0); self.m], Tensor::zeros([self.m, self.n]));
        self.run_into(x, &mut values, jacobian.as_mut_slice())?;
        Ok((values, jacobian))
    }

    /// The same into memory of the caller's.
    ///
    /// # Errors
    /// As [`Jacobian::run`]; `values` does not have m elements, or `jacobian` m n.
    pub fn run_into(&mut self, x: &[T], values: &mut [T], jacobian: &mut [T]) -> Result<()> {
        let (n, m) = (self.n, self.m);
        for (what, found, wanted) in
            [("numbers", x.len(), n), ("values", values.len(), m), ("derivatives", jacobian.len(), m * n)]
        {
            if found != wanted {
                return Err(Error::shape(format!("jacobian: {wanted} {what} are needed, got {found}")));
            }
        }
        self.code.run(self.lanes, &[&self.directions], x, &mut [&mut self.rows], &mut [], &mut self.workers);
        simd::dispatch(TakeApart { rows: &self.rows, lanes: self.lanes, n, values, jacobian });
        Ok(())
    }
}

/// Elements that are copied at a time.
const PIECE: usize = 8;

/// Puts the derivatives of each row side by side, and the values.
struct TakeApart<'a, T> {
    rows: &'a [T],
    lanes: usize,
    n: usize,
    values: &'a mut [T],
    jacobian: &'a mut [T],
}

impl<T: Element> Kernel for TakeApart<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { rows, lanes, n, values, jacobian } = self;
        for (i, (row, value)) in rows.chunks_exact(lanes).zip(values).enumerate() {
            *value = row[n];
            // Whole pieces where there is room behind the row: the next one writes over the rest.
            match jacobian.get_mut(i * n..).and_then(|rest| rest.get_mut(..n.next_multiple_of(PIECE))) {
                Some(to) => {
                    for (to, from) in to.as_chunks_mut::<PIECE>().0.iter_mut().zip(row.as_chunks::<PIECE>().0) {
                        *to = *from;
                    }
                }
                None => jacobian[i * n..][..n].copy_from_slice(&row[..n]),
            }
        }
    }
}
