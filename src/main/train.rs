//! `train`: a table becomes a trained network, saved with its preprocessing, and a report.
//!
//! What is not said is found in the table: columns of words are categories, a target of words or of the numbers of a few classes is
//! classified, others are values. Whatever was found is printed, with the flag that says otherwise. Part of the rows is held back for
//! the last line, another part decides when to stop; scaling is of the rows that are learned from alone.

use super::command::{Command, Failure, Flag, Given, JSON, Outcome, Paint, Word, failed, nearest, say, usage};
use retrograd::data::{ColumnId, ColumnSurvey, Csv, Dataset, Missing, Scaler, TargetKind};
use retrograd::nn::{Activation, Init, Mlp, Model};
use retrograd::optim::AdamW;
use retrograd::train::{Metric, ProgressReporter, Trainer};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Words of a column that are taken for categories without being asked.
const MOST_WORDS: usize = 50;
/// Numbers that are taken for classes without being asked.
const MOST_CLASSES: usize = 10;

pub(crate) const COMMAND: Command = Command {
    name: "train",
    does: "trains a network on a table, and saves the model and a report",
    more: "Columns of words are categories. A target of words is classified, one of numbers is a value, unless they are the whole \
           numbers from 0 or 1 on, of 10 classes at most. Numbers are scaled by the rows that are learned from. Training ends early \
           where the validation loss no longer improves, and the best weights are kept. The folder holds model.safetensors, \
           report.html and history.csv; the last line is what the model makes of the test rows, which it has not seen.",
    words: &[Word::file("DATA.csv", "the table, with a row for each example; plain or gzip")],
    flags: &[
        Flag::text(
            "target",
            "COLUMN",
            "what to predict: a column's name, or its number from 0, from -1 backwards; may be given again",
        )
        .needed(),
        Flag::one_of("task", &["classification", "regression"], "what the target is (found from it)"),
        Flag::text("hidden", "N,N", "units of the hidden layers, 0 for none (default 64,32)"),
        Flag::one_of("activation", &["relu", "tanh", "sigmoid", "gelu"], "between the layers (default relu)"),
        Flag::text("epochs", "N", "passes over the rows, at most (default 200)"),
        Flag::text("patience", "N", "epochs without improvement after which it ends (default 20)"),
        Flag::text("lr", "X", "learning rate of AdamW (default 0.005)"),
        Flag::text("weight-decay", "X", "weight decay of AdamW (default 0.01)"),
        Flag::text("batch", "N", "rows in a batch (default 32)"),
        Flag::text("seed", "N", "seed of the parts, the first weights and the order (default 0)"),
        Flag::text("test", "X", "share of the rows held back for the last line (default 0.2)"),
        Flag::text("validation", "X", "share of the rows that decides when to stop (default 0.15)"),
        Flag::text("categorical", "COLUMN", "a column to take as words, though it holds numbers; may be given again"),
        Flag::text("ignore", "COLUMN", "a column that is not used; may be given again"),
        Flag::one_of(
            "missing",
            &["error", "drop", "mean"],
            "what becomes of a row in which a value is missing (default error)",
        ),
        Flag::switch("no-header", "the first row is data; columns are x0, x1, ..."),
        Flag::text("skip", "N", "lines to leave out before the header (default 0)"),
        Flag::text("delimiter", "C", "the character between cells, or tab (default a comma)"),
        Flag::folder("out", "the folder to write to (default the table's name)"),
        JSON,
    ],
    examples: &[
        "train iris.csv --target species",
        "train cars.csv --target mpg --hidden 32 --ignore name --missing drop",
        "train wine.csv --no-header --target 0 --task classification --out wine",
    ],
    run: main,
};

/// What the arguments say.
struct Options {
    data: PathBuf,
    out: PathBuf,
    hidden: Vec<usize>,
    epochs: u64,
    patience: u64,
    lr: f64,
    weight_decay: f64,
    batch: usize,
    seed: u64,
    test: f64,
    validation: f64,
}

