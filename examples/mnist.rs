//! Nielsen's network for handwritten digits, and others like it, on MNIST or any set of its shape.
//!
//! Teaches: IDX files, a network chosen at run time, penalties, validation, metrics, results as data.
//! Prints a line for each epoch with the accuracy on the validation images and examples per second, and the accuracy on the
//! test images. The settings of M. Nielsen's "Neural Networks and Deep Learning" (2015), chapters 1 and 3, give his figures
//! (about 95.4 % and 98.0 %); the third is of today:
//!
//! ```text
//! mnist DIR                                                                                       95.6 % on the test images
//! mnist DIR --hidden 100 --cost cross-entropy --eta 0.1 --lambda 5 --epochs 60                      98.0 % in validation
//! mnist DIR --layers 256,128 --activation relu --cost cross-entropy --optimizer adam --batch 64 --epochs 15         98.4 %
//! ```
//!
//! Run: `cargo run --release --example mnist -- DIR`, with the folder of the four files; without it, on small digits.

mod flags {
    include!("common/flags.rs");
}

use flags::Flags;
use retrograd::data::{self, Csv, Dataset, Scaler};
use retrograd::nn::{Init, Mlp, Model, Penalty, loss};
use retrograd::optim::{Adam, Optimizer, Sgd, schedule::Cosine};
use retrograd::train::{History, Metric, Trainer, metrics};
use serde_json::{Value as Json, json};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// For want of a folder: 1797 images of 8 x 8 pixels.
const DIGITS: &[u8] = include_bytes!("data/digits.csv.gz");
const NAMES: [&str; 12] = [
    "--hidden",
    "--layers",
    "--cost",
    "--eta",
    "--lambda",
    "--batch",
    "--epochs",
    "--optimizer",
    "--activation",
    "--seed",
    "--threads",
    "--json",
];
const USAGE: &str = "\
usage: mnist [DIR] [options]
  DIR                               the folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and the two t10k files,
                                    plain or .gz; without it, digits of 8 x 8 pixels that come with this program
  --hidden 30                       units of the hidden layer
  --layers 100,30                   units of several hidden layers, in place of --hidden
  --cost quadratic|cross-entropy    quadratic: 1/(2n) sum |y - a|^2
  --eta 3.0                         learning rate; by default 3.0 for quadratic and 0.5 for cross-entropy, a tenth of it with
                                    momentum, 0.001 for adam
  --lambda 0                        lambda/(2n) sum w^2 is added to the cost, n being the number of training images
  --batch 10                        images in a batch
  --epochs 30
  --optimizer sgd|momentum|adam     with adam, the learning rate falls to 0 along a cosine
  --activation sigmoid|relu|tanh    of hidden layers; outputs are sigmoid for quadratic, and for cross-entropy sigmoid where
                                    the hidden layers are, softmax otherwise
  --seed 0
  --threads 1
  --json FILE                       writes settings, epochs and test accuracy as data";

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(&arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("mnist: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(accuracy) => {
            println!("test accuracy: {accuracy:.4}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What to train, on what, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    folder: Option<PathBuf>,
    layers: Vec<usize>,
    cost: &'static str,
    eta: f64,
    lambda: f64,
    batch: usize,
    epochs: u64,
    optimizer: &'static str,
    activation: &'static str,
    seed: u64,
    threads: usize,
    json: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments; an error says which one is wrong, and what would be right.
    pub(crate) fn parse<S: AsRef<str>>(arguments: &[S]) -> Result<Self, String> {
        let flags = Flags::read(arguments, &NAMES)?;
        if let [_, second, ..] = &flags.words[..] {
            return Err(format!("one folder at most, got {second:?} as well"));
        }
        let count = |name: &str| flags.get(name, "a whole number above 0", |n: &usize| *n > 0);
        let number = |name: &str, expected: &str, fits: fn(&f64) -> bool| {
            flags.get(name, expected, |x: &f64| x.is_finite() && fits(x))
        };
        let (cost, optimizer) = (
            choice(&flags, "--cost", &["quadratic", "cross-entropy"])?,
            choice(&flags, "--optimizer", &["sgd", "momentum", "adam"])?,
        );
        let hidden = count("--hidden")?.unwrap_or(30);
        Ok(Self {
            layers: layers(&flags)?.unwrap_or_else(|| vec![hidden]),
            eta: number("--eta", "a number above 0", |x| *x > 0.0)?.unwrap_or(usual_eta(cost, optimizer)),
            lambda: number("--lambda", "a number of 0 or more", |x| *x >= 0.0)?.unwrap_or(0.0),
            batch: count("--batch")?.unwrap_or(10),
            epochs: count("--epochs")?.unwrap_or(30) as u64,
            activation: choice(&flags, "--activation", &["sigmoid", "relu", "tanh"])?,
            seed: flags.get("--seed", "a whole number", |_| true)?.unwrap_or(0),
            threads: count("--threads")?.unwrap_or(1),
            json: flags.get("--json", "a file", |path: &PathBuf| !path.as_os_str().is_empty())?,
            folder: flags.words.first().map(PathBuf::from),
            cost,
            optimizer,
        })
    }

    fn to_json(&self) -> Json {
        json!({
            "dir": self.folder, "layers": self.layers, "cost": self.cost, "eta": self.eta, "lambda": self.lambda,
            "batch": self.batch, "epochs": self.epochs, "optimizer": self.optimizer, "activation": self.activation,
            "seed": self.seed, "threads": self.threads,
        })
    }
}

/// One of some words; the first where none is given.
fn choice(flags: &Flags, name: &str, words: &[&'static str]) -> Result<&'static str, String> {
    let given: Option<String> = flags.get(name, &words.join(" or "), |word: &String| words.contains(&word.as_str()))?;
    Ok(given.and_then(|given| words.iter().find(|word| **word == given)).copied().unwrap_or(words[0]))
}

/// Units of layers, separated by commas.
fn layers(flags: &Flags) -> Result<Option<Vec<usize>>, String> {
    let units =
        |text: &String| text.split(',').map(|n| n.trim().parse().ok().filter(|n| *n > 0)).collect::<Option<Vec<_>>>();
    let text = flags
        .get("--layers", "whole numbers above 0 with commas between, such as 100,30", |text| units(text).is_some())?;
    Ok(text.as_ref().and_then(units))
}

fn usual_eta(cost: &str, optimizer: &str) -> f64 {
    let plain = if cost == "quadratic" { 3.0 } else { 0.5 };
    match optimizer {
        "adam" => 0.001,
        // Each gradient counts ten times over with a momentum of 0.9.
        "momentum" => plain / 10.0,
        _ => plain,
    }
}

/// Trains, and returns the accuracy on the test images.
pub(crate) fn run(options: &Options) -> Result<f64, Box<dyn Error>> {
    // A file that cannot be written is better known before an hour of training.
    let json = options.json.as_deref().map(new_file).transpose()?;
    let (train, validation, test) = read(options)?;
    let mut model = network(options, &train)?;
    let layers = options.layers.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
    println!(
        "{}-{layers}-{} {}, {} cost, {} with eta {}, lambda {}, batches of {}, seed {}",
        train.n_features(),
        train.n_classes(),
        options.activation,
        options.cost,
        options.optimizer,
        options.eta,
        options.lambda,
        options.batch,
        options.seed
    );
    println!("{} images to train on, {} to validate, {} to test", train.len(), validation.len(), test.len());
    let history = trainer(options).validation(&validation).progress().fit(&mut model, &train)?;
    let accuracy = metrics::accuracy(&model.predict(test.inputs())?, test.targets())?;
    if let (Some(file), Some(path)) = (json, &options.json) {
        save(file, path, &report(options, &history, accuracy))?;
    }
    Ok(accuracy)
}

/// Hidden layers of one activation. Where they are sigmoids, weights and biases start as Nielsen's: N(0, 1), weights divided
/// by the root of their inputs.
fn network(options: &Options, train: &Dataset<f32>) -> retrograd::Result<Model<f32>> {
    let dense = |network: Mlp, units: usize| match options.activation {
        "sigmoid" => network.dense(units).init(Init::NIELSEN).bias_init(Init::NIELSEN_LARGE),
        _ => network.dense(units),
    };
    let hidden = |network: Mlp, units: &usize| {
        let network = dense(network, *units);
        match options.activation {
            "sigmoid" => network.sigmoid(),
            // As the figures of the README were measured.
            "relu" => network.init(Init::HeNormal).relu(),
            _ => network.tanh(),
        }
    };
    let network = options.layers.iter().fold(Mlp::new(train.n_features()), hidden);
    let network = dense(network, train.n_classes());
    // Cross-entropies are computed from what stands before the last sigmoid or softmax, which is stable.
    if options.cost == "quadratic" { network.sigmoid() } else { network }.build(options.seed)
}

fn trainer(options: &Options) -> Trainer<f32> {
    let optimizer: Optimizer<f32> = match options.optimizer {
        "adam" => Adam::new(options.eta).into(),
        "momentum" => Sgd::new(options.eta).momentum(0.9).into(),
        _ => Sgd::new(options.eta).into(),
    };
    let trainer = Trainer::new(optimizer).epochs(options.epochs).batch(options.batch).seed(options.seed);
    let trainer = trainer.threads(options.threads);
    let trainer = trainer.penalty(Penalty::l2(options.lambda)).metrics([Metric::Accuracy]);
    let trainer = if options.optimizer == "adam" { trainer.schedule(Cosine::new(options.epochs)) } else { trainer };
    match (options.cost, options.activation) {
        ("quadratic", _) => trainer.loss(loss::quadratic()),
        (_, "sigmoid") => trainer.loss(loss::sigmoid_cross_entropy()),
        _ => trainer.loss(loss::cross_entropy()),
    }
}

/// Images to train on, to validate and to test. A sixth of the training files validates: the last 10,000 of MNIST.
fn read(options: &Options) -> retrograd::Result<(Dataset<f32>, Dataset<f32>, Dataset<f32>)> {
    let (train, test) = match &options.folder {
        Some(folder) => data::mnist(folder)?,
        None => {
            let digits = Csv::new().header(false).target(-1).classification().read::<f32>(DIGITS)?;
            digits.scaled_by(&Scaler::uniform(0.0, 16.0)?)?.stratified_split(0.2, options.seed)?
        }
    };
    let n = train.len() - train.len() / 6;
    let rows: Vec<usize> = (0..train.len()).collect();
    Ok((train.select(&rows[..n])?, train.select(&rows[n..])?, test))
}

/// What was printed, as data.
fn report(options: &Options, history: &History, accuracy: f64) -> Json {
    let accuracies = history.values("accuracy").unwrap_or_default();
    let epochs = history.epochs.iter().zip(accuracies).map(|(epoch, accuracy)| {
        json!({
            "epoch": epoch.epoch, "loss": epoch.loss, "validation_loss": epoch.valid_loss, "validation_accuracy": accuracy,
            "examples_per_second": epoch.examples_per_second, "seconds": epoch.seconds,
        })
    });
    json!({ "settings": options.to_json(), "epochs": epochs.collect::<Vec<_>>(), "test_accuracy": accuracy })
}

/// A temporary file beside the one to be.
fn new_file(path: &Path) -> Result<tempfile::NamedTempFile, String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(format!("--json: {} is a folder; name a file", path.display()));
    }
    tempfile::NamedTempFile::new_in(folder)
        .map_err(|error| format!("--json: cannot write to {}: {error}", folder.display()))
}

fn save(mut file: tempfile::NamedTempFile, path: &Path, report: &Json) -> Result<(), Box<dyn Error>> {
    writeln!(file, "{report:#}")?;
    file.persist(path)?;
    Ok(())
}
