//! mlp.json: small networks, every layer's z, a and dE/dz, the loss, and the gradients by weights, biases and inputs.

use crate::compare::{Report, Scale};
use crate::elementwise::unary;
use crate::json::{Json, list, number, numbers, tensor, tensors, text};
use crate::published;
use retrograd::{Tape, Tensor, Var};

type V<'t> = Var<'t, f64>;

/// A network, its data and its loss.
pub struct Network {
    activations: Vec<String>,
    loss: String,
    lambda: f64,
    inputs: Tensor<f64>,
    targets: Tensor<f64>,
    pub weights: Vec<Tensor<f64>>,
    pub biases: Vec<Option<Tensor<f64>>>,
}

/// What a forward pass recorded.
pub struct Recorded<'t> {
    input: V<'t>,
    weights: Vec<V<'t>>,
    biases: Vec<Option<V<'t>>>,
    z: Vec<V<'t>>,
    pub a: Vec<V<'t>>,
}

/// Gradients by weights and by biases, in the order of the layers.
pub struct Step {
    pub value: f64,
    pub output: Vec<f64>,
    pub weights: Vec<Tensor<f64>>,
    pub biases: Vec<Option<Tensor<f64>>>,
}

/// A case: the forward pass, then the gradients from each way of writing its loss.
pub fn run_case(case: &Json, report: &mut Report) -> Result<(), String> {
    let network = Network::read(case)?;
    check_sizes(&network, case)?;
    for form in 0.. {
        let tape = Tape::new();
        let recorded = network.forward(&tape)?;
        let Some(loss) = network.loss(&tape, &recorded, form)? else { break };
        if form == 0 {
            report.compare_all("z", &recorded.z, &case["z"])?;
            report.compare_all("a", &recorded.a, &case["a"])?;
        }
        compare_loss(case, report, &tape, &recorded, loss)?;
    }
    let step = network.step()?;
    published::compare(case, &network, &step, report)
}

fn check_sizes(network: &Network, case: &Json) -> Result<(), String> {
    let sizes = crate::json::naturals(&case["sizes"])?;
    let shapes: Vec<_> = network.weights.iter().map(|w| w.shape().dims().to_vec()).collect();
    let stated: Vec<_> = sizes.windows(2).map(<[usize]>::to_vec).collect();
    if shapes == stated { Ok(()) } else { Err(format!("weights are {shapes:?}, the sizes say {stated:?}")) }
}

fn compare_loss<'t>(
    case: &Json,
    report: &mut Report,
    tape: &'t Tape<f64>,
    recorded: &Recorded<'t>,
    loss: V<'t>,
) -> Result<(), String> {
    report.compare("loss", &[loss.item()], &[number(&case["value"])?], Scale::Element);
    let grads = loss.backward();
    let biases: Vec<_> = recorded.biases.iter().flatten().copied().collect();
    let wanted_biases = Json::Array(list(&case["db"])?.iter().filter(|db| !db.is_null()).cloned().collect());
    let input = Json::Array(vec![case["dX"].clone()]);
    let groups = [
        (["dW", "dW recorded"], &recorded.weights[..], &case["dW"]),
        (["db", "db recorded"], &biases[..], &wanted_biases),
        (["delta", "delta recorded"], &recorded.z[..], &case["delta"]),
        (["dX", "dX recorded"], &[recorded.input][..], &input),
    ];
    for (names, vars, want) in groups {
        let want = tensors(want)?;
        if want.len() != vars.len() {
            return Err(format!("{}: {} arrays for {} variables", names[0], want.len(), vars.len()));
        }
        let again = tape.try_grad(loss, vars).map_err(|error| error.to_string())?;
        for ((&var, again), want) in vars.iter().zip(again).zip(&want) {
            let eager = grads.try_wrt(var).map_err(|error| error.to_string())?;
            for (name, got) in names.into_iter().zip([eager, again.value()]) {
                if got.shape() != want.shape() {
                    return Err(format!("{name} has shape {} instead of {}", got.shape(), want.shape()));
                }
                report.compare(name, got.as_slice(), want.as_slice(), Scale::Array);
            }
        }
    }
    Ok(())
}

impl Report {
    fn compare_all(&mut self, name: &'static str, vars: &[V<'_>], want: &Json) -> Result<(), String> {
        let want = tensors(want)?;
        if want.len() != vars.len() {
            return Err(format!("{name}: {} layers instead of {}", vars.len(), want.len()));
        }
        for (var, want) in vars.iter().zip(&want) {
            self.compare(name, var.value().as_slice(), want.as_slice(), Scale::Element);
        }
        Ok(())
    }
}

impl Network {
    fn read(case: &Json) -> Result<Self, String> {
        let weights = tensors(&case["W"])?;
        let bias = |bias: &Json| if bias.is_null() { Ok(None) } else { tensor(bias).map(Some) };
        let biases = match &case["b"] {
            Json::Null => vec![None; weights.len()],
            given => list(given)?.iter().map(bias).collect::<Result<_, _>>()?,
        };
        let activations: Vec<_> = list(&case["activations"])?.iter().map(|name| text(name).map(String::from)).collect();
        if activations.len() != weights.len() || biases.len() != weights.len() {
            return Err("weights, biases and activations differ in number".into());
        }
        Ok(Self {
            activations: activations.into_iter().collect::<Result<_, _>>()?,
            loss: text(&case["loss"])?.into(),
            lambda: if case["lambda"].is_null() { 0.0 } else { number(&case["lambda"])? },
            inputs: tensor(&case["X"])?,
            targets: tensor(&case["T"])?,
            weights,
            biases,
        })
    }

