//! The points that a text is judged at: the one that is given, one beside it, one far from it, and some as near as can be.

use super::Forward;
use super::judge::{Judge, Role, Want};
use super::values::Owned;
use crate::tensor::Tensor;

/// What moves the values of variables, by the number of the variable.
pub(super) type Move = fn(&Tensor<f64>, usize) -> Tensor<f64>;

/// A little beside: whether the value or the derivative is made where two pieces meet, and another text would be right there.
pub(super) fn beside(x: &Tensor<f64>, number: usize) -> Tensor<f64> {
    let largest = x.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let least = if largest > 0.0 { 0.1 * largest } else { 1.0 };
    let mut place = 7 * number;
    x.map(|x| {
        place += 1;
        // Multiples of the golden ratio are spread evenly.
        let fraction = (place as f64 * 0.618_033_988_749_894_9).fract();
        let size = 0.02 + 0.03 * (place as f64 * std::f64::consts::SQRT_2).fract();
        x + if fraction < 0.5 { -size } else { size } * x.abs().max(least)
    })
}

/// Elsewhere: by as much as the values are, and with other signs.
pub(super) fn far(x: &Tensor<f64>, number: usize) -> Tensor<f64> {
    let largest = x.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let least = if largest > 0.0 { 0.3 * largest } else { 0.7 };
    let mut place = 5 * number;
    x.map(|x| {
        place += 1;
        let fraction = (place as f64 * 0.754_877_666_246_692_8).fract();
        let size = 0.6 + (place as f64 * std::f64::consts::SQRT_2).fract();
        let size = size * x.abs().max(least);
        // Every other one has the other sign, and some of the rest.
        if place.is_multiple_of(2) || fraction < 0.3 { -size } else { size }
    })
}

/// As near as rounding allows, on the sides that `SIDE` says.
fn hardly<const SIDE: usize>(x: &Tensor<f64>, number: usize) -> Tensor<f64> {
    let largest = x.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let step = 1e-7 * if largest > 0.0 { largest } else { 1.0 };
    let mut place = 11 * number + 131 * SIDE;
    x.map(|x| {
        place += 1;
        let fraction = (place as f64 * 0.569_840_290_998_053_3).fract();
        x + step * (2.0 * fraction - 1.0)
    })
}

/// The forward part at several points.
pub(super) struct Points<'p> {
    pub here: &'p Forward,
    /// A little beside, where it runs there.
    pub beside: Option<&'p Forward>,
    /// Elsewhere, where it runs there.
    pub far: Option<Forward>,
    pub around: &'p dyn Fn(Move) -> Option<Forward>,
}

impl Points<'_> {
    /// Whether gradients are between those that are met right beside the point: where two pieces of a function meet one may choose.
    pub fn is_choice(&self, judge: &Judge<'_>, stands: &[Owned]) -> bool {
        let moves: [Move; 6] = [hardly::<0>, hardly::<1>, hardly::<2>, hardly::<3>, hardly::<4>, hardly::<5>];
        let around: Vec<Forward> = moves.into_iter().filter_map(|moved| (self.around)(moved)).collect();
        judge.roles.iter().zip(stands).all(|(role, value)| {
            let (Role::Final(Want::Node(node)), Owned::Data(x, ..)) = (role, value) else { return true };
            let all = || std::iter::once(self.here).chain(&around).map(|at| &at.point.adjoints[*node]);
            x.shape() == self.here.point.adjoints[*node].shape()
                && (0..x.len()).all(|i| {
                    let (least, most) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), adjoint| {
                        (least.min(adjoint.as_slice()[i]), most.max(adjoint.as_slice()[i]))
                    });
                    let allowed = 1e-5 * least.abs().max(most.abs()) + 1e-9 * judge.largest;
                    (least - allowed..=most + allowed).contains(&x.as_slice()[i])
                })
        })
    }
}