impl Options {
    fn of(given: &Given) -> Result<Self, Failure> {
        let data = given.path_of_word(0);
        let count = |flag, usual: u64| {
            Ok::<_, Failure>(given.number(flag, "a whole number above 0", |n| *n > 0)?.unwrap_or(usual))
        };
        let share = |flag, usual| {
            let fits = |x: &f64| *x > 0.0 && *x < 1.0;
            Ok::<_, Failure>(given.number(flag, "a number above 0 and below 1", fits)?.unwrap_or(usual))
        };
        let finite = |x: &f64| x.is_finite();
        let options = Self {
            out: given.path("out").unwrap_or_else(|| folder_of(&data)),
            data,
            hidden: hidden(given)?,
            epochs: count("epochs", 200)?,
            patience: count("patience", 20)?,
            batch: count("batch", 32)? as usize,
            lr: given.number("lr", "a number above 0", |x| *x > 0.0 && finite(x))?.unwrap_or(0.005),
            weight_decay: given
                .number("weight-decay", "a number of 0 or more", |x| *x >= 0.0 && finite(x))?
                .unwrap_or(0.01),
            seed: given.number("seed", "a whole number", |_| true)?.unwrap_or(0),
            test: share("test", 0.2)?,
            validation: share("validation", 0.15)?,
        };
        if options.test + options.validation >= 1.0 {
            return Err(usage(format!(
                "--test {} and --validation {} together leave no rows to learn from; expected less than 1",
                options.test, options.validation
            )));
        }
        Ok(options)
    }
}

/// The table's name without its endings, in the current folder.
fn folder_of(data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.trim_end_matches(".gz");
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    PathBuf::from(if stem.is_empty() || stem == name { format!("{stem}-model") } else { stem.to_owned() })
}

fn hidden(given: &Given) -> Result<Vec<usize>, Failure> {
    let Some(text) = given.text("hidden")? else { return Ok(vec![64, 32]) };
    if text == "0" {
        return Ok(Vec::new());
    }
    let units = text.split(',').map(|units| units.trim().parse().ok().filter(|n| *n > 0));
    units.collect::<Option<_>>().ok_or_else(|| {
        usage(format!(
            "--hidden takes whole numbers above 0 with commas between, such as 64,32, or 0 for none, got {text:?}"
        ))
    })
}

/// A column by its name, or by its number.
fn column(text: &str) -> ColumnId {
    text.parse::<isize>().map_or_else(|_| ColumnId::from(text), ColumnId::from)
}

/// How the table is read, but for what its columns are.
pub(crate) fn reading(given: &Given) -> Result<Csv, Failure> {
    let mut csv = Csv::new();
    if given.has("no-header") {
        csv = csv.header(false);
    }
    csv = csv.skip_rows(given.number("skip", "a whole number", |_| true)?.unwrap_or(0));
    match given.text("delimiter")? {
        None => {}
        Some("tab" | "\\t" | "\t") => csv = csv.delimiter(b'\t'),
        Some(text) => match text.as_bytes() {
            [byte] => csv = csv.delimiter(*byte),
            _ => return Err(usage(format!("--delimiter takes one character of ASCII, or tab, got {text:?}"))),
        },
    }
    match given.text("missing")? {
        Some("drop") => csv = csv.missing(Missing::DropRow),
        Some("mean") => csv = csv.missing(Missing::Mean),
        _ => {}
    }
    Ok(csv)
}

/// What the table holds, and in words what was found without being said.
struct Table {
    data: Dataset<f32>,
    found: Vec<String>,
}

