//! Data from formulas, for trying things out.
//!
//! # Examples
//! ```
//! use retrograd::data::synthetic;
//! let data = synthetic::two_moons::<f64>(100, 0.1, 7)?;
//! assert_eq!((data.len(), data.n_features(), data.n_classes()), (100, 2, 2));
//! // Another seed has other noise, and the same seed the same.
//! assert_eq!(synthetic::two_moons::<f64>(100, 0.1, 7)?.inputs(), data.inputs());
//! assert_ne!(synthetic::two_moons::<f64>(100, 0.1, 8)?.inputs(), data.inputs());
//! # Ok::<(), retrograd::Error>(())
//! ```

use super::Dataset;
use super::batches::{Purpose, generator};
use crate::{Element, Error, Result, Shape, Tensor};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::{PI, TAU};

/// Two interleaved half circles of n points in all, with normal noise of this standard deviation; labels 0 and 1.
///
/// The upper one is (cos t, sin t), the lower one (1 - cos t, 1/2 - sin t), t evenly spaced from 0 to pi. Classes alternate.
///
/// # Errors
/// Fewer than 2 points; noise below 0, or not finite; more points than there is memory for.
///
/// Source: scikit-learn, `make_moons`.
#[inline(never)]
pub fn two_moons<T: Element>(n: usize, noise: f64, seed: u64) -> Result<Dataset<T>> {
    check("two_moons", n, 2, noise)?;
    let mut noise = Noise::new(noise, seed, 0);
    points(n, 2, |i, label| {
        let (rank, of) = place(i, n, 2);
        let t = if of > 1 { PI * rank as f64 / (of - 1) as f64 } else { 0.0 };
        let (x, y) = if label == 0 { (t.cos(), t.sin()) } else { (1.0 - t.cos(), 0.5 - t.sin()) };
        noise.around(x, y)
    })
}

/// Two circles about 0 of n points in all, with radius 1 and `factor`, with normal noise; labels 0 and 1. Classes alternate.
///
/// # Errors
/// Fewer than 2 points; a factor that is not above 0 and below 1; noise below 0, or not finite; more points than there is
/// memory for.
///
/// Source: scikit-learn, `make_circles`.
#[inline(never)]
pub fn circles<T: Element>(n: usize, factor: f64, noise: f64, seed: u64) -> Result<Dataset<T>> {
    check("circles", n, 2, noise)?;
    if !(factor > 0.0 && factor < 1.0) {
        return Err(Error::argument(format!("circles: a factor of {factor}; expected above 0 and below 1")));
    }
    let mut noise = Noise::new(noise, seed, 1);
    points(n, 2, |i, label| {
        let (rank, of) = place(i, n, 2);
        let (t, radius) = (TAU * rank as f64 / of as f64, if label == 0 { 1.0 } else { factor });
        noise.around(radius * t.cos(), radius * t.sin())
    })
}

/// Round clouds of n points in all: `classes` centres, evenly spaced on a circle of radius 3, with this standard deviation.
/// Classes alternate.
///
/// # Errors
/// No classes, fewer points than classes; a deviation below 0, or not finite; more points than there is memory for.
#[inline(never)]
pub fn blobs<T: Element>(n: usize, classes: usize, deviation: f64, seed: u64) -> Result<Dataset<T>> {
    check("blobs", n, classes.max(1), deviation)?;
    if classes == 0 {
        return Err(Error::argument("blobs: 0 classes; expected at least 1"));
    }
    let mut noise = Noise::new(deviation, seed, 2);
    points(n, classes, |_, label| {
        let t = TAU * label as f64 / classes as f64;
        noise.around(3.0 * t.cos(), 3.0 * t.sin())
    })
}

/// The four rows of exclusive or: (0, 0), (0, 1), (1, 0), (1, 1) with labels 0, 1, 1, 0.
///
/// # Examples
/// ```
/// let xor = retrograd::data::synthetic::xor::<f64>();
/// assert_eq!(xor.labels(), Some(&[0, 1, 1, 0][..]));
/// ```
#[inline(never)]
pub fn xor<T: Element>() -> Dataset<T> {
    let corners = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0].map(T::from_f64);
    let corners = Tensor::new([4, 2], corners.to_vec()).expect("four rows of two");
    Dataset::labelled(corners, vec![0, 1, 1, 0]).expect("four rows and labels")
}

/// Row i goes to class i mod `classes`: its number in its class, and how many that class has.
fn place(i: usize, n: usize, classes: usize) -> (usize, usize) {
    (i / classes, (n - i % classes).div_ceil(classes))
}

