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
//! copied into columns, some thousand points at a time. A Jacobian of shared numbers alone is the same for all points, and lanes
//! are free: its directions take them ([`directions`]).
//!
//! Points that do not fit into memory come in blocks from a [`PointSource`], and a [`Traversal`] goes through them.

#[cfg(feature = "progress")]
mod bar;
mod directions;
mod points;
mod record;
mod source;
mod tail;
mod traversal;
mod values;

#[cfg(feature = "progress")]
pub use bar::progress_bar;
pub use points::Points;
pub use source::{Beside, PointSource};
pub use traversal::Traversal;

use super::Options;
use super::block::BlockCode;
use crate::error::{Error, Result};
use crate::num::{Element, all_finite};
use crate::parallel::Workers;
use crate::tape::Var;
use crate::tensor::kernels::pairwise;
use crate::tensor::{Shape, Tensor};
use directions::Directions;
use points::Layout;
use record::{Recorded, Trace, Wanted, Way};

/// A function of a point's numbers, and of numbers that all points share, mapped over points: its values, the gradient of their
/// sum, or the Jacobian of each, whichever it is compiled for.
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
pub struct Map<T: 'static> {
    n_inputs: usize,
    n_shared: usize,
    asked: Asked,
    /// How many numbers a point has in each output.
    widths: Vec<usize>,
    code: Code<T>,
    sums: Vec<T>,
    workers: Workers,
    /// What a Jacobian that is computed forward is computed by where it is not finite.
    backward: Option<Box<Backward<T>>>,
}

/// A function whose Jacobian is computed backward where it has to be: compiled then.
struct Backward<T: 'static> {
    trace: Trace<T>,
    by: Vec<usize>,
    options: Options,
    map: Option<Map<T>>,
}

/// What a map is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Values,
    Gradient,
    Jacobian,
}

enum Code<T> {
    /// A lane for each point.
    Points {
        recorded: Recorded<T>,
        /// For the layout that the last points had.
        made: Option<(Layout, BlockCode<T>)>,
        /// What is gathered for the points at hand.
        columns: Vec<T>,
    },
    /// A lane for each direction.
    Directions(Directions<T>),
}

impl Map<f64> {
    /// Compiles a function of `n_inputs` numbers of a point and `n_shared` numbers that all points share, of f64; for other
    /// precisions and settings: [`Options::map`]. The closure is called once.
    ///
    /// # Errors
    /// The closure compares variables or reads plain numbers out of them: what it does then it would do for all points alike
    /// (`condition.select(a, b)` chooses for each); it makes tensors, or uses ops of a user's own; it returns nothing.
    pub fn compile(
        n_inputs: usize,
        n_shared: usize,
        f: impl for<'t> FnOnce(&[Var<'t, f64>], &[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
    ) -> Result<Self> {
        Options::new().map(n_inputs, n_shared, f)
    }

    /// Compiles the sum over the points of a function of one number, with the sum's gradient by the shared numbers. For that by
    /// inputs as well: [`Options::map_gradient`].
    ///
    /// # Errors
    /// As [`Map::compile`].
    ///
    /// # Examples
    /// Least squares of a line:
    /// ```
    /// use retrograd::{Map, Points};
    /// let mut loss = Map::compile_gradient(2, 2, |p, line| (p[0] * line[0] + line[1] - p[1]).square())?;
    /// let points = [0.0, 1.0, 1.0, 3.0, 2.0, 5.0];
    /// let mut gradient = [0.0; 2];
    /// let sum = loss.gradient(&Points::new(3).rows(&points, 2), &[2.0, 0.0], &mut gradient)?;
    /// assert_eq!((sum, gradient), (3.0, [-6.0, -6.0]));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn compile_gradient(
        n_inputs: usize,
        n_shared: usize,
        f: impl for<'t> FnOnce(&[Var<'t, f64>], &[Var<'t, f64>]) -> Var<'t, f64>,
    ) -> Result<Self> {
        Options::new().map_gradient(n_inputs, n_shared, &[], f)
    }

    /// Compiles a function with the Jacobian of each point: the derivatives of its values by the numbers `by`, which count
    /// the inputs first, then the shared ones. Backward or forward, whichever takes fewer ops.
    ///
    /// A function of shared numbers alone, by all of them, is compiled forward along all directions at once: what it computes is
    /// computed once, its derivatives for a vector of directions at a time. A number that a direction does not reach costs nothing
    /// where none reaches it; sums, differences and multiples by literals that nothing else follows are done once for values and
    /// derivatives. So tall Jacobians are cheap.
    ///
    /// Where a derivative on the way is infinite or undefined, forward and backward may differ, and the answer is that of
    /// [`grad`](crate::grad), backward. A Jacobian of more than four times as many values as numbers goes forward first, and
    /// backward where what it found is not finite; what a derivative of 0 hides on the way forward, as in sqrt(x^2) at 0, is 0 there.
    ///
    /// # Errors
    /// As [`Map::compile`]; there is no such number.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Map, Points};
    /// let mut polar = Map::compile_jacobian(2, 0, &[0, 1], |p, _| vec![p[0] * p[1].cos(), p[0] * p[1].sin()])?;
    /// let (values, blocks) = polar.jacobian(&Points::new(2).rows(&[1.0, 0.0, 3.0, 0.0], 2), &[])?;
    /// assert_eq!(values.to_vec(), [1.0, 0.0, 3.0, 0.0]);
    /// assert_eq!(blocks.shape().dims(), [2, 2, 2]);
    /// assert_eq!(blocks.to_vec(), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 3.0]);
    /// // A function that is not mapped: one point, which has no numbers of its own.
    /// let mut circle = Map::compile_jacobian(0, 2, &[0, 1], |_, x| vec![x[0] * x[1].cos(), x[0] * x[1].sin(), x[0]])?;
    /// let (values, jacobian) = circle.jacobian(&Points::new(1), &[2.0, 0.0])?;
    /// assert_eq!(values.to_vec(), [2.0, 0.0, 2.0]);
    /// assert_eq!(jacobian.to_vec(), [1.0, 0.0, 0.0, 2.0, 1.0, 0.0]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn compile_jacobian(
        n_inputs: usize,
        n_shared: usize,
        by: &[usize],
        f: impl for<'t> FnOnce(&[Var<'t, f64>], &[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
    ) -> Result<Self> {
        Options::new().map_jacobian(n_inputs, n_shared, by, f)
    }
}

