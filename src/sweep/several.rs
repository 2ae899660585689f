//! Several directions at once: a pass over a tape of numbers that carries a vector of tangents, or of adjoints, for each node.
//!
//! A pass reads every node once for eight directions (sixteen in f32), and does with one vector what a pass for one does with a
//! number; every lane gets the bits that a pass of its own would give. Tapes with ops on tensors take a pass for each direction.

use super::bends;
use crate::error::{Error, Result};
use crate::num::math::Mode;
use crate::num::simd::{self, Kernel};
use crate::num::{Element, all_finite};
use crate::tape::scalar::ScalarLane;
use crate::tape::{NodeRef, Tape, Value, Var};
use crate::tensor::{Shape, Tensor};

impl<T: Element> Tape<T> {
    /// The derivatives of m numbers when n numbers move along each of k directions, [k, n]: the products of the Jacobian with
    /// them, [k, m], carried forward several at a time.
    ///
    /// # Errors
    /// A variable is a tensor, or of another tape; directions of another length; an op on the way has no forward rule.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.vars(&[2.0, 3.0]);
    /// let y = [x[0] * x[1], x[0] + x[1]];
    /// let columns = tape.jvp_many(&y, &x, &Tensor::from([[1.0, 0.0], [0.0, 1.0], [1.0, 10.0]]))?;
    /// assert_eq!(columns.to_vec(), [3.0, 1.0, 2.0, 1.0, 23.0, 11.0]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    pub fn jvp_many(&self, ys: &[Var<'_, T>], xs: &[Var<'_, T>], directions: &Tensor<T>) -> Result<Tensor<T>> {
        self.tracing().note(
            "a tangent in plain numbers would be kept as it is; use try_record_jvp, or jvp at a variable, whose tangents are recorded",
        );
        let k = self.check_many("jvp_many", ys, xs, directions, xs.len())?;
        let shape = Shape::fitting::<T>("jvp_many", &[k, ys.len()])?;
        let mut products = vec![T::from_f64(0.0); shape.numel()];
        if self.is_numbers_alone() {
            let pass = Pass { lane: self.scalars(), from: xs, to: ys, vectors: directions.as_slice(), forward: true };
            pass.run(&mut products);
        }
        // Where a product of partial derivatives is not finite, each direction is taken by the rules.
        let ids: Vec<_> = ys.iter().map(|y| y.id).collect();
        let bends = self.is_numbers_alone() && bends::lead_to_gradients(self, &ids, 0, self.scalars().len());
        let from_inside = xs.iter().any(|x| self.scalars().is_inside(x.id));
        if bends || from_inside || !self.is_numbers_alone() || !all_finite(&products) {
            for (direction, product) in rows(directions.as_slice(), xs.len(), k).zip(rows_mut(&mut products, ys.len()))
            {
                let tangents: Vec<_> = xs.iter().zip(direction).map(|(&x, &t)| (x, Value::Scalar(t))).collect();
                for (slot, tangent) in product.iter_mut().zip(self.jvp_all(ys, &tangents)?) {
                    *slot = tangent.as_slice()[0];
                }
            }
        }
        Tensor::new(shape, products)
    }

    /// The gradients by n numbers of the sum of m numbers times each of k rows of seeds, [k, m]: the products of the seeds with
    /// the Jacobian, [k, n], carried back several at a time.
    ///
    /// # Errors
    /// A variable is a tensor, or of another tape; seeds of another length.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.vars(&[2.0, 3.0]);
    /// let y = [x[0] * x[1], x[0] + x[1]];
    /// let rows = tape.vjp_many(&y, &x, &Tensor::from([[1.0, 0.0], [0.0, 1.0]]))?;
    /// assert_eq!(rows.to_vec(), [3.0, 2.0, 1.0, 1.0]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    pub fn vjp_many(&self, ys: &[Var<'_, T>], xs: &[Var<'_, T>], seeds: &Tensor<T>) -> Result<Tensor<T>> {
        let k = self.check_many("vjp_many", ys, xs, seeds, ys.len())?;
        let shape = Shape::fitting::<T>("vjp_many", &[k, xs.len()])?;
        let mut products = vec![T::from_f64(0.0); shape.numel()];
        if self.is_numbers_alone() {
            let pass = Pass { lane: self.scalars(), from: ys, to: xs, vectors: seeds.as_slice(), forward: false };
            pass.run(&mut products);
        }
        if !self.is_numbers_alone() || !all_finite(&products) {
            products.fill(T::from_f64(0.0));
            let zero = T::from_f64(0.0);
            for (seed, product) in rows(seeds.as_slice(), ys.len(), k).zip(rows_mut(&mut products, xs.len())) {
                for (y, &seed) in ys.iter().zip(seed).filter(|(_, seed)| **seed != zero) {
                    let grads = y.try_backward_with(Tensor::scalar(seed))?;
                    for (slot, &x) in product.iter_mut().zip(xs) {
                        *slot += grads.item(x);
                    }
                    self.recycle(grads);
                }
            }
        }
        Tensor::new(shape, products)
    }

    /// How many directions there are.
    fn check_many(
        &self,
        op: &str,
        ys: &[Var<'_, T>],
        xs: &[Var<'_, T>],
        vectors: &Tensor<T>,
        wanted: usize,
    ) -> Result<usize> {
        for var in ys.iter().chain(xs) {
            crate::tape::same_tape(op, Some(self), var.tape)?;
            if var.is_tensor() {
                let shape = var.shape();
                return Err(Error::shape(format!("{op}: variables must be numbers, got a tensor of shape {shape}")));
            }
        }
        match *vectors.shape().dims() {
            [k, n] if n == wanted => Ok(k),
            _ => {
                let shape = vectors.shape();
                Err(Error::shape(format!("{op}: directions have shape {shape}, not [any, {wanted}]")))
            }
        }
    }

    fn is_numbers_alone(&self) -> bool {
        self.entries().is_empty() && !self.has_hooks() && !self.is_strict() && !self.scalars().has_far()
    }
}

fn rows<T>(elements: &[T], width: usize, n: usize) -> impl Iterator<Item = &[T]> {
    (0..n).map(move |i| &elements[i * width..(i + 1) * width])
}
fn rows_mut<T>(elements: &mut [T], width: usize) -> impl Iterator<Item = &mut [T]> {
    elements.chunks_mut(width.max(1))
}

/// Passes over the scalar lane, forward or back.
struct Pass<'a, 't, T> {
    lane: &'a ScalarLane<T>,
    /// What tangents or seeds are given for, row by row, and what is asked for.
    from: &'a [Var<'t, T>],
    to: &'a [Var<'t, T>],
    vectors: &'a [T],
    forward: bool,
}