fn table(given: &Given, path: &Path) -> Result<Table, Failure> {
    let targets = given.all("target")?;
    let csv = reading(given)?;
    let columns = csv.survey(path).map_err(by_flags)?;
    let (ignored, categorical) = (given.all("ignore")?, given.all("categorical")?);
    let is = |at: usize, text: &str| match column(text) {
        ColumnId::Name(name) => columns[at].name == name,
        ColumnId::Number(number) => number == at as isize || number + columns.len() as isize == at as isize,
    };
    for (flag, list) in [("target", &targets), ("ignore", &ignored), ("categorical", &categorical)] {
        if let Some(text) = list.iter().find(|text| !(0..columns.len()).any(|at| is(at, text))) {
            let names: Vec<&str> = columns.iter().map(|column| &column.name[..]).collect();
            let near = nearest(text, names.iter().copied());
            let near = near.map_or(String::new(), |near| format!(" did you mean {near}?"));
            return Err(usage(format!(
                "--{flag}: {} has no column {text:?};{near} there are {}",
                path.display(),
                names.join(", ")
            )));
        }
    }
    let named = |at: usize, list: &[&str]| list.iter().any(|text| is(at, text));
    let (mut csv, mut found) = (csv, Vec::new());
    for text in &targets {
        csv = csv.target(column(text));
    }
    for text in &ignored {
        csv = csv.ignore(column(text));
    }
    for text in &categorical {
        csv = csv.categorical(column(text));
    }
    let mut words = Vec::new();
    for (at, survey) in columns.iter().enumerate() {
        if named(at, &targets) || named(at, &ignored) || named(at, &categorical) {
            continue;
        }
        if survey.words > 0 && survey.numbers == 0 {
            let name = &survey.name;
            if survey.distinct > MOST_WORDS {
                return Err(failed(format!(
                    "{}: column {name:?} holds {} different words; leave it out with --ignore {name:?}, or take each as a category \
                     with --categorical {name:?}",
                    path.display(),
                    survey.distinct
                )));
            }
            csv = csv.categorical(at);
            words.push(format!("{name} ({})", survey.distinct));
        }
    }
    if !words.is_empty() {
        found.push(format!("categories: {}", words.join(", ")));
    }
    csv = match given.text("task")? {
        Some("regression") => csv.regression(),
        Some(_) => csv.classification(),
        None => {
            let target = (0..columns.len()).find(|at| is(*at, targets[0])).map(|at| &columns[at]);
            match target.filter(|target| targets.len() == 1 && numbers_classes(target)) {
                Some(target) => {
                    found.push(format!(
                        "target {}: its {} whole numbers are taken for classes; --task regression takes them as values",
                        target.name, target.distinct
                    ));
                    csv.classification()
                }
                None => csv,
            }
        }
    };
    Ok(Table { data: csv.read_path(path).map_err(by_flags)?, found })
}

/// Whether the numbers are 0, 1, 2, ... or 1, 2, 3, ..., and few.
fn numbers_classes(target: &ColumnSurvey) -> bool {
    let Some((least, greatest)) = target.range else { return false };
    let consecutive = greatest - least + 1.0 == target.distinct as f64;
    target.words == 0
        && target.whole
        && consecutive
        && [0.0, 1.0].contains(&least)
        && (2..=MOST_CLASSES).contains(&target.distinct)
}

/// The library's advice is to call its methods; here they are flags.
pub(crate) fn by_flags(error: retrograd::Error) -> Failure {
    let mut text = error.to_string();
    text = text.replace("missing(Missing::DropRow)", "--missing drop").replace("header(false)", "--no-header");
    for (method, flag) in [("categorical(", "--categorical "), ("ignore(", "--ignore "), ("index_column(", "--ignore ")]
    {
        while let Some(start) = text.find(method) {
            let end = text[start..].find(')').map_or(text.len(), |end| start + end);
            let inside = text[start + method.len()..end].to_owned();
            text.replace_range(start..(end + 1).min(text.len()), &format!("{flag}{inside}"));
        }
    }
    if let Some(start) = text.find("delimiter(b") {
        let end = text[start..].find(')').map_or(text.len(), |end| start + end);
        let inside = text[start + "delimiter(b".len()..end].to_owned();
        text.replace_range(start..(end + 1).min(text.len()), &format!("--delimiter {inside}"));
    }
    failed(text)
}

/// Metrics for these targets, the one that counts most first.
pub(crate) fn metrics(kind: TargetKind) -> Vec<Metric> {
    match kind {
        TargetKind::Label => vec![Metric::Accuracy, Metric::F1, Metric::LogLoss],
        TargetKind::OneHot | TargetKind::Flags => vec![Metric::Accuracy, Metric::Rmse],
        TargetKind::Value => vec![Metric::Rmse, Metric::Mae, Metric::R2],
    }
}

