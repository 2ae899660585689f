//! Classification of three classic tables, with models that are saved, loaded, and asked about a raw row.
//!
//! Teaches: CSV with names of classes, stratified splits, a scaler that is saved with the model, decoded answers.
//! Prints the accuracy on rows that were held back, and what the loaded models say of a flower, a wine and a tumour.
//!
//! Run: `cargo run --release --example classification`

use retrograd::data::{Csv, Dataset, Scaler};
use retrograd::nn::{Answer, Mlp, Model};
use retrograd::optim::AdamW;
use retrograd::train::{Trainer, metrics};
use std::error::Error;
use std::path::Path;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    // The first line of each file counts rows and columns; the columns have no names.
    let table = Csv::new().skip_rows(1).header(false).target(-1);

    let iris = table.clone().class_names(["setosa", "versicolor", "virginica"]);
    let model = train("iris", &iris.read_path(data("iris.csv"))?, 0.93, folder.path())?;
    assert_eq!(ask(&model, &["6.3", "3.3", "6.0", "2.5"])?, "virginica");

    let wine = table.clone().class_names(["Barolo", "Grignolino", "Barbera"]);
    let model = train("wine", &wine.read_path(data("wine_data.csv"))?, 0.95, folder.path())?;
    let bottle = ["13.75", "1.73", "2.41", "16", "89", "2.6", "2.76", "0.29", "1.81", "5.6", "1.15", "2.9", "1320"];
    assert_eq!(ask(&model, &bottle)?, "Barolo");

    let cancer = table.class_names(["malignant", "benign"]);
    let model = train("breast cancer", &cancer.read_path(data("breast_cancer.csv"))?, 0.95, folder.path())?;
    // A row as it stands in a file; its last cell, the answer, is not looked at.
    let tumours = Csv::new().skip_rows(1).header(false).read_rows(data("breast_cancer.csv"))?;
    assert_eq!(ask(&model, &tumours[0])?, "malignant");
    Ok(())
}

/// Trains on seven tenths of the rows, asks for an accuracy on the others, and saves the model: layers, weights, scaling, names.
fn train(name: &str, data: &Dataset<f32>, expected: f64, folder: &Path) -> Result<std::path::PathBuf, Box<dyn Error>> {
    let (train, test) = data.stratified_split(0.3, 1)?;
    let scaler = Scaler::standardise(&train)?;
    let (train, test) = (train.scaled_by(&scaler)?, test.scaled_by(&scaler)?);

    let mut model = Mlp::new(data.n_features()).dense(16).tanh().dense(data.n_classes()).build(1)?;
    Trainer::new(AdamW::new(0.01).weight_decay(0.1)).epochs(60).batch(16).seed(1).fit(&mut model, &train)?;

    let accuracy = metrics::accuracy(&model.predict(test.inputs())?, test.targets())?;
    println!("{name}: accuracy {accuracy:.4} on {} rows that were held back", test.len());
    assert!(accuracy >= expected);
    let path = folder.join(format!("{name}.safetensors"));
    model.save(&path)?;
    Ok(path)
}

/// The class that a saved model gives a raw row.
fn ask<S: AsRef<str>>(model: &Path, row: &[S]) -> Result<String, Box<dyn Error>> {
    let model = Model::<f32>::load(model)?;
    let answers = model.answer(&[row])?;
    let Answer::Class { name, probability } = &answers[0] else { return Err("a class was expected".into()) };
    println!("  the saved model says {name}, with a probability of {probability:.3}");
    Ok(name.clone())
}

fn data(file: &str) -> String {
    format!("{}/examples/data/{file}", env!("CARGO_MANIFEST_DIR"))
}