impl<T: Element> Pass<'_, '_, T> {
    /// A vector is as long as the widest register.
    fn run(&self, products: &mut [T]) {
        if size_of::<T>() == 4 { self.run_lanes::<16>(products) } else { self.run_lanes::<8>(products) }
    }

    fn run_lanes<const K: usize>(&self, products: &mut [T]) {
        let zero = [T::from_f64(0.0); K];
        let mut lanes: Vec<[T; K]> = Vec::new();
        let (n, m) = (self.from.len(), self.to.len());
        if n == 0 || m == 0 {
            return;
        }
        for (vectors, products) in self.vectors.chunks(K * n).zip(products.chunks_mut(K * m)) {
            let used = |j: usize| vectors.iter().skip(j).step_by(n).any(|&x| x != zero[0]);
            let given = (0..n).filter(|&j| used(j)).filter_map(|j| Some((j, node(self.from[j])?)));
            let given: Vec<(usize, usize)> = given.collect();
            let asked = || self.to.iter().filter_map(|&var| node(var));
            // Nothing behind the last node that is asked for, or given, is looked at.
            let last = if self.forward { asked().max() } else { given.iter().map(|&(_, id)| id).max() };
            let end = last.map_or(0, |last| last + 1);
            lanes.clear();
            lanes.resize(end, zero);
            for &(j, id) in given.iter().filter(|(_, id)| *id < end) {
                for (slot, row) in lanes[id].iter_mut().zip(vectors.chunks_exact(n)) {
                    *slot += row[j];
                }
            }
            simd::dispatch(Lanes { lane: self.lane, lanes: &mut lanes, forward: self.forward });
            for (i, var) in self.to.iter().enumerate() {
                let found = node(*var).and_then(|id| lanes.get(id));
                for (slot, &x) in products.chunks_exact_mut(m).zip(found.unwrap_or(&zero)) {
                    slot[i] = x;
                }
            }
        }
    }
}

fn node<T: Element>(var: Var<'_, T>) -> Option<usize> {
    match var.id.lane() {
        NodeRef::Scalar(id) => Some(id as usize),
        _ => None,
    }
}

