//! How weights before relu had best start: what nets of the same data, seeds and budget reach from each start.
//!
//! `cargo bench --package benches --bench start`, from the root, some minutes. Each of eleven tasks from nine data sets is learned six
//! times, by nets of one to eight hidden layers of 64 units, with Adam and with momentum; a quarter of the rows is held out by
//! the seed. Printed is the held-out loss (cross-entropy, or the mean squared error of standardised targets) of the best epoch, as its
//! mean over seeds and nets divided by that of Glorot's uniform start; and in how many runs each start was below Glorot's.

use retrograd::Tensor;
use retrograd::data::{Csv, Dataset, Scaler, Targets, synthetic};
use retrograd::nn::{Init, Mlp, Model};
use retrograd::optim::{Adam, Optimizer, Sgd};
use retrograd::train::Trainer;
use std::path::{Path, PathBuf};

const SEEDS: u64 = 6;
const EPOCHS: u64 = 60;
const DEPTHS: [usize; 5] = [1, 2, 4, 6, 8];

#[derive(Clone, Copy)]
enum Start {
    Glorot,
    He,
    HeUniform,
    Lecun,
    /// PyTorch's of Linear, weights and biases: uniform in +-1 / sqrt(n_in).
    Torch,
    /// As `Mlp` starts them: by PyTorch's rule before relu, weights and biases, in nets of up to six such layers; else by Glorot's.
    Usual,
}

const STARTS: [(&str, Start); 6] = [
    ("glorot uniform", Start::Glorot),
    ("he normal", Start::He),
    ("he uniform", Start::HeUniform),
    ("lecun normal", Start::Lecun),
    ("pytorch", Start::Torch),
    ("usual", Start::Usual),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data").join(name)
}

/// One of the features as the target of the others.
fn column_of(data: &Dataset<f32>, column: usize) -> Dataset<f32> {
    let n = data.n_features();
    let (mut inputs, mut values) = (Vec::new(), Vec::new());
    for row in data.inputs().as_slice().chunks(n) {
        values.push(row[column]);
        inputs.extend(row.iter().enumerate().filter(|(i, _)| *i != column).map(|(_, x)| *x));
    }
    let inputs = Tensor::new([data.len(), n - 1], inputs).unwrap();
    Dataset::regression(inputs, Tensor::new([data.len(), 1], values).unwrap()).unwrap()
}

/// 10 sin(pi x0 x1) + 20 (x2 - 0.5)^2 + 10 x3 + 5 x4, and five features without meaning. Source: Friedman 1991.
fn friedman() -> Dataset<f32> {
    const ROWS: usize = 400;
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u32 << 24) as f32
    };
    let inputs: Vec<f32> = (0..ROWS * 10).map(|_| uniform()).collect();
    let value = |x: &[f32]| {
        10.0 * (std::f32::consts::PI * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4]
    };
    let values: Vec<f32> = inputs.chunks(10).map(value).collect();
    let (inputs, values) = (Tensor::new([ROWS, 10], inputs).unwrap(), Tensor::new([ROWS, 1], values).unwrap());
    Dataset::regression(inputs, values).unwrap()
}

fn tasks() -> Vec<(&'static str, Dataset<f32>)> {
    let csv = Csv::new().header(false).target(-1).classification();
    let labelled = |name: &str, skip: usize| csv.clone().skip_rows(skip).read_path::<f32>(file(name)).unwrap();
    let (iris, wine) = (labelled("iris.csv", 1), labelled("wine_data.csv", 1));
    let names = ["cylinders", "displacement", "horsepower", "weight", "acceleration", "year", "origin", "name", "mpg"];
    let cars = Csv::new().names(names).target("mpg").regression().categorical("origin").ignore("name");
    let patients = [file("diabetes_data_raw.csv.gz"), file("diabetes_target.csv.gz")];
    vec![
        ("digits", labelled("digits.csv.gz", 0)),
        ("iris, petal", column_of(&iris, 3)),
        ("wine, alcohol", column_of(&wine, 0)),
        ("iris", iris),
        ("wine", wine),
        ("breast cancer", labelled("breast_cancer.csv", 1)),
        ("moons", synthetic::two_moons(300, 0.2, 1).unwrap()),
        ("circles", synthetic::circles(300, 0.5, 0.1, 1).unwrap()),
        ("cars", cars.read_path(file("autompg.csv.gz")).unwrap()),
        ("diabetes", Csv::new().whitespace().regression().read_pair(&patients[0], &patients[1]).unwrap()),
        ("friedman", friedman()),
    ]
}

