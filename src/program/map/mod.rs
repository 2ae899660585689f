//! Mapped functions: a function of a point's numbers recorded once, run over many points.
//!
//! In compiler terms: a kernel over an index space, with its derivative by points (varying) and by shared numbers (uniform, reduced).
//!
//! The function and its derivatives become one body of straight-line code ([`record`]), which [`block`](super::block) runs
//! over blocks of points, a lane for each, with threads where that pays. What depends on shared numbers alone is computed once
//! a run. Derivatives by shared numbers are summed over the points in lanes, and added up in an order that does not depend on
//! the number of threads.
//!
//! The code is made for the way the points lie in memory ([`Points`]), when they first come so. What is gathered by index is
//! copied into columns, some thousand points at a time.

mod directions;
mod points;
mod record;
mod tail;
#[cfg(test)]
mod tests;

pub use directions::Jacobian;
pub use points::Points;

use super::block::BlockCode;
use crate::error::{Error, Result};
use crate::num::Element;
use crate::parallel::Workers;
use crate::tape::Var;
use crate::tensor::{Shape, Tensor};
use points::Layout;
use record::{Recorded, Wanted, record};

/// A function of a point's numbers and of shared ones, to be mapped: how many of each, and how.
///
/// # Examples
/// For f32, on two threads:
/// ```
/// use retrograd::{Points, program::Mapping};
/// let mut map = Mapping::new(1, 1).threads(2).compile::<f32>(|x, s| vec![x[0] * s[0]])?;
/// assert_eq!(map.run(&Points::new(3).column(&[1.0, 2.0, 3.0]), &[2.0])?.to_vec(), [2.0, 4.0, 6.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    n_inputs: usize,
    n_shared: usize,
    threads: usize,
    relaxed: bool,
}

impl Mapping {
    /// A function of `n_inputs` numbers of each point and `n_shared` numbers that all points share; on one thread.
    pub fn new(n_inputs: usize, n_shared: usize) -> Self {
        Self { n_inputs, n_shared, threads: 1, relaxed: false }
    }
    /// How many threads may work, where it pays. Results have the same bits for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
    /// Also applies identities that assume finite numbers or change last bits, as [`Options::relaxed`](super::Options).
    pub fn relaxed(mut self, relaxed: bool) -> Self {
        self.relaxed = relaxed;
        self
    }

    /// As [`Map::compile`].
    ///
    /// # Errors
    /// As there.
    pub fn compile<T: Element>(
        &self,
        f: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Result<Map<T>> {
        Ok(Map(self.prepare(Wanted::Values, f)?))
    }

    /// As [`Map::gradient`], with the gradient by some inputs of each point as well.
    ///
    /// # Errors
    /// As there; there is no such input.
    pub fn gradient<T: Element>(
        &self,
        inputs: &[usize],
        f: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Var<'t, T>,
    ) -> Result<MapGradient<T>> {
        Ok(MapGradient(self.prepare(Wanted::Gradient { inputs }, |x, shared| vec![f(x, shared)])?))
    }

    /// As [`Map::jacobian`].
    ///
    /// # Errors
    /// As there.
    pub fn jacobian<T: Element>(
        &self,
        by: &[usize],
        f: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Result<MapJacobian<T>> {
        Ok(MapJacobian(self.prepare(Wanted::Jacobian { by }, f)?))
    }

    fn prepare<T: Element>(
        &self,
        wanted: Wanted<'_>,
        f: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Result<Mapped<T>> {
        let recorded = record([self.n_inputs, self.n_shared], self.relaxed, wanted, f)?;
        Ok(Mapped {
            n_inputs: self.n_inputs,
            n_shared: self.n_shared,
            recorded,
            code: None,
            columns: Vec::new(),
            sums: Vec::new(),
            workers: Workers::new(self.threads.max(1)),
        })
    }
}

/// A function mapped over points: m numbers for each.
pub struct Map<T: 'static>(Mapped<T>);

impl Map<f64> {
    /// Compiles a function of `n_inputs` numbers of a point and `n_shared` numbers that all points share, of f64; for other
    /// precisions and options: [`Mapping`]. The closure is called once.
    ///
    /// # Errors
    /// The closure compares variables or reads plain numbers out of them: what it does then it would do for all points alike
    /// (`condition.select(a, b)` chooses for each); it makes tensors, or uses ops of a user's own; it returns nothing.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Map, Points};
    /// let mut logistic = Map::compile(2, 3, |x, w| vec![(x[0] * w[0] + x[1] * w[1] + w[2]).sigmoid()])?;
    /// let points = [0.0, 0.0, 1.0, -1.0, 2.0, 0.5];
    /// let y = logistic.run(&Points::new(3).rows(&points, 2), &[1.0, 1.0, 0.0])?;
    /// assert_eq!(y.shape().dims(), [3, 1]);
    /// assert_eq!(y.to_vec()[..2], [0.5, 0.5]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn compile(
        n_inputs: usize,
        n_shared: usize,
        f: impl for<'t> FnOnce(&[Var<'t, f64>], &[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
    ) -> Result<Self> {
        Mapping::new(n_inputs, n_shared).compile(f)
    }

    /// Compiles the sum over the points of a function of one number, with the sum's gradient by the shared numbers.
    ///
    /// # Errors
    /// As [`Map::compile`].
    ///
    /// # Examples
    /// Least squares of a line:
    /// ```
    /// use retrograd::{Map, Points};
    /// let mut loss = Map::gradient(2, 2, |p, line| (p[0] * line[0] + line[1] - p[1]).square())?;
    /// let points = [0.0, 1.0, 1.0, 3.0, 2.0, 5.0];
    /// let mut gradient = [0.0; 2];
    /// let sum = loss.run(&Points::new(3).rows(&points, 2), &[2.0, 0.0], &mut gradient)?;
    /// assert_eq!((sum, gradient), (3.0, [-6.0, -6.0]));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn gradient(
        n_inputs: usize,
        n_shared: usize,
        f: impl for<'t> FnOnce(&[Var<'t, f64>], &[Var<'t, f64>]) -> Var<'t, f64>,
    ) -> Result<MapGradient<f64>> {
        Mapping::new(n_inputs, n_shared).gradient(&[], f)
    }

    /// Compiles a function with the Jacobian of each point: the derivatives of its values by the numbers `by`, which count
    /// the inputs first, then the shared ones. Backward or forward, whichever takes fewer ops.
    ///
    /// # Errors
    /// As [`Map::compile`]; there is no such number.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Map, Points};
    /// let mut polar = Map::jacobian(2, 0, &[0, 1], |p, _| vec![p[0] * p[1].cos(), p[0] * p[1].sin()])?;
    /// let (values, blocks) = polar.run(&Points::new(2).rows(&[1.0, 0.0, 3.0, 0.0], 2), &[])?;
    /// assert_eq!(values.to_vec(), [1.0, 0.0, 3.0, 0.0]);
    /// assert_eq!(blocks.shape().dims(), [2, 2, 2]);
    /// assert_eq!(blocks.to_vec(), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 3.0]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn jacobian(
        n_inputs: usize,
        n_shared: usize,
        by: &[usize],
        f: impl for<'t> FnOnce(&[Var<'t, f64>], &[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
    ) -> Result<MapJacobian<f64>> {
        Mapping::new(n_inputs, n_shared).jacobian(by, f)
    }
}

