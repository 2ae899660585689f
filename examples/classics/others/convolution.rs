//! A convolution written as a matrix product: patches of the image in columns (im2col), filters in rows.
//!
//! out = W cols + b; dW = dout cols', db = row sums of dout, dcols = W' dout, and dx adds up what overlaps (col2im).
//! One channel, filters of 2 x 2, stride 1. The loss is sum(out .* dout).

use super::super::{Derivation, Gradients, named, random, uniform};
use retrograd::Tensor;

/// Rows and columns of a filter.
const K: usize = 2;

#[derive(Clone)]
pub struct Convolution {
    /// [height, width].
    pub x: Tensor<f64>,
    /// [filters, K K].
    pub w: Tensor<f64>,
    pub b: Tensor<f64>,
    pub dout: Tensor<f64>,
}

impl Convolution {
    pub fn random(height: usize, width: usize, filters: usize, seed: u64) -> Self {
        let mut rng = random(seed);
        let places = (height - K + 1) * (width - K + 1);
        Self {
            x: uniform([height, width], &mut rng),
            w: uniform([filters, K * K], &mut rng),
            b: uniform([filters, 1], &mut rng),
            dout: uniform([filters, places], &mut rng),
        }
    }

    pub fn derivation(&self) -> Derivation {
        let (pixels, patches) = (self.patches(), [K * K, self.dout.shape()[1]]);
        let (all, dout) = (self.x.len(), self.dout.clone());
        Derivation::new("I. convolution as a product", &[("W", &self.w), ("b", &self.b), ("x", &self.x)], move |p| {
            let tape = p[0].tape();
            let cols = p[2].reshape([all]).gather(0, &pixels).reshape(patches).named("cols");
            let out = (p[0].matmul(cols) + p[1]).named("out");
            (out * tape.data(&dout).named("dout")).sum(())
        })
    }

    /// For each place in the filter and each place of the filter, the pixel.
    fn patches(&self) -> Vec<usize> {
        let [height, width] = [self.x.shape()[0], self.x.shape()[1]];
        let mut pixels = Vec::new();
        for (i, j) in (0..K).flat_map(|i| (0..K).map(move |j| (i, j))) {
            for row in 0..=height - K {
                pixels.extend((0..=width - K).map(|column| (row + i) * width + column + j));
            }
        }
        pixels
    }

    pub fn im2col(&self) -> Tensor<f64> {
        let values = self.patches().iter().map(|&pixel| self.x.as_slice()[pixel]).collect();
        Tensor::new([K * K, self.dout.shape()[1]], values).expect("a value for each place")
    }

    /// Patches back to where they came from; what overlaps is added, unless it overwrites.
    pub fn col2im(&self, dcols: &Tensor<f64>, overwrites: bool) -> Tensor<f64> {
        let mut dx = Tensor::zeros(self.x.shape());
        for (&pixel, d) in self.patches().iter().zip(dcols.iter()) {
            let slot = &mut dx.as_mut_slice()[pixel];
            *slot = if overwrites { *d } else { *slot + d };
        }
        dx
    }

    fn by_hand(&self) -> Gradients {
        let cols = self.im2col();
        let dw = self.dout.matmul(cols.t());
        let db = super::super::columns::row_sums(&self.dout);
        let dcols = self.w.t().matmul(&self.dout);
        named(&[("W", &dw), ("b", &db), ("x", &self.col2im(&dcols, false)), ("cols", &dcols)])
    }
}

pub fn derivations() -> Vec<Derivation> {
    let convolution = Convolution::random(4, 3, 4, 101);
    vec![convolution.derivation().right("im2col, col2im", move || convolution.by_hand())]
}
