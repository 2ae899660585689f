//! lstm: the loss of a diagonal language model, by the formula of the example `adbench`.
//!
//! Layer i at character t needs layer i - 1 at t and itself at t - 1, so all layers work at once where layer i is i characters
//! behind: wave s steps layer i at character s - i, over vectors of all layers' bits. A wave is a step of a loop with a state
//! ([`scan`](super::scan)); what the last layer leaves goes into one expression over all characters.

use super::matrix::{Matrix, fits};
use super::protocol::{Eval, Output, Request};
use super::scan::{Counts, Step};
use retrograd::program::Options;
use retrograd::{Error, Program, Tensor, Var};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "lstm", functions: &[("objective", objective), ("jacobian", jacobian)] };

#[derive(Deserialize)]
struct Input {
    main_params: Matrix,
    extra_params: Matrix,
    state: Matrix,
    sequence: Matrix,
}

/// Gates of a layer: forget, in, out, change.
const GATES: usize = 4;

/// A problem, as tensors.
struct Model {
    /// Layers, and bits of a character.
    l: usize,
    b: usize,
    /// Weights of the gates, then their biases, [l, b] each; then the weight of what comes in, [1, b].
    shared: Vec<Tensor<f64>>,
    /// Weight and bias of what goes out, [b].
    head: [Tensor<f64>; 2],
    /// Hidden and cell at the start, [l, b].
    state: [Tensor<f64>; 2],
    /// What comes in at each wave, [1, b]: a character, and zeros once there is none left.
    characters: Vec<Tensor<f64>>,
    /// The characters to be foreseen, [c - 1, b].
    next: Tensor<f64>,
    /// For the first waves, which layers have a character yet: 1 or 0, [l, b].
    begun: Vec<Tensor<f64>>,
}

/// A wave: of hidden and cell, the gates' parameters and what comes in, the next hidden and cell, and what the last layer leaves.
/// While not all layers have begun, the last of `own` says which have; the others keep their state.
struct Wave {
    all: bool,
}

const COUNTS: Counts = Counts { state: 2, shared: 2 * GATES + 1, emitted: 1 };

impl Step for Wave {
    fn next<'t>(&self, state: &[Var<'t, f64>], shared: &[Var<'t, f64>], own: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
        let [h, c] = [state[0], state[1]];
        let incoming = own[0] * shared[2 * GATES];
        let below = if h.shape()[0] == 1 { incoming } else { Var::concat(&[incoming, h.slice(..-1)], 0) };
        let gate = |k: usize, x: Var<'t, f64>| x * shared[k] + shared[GATES + k];
        let (forget, ingate) = (gate(0, below).sigmoid(), gate(1, h).sigmoid());
        let (outgate, change) = (gate(2, below).sigmoid(), gate(3, h).tanh());
        let cell = c * forget + ingate * change;
        let hidden = outgate * cell.tanh();
        let [hidden, cell] = match self.all {
            true => [hidden, cell],
            false => [own[1].select(hidden, h), own[1].select(cell, c)],
        };
        vec![hidden, cell, hidden.slice(-1..)]
    }
}

/// The loss, of what the last layer leaves [c - 1, b], weight and bias of what goes out, and the characters.
fn loss<'t>([outputs, weight, bias, next, bits]: [Var<'t, f64>; 5]) -> Var<'t, f64> {
    let y = outputs * weight + bias;
    let z = (y.exp().sum(1) + 2.0).ln();
    let total = (y * next).sum(()) - (z * bits).sum(());
    total * (-1.0 / next.shape().numel() as f64)
}