/// Maps, compiled by these settings.
impl Options {
    /// As [`Map::compile`].
    ///
    /// # Errors
    /// As there; what is for programs alone: carried inputs, outputs written out, gradients.
    ///
    /// # Examples
    /// For f32, on two threads:
    /// ```
    /// use retrograd::{Points, program::Options};
    /// let mut map = Options::new().threads(2).map::<f32>(1, 1, |x, s| vec![x[0] * s[0]])?;
    /// assert_eq!(map.run(&Points::new(3).column(&[1.0, 2.0, 3.0]), &[2.0])?.to_vec(), [2.0, 4.0, 6.0]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn map<T: Element>(
        &self,
        n_inputs: usize,
        n_shared: usize,
        f: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Result<Map<T>> {
        self.of_trace(&Trace::new([n_inputs, n_shared], f)?, Wanted::Values)
    }

    /// As [`Map::compile_gradient`], with the gradient by some inputs of each point as well.
    ///
    /// # Errors
    /// As [`Options::map`]; there is no such input.
    pub fn map_gradient<T: Element>(
        &self,
        n_inputs: usize,
        n_shared: usize,
        inputs: &[usize],
        f: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Var<'t, T>,
    ) -> Result<Map<T>> {
        self.of_trace(&Trace::new([n_inputs, n_shared], |x, shared| vec![f(x, shared)])?, Wanted::Gradient { inputs })
    }

