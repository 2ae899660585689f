//! The objective over tensors, one small set of entries for a step of all layers.
//!
//! Layer i at character t needs layer i - 1 at t and itself at t - 1, so all layers work at once where layer i is i characters
//! behind: wave s steps layer i at character s - i. A wave's gates are one tensor of 4 rows for each layer, in the order f, o, i,
//! change; what the last layer leaves goes into one expression over all characters at the end.

use super::super::problem::{Method, tensor_method};
use super::Lstm;
use retrograd::{Tape, Tensor, Var};

type Matrix<'t> = Var<'t, f64>;

/// What is made of the data once: a row for each character and for each layer's state.
pub(crate) struct Rows {
    characters: Vec<Tensor<f64>>,
    /// All but the first, [c - 1, b], and the sums of their rows, [c - 1].
    next: Tensor<f64>,
    weights: Tensor<f64>,
    /// h and c of each layer at the start, [1, b].
    state: Vec<[Tensor<f64>; 2]>,
}

impl Rows {
    pub(crate) fn of(lstm: &Lstm) -> Self {
        let b = lstm.b;
        let row = |x: &[f64]| Tensor::new([1, b], x.to_vec()).expect("b numbers");
        let next = &lstm.sequence[b..];
        Self {
            characters: lstm.sequence[..next.len()].chunks_exact(b).map(row).collect(),
            next: Tensor::new([lstm.c - 1, b], next.to_vec()).expect("all but one"),
            weights: Tensor::from(next.chunks_exact(b).map(|x| x.iter().sum()).collect::<Vec<f64>>()),
            state: lstm.state.chunks_exact(2 * b).map(|hc| [row(&hc[..b]), row(&hc[b..])]).collect(),
        }
    }
}

/// The gates' weights and biases of all layers, [4 l, b] each, and where the inputs of m layers' gates stand.
struct Gates<'t> {
    l: usize,
    weights: Matrix<'t>,
    biases: Matrix<'t>,
}

impl<'t> Gates<'t> {
    /// From main, [2 l, 4 b]: a row of weights and one of biases for each layer, of the gates f, i, o, change.
    fn of(l: usize, b: usize, main: Matrix<'t>) -> Self {
        let rows = main.reshape([8 * l, b]);
        let order = [0, 2, 1, 3];
        let take = |bias: usize| -> Vec<usize> {
            order.iter().flat_map(|gate| (0..l).map(move |layer| 8 * layer + 4 * bias + gate)).collect()
        };
        Self { l, weights: rows.gather(0, &take(0)), biases: rows.gather(0, &take(1)) }
    }

    /// Those of the layers `lo..hi`.
    fn of_layers(&self, lo: usize, hi: usize) -> [Matrix<'t>; 2] {
        if hi - lo == self.l {
            return [self.weights, self.biases];
        }
        let rows: Vec<usize> = (0..4).flat_map(|gate| (lo..hi).map(move |layer| gate * self.l + layer)).collect();
        [self.weights.gather(0, &rows), self.biases.gather(0, &rows)]
    }
}

/// A wave over m layers: what comes in below them [1, b], their h and c [m, b]; the new h and c.
fn wave<'t>(
    [weights, biases]: [Matrix<'t>; 2],
    below: Matrix<'t>,
    [h, c]: [Matrix<'t>; 2],
    inputs: &[usize],
) -> [Matrix<'t>; 2] {
    let m = inputs.len() as isize / 4;
    let z = Var::concat(&[below, h], 0).gather(0, inputs) * weights + biases;
    let gates = z.slice(..3 * m).sigmoid();
    let change = z.slice(3 * m..).tanh();
    let c = c * gates.slice(..m) + gates.slice(2 * m..) * change;
    [gates.slice(m..2 * m) * c.tanh(), c]
}

/// Which rows of [below; h] the gates f, o, i, change of m layers read: the layer below's for f and o, their own for the others.
fn gate_inputs(m: usize) -> Vec<usize> {
    (0..2).chain(2..4).flat_map(|gate| (0..m).map(move |layer| layer + gate / 2)).collect()
}

/// The loss, of main [2 l, 4 b] and extra [3, b].
pub(crate) fn loss<'t>(
    tape: &'t Tape<f64>,
    lstm: &Lstm,
    rows: &Rows,
    [main, extra]: [Var<'t, f64>; 2],
) -> Var<'t, f64> {
    let outputs = last_layer(tape, lstm, rows, main, extra.slice(..1));
    let y = outputs * extra.slice(1) + extra.slice(2);
    let z = (y.exp().sum(1) + 2.0).ln();
    let total = (y * tape.data(&rows.next)).sum(()) - (z * tape.data(&rows.weights)).sum(());
    total * (-1.0 / lstm.count())
}

/// What the last layer leaves at each character, [c - 1, b].
fn last_layer<'t>(tape: &'t Tape<f64>, lstm: &Lstm, rows: &Rows, main: Matrix<'t>, scale: Matrix<'t>) -> Matrix<'t> {
    let (l, steps) = (lstm.l, lstm.c - 1);
    let gates = Gates::of(l, lstm.b, main);
    let initial = |layer: usize| rows.state[layer].each_ref().map(|row| tape.data(row));
    let mut state = initial(0);
    let (mut whole, mut tops) = (Vec::new(), Vec::new());
    let mut inputs = Vec::new();
    for s in 0..steps + l - 1 {
        // Layers lo..hi have a character to work on.
        let (lo, hi) = ((s + 1).saturating_sub(steps), (s + 1).min(l));
        let below = if lo == 0 {
            tape.data(&rows.characters[s]) * scale
        } else {
            let below = state[0].slice(..1);
            state = state.map(|x| x.slice(1..));
            below
        };
        if s > 0 && s < l {
            let [h, c] = initial(s);
            state = [Var::concat(&[state[0], h], 0), Var::concat(&[state[1], c], 0)];
        }
        if inputs.len() != 4 * (hi - lo) {
            inputs = gate_inputs(hi - lo);
        }
        state = wave(gates.of_layers(lo, hi), below, state, &inputs);
        match hi {
            _ if hi < l => {}
            _ if lo == 0 => whole.push(state[0]),
            _ => tops.push(state[0].slice(-1..)),
        }
    }
    let count = whole.len();
    if count > 0 {
        let last: Vec<usize> = (0..count).map(|i| i * l + l - 1).collect();
        tops.insert(0, concat_many(whole).gather(0, &last));
    }
    concat_many(tops)
}

/// Rows one after the other, by groups: an entry with a thousand parents would be walked a thousand times.
fn concat_many<'t>(mut parts: Vec<Matrix<'t>>) -> Matrix<'t> {
    while parts.len() > 1 {
        parts = parts.chunks(32).map(|group| Var::concat(group, 0)).collect();
    }
    parts[0]
}

/// Prepares the mode.
pub(crate) fn method(lstm: &Lstm) -> Result<Method<'_>, String> {
    let rows = Rows::of(lstm);
    let (main, extra) = lstm.main_and_extra(&lstm.parameters);
    let inputs = [(2 * lstm.l, main), (3, extra)].map(|(n, x)| {
        let shape = [n, x.len() / n];
        Tensor::new(shape, x.to_vec()).expect("rows of one length")
    });
    tensor_method(inputs, move |tape, x| loss(tape, lstm, &rows, x))
}