    fn forward<'t>(&self, tape: &'t Tape<f64>) -> Result<Recorded<'t>, String> {
        let input = tape.var(&self.inputs);
        let weights: Vec<_> = self.weights.iter().map(|w| tape.var(w)).collect();
        let biases: Vec<_> = self.biases.iter().map(|b| b.as_ref().map(|b| tape.var(b))).collect();
        let mut recorded = Recorded { input, weights, biases, z: Vec::new(), a: Vec::new() };
        let mut activation = input;
        for (l, name) in self.activations.iter().enumerate() {
            let product = activation.try_matmul(recorded.weights[l]).map_err(|error| error.to_string())?;
            let z = recorded.biases[l].map_or(product, |b| product + b).retain_gradient();
            activation = match name.as_str() {
                "linear" | "identity" => z,
                "leaky_relu" => z.leaky_relu(0.01),
                "elu" => z.elu(1.0),
                name => unary(name, z).ok_or_else(|| format!("unknown activation {name}"))?,
            };
            recorded.z.push(z);
            recorded.a.push(activation);
        }
        Ok(recorded)
    }

    /// The loss written in the form of that number: the engine's own, then the textbook's; nothing when there are no more.
    fn loss<'t>(&self, tape: &'t Tape<f64>, recorded: &Recorded<'t>, form: usize) -> Result<Option<V<'t>>, String> {
        let target = tape.data(&self.targets);
        let rows = self.targets.shape().dims()[0] as f64;
        let (z, a) = match (recorded.z.last(), recorded.a.last()) {
            (Some(&z), Some(&a)) => (z, a),
            _ => return Err("a network without layers".into()),
        };
        let squares = || (a - target).square();
        let picked = |likelihood: V<'t>| -(target * likelihood).sum(()) / rows;
        let loss = match (self.loss.as_str(), form) {
            ("half_sse", 0) => a.squared_error(target) * 0.5,
            ("half_sse", 1) => squares().sum(()) / 2.0,
            ("sse", 0) => a.squared_error(target),
            ("sse", 1) => squares().sum(()),
            ("half_mse_per_example", 0) => a.squared_error(target) / (2.0 * rows),
            ("half_mse_per_example", 1) => squares().sum(1).mean(()) / 2.0,
            ("mse", 0) => a.mean_squared_error(target),
            ("mse", 1) => squares().mean(()),
            ("softmax_ce_mean", 0) => a.cross_entropy_soft(target),
            ("softmax_ce_mean", 1) => a.cross_entropy(&self.targets.argmax_rows()),
            ("softmax_ce_mean", 2) => picked(a.log_softmax(-1)),
            ("softmax_ce_mean", 3) => picked(a.softmax(-1).ln()),
            ("sigmoid_ce_mean_l2", 0) => z.bce_with_logits(target).sum(()) / rows + self.penalty(recorded, rows),
            ("sigmoid_ce_mean_l2", 1) => {
                let wrong = (1.0 - target).xlogy(1.0 - a);
                -(target.xlogy(a) + wrong).sum(()) / rows + self.penalty(recorded, rows)
            }
            (name, 0) => return Err(format!("unknown loss {name}")),
            _ => return Ok(None),
        };
        Ok(Some(loss))
    }

    /// lambda / (2 m) times the sum of squared weights, biases excluded.
    fn penalty<'t>(&self, recorded: &Recorded<'t>, rows: f64) -> V<'t> {
        recorded.weights.iter().map(|w| w.square().sum(())).sum::<V>() * (self.lambda / (2.0 * rows))
    }

    /// The loss and the gradients at the present weights.
    pub fn step(&self) -> Result<Step, String> {
        let tape = Tape::new();
        let recorded = self.forward(&tape)?;
        let loss = self.loss(&tape, &recorded, 0)?.ok_or("no loss")?;
        let grads = loss.backward();
        Ok(Step {
            value: loss.item(),
            output: recorded.a.last().map_or_else(Vec::new, |a| a.value().to_vec()),
            weights: recorded.weights.iter().map(|&w| grads.wrt(w)).collect(),
            biases: recorded.biases.iter().map(|b| b.map(|b| grads.wrt(b))).collect(),
        })
    }

    /// The same network with other weights.
    pub fn with_weights(&self, weights: Vec<Tensor<f64>>) -> Self {
        Self {
            activations: self.activations.clone(),
            loss: self.loss.clone(),
            lambda: self.lambda,
            inputs: self.inputs.clone(),
            targets: self.targets.clone(),
            weights,
            biases: self.biases.clone(),
        }
    }
}

/// The gradient as one list: for each layer the column of the biases, then the weights, input by input.
pub fn unrolled(step: &Step) -> Vec<f64> {
    let layer = |(w, b): (&Tensor<f64>, &Option<Tensor<f64>>)| {
        let bias = b.as_ref().map_or_else(Vec::new, Tensor::to_vec);
        [bias, w.to_vec()].concat()
    };
    step.weights.iter().zip(&step.biases).flat_map(layer).collect()
}

/// Whether the case states the gradient as one list, and if so the comparison.
pub fn compare_unrolled(case: &Json, step: &Step, report: &mut Report) -> Result<(), String> {
    if !case["unrolled_gradient"].is_null() {
        let want = numbers(&case["unrolled_gradient"])?;
        report.compare("unrolled gradient", &unrolled(step), &want, Scale::Array);
    }
    Ok(())
}