fn points<T: Element>(n: usize, classes: usize, mut point: impl FnMut(usize, usize) -> [f64; 2]) -> Result<Dataset<T>> {
    let labels: Vec<usize> = (0..n).map(|i| i % classes).collect();
    let inputs = labels.iter().enumerate().flat_map(|(i, &label)| point(i, label)).map(T::from_f64).collect();
    Dataset::labelled(Tensor::new([n, 2], inputs)?, labels)?.with_feature_names(["x", "y"])
}

fn check(op: &str, n: usize, least: usize, noise: f64) -> Result<()> {
    if n < least {
        return Err(Error::argument(format!("{op}: {n} points; expected at least {least}, one of each class")));
    }
    if !(noise.is_finite() && noise >= 0.0) {
        return Err(Error::argument(format!("{op}: a standard deviation of {noise}; expected 0 or more")));
    }
    Shape::fitting::<f64>(op, &[n, 2])?;
    Ok(())
}

/// Normal noise around points.
struct Noise {
    deviation: f64,
    rng: ChaCha8Rng,
}

impl Noise {
    fn new(deviation: f64, seed: u64, formula: u64) -> Self {
        Self { deviation, rng: generator(seed, Purpose::Synthetic, formula) }
    }

    fn around(&mut self, x: f64, y: f64) -> [f64; 2] {
        let offsets = Tensor::<f64>::normal([2], 0.0, self.deviation, &mut self.rng);
        [x + offsets[[0]], y + offsets[[1]]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moons_without_noise_lie_on_their_half_circles() {
        let moons = two_moons::<f64>(5, 0.0, 3).unwrap();
        assert_eq!(moons.labels().unwrap(), [0, 1, 0, 1, 0]);
        // Three of the upper one at t = 0, pi/2, pi, two of the lower one at t = 0, pi.
        let expected = [[1.0, 0.0], [0.0, 0.5], [0.0, 1.0], [2.0, 0.5], [-1.0, 0.0]];
        for (row, point) in expected.iter().enumerate() {
            for (x, y) in moons.inputs().row(row).iter().zip(point) {
                assert!((x - y).abs() < 1e-15, "row {row}: {:?}", moons.inputs().row(row));
            }
        }
    }

    #[test]
    fn circles_have_their_radii() {
        let rings = circles::<f64>(101, 0.5, 0.0, 0).unwrap();
        for (row, &label) in rings.labels().unwrap().iter().enumerate() {
            let radius = rings.inputs().row(row)[0].hypot(rings.inputs().row(row)[1]);
            assert!((radius - [1.0, 0.5][label]).abs() < 1e-12);
        }
        assert_eq!(rings.class_counts(), [51, 50]);
    }

    #[test]
    fn blobs_scatter_about_their_centres() {
        let clouds = blobs::<f64>(3000, 3, 0.5, 1).unwrap();
        let (mut mean, mut square) = ([0.0; 2], 0.0);
        for (row, _) in clouds.labels().unwrap().iter().enumerate().filter(|(_, label)| **label == 0) {
            let (x, y) = (clouds.inputs().row(row)[0], clouds.inputs().row(row)[1]);
            mean = [mean[0] + x / 1000.0, mean[1] + y / 1000.0];
            square += ((x - 3.0).powi(2) + y.powi(2)) / 2000.0;
        }
        assert!((mean[0] - 3.0).abs() < 0.05 && mean[1].abs() < 0.05 && (square.sqrt() - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_seed_decides_and_wrong_settings_are_refused() {
        let data = |seed| two_moons::<f32>(20, 0.1, seed).unwrap().inputs().clone();
        assert_eq!(data(1), data(1));
        assert_ne!(data(1), data(2));
        let message = |result: Result<Dataset<f32>>| result.unwrap_err().to_string();
        assert_eq!(message(two_moons(1, 0.1, 0)), "two_moons: 1 points; expected at least 2, one of each class");
        assert_eq!(message(two_moons(9, f64::NAN, 0)), "two_moons: a standard deviation of NaN; expected 0 or more");
        assert_eq!(message(circles(9, 1.0, 0.0, 0)), "circles: a factor of 1; expected above 0 and below 1");
        assert_eq!(message(blobs(9, 0, 0.0, 0)), "blobs: 0 classes; expected at least 1");
        assert_eq!(message(blobs(2, 3, 0.0, 0)), "blobs: 2 points; expected at least 3, one of each class");
    }
}