impl<T: Element> Map<T> {
    /// The values of n points, [n, m].
    ///
    /// # Errors
    /// Not as many inputs or shared numbers as the function takes; lengths that do not fit n; an index out of range.
    #[inline(never)]
    pub fn run(&mut self, points: &Points<'_, T>, shared: &[T]) -> Result<Tensor<T>> {
        self.0.check(points, shared)?;
        let mut values = self.0.room(0, points)?;
        self.0.run_checked(points, shared, [&mut values])?;
        Tensor::new([points.len(), self.0.recorded.widths[0]], values)
    }
    /// The same into memory of the caller's.
    ///
    /// # Errors
    /// As [`Map::run`]; `values` does not have n m elements.
    #[inline(never)]
    pub fn run_into(&mut self, points: &Points<'_, T>, shared: &[T], values: &mut [T]) -> Result<()> {
        self.0.run(points, shared, [values])
    }
}

/// The sum of a function over points, with gradients.
pub struct MapGradient<T: 'static>(Mapped<T>);

impl<T: Element> MapGradient<T> {
    /// The sum over the points; its gradient by the shared numbers is written.
    ///
    /// # Errors
    /// As [`Map::run`]; `gradient` does not have one element for each shared number; gradients by inputs were asked for.
    pub fn run(&mut self, points: &Points<'_, T>, shared: &[T], gradient: &mut [T]) -> Result<T> {
        self.run_with_inputs(points, shared, gradient, &mut [])
    }
    /// The same, and the gradient by the k inputs that were asked for, [n, k].
    ///
    /// # Errors
    /// As [`MapGradient::run`]; `by_inputs` does not have n k elements.
    #[inline(never)]
    pub fn run_with_inputs(
        &mut self,
        points: &Points<'_, T>,
        shared: &[T],
        gradient: &mut [T],
        by_inputs: &mut [T],
    ) -> Result<T> {
        if gradient.len() != self.0.n_shared {
            let (found, n) = (gradient.len(), self.0.n_shared);
            return Err(Error::shape(format!("map: the gradient has {found} elements for {n} shared numbers")));
        }
        self.0.run(points, shared, [by_inputs])?;
        let (sum, by_shared) = self.0.sums.split_first().expect("the sum is one of them");
        gradient.copy_from_slice(by_shared);
        Ok(*sum)
    }
}

/// A function mapped over points, with the Jacobian of each.
pub struct MapJacobian<T: 'static>(Mapped<T>);