impl Model {
    fn of(request: &mut Request<'_>) -> Result<Self, String> {
        let Input { main_params, extra_params, state, sequence } = request.input()?;
        let (l, b, c) = (main_params.rows / 2, extra_params.columns, sequence.rows);
        if l == 0 || b == 0 || c < 2 {
            return Err(format!(
                "input: {l} layers of {b} bits and {c} characters; at least 1 layer, 1 bit and 2 characters are needed"
            ));
        }
        // For each layer, which ones have begun.
        fits("main_params", l, l.saturating_mul(b).saturating_mul(size_of::<f64>()))?;
        let main = main_params.shaped("main_params", 2 * l, GATES * b)?.values;
        let extra = extra_params.shaped("extra_params", 3, b)?.values;
        let state = state.shaped("state", 2 * l, b)?.values;
        let sequence = sequence.shaped("sequence", c, b)?.values;
        let tensor = |shape: [usize; 2], x: Vec<f64>| Tensor::new(shape, x).map_err(|error| error.to_string());
        let every_other = |x: &[f64], width: usize, first: usize, part: usize| -> Vec<f64> {
            x.chunks_exact(width).skip(first).step_by(2).flat_map(|row| &row[part * b..][..b]).copied().collect()
        };
        let of_gates = (0..2 * GATES).map(|k| every_other(&main, GATES * b, k / GATES, k % GATES));
        let mut shared = of_gates.map(|x| tensor([l, b], x)).collect::<Result<Vec<_>, _>>()?;
        shared.push(tensor([1, b], extra[..b].to_vec())?);
        let mut characters = sequence[..(c - 1) * b]
            .chunks_exact(b)
            .map(|x| tensor([1, b], x.to_vec()))
            .collect::<Result<Vec<_>, _>>()?;
        characters.resize(c - 1 + l - 1, Tensor::zeros([1, b]));
        let next = &sequence[b..];
        let begun = |s: usize| tensor([l, b], (0..l * b).map(|i| f64::from(u8::from(i / b <= s))).collect());
        Ok(Self {
            l,
            b,
            shared,
            head: [Tensor::from(&extra[b..2 * b]), Tensor::from(&extra[2 * b..])],
            state: [tensor([l, b], every_other(&state, b, 0, 0))?, tensor([l, b], every_other(&state, b, 1, 0))?],
            characters,
            next: tensor([c - 1, b], next.to_vec())?,
            begun: (0..l - 1).map(begun).collect::<Result<_, _>>()?,
        })
    }

    /// How many bits of each character to be foreseen are set, [c - 1].
    fn bits(&self) -> Tensor<f64> {
        Tensor::from(self.next.as_slice().chunks_exact(self.b).map(|x| x.iter().sum()).collect::<Vec<f64>>())
    }

    /// What a wave takes in of its own.
    fn own(&self, wave: usize) -> impl Iterator<Item = &Tensor<f64>> {
        [self.characters.get(wave), self.begun.get(wave)].into_iter().flatten()
    }

    /// State, shared and own of a wave at which all layers work, or of one before.
    fn like(&self, all: bool) -> Vec<Tensor<f64>> {
        let own =
            if all { self.characters[..1].to_vec() } else { vec![self.characters[0].clone(), self.state[0].clone()] };
        self.state.iter().chain(&self.shared).chain(&own).cloned().collect()
    }

    /// Programs for the first waves and for the others.
    fn programs(
        &self,
        compile: impl Fn(&Wave, &[Tensor<f64>]) -> Result<Program<f64>, Error>,
    ) -> Result<[Option<Program<f64>>; 2], Error> {
        let first = if self.l > 1 { Some(compile(&Wave { all: false }, &self.like(false))?) } else { None };
        Ok([first, Some(compile(&Wave { all: true }, &self.like(true))?)])
    }

    /// The program of a wave.
    fn at<'p>(&self, wave: usize, programs: &'p mut [Option<Program<f64>>; 2]) -> &'p mut Program<f64> {
        programs[usize::from(wave >= self.begun.len())].as_mut().expect("there is one for each kind of wave")
    }

    /// Takes all waves, and writes what the last layer leaves. `states` are those before and after each wave; where there are
    /// two of them, they take turns.
    fn run(
        &self,
        programs: &mut [Option<Program<f64>>; 2],
        states: &mut [[Tensor<f64>; 2]],
        outputs: &mut Tensor<f64>,
    ) -> Result<(), Error> {
        let n = states.len();
        for (to, from) in states[0].iter_mut().zip(&self.state) {
            to.as_mut_slice().copy_from_slice(from.as_slice());
        }
        let mut left = Tensor::zeros([1, self.b]);
        let outputs = outputs.as_mut_slice();
        for wave in 0..self.characters.len() {
            let [before, after] = states.get_disjoint_mut([wave % n, (wave + 1) % n]).expect("there are two or more");
            let [h, c] = after;
            let inputs: Vec<_> = before.iter().chain(&self.shared).chain(self.own(wave)).collect();
            self.at(wave, programs).run_into(&inputs, &mut [h, c, &mut left])?;
            if let Some(character) = (wave + 1).checked_sub(self.l) {
                outputs[character * self.b..][..self.b].copy_from_slice(left.as_slice());
            }
        }
        Ok(())
    }

    /// Goes back through all waves, from the adjoints of what the last layer left at each character: those of what is shared.
    fn back(
        &self,
        programs: &mut [Option<Program<f64>>; 2],
        states: &[[Tensor<f64>; 2]],
        outputs: &[f64],
    ) -> Result<Vec<Tensor<f64>>, Error> {
        let zeros = self.state.iter().chain(&self.shared).map(|x| Tensor::zeros(x.shape()));
        let mut adjoints: Vec<Tensor<f64>> = zeros.collect();
        let mut left = Tensor::zeros([1, self.b]);
        let begin = self.begun.len();
        for (part, waves) in [(1, begin..self.characters.len()), (0, 0..begin)] {
            let Some(program) = &mut programs[part] else { continue };
            let first = COUNTS.first_adjoint(COUNTS.state + COUNTS.shared + 2 - part);
            for (k, adjoint) in adjoints.iter().enumerate() {
                program.set_carried(first + k, adjoint)?;
            }
            for wave in waves.rev() {
                match (wave + 1).checked_sub(self.l) {
                    Some(character) => left.as_mut_slice().copy_from_slice(&outputs[character * self.b..][..self.b]),
                    None => left.as_mut_slice().fill(0.0),
                }
                let inputs = states[wave].iter().chain(&self.shared).chain(self.own(wave)).chain([&left]);
                program.run(&inputs.collect::<Vec<_>>())?;
            }
            for (k, adjoint) in adjoints.iter_mut().enumerate() {
                adjoint.as_mut_slice().copy_from_slice(program.carried(first + k));
            }
        }
        Ok(adjoints)
    }
}

