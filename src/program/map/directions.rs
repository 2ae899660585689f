//! Tall Jacobians: a function of few numbers compiled with its tangents, a lane for each direction.

use super::record::{Recorded, record_directions};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::parallel::Workers;
use crate::program::block::{BlockCode, Origin, Source, Walk};
use crate::tape::Var;
use crate::tensor::Tensor;

/// A function of n numbers, compiled with its Jacobian: forward, along all n directions at once.
///
/// What the function computes is computed once, its derivatives for a vector of directions at a time. A number that a direction
/// does not reach costs nothing where none reaches it. For functions of a point's numbers, over many points: [`Map`](super::Map).
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
    /// The unit directions, [n, n].
    directions: Vec<T>,
    /// The values, the same in all lanes: [m, n].
    values: Vec<T>,
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
        let Recorded { body, targets, widths, .. } = record_directions(n, f)?;
        let m = widths[0];
        let source = |start| Source { from: Origin::Input(0), walk: Walk::Strided { start, step: n } };
        let sources: Vec<Source> = (0..n).map(source).collect();
        let mut directions = vec![T::from_f64(0.0); n * n];
        directions.iter_mut().step_by(n + 1).for_each(|one| *one = T::from_f64(1.0));
        Ok(Self {
            n,
            m,
            code: BlockCode::new(&body, &sources, &targets, 1),
            directions,
            values: vec![T::from_f64(0.0); m * n.max(1)],
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
        // Without directions there is a lane nevertheless, for the values.
        let lanes = n.max(1);
        let mut outputs: Vec<&mut [T]> = self.values.chunks_exact_mut(lanes).collect();
        let mut nothing = vec![T::from_f64(0.0); if n == 0 { m } else { 0 }];
        outputs.extend(if n == 0 { nothing.chunks_exact_mut(1) } else { jacobian.chunks_exact_mut(n) });
        self.code.run(lanes, &[&self.directions], x, &mut outputs, &mut [], &mut self.workers);
        for (value, found) in values.iter_mut().zip(self.values.chunks_exact(lanes)) {
            *value = found[0];
        }
        Ok(())
    }
}