struct Lanes<'a, T, const K: usize> {
    lane: &'a ScalarLane<T>,
    lanes: &'a mut [[T; K]],
    forward: bool,
}

impl<T: Element, const K: usize> Kernel for Lanes<'_, T, K> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        if self.forward { self.lane.push_forward_lanes(self.lanes) } else { self.lane.sweep_lanes(self.lanes) }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Element, Tape, Tensor, Var};

    /// Numbers that look random and are not, a third of them zero.
    fn sample<T: Element>(n: usize, seed: usize) -> Vec<T> {
        let number = |i: usize| (((i + 1) * (2 * seed + 3) * 7919) % 1000) as f64 / 500.0 - 0.999;
        (0..n).map(|i| T::from_f64(if i % 3 == 1 { 0.0 } else { number(i) })).collect()
    }

    /// Numbers of each kind of node: two parents, one, a literal, both the same, none at all.
    fn outputs<'t, T: Element>(x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
        let lit = |x: f64| Var::constant(T::from_f64(x));
        let mut y = vec![x[0] * x[1] + x[2].sin(), x[3], lit(2.0), x[1] * x[1]];
        for i in 0..20 {
            let previous = y[y.len() - 1];
            y.push((previous * lit(0.5) + x[i % x.len()]).tanh() / (x[(i + 1) % x.len()].exp() + lit(1.0)));
        }
        y
    }

    /// Each direction's derivatives are those of a pass of its own, to the bit.
    fn agrees<T: Element>(also: impl for<'t> Fn(&'t Tape<T>, &mut Vec<Var<'t, T>>)) {
        let tape = Tape::<T>::of();
        let x = tape.vars(&sample::<T>(5, 1));
        let mut y = outputs(&x);
        also(&tape, &mut y);
        for k in [0, 1, 7, 8, 9, 16, 33] {
            let directions = Tensor::new([k, 5], sample::<T>(k * 5, 2)).unwrap();
            let found = tape.jvp_many(&y, &x, &directions).unwrap();
            assert_eq!(found.shape().dims(), [k, y.len()]);
            for (direction, found) in directions.as_slice().chunks(5).zip(found.as_slice().chunks(y.len())) {
                let tangents: Vec<_> = x.iter().zip(direction).map(|(&x, &t)| (x, crate::Value::Scalar(t))).collect();
                let one = tape.jvp_all(&y, &tangents).unwrap();
                assert!(one.iter().zip(found).all(|(one, found)| one.as_slice()[0] == *found));
            }
            // A seed for one output each: a sweep of its own begins there.
            let mut seeds = vec![T::from_f64(0.0); k * y.len()];
            for i in 0..k {
                seeds[i * y.len() + (i * 7) % y.len()] = T::from_f64(1.0 + i as f64);
            }
            let seeds = Tensor::new([k, y.len()], seeds).unwrap();
            let found = tape.vjp_many(&y, &x, &seeds).unwrap();
            for (i, found) in found.as_slice().chunks(5).enumerate() {
                let own = y[(i * 7) % y.len()].backward_with(Tensor::scalar(T::from_f64(1.0 + i as f64)));
                assert_eq!(own.items(&x), found);
            }
        }
    }

    #[test]
    fn many_directions_have_the_bits_of_passes_of_their_own() {
        agrees::<f64>(|_, _| {});
        agrees::<f32>(|_, _| {});
    }

    #[test]
    fn a_tape_with_tensors_takes_many_directions_too() {
        agrees::<f64>(|tape, y| {
            let first = y[4];
            y.push((tape.data([1.0, 2.0, 3.0]) * first).square().sum(()));
        });
    }

    #[test]
    fn directions_that_do_not_fit_are_refused() {
        let (tape, other) = (Tape::new(), Tape::new());
        let x = tape.vars(&[1.0, 2.0]);
        let y = [x[0] * x[1]];
        let message = |result: crate::Result<Tensor<f64>>| result.unwrap_err().to_string();
        assert!(message(tape.jvp_many(&y, &x, &Tensor::zeros([2, 3]))).contains("shape [2, 3], not [any, 2]"));
        assert!(message(tape.vjp_many(&y, &x, &Tensor::zeros([4]))).contains("shape [4], not [any, 1]"));
        assert!(message(other.vjp_many(&y, &x, &Tensor::zeros([1, 1]))).contains("tape"));
        let tensor = tape.var([1.0, 2.0]);
        assert!(message(tape.jvp_many(&[tensor], &x, &Tensor::zeros([1, 2]))).contains("must be numbers"));
    }
}
