//! Networks in training: on the tape itself, and through layers and optimisers.

use common::{Activation, BATCHES, Loss, Network};
use retrograd::nn::{Activation as Layer, Draw, Mlp};
use retrograd::optim::{Adam, Optimizer, Sgd};
use retrograd::{Element, Tape, Tensor, Value, Var};

/// The batches, with labels where the loss takes them, and targets otherwise.
struct Data<T: Element> {
    x: Vec<Tensor<T>>,
    y: Vec<Tensor<T>>,
    labels: Vec<Vec<usize>>,
}

impl<T: Element> Data<T> {
    fn of(n: &Network) -> Self {
        let tensors = |batches: Vec<Vec<f64>>, columns: usize| {
            batches.iter().map(|batch| tensor(&[n.batch, columns], batch)).collect()
        };
        Self { x: tensors(n.x(), n.inputs()), y: tensors(n.targets(), n.outputs()), labels: n.labels() }
    }

    /// The loss of what the last layer gives, before its activation.
    fn loss<'t>(&self, n: &Network, i: usize, z: Var<'t, T>) -> Var<'t, T> {
        let (tape_data, i) = (z.tape(), i % BATCHES);
        match n.loss {
            Loss::SquaredError => z.sigmoid().mean_squared_error(tape_data.data(&self.y[i])),
            Loss::SigmoidCrossEntropy => {
                z.bce_with_logits(tape_data.data(&self.y[i])).sum(()) * T::from_f64(1.0 / n.batch as f64)
            }
            Loss::SoftmaxCrossEntropy => z.cross_entropy(&self.labels[i]),
        }
    }
}

pub fn tensor<T: Element>(shape: &[usize], numbers: &[f64]) -> Tensor<T> {
    Tensor::new(shape, numbers.iter().map(|&x| T::from_f64(x)).collect()).expect("as many numbers as the shape holds")
}

/// Weights and biases, layer by layer.
pub fn parameters<T: Element>(n: &Network) -> Vec<Tensor<T>> {
    let layer = |l| [tensor(&n.sizes[l..l + 2], &n.weight(l)), Tensor::zeros([n.sizes[l + 1]])];
    (0..n.layers()).flat_map(layer).collect()
}

/// What the last layer gives, before its activation.
pub fn forward<'t, T: Element>(n: &Network, x: Var<'t, T>, parameters: &[Var<'t, T>]) -> Var<'t, T> {
    let mut h = x;
    for (l, layer) in parameters.chunks(2).enumerate() {
        h = h.matmul(layer[0]) + layer[1];
        if l + 1 < n.layers() {
            h = if n.hidden == Activation::Sigmoid { h.sigmoid() } else { h.relu() };
        }
    }
    h
}

/// Parameters are tensors, the update is one call for each.
pub fn on_the_tape(n: &Network) {
    match n.layers() {
        2 => on_the_tape_with::<4>(n),
        4 => on_the_tape_with::<8>(n),
        layers => panic!("no workload has {layers} layers"),
    }
}

fn on_the_tape_with<const PARAMETERS: usize>(n: &Network) {
    let (data, mut parameters, mut tape) = (Data::<f32>::of(n), parameters(n), Tape::of());
    let step = |i| {
        let (loss, ids, grads) = tape.step(|t| {
            let vars: [_; PARAMETERS] = std::array::from_fn(|k| t.var(&parameters[k]));
            let z = forward(n, t.data(&data.x[i % BATCHES]), &vars);
            (data.loss(n, i, z), vars.map(|var| var.id()))
        });
        for (parameter, id) in parameters.iter_mut().zip(ids) {
            parameter.add_scaled(-n.rate as f32, grads.get(id).expect("every parameter has a gradient"));
        }
        tape.recycle(grads);
        loss
    };
    common::serve(step, |loss| vec![loss as f64]);
}

pub fn with_layers(n: &Network) {
    let hidden = if n.hidden == Activation::Sigmoid { Layer::sigmoid() } else { Layer::relu() };
    let network = n.sizes[1..n.layers()]
        .iter()
        .fold(Mlp::new(n.inputs()), |network, &units| network.dense(units).activation(hidden.clone()));
    let mut model = network.dense(n.outputs()).build::<f32>(1).expect("a sound network");
    let keys: Vec<_> = model.params().keys().collect();
    for (key, value) in keys.into_iter().zip(parameters(n)) {
        model.params_mut().set(key, value).expect("the same shape");
    }
    let mut optimizer: Optimizer<f32> = if n.adam { Adam::new(n.rate).into() } else { Sgd::new(n.rate).into() };
    let (data, mut tape) = (Data::of(n), Tape::of());
    let step = |i: usize| {
        let step = model.step(&mut tape, Draw::default(), |model, pass| {
            let x = pass.tape().data(&data.x[i % BATCHES]);
            Ok(data.loss(n, i, model.forward(x, pass)))
        });
        let step = step.expect("a step");
        optimizer.step(model.params_mut(), &step.grads);
        step.grads.recycle(&tape);
        step.loss
    };
    common::serve(step, |loss| vec![loss]);
}

/// Forward over reverse: the gradient is recorded, then carried along the direction.
pub fn hessian_vector_product(n: &Network) {
    let (data, parameters, mut tape) = (Data::<f64>::of(n), parameters(n), Tape::of());
    let directions = n.direction();
    let directions: Vec<Tensor<f64>> =
        directions.iter().zip(&parameters).map(|(d, p): (_, &Tensor<f64>)| tensor(p.shape(), d)).collect();
    let step = |_| {
        tape.clear();
        let vars: Vec<_> = parameters.iter().map(|p| tape.var(p)).collect();
        let loss = data.loss(n, 0, forward(n, tape.data(&data.x[0]), &vars));
        let tangents: Vec<_> = vars.iter().zip(&directions).map(|(&v, d)| (v, Value::from(d.clone()))).collect();
        tape.jvp_all(&tape.grad(loss, &vars), &tangents).expect("rules for every op")
    };
    common::serve(step, |products: Vec<Value<f64>>| {
        vec![common::norm(products.iter().flat_map(|product| product.as_slice().to_vec()))]
    });
}
