//! What is done with a file that anybody may have made: it is read, and what came of it is used in the ways that users do.
//!
//! Shared by the fuzz targets in `fuzz/` and the test that reads their corpora. Nothing here may panic; whether a file is read
//! or refused is not looked at.
//!
//! A model or a checkpoint may also be its description alone, the JSON between the braces: it is put into a file with tensors
//! that fit the descriptions in the corpus, so that a change of one byte is not refused for its length or checksum.

use retrograd::check::Problem;
use retrograd::data::{ColumnKind, Csv, Dataset, IdxArray, Missing, Preprocessing, Scaler};
use retrograd::nn::{Layer, Mlp, Model};
use retrograd::optim::Adam;
use retrograd::train::{Checkpoint, Execution, Metric, Trainer};
use retrograd::{Tensor, store};
use serde_json::{Value, json};

/// Networks that make more than this of an example are not used.
const MOST_OUTPUTS: usize = 100_000;

/// A model file.
pub fn model(bytes: &[u8]) {
    let file = model_file(bytes);
    if let Ok(tensors) = store::from_bytes(&file[..]) {
        for name in tensors.names() {
            let _ = tensors.tensor::<f32>(name);
            let _ = tensors.tensor::<f64>(name).map(|tensor| format!("{tensor:?} {tensor:.3}"));
        }
    }
    let Ok(model) = Model::<f64>::from_bytes(file) else { return };
    let _ = model.summary().to_string();
    let config = model.config().expect("layers that were read can be described");
    let _ = Model::<f64>::from_config(&config, 1).expect("what was described can be made");
    if model.input_shape().numel() > MOST_OUTPUTS || most_outputs(model.network()) > MOST_OUTPUTS {
        return;
    }
    let examples: Vec<usize> = std::iter::once(2).chain(model.input_shape().iter().copied()).collect();
    let _ = model.predict(&Tensor::zeros(&examples[..]));
    let Some(preprocessing) = model.preprocessing() else { return };
    let row: Vec<&str> = preprocessing.columns().iter().map(|column| cell(&column.kind)).collect();
    let _ = model.answer(&[row.clone(), row]).map(|answers| format!("{answers:?}"));
}

/// A cell that a column of this kind takes.
fn cell(kind: &ColumnKind) -> &str {
    match kind {
        ColumnKind::Numeric { .. } => "1.5",
        ColumnKind::Categorical { vocabulary } => vocabulary.first().map_or("", |word| word),
        ColumnKind::Ignored | ColumnKind::Target => "0",
    }
}

/// The largest output of a layer inside, in numbers an example.
fn most_outputs(layer: &dyn Layer<f64>) -> usize {
    let inside = layer.children().iter().map(|stage| stage.output.numel().max(most_outputs(&*stage.layer)));
    inside.max().unwrap_or(0)
}

/// A function as data, in JSON; or the arrays of one, in a zip.
pub fn problem(bytes: &[u8]) {
    if !bytes.starts_with(b"PK") {
        if let Ok(problem) = Problem::parse(&String::from_utf8_lossy(bytes)) {
            let _ = (problem.value(), format!("{problem:?}"));
            let _ = problem.compare();
        }
        return;
    }
    let folder = scratch();
    std::fs::write(folder.path().join("arrays.npz"), bytes).expect("a scratch file");
    let path = folder.path().join("problem.json");
    let text = r#"{"arrays": "arrays.npz", "params": {"w": "w", "t": "t"}, "data": {"X": "X"},
        "nodes": [{"name": "C", "op": "sum", "args": ["w"]}], "output": "C"}"#;
    std::fs::write(&path, text).expect("a scratch file");
    let _ = Problem::read(path);
}

/// A checkpoint of the run that [`trainer`] describes.
pub fn checkpoint(bytes: &[u8]) {
    let folder = scratch();
    let path = folder.path().join("run.ckpt");
    std::fs::write(&path, checkpoint_file(bytes)).expect("a scratch file");
    let mut model = network();
    let checkpoint = Checkpoint::at(&path).resume();
    let Ok(history) = trainer().checkpoint(checkpoint).fit(&mut model, &rows()) else { return };
    let _ = (history.to_csv(), history.to_json(), history.values("accuracy"));
    let _ = model.predict(rows().inputs());
}

/// The run that the checkpoints in the corpus are of.
pub fn trainer() -> Trainer<f64> {
    Trainer::new(Adam::new(0.05))
        .epochs(2)
        .batch(2)
        .accumulate(2)
        .metrics([Metric::Accuracy])
        .early_stopping(3)
        .execution(Execution::Eager)
}

/// The network of that run.
pub fn network() -> Model<f64> {
    Mlp::new(2).dense(3).batch_norm().tanh().dense(2).build(1).expect("a network")
}

/// The data of that run.
pub fn rows() -> Dataset<f64> {
    let inputs = Tensor::from([[0.0, 0.5], [1.0, 0.25], [0.5, 1.0], [0.25, 0.75], [0.75, 0.0], [1.0, 1.0]]);
    Dataset::labelled(inputs, vec![0, 1, 0, 0, 1, 1]).expect("a data set")
}

/// Memory rather than a disk where there is such a folder: a checkpoint reaches the disk each time.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a scratch folder")
}