    /// As [`Map::compile_jacobian`].
    ///
    /// # Errors
    /// As there, and of [`Options::map`].
    pub fn map_jacobian<T: Element>(
        &self,
        n_inputs: usize,
        n_shared: usize,
        by: &[usize],
        f: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Result<Map<T>> {
        if n_inputs == 0 && by.len() == n_shared {
            // A square of numbers: a direction for each, and one for the value. Before the closure is called with so many.
            Shape::fitting::<T>("map", &[n_shared.saturating_add(1); 2])?;
        }
        let trace = Trace::new([n_inputs, n_shared], f)?;
        let way = trace.way(by.len());
        let mut map = self.of_trace(&trace, Wanted::Jacobian { by, way })?;
        if way == Way::Forward && trace.tape.has_singular_ops() {
            map.backward = Some(Box::new(Backward { trace, by: by.to_vec(), options: self.clone(), map: None }));
        }
        Ok(map)
    }

    /// A map of what a closure did.
    #[inline(never)]
    fn of_trace<T: Element>(&self, trace: &Trace<T>, wanted: Wanted<'_>) -> Result<Map<T>> {
        if !(self.carried.is_empty() && self.by.is_empty() && self.written_out.is_empty()) {
            return Err(Error::argument(
                "map: carry, gradient and write_out are for programs; a map has map_gradient, and writes into its caller's memory",
            ));
        }
        let asked = match wanted {
            Wanted::Values => Asked::Values,
            Wanted::Gradient { .. } => Asked::Gradient,
            Wanted::Jacobian { .. } => Asked::Jacobian,
        };
        let (code, widths) = match wanted {
            Wanted::Jacobian { by, way: Way::Forward | Way::Shorter }
                if trace.n_inputs == 0 && by.iter().copied().eq(0..trace.n_shared) =>
            {
                let directions = Directions::new(trace, self.level())?;
                let m = directions.n_values();
                (Code::Directions(directions), vec![m, m * by.len()])
            }
            _ => {
                let recorded = trace.derive(self.level(), wanted)?;
                let widths = recorded.widths.clone();
                (Code::Points { recorded, made: None, columns: Vec::new() }, widths)
            }
        };
        let (n_inputs, n_shared) = (trace.n_inputs, trace.n_shared);
        let workers = Workers::new(self.threads.max(1));
        Ok(Map { n_inputs, n_shared, asked, widths, code, sums: Vec::new(), workers, backward: None })
    }
}

impl<T: Element> Map<T> {
    /// The values of n points, [n, m].
    ///
    /// # Errors
    /// Not as many inputs or shared numbers as the function takes; lengths that do not fit n; an index out of range. A map that
    /// is compiled for derivatives.
    #[inline(never)]
    pub fn run(&mut self, points: &Points<'_, T>, shared: &[T]) -> Result<Tensor<T>> {
        self.check(Asked::Values, points, shared)?;
        let mut values = self.room(0, points)?;
        self.run_checked(points, shared, [&mut values])?;
        Tensor::new([points.len(), self.widths[0]], values)
    }
    /// The same into memory of the caller's.
    ///
    /// # Errors
    /// As [`Map::run`]; `values` does not have n m elements.
    #[inline(never)]
    pub fn run_into(&mut self, points: &Points<'_, T>, shared: &[T], values: &mut [T]) -> Result<()> {
        self.check(Asked::Values, points, shared)?;
        self.run_checked(points, shared, [values])
    }

    /// The sum over the points, of a map that is compiled for its gradient; that by the shared numbers is written.
    ///
    /// # Errors
    /// As [`Map::run`]; `gradient` does not have one element for each shared number; gradients by inputs were asked for; a map
    /// that is compiled for something else.
    pub fn gradient(&mut self, points: &Points<'_, T>, shared: &[T], gradient: &mut [T]) -> Result<T> {
        self.gradient_with_inputs(points, shared, gradient, &mut [])
    }
    /// The same, and the gradient by the k inputs that were asked for, [n, k].
    ///
    /// # Errors
    /// As [`Map::gradient`]; `by_inputs` does not have n k elements.
    #[inline(never)]
    pub fn gradient_with_inputs(
        &mut self,
        points: &Points<'_, T>,
        shared: &[T],
        gradient: &mut [T],
        by_inputs: &mut [T],
    ) -> Result<T> {
        self.check(Asked::Gradient, points, shared)?;
        if gradient.len() != self.n_shared {
            let (found, n) = (gradient.len(), self.n_shared);
            return Err(Error::shape(format!("map: the gradient has {found} elements for {n} shared numbers")));
        }
        self.run_checked(points, shared, [by_inputs])?;
        let (sum, by_shared) = self.sums.split_first().expect("the sum is one of them");
        gradient.copy_from_slice(by_shared);
        Ok(*sum)
    }

    /// The m values of n points, [n, m], and their derivatives by the k numbers asked for, [n, m, k], of a map that is compiled
    /// for its Jacobian.
    ///
    /// # Errors
    /// As [`Map::run`]; a map that is compiled for something else.
    #[inline(never)]
    pub fn jacobian(&mut self, points: &Points<'_, T>, shared: &[T]) -> Result<(Tensor<T>, Tensor<T>)> {
        self.check(Asked::Jacobian, points, shared)?;
        let (mut values, mut blocks) = (self.room(0, points)?, self.room(1, points)?);
        self.jacobian_checked(points, shared, &mut values, &mut blocks)?;
        let (n, m, all) = (points.len(), self.widths[0], self.widths[1]);
        Ok((Tensor::new([n, m], values)?, Tensor::new([n, m, all / m], blocks)?))
    }
    /// The same into memory of the caller's.
    ///
    /// # Errors
    /// As [`Map::jacobian`]; `values` does not have n m elements, or `blocks` n m k.
    #[inline(never)]
    pub fn jacobian_into(
        &mut self,
        points: &Points<'_, T>,
        shared: &[T],
        values: &mut [T],
        blocks: &mut [T],
    ) -> Result<()> {
        self.check(Asked::Jacobian, points, shared)?;
        self.jacobian_checked(points, shared, values, blocks)
    }