fn main(given: &Given) -> Outcome {
    let options = Options::of(given)?;
    let json = given.has("json");
    let Table { data, found } = table(given, &options.data)?;
    let kind = data.target_kind();
    let classes = kind == TargetKind::Label;
    if !json {
        found.iter().for_each(|line| say(line));
    }
    let split = match classes {
        true => data.stratified_split3(options.validation, options.test, options.seed),
        false => data.split3(options.validation, options.test, options.seed),
    };
    let (train, validation, test) = split.map_err(by_flags)?;
    let features = Scaler::standardise(&train)?;
    let targets = if classes { None } else { Some(Scaler::standardise_targets(&train)?) };
    let scaled = |part: &Dataset<f32>| {
        let part = part.scaled_by(&features)?;
        targets.as_ref().map_or(Ok(part.clone()), |scaler| part.targets_scaled_by(scaler))
    };
    let (train, validation, test) = (scaled(&train)?, scaled(&validation)?, scaled(&test)?);
    let outputs = if classes { data.n_classes() } else { data.n_outputs() };
    if !json {
        let what = match classes {
            true => format!("{outputs} classes"),
            false => format!("{outputs} value{}", if outputs == 1 { "" } else { "s" }),
        };
        let (n, held, tested) = (train.len(), validation.len(), test.len());
        say(&format!(
            "{}: {} features, {what}; {n} rows to learn from, {held} to validate, {tested} to test",
            options.data.display(),
            data.n_features()
        ));
    }
    std::fs::create_dir_all(&options.out)
        .map_err(|error| failed(format!("--out: {}: {error}", options.out.display())))?;
    let mut model = network(given, &options, data.n_features(), outputs)?.build::<f32>(options.seed)?;
    let reporter = if json { ProgressReporter::new().without_lines() } else { ProgressReporter::new() };
    let metrics = metrics(kind);
    let mut trainer = Trainer::new(AdamW::new(options.lr).weight_decay(options.weight_decay))
        .epochs(options.epochs)
        .batch(options.batch)
        .seed(options.seed)
        .metrics(metrics.iter().copied().take(1))
        .validation(&validation)
        .early_stopping(options.patience)
        .callback(reporter);
    let history = trainer.fit(&mut model, &train)?;
    history.warnings.iter().for_each(|warning| eprintln!("{}: {warning}", Paint::stderr().yellow("warning")));
    trainer = trainer.metrics(metrics.iter().copied().skip(1));
    let title = format!("{} of {}", model_target(&model), options.data.display());
    trainer.report(&title, &model, &history, &test)?.save(options.out.join("report.html"))?;
    history.save(options.out.join("history.csv"))?;
    let file = options.out.join("model.safetensors");
    model.save(&file)?;
    let evaluation = trainer.evaluate(&model, &test)?;
    if json {
        let of = |(name, value): &(String, f64)| (name.clone(), json!(value));
        let object = json!({
            "task": if classes { "classification" } else { "regression" },
            "target": model_target(&model),
            "features": data.feature_names(),
            "classes": data.class_names(),
            "rows": { "train": train.len(), "validation": validation.len(), "test": test.len() },
            "epochs": history.epochs.len(),
            "stopped": history.ending(),
            "found": found,
            "test": evaluation.metrics.iter().map(of).collect::<serde_json::Map<_, _>>(),
            "model": file,
            "report": options.out.join("report.html"),
        });
        say(&format!("{object:#}"));
        return Ok(ExitCode::SUCCESS);
    }
    say(&history.ending());
    say(&format!("the model is {}, the report {}", file.display(), options.out.join("report.html").display()));
    say(&format!("test {}", figures(&evaluation.metrics)));
    Ok(ExitCode::SUCCESS)
}

/// Names and values in a line.
pub(crate) fn figures(metrics: &[(String, f64)]) -> String {
    let one = |(name, value): &(String, f64)| match value.abs() {
        x if x > 0.0 && x < 1e-4 => format!("{name}: {value:.4e}"),
        _ => format!("{name}: {value:.4}"),
    };
    metrics.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The names of what a model predicts.
fn model_target(model: &Model<f32>) -> String {
    model.preprocessing().map_or(String::new(), |known| known.target_names().join(", "))
}

fn network(given: &Given, options: &Options, inputs: usize, outputs: usize) -> Result<Mlp, Failure> {
    let (activation, init) = match given.text("activation")?.unwrap_or("relu") {
        "relu" => (Activation::relu(), Init::HeNormal),
        "gelu" => (Activation::gelu(), Init::HeNormal),
        "tanh" => (Activation::tanh(), Init::GlorotUniform),
        _ => (Activation::sigmoid(), Init::GlorotUniform),
    };
    let layer = |network: Mlp, units: &usize| network.dense(*units).init(init).activation(activation);
    Ok(options.hidden.iter().fold(Mlp::new(inputs), layer).dense(outputs))
}
