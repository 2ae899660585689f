//! Handwritten digits, end to end: a 64-64-10 network trained by the engine alone.
//!
//! Reads 1797 images of 8 x 8 pixels (embedded; origin and licence in `examples/data/README.md`), holds back a fifth of
//! them, checks the network's gradient on a few rows, and trains with mini-batches, momentum and weight decay. Prints one
//! line per epoch (mean training loss, accuracy on the held-back fifth), and last `test accuracy: 0.9750`.
//!
//! Run: `cargo run --release --example digits -- --epochs 30 --seed 0 --lr 0.1`

use flate2::read::GzDecoder;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use retrograd::check::Gradcheck;
use retrograd::{Element, Gradients, Id, Tape, Tensor, Var};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

const DIGITS: &[u8] = include_bytes!("data/digits.csv.gz");
const PIXELS: usize = 64;
const HIDDEN: usize = 64;
const CLASSES: usize = 10;
const BATCH: usize = 32;
const MOMENTUM: f32 = 0.9;
const WEIGHT_DECAY: f32 = 1e-4;
const USAGE: &str = "usage: digits [--epochs N] [--seed N] [--lr X]

  --epochs N  passes over the training images (default 30)
  --seed N    seed of the split, the first weights and the shuffles (default 0)
  --lr X      learning rate, above 0 (default 0.1)
  --help      this text";

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(&arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("digits: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options, &mut io::stdout().lock()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("digits: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
pub struct Options {
    epochs: usize,
    seed: u64,
    lr: f32,
}

impl Options {
    /// Reads the arguments; an error says which one is wrong, and how.
    pub fn parse<S: AsRef<str>>(arguments: &[S]) -> Result<Self, String> {
        let mut options = Self { epochs: 30, seed: 0, lr: 0.1 };
        let mut arguments = arguments.iter().map(AsRef::as_ref);
        while let Some(name) = arguments.next() {
            let (name, mut value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (name, None),
            };
            if !["--epochs", "--seed", "--lr"].contains(&name) {
                return Err(format!("unknown argument {name:?}"));
            }
            value = value.or_else(|| arguments.next());
            let value = value.ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = |expected| format!("{name} takes {expected}, got {value:?}");
            match name {
                "--epochs" => options.epochs = value.parse().map_err(|_| wrong("a whole number"))?,
                "--seed" => options.seed = value.parse().map_err(|_| wrong("a whole number"))?,
                _ => {
                    options.lr = value.parse().map_err(|_| wrong("a number above 0"))?;
                    if !(options.lr > 0.0 && options.lr.is_finite()) {
                        return Err(wrong("a number above 0"));
                    }
                }
            }
        }
        Ok(options)
    }
}

/// Checks the gradient, trains, and returns the accuracy on the held-back fifth.
pub fn run(options: &Options, out: &mut impl Write) -> Result<f64, Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let digits = read_digits()?;
    let mut order: Vec<usize> = (0..digits.labels.len()).collect();
    order.shuffle(&mut rng);
    let (held_back, rest) = order.split_at(order.len() / 5);
    let (test, train) = (digits.rows(held_back), digits.rows(rest));

    let mut network = initial_network(&mut rng);
    let worst = check_gradient(&network, &train.rows(&[0, 1, 2]))?;
    writeln!(out, "gradient checked on 3 images: largest relative error {worst:.1e}")?;

    let mut velocity = network.each_ref().map(|parameter| Tensor::zeros(parameter.shape().clone()));
    let mut tape = Tape::<f32>::of();
    let mut order: Vec<usize> = (0..train.labels.len()).collect();
    let mut accuracy = test.accuracy(&network, &mut tape);
    for epoch in 1..=options.epochs {
        order.shuffle(&mut rng);
        let mut total = 0.0;
        for rows in order.chunks(BATCH) {
            let batch = train.rows(rows);
            let (loss, ids, gradients) = tape.step(|tape| {
                let parameters = network.each_ref().map(|parameter| tape.var(parameter));
                (loss(&parameters, tape.data(&batch.images), &batch.labels), parameters.map(Var::id))
            });
            // The tape has let go of the parameters, so they are written in place.
            descend(&mut network, &mut velocity, ids, &gradients, options.lr);
            tape.recycle(gradients);
            total += loss as f64 * rows.len() as f64;
        }
        let mean = total / order.len() as f64;
        if !mean.is_finite() {
            return Err(
                format!("the loss of epoch {epoch} is {mean}; a smaller --lr than {} may help", options.lr).into()
            );
        }
        accuracy = test.accuracy(&network, &mut tape);
        writeln!(out, "epoch {epoch:>3}  loss {mean:.4}  accuracy {accuracy:.4}")?;
    }
    writeln!(out, "test accuracy: {accuracy:.4}")?;
    Ok(accuracy)
}

/// Weights and biases of the two layers: [64, 64], [64], [64, 10], [10].
type Network<T> = [Tensor<T>; 4];

/// Weights by He et al. (2015), normal with variance 2 / inputs; no bias.
fn initial_network(rng: &mut ChaCha8Rng) -> Network<f32> {
    let mut weights = |n: usize, m: usize| Tensor::normal([n, m], 0.0, (2.0 / n as f64).sqrt(), rng);
    [weights(PIXELS, HIDDEN), Tensor::zeros([HIDDEN]), weights(HIDDEN, CLASSES), Tensor::zeros([CLASSES])]
}

/// The network's ten scores for each image, before softmax.
fn logits<'t, T: Element>([w1, b1, w2, b2]: &[Var<'t, T>; 4], images: Var<'t, T>) -> Var<'t, T> {
    (images.matmul(*w1) + *b1).relu().matmul(*w2) + *b2
}

