//! candle: layers and optimisers of candle-nn on the CPU. Arguments: workload.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, SGD, loss, ops};
use common::{Activation, BATCHES, Loss, Network};

fn main() -> Result<()> {
    let (workload, _) = common::arguments();
    match common::network(&workload) {
        Some(network) if workload != "hvp" => train(&network),
        None if workload == "chain" => chain(),
        _ => {
            common::unsupported("candle has no derivatives of derivatives");
            Ok(())
        }
    }
}

fn train(n: &Network) -> Result<()> {
    let (device, mut variables, mut layers) = (Device::Cpu, Vec::new(), Vec::new());
    for layer in 0..n.layers() {
        let shape = (n.sizes[layer + 1], n.sizes[layer]);
        let weight = Var::from_vec(common::f32s(&n.weight_transposed(layer)), shape, &device)?;
        let bias = Var::zeros(shape.0, DType::F32, &device)?;
        layers.push(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone())));
        variables.extend([weight, bias]);
    }
    let x = tensors(&n.x(), (n.batch, n.inputs()))?;
    let y = match n.loss {
        Loss::SoftmaxCrossEntropy => {
            let labels = n.labels().into_iter().map(|batch| batch.into_iter().map(|label| label as u32).collect());
            labels.map(|batch: Vec<u32>| Tensor::new(batch, &device)).collect::<Result<_>>()?
        }
        _ => tensors(&n.targets(), (n.batch, n.outputs()))?,
    };
    // candle averages this loss over outputs as well.
    let scale = if n.loss == Loss::SigmoidCrossEntropy { n.outputs() as f64 } else { 1.0 };
    let forward = |i: usize| -> Result<Tensor> {
        let mut h = x[i % BATCHES].clone();
        for (k, layer) in layers.iter().enumerate() {
            h = layer.forward(&h)?;
            if k + 1 < layers.len() || n.loss == Loss::SquaredError {
                h = if n.hidden == Activation::Sigmoid { ops::sigmoid(&h)? } else { h.relu()? };
            }
        }
        match n.loss {
            Loss::SquaredError => loss::mse(&h, &y[i % BATCHES]),
            Loss::SigmoidCrossEntropy => loss::binary_cross_entropy_with_logit(&h, &y[i % BATCHES]),
            Loss::SoftmaxCrossEntropy => loss::cross_entropy(&h, &y[i % BATCHES]),
        }
    };
    let check = |l: Tensor| vec![l.to_scalar::<f32>().expect("a scalar") as f64 * scale];
    if n.adam {
        let settings = ParamsAdamW { lr: n.rate, weight_decay: 0.0, ..Default::default() };
        step_with(AdamW::new(variables, settings)?, forward, check);
    } else {
        step_with(SGD::new(variables, n.rate * scale)?, forward, check);
    }
    Ok(())
}

fn step_with(
    mut optimizer: impl Optimizer,
    forward: impl Fn(usize) -> Result<Tensor>,
    check: impl Fn(Tensor) -> Vec<f64>,
) {
    let mut step = |i| {
        let loss = forward(i)?;
        optimizer.backward_step(&loss)?;
        Ok::<_, candle_core::Error>(loss)
    };
    common::serve(|i| step(i).expect("a step"), check);
}

fn tensors(batches: &[Vec<f64>], shape: (usize, usize)) -> Result<Vec<Tensor>> {
    batches.iter().map(|batch| Tensor::from_vec(common::f32s(batch), shape, &Device::Cpu)).collect()
}

fn chain() -> Result<()> {
    let x = Var::from_tensor(&Tensor::new(common::chain_x(), &Device::Cpu)?)?;
    let x = x.as_tensor();
    let step = || {
        let a = (x.sin()? * x.sqr()?.neg()?.exp()?)?.tanh()?;
        let b = (ops::sigmoid(&(x * 0.5)?)? * (x.sqr()? + 1.0)?.log()?)?;
        let y = (a + b)?.sum_all()?;
        let gradients = y.backward()?;
        Ok::<_, candle_core::Error>((y, gradients.get(x).expect("a gradient").clone()))
    };
    let check = |(y, g): (Tensor, Tensor)| {
        let g = g.to_vec1::<f32>().expect("a vector");
        vec![y.to_scalar::<f32>().expect("a scalar") as f64, common::norm(g.into_iter().map(f64::from))]
    };
    common::serve(|_| step().expect("a step"), check);
    Ok(())
}
