//! Updates of parameters in one vectorised pass.

use crate::num::math::Mode;
use crate::num::simd::{Kernel, dispatch};
use crate::num::{Element, Float};

/// An update rule for one element: a parameter, its gradient, and `N` numbers of state (velocity, second moment, ...).
///
/// Written once over [`Float`], it is compiled for every instruction set and picked at run time by [`update`].
///
/// # Examples
/// ```
/// use retrograd::{ElementUpdate, Float, update};
/// /// v = 0.9 v + g, then p = p - rate v.
/// struct Momentum(f64);
/// impl ElementUpdate<1> for Momentum {
///     fn apply<F: Float>(&self, p: F, g: F, [v]: [F; 1]) -> (F, [F; 1]) {
///         let v = F::lit(0.9) * v + g;
///         (p - F::lit(self.0) * v, [v])
///     }
/// }
/// let (mut p, mut v) = ([1.0, 2.0], [0.0, 0.0]);
/// update(&Momentum(0.5), &mut p, &[1.0, -1.0], [&mut v]);
/// assert_eq!((p, v), ([0.5, 2.5], [1.0, -1.0]));
/// ```
pub trait ElementUpdate<const N: usize> {
    /// The new parameter and state. Mark it `#[inline(always)]`, or it will not vectorise.
    fn apply<F: Float>(&self, parameter: F, gradient: F, state: [F; N]) -> (F, [F; N]);
}

/// Applies the rule to every element, in place, in one pass over memory.
///
/// State below the smallest normal number becomes 0. The average of a gradient that is 0 for good, that of a unit which relu
/// has shut off, would otherwise shrink to subnormal numbers and stay there, where every later update takes twice as long.
///
/// # Panics
/// The slices differ in length.
#[track_caller]
pub fn update<T: Element, const N: usize>(
    rule: &impl ElementUpdate<N>,
    parameter: &mut [T],
    gradient: &[T],
    state: [&mut [T]; N],
) {
    let n = parameter.len();
    assert!(
        gradient.len() == n && state.iter().all(|s| s.len() == n),
        "update: {n} parameters, {} gradients and state of lengths {:?}",
        gradient.len(),
        state.each_ref().map(|s| s.len())
    );
    dispatch(Pass { rule, parameter, gradient, state });
}

struct Pass<'a, T, R, const N: usize> {
    rule: &'a R,
    parameter: &'a mut [T],
    gradient: &'a [T],
    state: [&'a mut [T]; N],
}

impl<T: Element, R: ElementUpdate<N>, const N: usize> Kernel for Pass<'_, T, R, N> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let n = self.parameter.len();
        let gradient = &self.gradient[..n];
        let zero = T::from_f64(0.0);
        let least = T::from_f64(if T::EPSILON > 1e-10 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE });
        // Slices of one known length let the bounds checks go, and the loop vectorise.
        let mut state = self.state.map(|s| &mut s[..n]);
        for i in 0..n {
            let old: [_; N] = std::array::from_fn(|k| state[k][i].enter::<M>());
            let (p, new) = self.rule.apply(self.parameter[i].enter::<M>(), gradient[i].enter::<M>(), old);
            self.parameter[i] = T::leave(p);
            for (s, x) in state.iter_mut().zip(new) {
                let x = T::leave(x);
                s[i] = if x > -least && x < least { zero } else { x };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Average;
    impl ElementUpdate<1> for Average {
        #[inline(always)]
        fn apply<F: Float>(&self, p: F, g: F, [m]: [F; 1]) -> (F, [F; 1]) {
            (p - m, [F::lit(0.9) * m + F::lit(0.1) * g])
        }
    }

    fn shrunk<T: Element>(start: f64, steps: usize) -> T {
        let (mut p, mut m) = ([T::from_f64(0.0); 40], [T::from_f64(start); 40]);
        for _ in 0..steps {
            update(&Average, &mut p, &[T::from_f64(0.0); 40], [&mut m]);
        }
        m[39]
    }

    #[test]
    fn state_that_shrinks_for_ever_ends_at_zero() {
        assert_eq!(shrunk::<f32>(-1.0, 1000), 0.0);
        assert_eq!(shrunk::<f64>(1.0, 8000), 0.0);
        assert!(shrunk::<f32>(1.0, 800) >= f32::MIN_POSITIVE);
        assert!(shrunk::<f64>(-1.0, 800) < -1e-37);
        assert!(shrunk::<f32>(f64::NAN, 3).is_nan());
    }
}
