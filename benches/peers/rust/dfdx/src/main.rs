//! dfdx: networks with sizes in their types. Arguments: workload.

use common::{BATCHES, Loss, Network};
use dfdx::losses::*;
use dfdx::optim::{Adam, AdamConfig, Sgd, SgdConfig};
use dfdx::prelude::*;

/// Trains a network of two, three or four linear layers; each type and field is named, since dfdx's networks are tuples.
macro_rules! train {
    ($n:expr, $Mlp:ty, $b:literal x $i:literal, [$($layer:tt)*], $targets:ident, $Rule:ident($settings:expr), $loss:ident) => {{
        let (n, device): (&Network, Cpu) = ($n, Default::default());
        let mut model = device.build_module::<$Mlp, f32>();
        set!(model, n, [$($layer)*]);
        let batch = |x: &Vec<f64>| device.tensor_from_vec(common::f32s(x), (Const::<$b>, Const::<$i>));
        let x: Vec<Tensor<Rank2<$b, $i>, f32, Cpu>> = n.x().iter().map(batch).collect();
        let y = $targets(n, &device);
        let mut gradients = Some(model.alloc_grads());
        let mut optimizer = $Rule::new(&model, $settings);
        let scale = scale(n);
        let step = |i: usize| {
            let output = model.forward_mut(x[i % BATCHES].clone().traced(gradients.take().expect("gradients")));
            let loss = $loss(output, y[i % BATCHES].clone());
            let value = loss.array();
            let mut found = loss.backward();
            optimizer.update(&mut model, &found).expect("a gradient for every parameter");
            model.zero_grads(&mut found);
            gradients = Some(found);
            value
        };
        common::serve(step, |loss: f32| vec![loss as f64 * scale]);
    }};
}

/// Writes the initial weights into the layers at these places of the tuple.
macro_rules! set {
    ($model:ident, $n:ident, [$($place:tt $field:tt,)*]) => {{
        let mut layer = 0;
        $(
            set!(@one $model, $place, $field).weight.copy_from(&common::f32s(&$n.weight_transposed(layer)));
            let bias = vec![0.0; $n.sizes[layer + 1]];
            set!(@one $model, $place, $field).bias.copy_from(&bias);
            layer += 1;
        )*
        assert_eq!(layer, $n.layers());
    }};
    (@one $model:ident, $place:tt, _) => { $model.$place };
    (@one $model:ident, $place:tt, $field:tt) => { $model.$place.$field };
}

fn scale(n: &Network) -> f64 {
    // dfdx averages this loss over outputs as well.
    if n.loss == Loss::SigmoidCrossEntropy { n.outputs() as f64 } else { 1.0 }
}

fn targets<const B: usize, const O: usize>(n: &Network, device: &Cpu) -> Vec<Tensor<Rank2<B, O>, f32, Cpu>> {
    let batch = |y: &Vec<f64>| device.tensor_from_vec(common::f32s(y), (Const::<B>, Const::<O>));
    n.targets().iter().map(batch).collect()
}

fn sgd(n: &Network) -> SgdConfig {
    SgdConfig { lr: n.rate * scale(n), momentum: None, weight_decay: None }
}

fn adam(n: &Network) -> AdamConfig {
    AdamConfig { lr: n.rate, ..Default::default() }
}

fn main() {
    dfdx::flush_denormals_to_zero();
    let (workload, _) = common::arguments();
    let network = common::network(&workload);
    let n = network.as_ref();
    match (workload.as_str(), n) {
        ("xor", Some(n)) => {
            type Mlp = ((Linear<2, 4>, Sigmoid), (Linear<4, 1>, Sigmoid));
            train!(n, Mlp, 4 x 2, [0 0, 1 0,], targets, Sgd(sgd(n)), mse_loss);
        }
        ("nielsen", Some(n)) => {
            type Mlp = ((Linear<784, 30>, Sigmoid), Linear<30, 10>);
            train!(n, Mlp, 10 x 784, [0 0, 1 _,], targets, Sgd(sgd(n)), binary_cross_entropy_with_logits_loss);
        }
        ("mlp_small", Some(n)) => {
            type Mlp = ((Linear<784, 128>, ReLU), (Linear<128, 64>, ReLU), Linear<64, 10>);
            train!(n, Mlp, 64 x 784, [0 0, 1 0, 2 _,], targets, Adam(adam(n)), cross_entropy_with_logits_loss);
        }
        ("mlp_wide", Some(n)) => {
            type Mlp = ((Linear<784, 1024>, ReLU), (Linear<1024, 1024>, ReLU), Linear<1024, 10>);
            train!(n, Mlp, 256 x 784, [0 0, 1 0, 2 _,], targets, Adam(adam(n)), cross_entropy_with_logits_loss);
        }
        ("mlp_big", Some(n)) => {
            type Hidden = (Linear<2048, 2048>, ReLU);
            type Mlp = ((Linear<1024, 2048>, ReLU), Hidden, Hidden, Linear<2048, 10>);
            train!(n, Mlp, 512 x 1024, [0 0, 1 0, 2 0, 3 _,], targets, Sgd(sgd(n)), cross_entropy_with_logits_loss);
        }
        ("chain", None) => chain(),
        _ => common::unsupported("dfdx has no derivatives of derivatives"),
    }
}

fn chain() {
    let device: Cpu = Default::default();
    let x: Tensor<Rank1<1_000_000>, f32, Cpu> = device.tensor_from_vec(common::chain_x(), (Const::<1_000_000>,));
    let step = |_| {
        let traced = || x.leaky_trace();
        let a = (traced().sin() * traced().square().negate().exp()).tanh();
        let b = (traced() * 0.5).sigmoid() * (traced().square() + 1.0).ln();
        let y = (a + b).sum();
        let value: f32 = y.array();
        (value, y.backward().get(&x))
    };
    common::serve(step, |(y, g)| vec![y as f64, common::norm(g.as_vec().into_iter().map(f64::from))]);
}