fn objective(request: &mut Request<'_>) -> Result<Output, String> {
    let model = Model::of(request)?;
    let options = Options::new().threads(request.threads);
    let (mut programs, mut loss_of, bits, mut outputs, mut states) = request.prepare(|| {
        let (bits, outputs) = (model.bits(), Tensor::zeros(model.next.shape()));
        let programs = model.programs(|wave, like| COUNTS.forward(&options, wave, like))?;
        let like = [&outputs, &model.head[0], &model.head[1], &model.next, &bits].map(Tensor::clone);
        let loss_of = options.compile(&like, |x| vec![loss([x[0], x[1], x[2], x[3], x[4]])])?;
        Ok((programs, loss_of, bits, outputs, [model.state.clone(), model.state.clone()]))
    })?;
    request.evaluate(|| {
        model.run(&mut programs, &mut states, &mut outputs)?;
        loss_of.run(&[&outputs, &model.head[0], &model.head[1], &model.next, &bits])
    })?;
    Ok(Output::Number(loss_of.item(0)))
}

fn jacobian(request: &mut Request<'_>) -> Result<Output, String> {
    let model = Model::of(request)?;
    let (l, b, waves) = (model.l, model.b, model.characters.len());
    // Hidden and cell after each wave.
    fits("sequence", waves, 2 * (l * b * size_of::<f64>() + size_of::<Tensor<f64>>()))?;
    let options = Options::new().threads(request.threads);
    let (mut forward, mut backward, mut loss_of, bits, mut outputs, mut states) = request.prepare(|| {
        let (bits, outputs) = (model.bits(), Tensor::zeros(model.next.shape()));
        let forward = model.programs(|wave, like| COUNTS.forward(&options, wave, like))?;
        let left = Tensor::zeros([1, b]);
        let backward =
            model.programs(|wave, like| COUNTS.backward(&options, wave, like, std::slice::from_ref(&left)))?;
        let like = [&outputs, &model.head[0], &model.head[1], &model.next, &bits].map(Tensor::clone);
        let options = options.gradient(&[0, 1, 2]);
        let loss_of = options.compile(&like, |x| vec![loss([x[0], x[1], x[2], x[3], x[4]])])?;
        Ok((forward, backward, loss_of, bits, outputs, vec![model.state.clone(); waves + 1]))
    })?;
    let mut gradient = vec![0.0; 2 * GATES * l * b + 3 * b];
    request.evaluate(|| {
        model.run(&mut forward, &mut states, &mut outputs)?;
        loss_of.run(&[&outputs, &model.head[0], &model.head[1], &model.next, &bits])?;
        let adjoints = model.back(&mut backward, &states, loss_of.output(1))?;
        for (k, part) in adjoints[COUNTS.state..].iter().enumerate() {
            for (layer, part) in part.as_slice().chunks_exact(b).enumerate().take(if k < 2 * GATES { l } else { 0 }) {
                let (row, gate) = (2 * layer + k / GATES, k % GATES);
                gradient[(row * GATES + gate) * b..][..b].copy_from_slice(part);
            }
        }
        let extra = gradient[2 * GATES * l * b..].chunks_exact_mut(b);
        for (slot, part) in
            extra.zip([adjoints[COUNTS.state + 2 * GATES].as_slice(), loss_of.output(2), loss_of.output(3)])
        {
            slot.copy_from_slice(part);
        }
        Ok(())
    })?;
    Ok(Output::Vector(gradient))
}
