//! `evaluate`: how good a saved model is on a table whose targets are known.

use super::command::{Command, Given, JSON, Outcome, Word, say};
use super::predict::load;
use super::train::{figures, metrics};
use retrograd::data::{Csv, Dataset, TargetKind};
use retrograd::nn::Head;
use retrograd::optim::Sgd;
use retrograd::train::Trainer;
use retrograd::train::metrics::ConfusionMatrix;
use serde_json::json;
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "evaluate",
    does: "measures a trained model on a table with targets",
    more: "The table is read, encoded and scaled as the one was that the model was trained on. Of classes: accuracy, F1, log loss and \
           the confusion matrix. Of values, in the units of the table: RMSE, MAE and R2.",
    words: &[
        Word::file("MODEL.safetensors", "a model that train saved"),
        Word::file("DATA.csv", "rows with their targets; plain or gzip"),
    ],
    flags: &[JSON],
    examples: &["evaluate iris/model.safetensors test.csv", "evaluate iris/model.safetensors test.csv --json"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let model = load(&given.path_of_word(0))?;
    let known = model.preprocessing().expect("load has looked");
    let data: Dataset<f32> = Csv::like(known).read_path(given.path_of_word(1))?;
    let kind = data.target_kind();
    let trainer = Trainer::new(Sgd::new(0.1)).metrics(metrics(kind));
    let evaluation = trainer.evaluate(&model, &data)?;
    let matrix = match kind {
        TargetKind::Label => {
            let classes = model.head().unwrap_or(Head::Logits).classes(&model.predict(data.inputs())?);
            let labels = data.labels().expect("the targets are labels");
            Some(ConfusionMatrix::new(&classes, labels, data.n_classes())?.with_class_names(data.class_names())?)
        }
        _ => None,
    };
    evaluation.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    if given.has("json") {
        let metrics = evaluation.metrics.iter().map(|(name, value)| (name.clone(), json!(value)));
        let confusion = matrix.as_ref().map(|matrix| {
            let rows: Vec<&[usize]> = (0..matrix.n_classes()).map(|class| matrix.row(class)).collect();
            json!({ "classes": matrix.class_names(), "actual_by_predicted": rows })
        });
        let object = json!({
            "rows": data.len(),
            "target": known.target_names(),
            "metrics": metrics.collect::<serde_json::Map<_, _>>(),
            "confusion": confusion,
        });
        say(&format!("{object:#}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(matrix) = matrix {
        say(&matrix.to_string());
    }
    say(&format!("{} rows: {}", data.len(), figures(&evaluation.metrics)));
    Ok(ExitCode::SUCCESS)
}
