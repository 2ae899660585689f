//! What a network's last layer makes of its outputs, whatever its weights are: with it, a loss that expects something else is found
//! before training.

use super::{Layer, Stage};
use crate::Element;

/// Which outputs a layer can have.
///
/// # Examples
/// ```
/// use retrograd::nn::{Activation, Dense, Ending, Layer, Softmax};
/// let of = |layer: &dyn Layer<f64>| layer.ending();
/// assert_eq!(of(&Softmax), Ending::Probabilities);
/// assert_eq!(of(&Dense::new(1)), Ending::Any);
/// assert_eq!(of(&Activation::tanh()).range(), (-1.0, 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// Not known, as of a layer of your own.
    Unknown,
    /// Those of the layer before.
    Unchanged,
    /// Any numbers.
    Any,
    /// Numbers from `low` to `high`, either of which may be infinite.
    Between {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// Probabilities of classes, which add up to 1.
    Probabilities,
    /// Logarithms of such.
    LogProbabilities,
}

impl Ending {
    /// The least and the greatest number there can be.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Unknown | Self::Unchanged | Self::Any => (f64::NEG_INFINITY, f64::INFINITY),
            Self::Between { low, high } => (low, high),
            Self::Probabilities => (0.0, 1.0),
            Self::LogProbabilities => (f64::NEG_INFINITY, 0.0),
        }
    }

    /// That of a function of one number, by its values at many: a bound is one that numbers far out do not pass.
    pub(super) fn of_function(f: impl Fn(f64) -> f64) -> Self {
        let near = (-1000..=1000).map(|k| f64::from(k) * 0.05);
        let far = [1e-300, 1e-12, 1e2, 1e3, 1e4, 1e6, 1e12, 1e100, 1e300];
        let bounds = |xs: &mut dyn Iterator<Item = f64>| {
            let values = xs.map(&f).filter(|y| !y.is_nan());
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)))
        };
        let (low, high) = bounds(&mut near.clone());
        let (least, most) = bounds(&mut near.chain(far.into_iter().flat_map(|x| [x, -x])));
        let room = |bound: f64| 1e-3 * (1.0 + bound.abs());
        let tidy = |bound: f64| (bound * 1e3).round() / 1e3 + 0.0;
        let low = if least >= low - room(low) && low.is_finite() { tidy(low) } else { f64::NEG_INFINITY };
        let high = if most <= high + room(high) && high.is_finite() { tidy(high) } else { f64::INFINITY };
        if low == f64::NEG_INFINITY && high == f64::INFINITY { Self::Any } else { Self::Between { low, high } }
    }

    /// That of layers in a row: of the last that changes anything.
    pub(super) fn of_row<T: Element>(stages: &[Stage<T>]) -> Self {
        let endings = stages.iter().rev().map(|stage| stage.layer.ending());
        endings.into_iter().find(|ending| *ending != Self::Unchanged).unwrap_or(Self::Unchanged)
    }
}

/// The layer that the network ends in, in words: the last that changes anything.
pub(crate) fn last_layer<T: Element>(layer: &dyn Layer<T>) -> String {
    let row = layer.children();
    match row.iter().rev().find(|stage| stage.layer.ending() != Ending::Unchanged) {
        Some(last) if layer.kind() == "sequential" => last_layer(&*last.layer),
        _ => layer.describe(),
    }
}

/// A layer that cannot take every batch in training: its name, and how many rows it needs at least.
pub(crate) fn neediest<T: Element>(layer: &dyn Layer<T>, name: &str) -> Option<(String, usize)> {
    let inside = layer.children().iter().filter_map(|stage| neediest(&*stage.layer, &stage.name));
    let own = Some((name.to_owned(), layer.least_rows())).filter(|(_, rows)| *rows > 1);
    inside.max_by_key(|(_, rows)| *rows).or(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Activation;

    #[test]
    fn functions_say_what_bounds_them() {
        let of = |activation: &str| -> (f64, f64) {
            let activation: Activation = activation.parse().unwrap();
            Layer::<f64>::ending(&activation).range()
        };
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        for (name, range) in [
            ("sigmoid", (0.0, 1.0)),
            ("tanh", (-1.0, 1.0)),
            ("relu", (0.0, high)),
            ("softplus", (0.0, high)),
            ("square", (0.0, high)),
            ("exp", (0.0, high)),
            ("elu(1)", (-1.0, high)),
            ("clamp(-2, 30)", (-2.0, 30.0)),
            ("relu6", (0.0, 6.0)),
            ("sin", (-1.0, 1.0)),
            ("log_sigmoid", (low, 0.0)),
            ("neg", (low, high)),
            ("leaky_relu(0.1)", (low, high)),
            ("ln", (low, high)),
            ("asinh", (low, high)),
        ] {
            assert_eq!(of(name), range, "{name}");
        }
    }
}