fn model(inputs: usize, outputs: usize, depth: usize, start: Start, seed: u64) -> Model<f32> {
    let mut mlp = Mlp::new(inputs);
    for layer in 0..=depth {
        let last = layer == depth;
        mlp = mlp.dense(if last { outputs } else { 64 });
        mlp = match start {
            // Before the output there is no relu.
            Start::He | Start::HeUniform | Start::Lecun if last => mlp.init(Init::GlorotUniform),
            Start::He => mlp.init(Init::HeNormal),
            Start::HeUniform => mlp.init(Init::HeUniform),
            Start::Lecun => mlp.init(Init::LecunNormal),
            Start::Glorot => mlp.init(Init::GlorotUniform),
            Start::Torch => mlp.init(Init::Torch).bias_init(Init::Torch),
            Start::Usual => mlp,
        };
        if !last {
            mlp = mlp.relu();
        }
    }
    mlp.build(seed).unwrap()
}

/// The held-out losses of the epochs.
fn run(data: &Dataset<f32>, depth: usize, start: Start, optimizer: Optimizer<f32>, seed: u64) -> Vec<f64> {
    let (train, test) = data.split(0.25, seed).unwrap();
    let scaler = Scaler::standardise(&train).unwrap();
    let (mut train, mut test) = (train.scaled_by(&scaler).unwrap(), test.scaled_by(&scaler).unwrap());
    let outputs = match train.targets() {
        Targets::Labels(_) => data.n_classes(),
        Targets::Values(_) => {
            let scaler = Scaler::standardise_targets(&train).unwrap();
            (train, test) = (train.targets_scaled_by(&scaler).unwrap(), test.targets_scaled_by(&scaler).unwrap());
            1
        }
    };
    let mut model = model(train.n_features(), outputs, depth, start, seed);
    let mut trainer = Trainer::new(optimizer).epochs(EPOCHS).batch(32).seed(seed).validation(&test);
    trainer.fit(&mut model, &train).unwrap().values("valid_loss").unwrap()
}

/// The sums of one kind of loss, for each depth and start.
#[derive(Clone, Copy, Default)]
struct Tally {
    /// Of the logarithms of ratios to Glorot's.
    logs: [f64; STARTS.len()],
    count: f64,
    below: [usize; STARTS.len()],
    runs: usize,
}

impl Tally {
    fn print(&self, what: &str) {
        println!("held-out loss of the {what}, over {} runs:", self.runs);
        for (k, (name, _)) in STARTS.iter().enumerate() {
            let mean = (self.logs[k] / self.count).exp();
            println!("  {name:16} {mean:.3} of glorot uniform's, below it in {} runs", self.below[k]);
        }
    }
}

fn main() {
    let optimizers: [(&str, fn() -> Optimizer<f32>); 2] =
        [("adam 0.001", || Adam::new(0.001).into()), ("momentum 0.01", || Sgd::new(0.01).momentum(0.9).into())];
    let (mut best, mut last) = ([Tally::default(); DEPTHS.len()], Tally::default());
    for (task, data) in tasks() {
        for (optimizer, make) in optimizers {
            for (depth, best) in DEPTHS.into_iter().zip(&mut best) {
                let mut means = [[0.0; STARTS.len()]; 2];
                for seed in 0..SEEDS {
                    let losses = STARTS.map(|(_, start)| run(&data, depth, start, make(), seed));
                    let smallest = losses.each_ref().map(|losses| losses.iter().copied().fold(f64::INFINITY, f64::min));
                    let ends = losses.each_ref().map(|losses| losses[losses.len() - 1]);
                    for ((tally, means), losses) in
                        [&mut *best, &mut last].into_iter().zip(&mut means).zip([smallest, ends])
                    {
                        tally.runs += 1;
                        for (k, loss) in losses.into_iter().enumerate() {
                            tally.below[k] += usize::from(loss < losses[0]);
                            means[k] += loss / SEEDS as f64;
                        }
                    }
                }
                for (tally, means) in [&mut *best, &mut last].into_iter().zip(means) {
                    tally.count += 1.0;
                    tally.logs.iter_mut().zip(means).for_each(|(log, mean)| *log += (mean / means[0]).ln());
                }
                let ratios = means[0].map(|mean| mean / means[0][0]);
                println!("{task:14} {optimizer:14} {depth}  glorot {:.4} {ratios:.3?}", means[0][0]);
            }
        }
    }
    for (depth, tally) in DEPTHS.iter().zip(&best) {
        tally.print(&format!("best epoch, {depth} hidden layers"));
    }
    last.print("last epoch");
}