/// Mean cross-entropy of the labels.
fn loss<'t, T: Element>(parameters: &[Var<'t, T>; 4], images: Var<'t, T>, labels: &[usize]) -> Var<'t, T> {
    logits(parameters, images).cross_entropy(labels)
}

/// One step of stochastic gradient descent with momentum: v = momentum v + g + decay w, then w = w - lr v.
fn descend(network: &mut Network<f32>, velocity: &mut Network<f32>, ids: [Id; 4], gradients: &Gradients<f32>, lr: f32) {
    for ((parameter, velocity), id) in network.iter_mut().zip(velocity).zip(ids) {
        let gradient = gradients.get(id).expect("every parameter takes part in the loss");
        let steps = velocity.as_mut_slice().iter_mut().zip(gradient.iter());
        for (w, (v, g)) in parameter.as_mut_slice().iter_mut().zip(steps) {
            *v = MOMENTUM * *v + g + WEIGHT_DECAY * *w;
            *w -= lr * *v;
        }
    }
}

/// Holds a sample of the gradient, in double precision, against forward mode and differences; the largest relative error.
fn check_gradient(network: &Network<f32>, rows: &Digits) -> Result<f64, Box<dyn Error>> {
    let images = double(&rows.images);
    let parameters: Vec<_> = ["w1", "b1", "w2", "b2"].into_iter().zip(network.each_ref().map(double)).collect();
    let report = Gradcheck::new()
        .max_elements(100)
        .gradcheck(&parameters, |tape, p| loss(&[p[0], p[1], p[2], p[3]], tape.data(&images), &rows.labels))
        .into_result()?;
    Ok(report.parameters.iter().map(|parameter| parameter.worst_agreeing).fold(0.0, f64::max))
}

/// The same tensor in double precision.
fn double(tensor: &Tensor<f32>) -> Tensor<f64> {
    let elements = tensor.iter().map(|&x| f64::from(x)).collect();
    Tensor::new(tensor.shape(), elements).expect("as many elements as before")
}

/// Images, one a row, with pixels from 0 to 1, and what they show.
struct Digits {
    images: Tensor<f32>,
    labels: Vec<usize>,
}

impl Digits {
    /// The images with these numbers.
    fn rows(&self, rows: &[usize]) -> Self {
        Self { images: self.images.select_rows(rows), labels: rows.iter().map(|&row| self.labels[row]).collect() }
    }

    /// The share of images for which the right class has the highest score.
    fn accuracy(&self, network: &Network<f32>, tape: &mut Tape<f32>) -> f64 {
        let parameters = network.each_ref().map(|parameter| tape.data(parameter));
        let guesses = logits(&parameters, tape.data(&self.images)).value().argmax_rows();
        tape.clear();
        let hits = guesses.iter().zip(&self.labels).filter(|(guess, label)| guess == label).count();
        hits as f64 / self.labels.len() as f64
    }
}

/// Unpacks the embedded file: 64 pixels from 0 to 16, then the label, a row each.
fn read_digits() -> Result<Digits, Box<dyn Error>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(GzDecoder::new(DIGITS));
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for row in reader.records() {
        let row = row?;
        for pixel in row.iter().take(PIXELS) {
            pixels.push(pixel.parse::<f32>()? / 16.0);
        }
        labels.push(row.get(PIXELS).ok_or("a row without a label")?.parse()?);
    }
    Ok(Digits { images: Tensor::new([labels.len(), PIXELS], pixels)?, labels })
}
