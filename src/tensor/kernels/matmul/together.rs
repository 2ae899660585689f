//! Several products of one shape: with one right factor, which is read once for all, or added up into one result.
//!
//! The bits are those of each product by itself, and of sums in the order of a binary tree. What cannot be done at once with these
//! bits is done one after the other.

use super::vector::Vector;
use super::{Gemm, Many, ManyKernels, Place, Product, blocks, chosen, gated, is_blocks, threads, tree};
use crate::num::simd::Level;
use crate::parallel::Workers;

/// Products of one shape at several places.
pub struct Together<T> {
    product: Product<T>,
    places: Vec<Place<T>>,
    level: Level,
}

impl<T: Gemm> Together<T> {
    /// So many products of [m, k] and [k, n], as of [`gemm_gated`](super::gemm_gated). None where a side is 0, or C is a column.
    pub fn new(
        level: Level,
        sizes @ [_, n, _]: [usize; 3],
        transposed: [bool; 2],
        gates: [bool; 2],
        count: usize,
    ) -> Option<Self> {
        let product = Product::of(sizes, transposed, gates, false);
        let nowhere = Place { a: std::ptr::null(), b: std::ptr::null(), c: std::ptr::null_mut() };
        let fits = !sizes.contains(&0) && n > 1;
        fits.then(|| Self { product, places: vec![nowhere; count], level })
    }

    /// Whether the results can be added up as they are computed, with the bits of a sum in the order of a tree. With threads, too.
    pub fn can_be_added(&self, threads: usize) -> bool {
        threads::parts(&self.product, threads).all(|part| {
            let p = threads::part(&self.product, part);
            // SAFETY: nothing is read or written.
            unsafe { T::pick::<ManyKernels>()(self.level, Many::Fits, &p, &self.places) }
        })
    }

    /// Whether they are of one shape with others.
    pub fn is_like(&self, other: &Self) -> bool {
        let shape = |p: &Product<T>| (p.m, p.n, p.k, p.ta, p.tb, p.gates);
        shape(&self.product) == shape(&other.product)
    }

    /// Sets the addresses of a product's factors and of its result; where results are added up it is that of the sum.
    pub fn bind(&mut self, k: usize, [a, b]: [*const T; 2], c: *mut T) {
        self.places[k] = Place { a, b, c };
    }

    /// Whether all places have the same right factor.
    pub fn has_one_right(&self) -> bool {
        self.places.windows(2).all(|two| two[0].b == two[1].b)
    }

    /// Computes each product.
    ///
    /// # Safety
    /// All have one right factor. Every place has its elements, and nothing else refers to the results.
    pub unsafe fn run(&mut self, workers: &mut Workers) {
        // SAFETY: the caller's promise.
        unsafe {
            self.run_parts(Many::WithOneRight, workers);
            if self.product.gates != [false; 2] {
                self.places.iter().for_each(|place| gated::mend(&self.at(place)));
            }
        }
    }

    /// Computes the sum of all products.
    ///
    /// # Safety
    /// They [can be added](Together::can_be_added), with as many threads, and have one place for the result. Every place has its elements,
    /// and nothing else refers to the result.
    pub unsafe fn run_added(&mut self, workers: &mut Workers) {
        // SAFETY: the caller's promise.
        unsafe {
            self.run_parts(Many::Added, workers);
            let p = &self.product;
            if p.gates != [false; 2] {
                let sum = std::slice::from_raw_parts_mut(self.places[0].c, p.m * p.n);
                // What is NaN in a product is NaN in the sum.
                if gated::may_have_nan(sum) {
                    sum.copy_from_slice(&self.one_after_another(0, self.places.len()));
                }
            }
        }
    }

    fn at(&self, place: &Place<T>) -> Product<T> {
        let Place { a, b, c } = *place;
        Product { a, b, c, ..self.product }
    }

    /// The sum of so many products from one on, each computed by itself.
    ///
    /// # Safety
    /// As for [`Together::run_added`].
    #[cold]
    #[inline(never)]
    unsafe fn one_after_another(&self, from: usize, count: usize) -> Vec<T> {
        if count == 1 {
            let mut sum = vec![T::from_f64(0.0); self.product.m * self.product.n];
            let p = Product { c: sum.as_mut_ptr(), ..self.at(&self.places[from]) };
            // SAFETY: the caller's promise.
            unsafe { T::run(self.level, &p) };
            return sum;
        }
        let half = count / 2;
        // SAFETY: as above.
        let (mut left, right) =
            unsafe { (self.one_after_another(from, half), self.one_after_another(from + half, half)) };
        left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
        left
    }

    /// # Safety
    /// As for the runs.
    unsafe fn run_parts(&mut self, what: Many, workers: &mut Workers) {
        let run = T::pick::<ManyKernels>();
        let parts: Vec<threads::Part> = threads::parts(&self.product, workers.threads()).collect();
        // SAFETY: the caller's promise; parts lie in the product and do not overlap.
        unsafe {
            if parts.len() == 1 {
                run(self.level, what, &self.first(), &self.places);
                return;
            }
            let shared = Shared(self);
            let shared = &shared;
            workers.run(parts.len(), &|_, i| {
                let all = shared.all();
                let p = threads::part(&all.product, parts[i]);
                let places: Vec<Place<T>> = all
                    .places
                    .iter()
                    .map(|place| {
                        let Product { a, b, c, .. } = threads::part(&all.at(place), parts[i]);
                        Place { a, b, c }
                    })
                    .collect();
                run(all.level, what, &Product { b: places[0].b, c: places[0].c, ..p }, &places);
            });
        }
    }

    /// The product, with what all places have in common.
    fn first(&self) -> Product<T> {
        self.at(&self.places[0])
    }
}

/// For threads that write rows or columns of their own.
struct Shared<'a, T>(&'a Together<T>);
// SAFETY: the pointers are read but for C, of which each thread writes another part.
unsafe impl<T: Send + Sync> Sync for Shared<'_, T> {}
impl<T> Shared<'_, T> {
    fn all(&self) -> &Together<T> {
        self.0
    }
}

/// Does that with the products of these places; `p` has their shape, and what they have in common.
///
/// # Safety
/// The processor has V's instructions; the places are valid for the shape, but where it is only asked what fits.
pub(super) unsafe fn run<V: Vector>(what: Many, p: &Product<V::Elem>, places: &[Place<V::Elem>]) -> bool {
    // SAFETY: by contract.
    unsafe {
        match what {
            Many::Fits => return tree::fits::<V>(p, places.len()),
            Many::Added => tree::run::<V>(p, places),
            Many::WithOneRight if is_blocks::<V>(p) => blocks::multiply_each::<V>(p, places),
            Many::WithOneRight => {
                let kernel = chosen::<V>(p);
                places.iter().for_each(|place| kernel(&Product { a: place.a, c: place.c, ..*p }));
            }
        }
    }
    true
}
