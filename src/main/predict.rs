//! `predict`: what a saved model says of the rows of a table.

use super::command::{Command, Failure, Flag, Given, JSON, Outcome, Word, failed, say, write_or_say};
use retrograd::data::{Csv, Row};
use retrograd::nn::{Answer, Head, Model};
use serde_json::{Map, Value as Json, json};
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "predict",
    does: "writes what a trained model says of each row of a table, as CSV",
    more: "The rows are read, encoded and scaled as the table was that the model was trained on: where that had a header, columns are \
           found by name, in any order, and further ones are left out. Of classes the likeliest is written, its probability, and that \
           of each class; of values the value, in the units of the table.",
    words: &[
        Word::file("MODEL.safetensors", "a model that train saved"),
        Word::file("ROWS.csv", "the rows; plain or gzip"),
    ],
    flags: &[Flag::file("out", "FILE", "the file to write to (default standard output)"), JSON],
    examples: &["predict iris/model.safetensors new.csv", "predict iris/model.safetensors new.csv --out answers.csv"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let (file, table) = (given.path_of_word(0), given.path_of_word(1));
    let model = load(&file)?;
    let known = model.preprocessing().expect("load has looked");
    let rows = Csv::like(known).read_rows(&table)?;
    let mut answers = Vec::with_capacity(rows.len());
    for (at, answer) in model.answer_each(&rows)?.into_iter().enumerate() {
        // The library counts rows from 0.
        let by_line =
            |error: retrograd::Error| error.to_string().replacen(&format!("row {at}"), &format!("row {}", at + 1), 1);
        answers.push(answer.map_err(|error| failed(format!("{}: {}", table.display(), by_line(error))))?);
    }
    let probabilities = probabilities(&model, &rows)?;
    let targets = known.target_names();
    let class = targets.first().copied().unwrap_or("class");
    let classes = known.class_names();
    if given.has("json") {
        let object = |(at, answer): (usize, &Answer)| match answer {
            Answer::Class { name, probability } => {
                let each = probabilities.as_ref().map(|all| {
                    classes.iter().cloned().zip(all[at].iter().map(|p| json!(p))).collect::<Map<String, Json>>()
                });
                json!({ class: name, "probability": probability, "probabilities": each })
            }
            Answer::Values(values) => {
                Json::Object(values.iter().enumerate().map(|(i, x)| (column(&targets, i), json!(x))).collect())
            }
        };
        let objects: Vec<Json> = answers.iter().enumerate().map(object).collect();
        let text = format!("{:#}", Json::Array(objects));
        write_or_say(given.path("out"), &text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let heading: Vec<String> = match answers.first() {
        Some(Answer::Values(values)) => (0..values.len()).map(|i| column(&targets, i)).collect(),
        _ => {
            let each = classes.iter().filter(|_| probabilities.is_some()).map(|name| format!("p({name})"));
            [class.to_owned(), "probability".to_owned()].into_iter().chain(each).collect()
        }
    };
    let mut text = line(&heading);
    for (at, answer) in answers.iter().enumerate() {
        text += &match answer {
            Answer::Class { name, probability } => {
                let each = probabilities.iter().flat_map(|all| &all[at]);
                let numbers = std::iter::once(probability).chain(each).map(|p| format!("{p:.6}"));
                line(&std::iter::once(name.clone()).chain(numbers).collect::<Vec<_>>())
            }
            // The shortest text that is this number of single precision.
            Answer::Values(values) => line(&values.iter().map(|x| (*x as f32).to_string()).collect::<Vec<_>>()),
        };
    }
    match given.path("out") {
        None => say(text.trim_end()),
        path => write_or_say(path, &text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A model that knows the table that it was trained on.
pub(crate) fn load(file: &std::path::Path) -> Result<Model<f32>, Failure> {
    let model = Model::<f32>::load(file)?;
    model.file_warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    match model.preprocessing() {
        Some(_) => Ok(model),
        None => Err(failed(format!(
            "{}: the model does not say what table it was trained on; train it with retrograd train, or on a Dataset",
            file.display()
        ))),
    }
}

/// The probability of each class, row by row; none where the model has no classes, or its outputs are no probabilities.
fn probabilities(model: &Model<f32>, rows: &[Row]) -> retrograd::Result<Option<Vec<Vec<f64>>>> {
    let known = model.preprocessing().expect("load has looked");
    let head = model.head().unwrap_or(Head::Logits);
    let classes = known.class_names().len();
    if classes == 0 || matches!(head, Head::Scores | Head::Unknown | Head::Values) {
        return Ok(None);
    }
    let outputs = head.probabilities(&model.predict(&known.encode_rows(rows)?)?);
    let width = outputs.len() / rows.len();
    let each = |row: &[f32]| (0..classes).map(|class| head.probability_of(class, row)).collect();
    Ok((width == classes || (width, classes) == (1, 2)).then(|| outputs.as_slice().chunks(width).map(each).collect()))
}

/// What a column of predictions is called.
fn column(targets: &[&str], at: usize) -> String {
    targets.get(at).map_or_else(|| format!("y{at}"), |name| (*name).to_owned())
}

/// Cells as a line of CSV.
fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}