    /// Where a derivative that went forward is not finite, the point's are computed backward: x sqrt(x) at 0 has NaN forward.
    fn jacobian_checked(
        &mut self,
        points: &Points<'_, T>,
        shared: &[T],
        values: &mut [T],
        blocks: &mut [T],
    ) -> Result<()> {
        self.run_checked(points, shared, [values, blocks])?;
        if let Some(backward) = self.backward.as_deref_mut()
            && !all_finite(blocks)
        {
            let Backward { trace, by, options, map } = backward;
            let map = match map {
                Some(map) => map,
                None => map.insert(options.of_trace(trace, Wanted::Jacobian { by, way: Way::Backward })?),
            };
            let (mut again, mut swept) = (map.room(0, points)?, map.room(1, points)?);
            map.run_checked(points, shared, [&mut again, &mut swept])?;
            let width = self.widths[1].max(1);
            for (block, swept) in blocks.chunks_exact_mut(width).zip(swept.chunks_exact(width)) {
                if !all_finite(block) {
                    block.copy_from_slice(swept);
                }
            }
        }
        Ok(())
    }

    /// Memory for an output.
    ///
    /// # Errors
    /// There are so many points that the system does not have it: points without inputs take none themselves.
    fn room(&self, output: usize, points: &Points<'_, T>) -> Result<Vec<T>> {
        let shape = Shape::fitting::<T>("map", &[points.len(), self.widths[output]])?;
        Ok(vec![T::from_f64(0.0); shape.numel()])
    }

    /// Runs on points and shared numbers that were checked.
    fn run_checked<const N: usize>(
        &mut self,
        points: &Points<'_, T>,
        shared: &[T],
        mut outputs: [&mut [T]; N],
    ) -> Result<()> {
        self.check_outputs(points, &outputs)?;
        let n = points.len();
        let (recorded, made, columns) = match &mut self.code {
            Code::Points { recorded, made, columns } => (recorded, made, columns),
            Code::Directions(directions) => {
                if let ([values, blocks], 1..) = (&mut outputs[..], n) {
                    directions.run(n, shared, values, blocks, &mut self.workers);
                }
                return Ok(());
            }
        };
        let layout = points.layout();
        let Recorded { body, targets, sums, .. } = recorded;
        let (_, code) = match made {
            Some(made) if made.0 == layout => made,
            other => other.insert((layout.clone(), BlockCode::new(body, &points::sources(&layout), targets, 1))),
        };
        self.sums.clear();
        self.sums.resize(*sums, T::from_f64(0.0));
        let step = match points::gathers(&layout) {
            true => (GATHERED_WORK / body.ops.len().max(1)).max(GATHERED_POINTS),
            false => n.max(1),
        };
        let mut levels = vec![T::from_f64(0.0); if step < n { pairwise::levels(n.div_ceil(step)) * *sums } else { 0 }];
        for (piece, start) in (0..n).step_by(step).enumerate() {
            let range = start..n.min(start + step);
            points.gather(range.clone(), columns);
            let inputs = points.buffers(range.clone(), columns);
            let mut place = 0;
            let mut parts = outputs.each_mut().map(|output| {
                let width = self.widths[place];
                place += 1;
                &mut output[range.start * width..range.end * width]
            });
            code.run(range.len(), &inputs, shared, &mut parts, &mut self.sums, &mut self.workers);
            if !levels.is_empty() {
                pairwise::carry(&mut self.sums, &mut levels, *sums, 0, piece + 1);
            }
        }
        if !levels.is_empty() {
            pairwise::settle(&mut self.sums, &levels, *sums, 0, n.div_ceil(step));
        }
        Ok(())
    }

    fn check(&self, asked: Asked, points: &Points<'_, T>, shared: &[T]) -> Result<()> {
        self.check_function(asked, points.n_inputs(), shared)?;
        points.check()
    }

    /// Whether it is compiled for this, and takes so many inputs and these shared numbers.
    fn check_function(&self, asked: Asked, n_inputs: usize, shared: &[T]) -> Result<()> {
        if asked != self.asked {
            let (found, wanted) = (self.asked, asked);
            return Err(Error::argument(format!("map: compiled for {found}, asked for {wanted}")));
        }
        for (what, found, wanted) in
            [("inputs", n_inputs, self.n_inputs), ("shared numbers", shared.len(), self.n_shared)]
        {
            if found != wanted {
                return Err(Error::shape(format!("map: the function takes {wanted} {what}, got {found}")));
            }
        }
        Ok(())
    }

    fn check_outputs(&self, points: &Points<'_, T>, outputs: &[&mut [T]]) -> Result<()> {
        for (k, (output, width)) in outputs.iter().zip(&self.widths).enumerate() {
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

/// Where something is gathered: ops on the points that are run at a time, and the fewest points. Both depend on the function
/// alone, so that sums do not depend on threads.
const GATHERED_WORK: usize = 1 << 20;
const GATHERED_POINTS: usize = 1 << 10;

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Asked::Values => "values",
            Asked::Gradient => "the gradient of a sum",
            Asked::Jacobian => "Jacobians",
        })
    }
}