/// A table of text, read in several ways.
pub fn csv(bytes: &[u8]) {
    let ways = [
        Csv::new().target(-1),
        Csv::new().target(-1).categorical(0).missing(Missing::Mean).classification(),
        Csv::new().target(0).header(false).missing(Missing::DropRow).regression(),
        Csv::new().whitespace().skip_rows(1).target(0),
        Csv::new().delimiter(b';').target(-1).class_names(["a", "b"]),
    ];
    for way in ways {
        let Ok(data) = way.read::<f64>(bytes) else { continue };
        let _ = format!("{data:?} {} {:?}", data.inputs(), data.targets());
        let saved = data.preprocessing().to_json();
        assert_eq!(Preprocessing::from_json(&saved).as_ref(), Ok(data.preprocessing()));
        let scaled = Scaler::standardise(&data).and_then(|scaler| data.scaled_by(&scaler));
        let _ = (scaled.and_then(|data| data.cast::<f32>()), data.class_counts());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Preprocessing::from_json(text).map(|read| read.encode_rows::<f32, _, _>(&[["1"]]));
    }
}

/// An IDX file, as an array, as images and as labels.
pub fn idx(bytes: &[u8]) {
    let Ok(array) = IdxArray::from_bytes(bytes) else { return };
    let rows = array.dims[0].min(bytes.len());
    let labels = IdxArray { dims: vec![rows], data: (0..rows).map(|row| (row % 3) as u8).collect() };
    for (images, labels) in [(&array, &labels), (&labels, &array), (&array, &array)] {
        if let Ok(data) = Dataset::<f32>::from_idx(images, labels) {
            let _ = format!("{data:?} {} {:?}", data.inputs(), data.labels());
        }
    }
}

/// Tensors for the descriptions of models: a name, which a description has to mention its layer for, and a shape.
const MODEL_TENSORS: &[(&str, &[usize])] = &[
    ("batch_norm1.bias", &[4]),
    ("batch_norm1.mean", &[4]),
    ("batch_norm1.scale", &[4]),
    ("batch_norm1.variance", &[4]),
    ("dense1.bias", &[4]),
    ("dense1.weight", &[3, 4]),
    ("dense2.bias", &[2]),
    ("dense2.weight", &[4, 2]),
    ("embedding1.weight", &[3, 2]),
    ("layer_norm1.bias", &[4]),
    ("layer_norm1.scale", &[4]),
    ("shared1.bias", &[4]),
    ("shared1.weight", &[4, 4]),
];

/// Tensors for the descriptions of checkpoints.
const CHECKPOINT_TENSORS: &[(&str, &[usize])] = &[
    ("best/batch_norm1.bias", &[3]),
    ("best/batch_norm1.mean", &[3]),
    ("best/batch_norm1.scale", &[3]),
    ("best/batch_norm1.variance", &[3]),
    ("best/dense1.bias", &[3]),
    ("best/dense1.weight", &[2, 3]),
    ("best/dense2.bias", &[2]),
    ("best/dense2.weight", &[3, 2]),
    ("optimizer/batch_norm1.bias/mean", &[3]),
    ("optimizer/batch_norm1.bias/square", &[3]),
    ("optimizer/batch_norm1.scale/mean", &[3]),
    ("optimizer/batch_norm1.scale/square", &[3]),
    ("optimizer/dense1.bias/mean", &[3]),
    ("optimizer/dense1.bias/square", &[3]),
    ("optimizer/dense1.weight/mean", &[2, 3]),
    ("optimizer/dense1.weight/square", &[2, 3]),
    ("optimizer/dense2.bias/mean", &[2]),
    ("optimizer/dense2.bias/square", &[2]),
    ("optimizer/dense2.weight/mean", &[3, 2]),
    ("optimizer/dense2.weight/square", &[3, 2]),
    ("params/batch_norm1.bias", &[3]),
    ("params/batch_norm1.mean", &[3]),
    ("params/batch_norm1.scale", &[3]),
    ("params/batch_norm1.variance", &[3]),
    ("params/dense1.bias", &[3]),
    ("params/dense1.weight", &[2, 3]),
    ("params/dense2.bias", &[2]),
    ("params/dense2.weight", &[3, 2]),
];

/// The model file of these bytes.
pub fn model_file(bytes: &[u8]) -> Vec<u8> {
    file_of(bytes, "model", MODEL_TENSORS)
}

/// The checkpoint of these bytes.
pub fn checkpoint_file(bytes: &[u8]) -> Vec<u8> {
    file_of(bytes, "checkpoint", CHECKPOINT_TENSORS)
}

/// The file: these bytes, or where they are a description, that with tensors.
fn file_of(bytes: &[u8], kind: &str, tensors: &[(&str, &[usize])]) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(content) if content.starts_with('{') => {
            let asked =
                |name: &str| kind != "model" || name.split('.').next().is_some_and(|layer| content.contains(layer));
            let tensors: Vec<_> = tensors.iter().copied().filter(|(name, _)| asked(name)).collect();
            described(content, kind, &tensors)
        }
        _ => bytes.to_vec(),
    }
}

/// A file of this kind with a description and f64 tensors, whose numbers are 0.5.
pub fn described(content: &str, kind: &str, tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let about = format!(r#"{{"kind":"{kind}","version":1,"checksums":{{}},"content":{content}}}"#);
    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!({ "retrograd": about }))]);
    let mut end = 0;
    for (name, shape) in tensors {
        let start = end;
        end += 8 * shape.iter().product::<usize>();
        header.insert((*name).to_owned(), json!({ "dtype": "F64", "shape": shape, "data_offsets": [start, end] }));
    }
    let header = Value::from(header).to_string();
    let numbers = std::iter::repeat_n(0.5f64.to_le_bytes(), end / 8).flatten();
    (header.len() as u64).to_le_bytes().into_iter().chain(header.into_bytes()).chain(numbers).collect()
}
