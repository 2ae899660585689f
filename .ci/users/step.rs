//! A training loop by hand, with compiled steps.
use retrograd::nn::{Draw, Mlp};
use retrograd::optim::{Optimizer, Sgd};
use retrograd::{Compiled, Tensor};
fn main() -> retrograd::Result<()> {
    let mut model = Mlp::new(2).dense(8).tanh().dense(2).build::<f64>(0)?;
    let mut optimizer = Optimizer::new(Sgd::new(0.5));
    let mut compiled = Compiled::new();
    let inputs = Tensor::from([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    for step in 0..100u64 {
        let draw = Draw { seed: 0, epoch: 0, batch: step, row: 0 };
        let done = model.step_compiled(&mut compiled, 4, draw, |model, pass| {
            Ok(model.forward(pass.tape().data(&inputs), pass).cross_entropy(&[0, 1, 1, 0]))
        })?;
        optimizer.step(model.params_mut(), &done.grads);
        if step % 20 == 0 { println!("{}", done.loss); }
    }
    Ok(())
}