impl<T: Element> MapJacobian<T> {
    /// The m values of n points, [n, m], and their derivatives by the k numbers asked for, [n, m, k].
    ///
    /// # Errors
    /// As [`Map::run`].
    #[inline(never)]
    pub fn run(&mut self, points: &Points<'_, T>, shared: &[T]) -> Result<(Tensor<T>, Tensor<T>)> {
        self.0.check(points, shared)?;
        let (mut values, mut blocks) = (self.0.room(0, points)?, self.0.room(1, points)?);
        self.0.run_checked(points, shared, [&mut values, &mut blocks])?;
        let (n, m, all) = (points.len(), self.0.recorded.widths[0], self.0.recorded.widths[1]);
        Ok((Tensor::new([n, m], values)?, Tensor::new([n, m, all / m], blocks)?))
    }
    /// The same into memory of the caller's.
    ///
    /// # Errors
    /// As [`Map::run`]; `values` does not have n m elements, or `blocks` n m k.
    #[inline(never)]
    pub fn run_into(&mut self, points: &Points<'_, T>, shared: &[T], values: &mut [T], blocks: &mut [T]) -> Result<()> {
        self.0.run(points, shared, [values, blocks])
    }
}

macro_rules! about_the_code {
    ($($Map:ident),*) => {$(
        impl<T: Element> $Map<T> {
            /// How many threads may work from now on, where it pays. Results have the same bits for any number.
            pub fn set_threads(&mut self, threads: usize) {
                self.0.workers = Workers::new(threads.max(1));
            }
            /// The number of ops that a point takes, before neighbours are joined.
            pub fn ops(&self) -> usize {
                self.0.recorded.body.ops.len()
            }
        }
    )*};
}
about_the_code!(Map, MapGradient, MapJacobian);

/// What all kinds of maps have in common.
struct Mapped<T> {
    n_inputs: usize,
    n_shared: usize,
    recorded: Recorded<T>,
    /// The code for the layout that the last points had.
    code: Option<(Layout, BlockCode<T>)>,
    /// What is gathered for the points at hand.
    columns: Vec<T>,
    sums: Vec<T>,
    workers: Workers,
}

/// Where something is gathered: ops on the points that are run at a time, and the fewest points. Both depend on the function
/// alone, so that sums do not depend on threads.
const GATHERED_WORK: usize = 1 << 20;
const GATHERED_POINTS: usize = 1 << 10;

impl<T: Element> Mapped<T> {
    /// Memory for an output.
    ///
    /// # Errors
    /// There are so many points that the system does not have it: points without inputs take none themselves.
    fn room(&self, output: usize, points: &Points<'_, T>) -> Result<Vec<T>> {
        let shape = Shape::fitting::<T>("map", &[points.len(), self.recorded.widths[output]])?;
        Ok(vec![T::from_f64(0.0); shape.numel()])
    }

    fn run<const N: usize>(&mut self, points: &Points<'_, T>, shared: &[T], outputs: [&mut [T]; N]) -> Result<()> {
        self.check(points, shared)?;
        self.run_checked(points, shared, outputs)
    }

    /// Runs on points and shared numbers that were checked.
    fn run_checked<const N: usize>(
        &mut self,
        points: &Points<'_, T>,
        shared: &[T],
        mut outputs: [&mut [T]; N],
    ) -> Result<()> {
        self.check_outputs(points, &outputs)?;
        let layout = points.layout();
        let Recorded { body, targets, widths, sums } = &self.recorded;
        let (_, code) = match &mut self.code {
            Some(made) if made.0 == layout => made,
            other => other.insert((layout.clone(), BlockCode::new(body, &points::sources(&layout), targets, 1))),
        };
        self.sums.clear();
        self.sums.resize(*sums, T::from_f64(0.0));
        let n = points.len();
        let step = match points::gathers(&layout) {
            true => (GATHERED_WORK / body.ops.len().max(1)).max(GATHERED_POINTS),
            false => n.max(1),
        };
        for start in (0..n).step_by(step) {
            let range = start..n.min(start + step);
            points.gather(range.clone(), &mut self.columns);
            let inputs = points.buffers(range.clone(), &self.columns);
            let mut place = 0;
            let mut parts = outputs.each_mut().map(|output| {
                let width = widths[place];
                place += 1;
                &mut output[range.start * width..range.end * width]
            });
            code.run(range.len(), &inputs, shared, &mut parts, &mut self.sums, &mut self.workers);
        }
        Ok(())
    }

    fn check(&self, points: &Points<'_, T>, shared: &[T]) -> Result<()> {
        for (what, found, wanted) in
            [("inputs", points.n_inputs(), self.n_inputs), ("shared numbers", shared.len(), self.n_shared)]
        {
            if found != wanted {
                return Err(Error::shape(format!("map: the function takes {wanted} {what}, got {found}")));
            }
        }
        points.check()
    }

    fn check_outputs(&self, points: &Points<'_, T>, outputs: &[&mut [T]]) -> Result<()> {
        for (k, (output, width)) in outputs.iter().zip(&self.recorded.widths).enumerate() {
            let (n, found) = (points.len(), output.len());
            if Some(found) != n.checked_mul(*width) {
                return Err(Error::shape(format!(
                    "map: output {k} has {width} numbers for each of {n} points, got memory for {found}"
                )));
            }
        }
        Ok(())
    }
}
