//! burn: its layers and optimisers on the flex backend. Arguments: workload.

use burn::module::{Module, Param};
use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use common::{Activation, BATCHES, Loss, Network};

#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    fn new(n: &Network, device: &Device) -> Self {
        let layer = |l: usize| {
            let mut layer = LinearConfig::new(n.sizes[l], n.sizes[l + 1]).init(device);
            let weight = TensorData::new(common::f32s(&n.weight(l)), [n.sizes[l], n.sizes[l + 1]]);
            layer.weight = Param::from_tensor(Tensor::from_data(weight, device));
            layer.bias = Some(Param::from_tensor(Tensor::zeros([n.sizes[l + 1]], device)));
            layer
        };
        Self { layers: (0..n.layers()).map(layer).collect() }
    }

    fn forward(&self, n: &Network, mut h: Tensor<2>) -> Tensor<2> {
        for (k, layer) in self.layers.iter().enumerate() {
            h = layer.forward(h);
            if k + 1 < self.layers.len() || n.loss == Loss::SquaredError {
                h = if n.hidden == Activation::Sigmoid { activation::sigmoid(h) } else { activation::relu(h) };
            }
        }
        h
    }
}

fn main() {
    let device = Device::flex().autodiff();
    let (workload, _) = common::arguments();
    match common::network(&workload) {
        Some(network) if workload != "hvp" => train(&network, &device),
        None if workload == "chain" => chain(&device),
        _ => common::unsupported("burn has no derivatives of derivatives"),
    }
}

/// The loss as a function of a batch's number and the network's output.
fn loss(n: &Network, device: &Device) -> Box<dyn Fn(usize, Tensor<2>) -> Tensor<1>> {
    match n.loss {
        Loss::SquaredError => {
            let (y, loss) = (matrices(&n.targets(), [n.batch, n.outputs()], device), MseLoss::new());
            Box::new(move |i, h| loss.forward(h, y[i].clone(), Reduction::Mean))
        }
        Loss::SigmoidCrossEntropy => {
            let integers = |batch: Vec<f64>| {
                let batch: Vec<i64> = batch.iter().map(|&y| y as i64).collect();
                Tensor::<2, Int>::from_data(TensorData::new(batch, [n.batch, n.outputs()]), device)
            };
            let y: Vec<_> = n.targets().into_iter().map(integers).collect();
            let loss = BinaryCrossEntropyLossConfig::new().with_logits(true).init(device);
            Box::new(move |i, h| loss.forward(h, y[i].clone()))
        }
        Loss::SoftmaxCrossEntropy => {
            let integers = |batch: Vec<usize>| {
                let batch: Vec<i64> = batch.iter().map(|&y| y as i64).collect();
                Tensor::<1, Int>::from_data(TensorData::new(batch, [n.batch]), device)
            };
            let y: Vec<_> = n.labels().into_iter().map(integers).collect();
            let loss = CrossEntropyLossConfig::new().init(device);
            Box::new(move |i, h| loss.forward(h, y[i].clone()))
        }
    }
}

fn train(n: &Network, device: &Device) {
    // burn averages this loss over outputs as well.
    let scale = if n.loss == Loss::SigmoidCrossEntropy { n.outputs() as f64 } else { 1.0 };
    let x = matrices(&n.x(), [n.batch, n.inputs()], device);
    let loss = loss(n, device);
    let mut optimizer = if n.adam { AdamConfig::new().with_epsilon(1e-8).init() } else { SgdConfig::new().init() };
    let mut model = Some(Mlp::new(n, device));
    let step = |i: usize| {
        let network = model.take().expect("the network");
        let l = loss(i % BATCHES, network.forward(n, x[i % BATCHES].clone()));
        let gradients = GradientsParams::from_grads(l.backward(), &network);
        model = Some(optimizer.step(n.rate * scale, network, gradients));
        device.sync().expect("a CPU");
        l
    };
    common::serve(step, |l| vec![l.into_scalar::<f32>() as f64 * scale]);
}

fn matrices(batches: &[Vec<f64>], shape: [usize; 2], device: &Device) -> Vec<Tensor<2>> {
    let matrix = |batch: &Vec<f64>| Tensor::from_data(TensorData::new(common::f32s(batch), shape), device);
    batches.iter().map(matrix).collect()
}

fn chain(device: &Device) {
    let x = common::chain_x();
    let x = Tensor::<1>::from_data(TensorData::new(x, [1_000_000]), device).require_grad();
    let step = |_| {
        let square = || x.clone() * x.clone();
        let a = (x.clone().sin() * square().neg().exp()).tanh();
        let b = activation::sigmoid(x.clone() * 0.5) * square().log1p();
        let y = (a + b).sum();
        let gradient = x.grad(&y.backward()).expect("a gradient");
        device.sync().expect("a CPU");
        (y, gradient)
    };
    common::serve(step, |(y, g)| {
        let g: Vec<f32> = g.into_data().try_to_vec().expect("f32");
        vec![y.into_scalar::<f32>() as f64, common::norm(g.into_iter().map(f64::from))]
    });
}
