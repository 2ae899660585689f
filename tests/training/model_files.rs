//! Models and tensors in files: what is kept, who can read it, and what a damaged file says.

use retrograd::data::{Csv, Scaler};
use retrograd::nn::{Answer, Head, Layer, Mlp, Model, Pass, Sequential, loss};
use retrograd::optim::Adam;
use retrograd::train::Trainer;
use retrograd::{Element, Tensor, Var, store};
use std::path::{Path, PathBuf};
use std::process::Command;

const ROWS: &str =
    "colour,size,kind\nred,1.0,apple\nred,1.2,apple\ngreen,1.1,pear\ngreen,0.9,pear\nred,0.8,apple\ngreen,1.3,pear\n";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/files").join(name)
}

fn trained() -> Model<f64> {
    let data = Csv::new().target("kind").categorical("colour").read::<f64>(ROWS.as_bytes()).unwrap();
    let data = data.scaled_by(&Scaler::standardise(&data).unwrap()).unwrap();
    let mut model = Mlp::new(3).dense(4).tanh().dense(2).build(1).unwrap();
    Trainer::new(Adam::new(0.1)).epochs(60).batch(6).fit(&mut model, &data).unwrap();
    model
}

#[test]
fn one_file_answers_raw_rows_with_label_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fruit.safetensors");
    let model = trained();
    model.save(&path).unwrap();
    let loaded = Model::<f64>::load(&path).unwrap();
    let rows = [["green", "1.0"], ["red", "1.0"]];
    let answers = loaded.answer(&rows).unwrap();
    assert_eq!(answers, model.answer(&rows).unwrap());
    let names: Vec<&str> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Class { name, probability } => {
                assert!(*probability > 0.9, "{probability}");
                name.as_str()
            }
            Answer::Values(values) => panic!("{values:?}"),
        })
        .collect();
    assert_eq!(names, ["pear", "apple"]);
    let error = loaded.answer(&[["blue", "1.0"]]).unwrap_err().to_string();
    assert!(error.contains("\"colour\": \"blue\" is not one of green, red"), "{error}");
}

#[test]
fn a_regression_model_answers_in_the_targets_units() {
    let rows = "x,y\n0,100\n1,300\n2,500\n3,700\n";
    let data = Csv::new().target("y").regression().read::<f64>(rows.as_bytes()).unwrap();
    let data = data.scaled_by(&Scaler::standardise(&data).unwrap()).unwrap();
    let data = data.targets_scaled_by(&Scaler::standardise_targets(&data).unwrap()).unwrap();
    let mut model = Mlp::new(1).dense(1).build::<f64>(0).unwrap();
    Trainer::new(Adam::new(0.1)).epochs(800).batch(4).fit(&mut model, &data).unwrap();
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path().join("line.safetensors")).unwrap();
    let loaded = Model::<f64>::load(folder.path().join("line.safetensors")).unwrap();
    let answers = loaded.answer(&[["1.5"]]).unwrap();
    let Answer::Values(values) = &answers[0] else { panic!("{answers:?}") };
    assert!((values[0] - 400.0).abs() < 1e-3, "{values:?}");
}

#[test]
fn what_a_network_with_sigmoid_outputs_says_is_decoded_too() {
    let data = Csv::new().target("kind").categorical("colour").read::<f64>(ROWS.as_bytes()).unwrap();
    let mut model = Mlp::new(3).dense(1).build::<f64>(1).unwrap();
    let bce = loss::binary_cross_entropy_with_logits();
    Trainer::new(Adam::new(0.2)).loss(bce).epochs(200).batch(6).fit(&mut model, &data).unwrap();
    assert_eq!(model.head(), Some(Head::IndependentLogits));
    let answers = model.answer(&[["green", "1.0"], ["red", "1.0"]]).unwrap();
    let names: Vec<_> = answers.iter().map(|a| matches!(a, Answer::Class { name, .. } if name == "pear")).collect();
    assert_eq!(names, [true, false]);
}

struct Doubled;
impl<T: Element> Layer<T> for Doubled {
    fn kind(&self) -> &'static str {
        "doubled"
    }
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        x + x
    }
}

#[test]
fn a_model_with_a_layer_of_ones_own_is_loaded_into_code_that_makes_it() {
    let network = || Sequential::new().with(retrograd::nn::Dense::new(2)).with(Doubled);
    let model = Model::<f64>::new(network(), 3, 5).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    model.save(&path).unwrap();
    let error = Model::<f64>::load(&path).err().unwrap().to_string();
    assert!(error.contains("doubled") && error.contains("load_weights"), "{error}");
    let mut other = Model::<f64>::new(network(), 3, 6).unwrap();
    other.load_weights(&path).unwrap();
    let x = Tensor::from([[1.0, -2.0, 0.5]]);
    assert_eq!(other.predict(&x).unwrap(), model.predict(&x).unwrap());
}

#[test]
fn a_file_that_does_not_fit_says_which_tensor_and_leaves_the_model_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let (w, b) = (Tensor::<f64>::ones([3, 4]), Tensor::<f64>::ones([4]));
    let mut model = Mlp::new(3).dense(4).build::<f64>(0).unwrap();
    let before: Vec<_> = model.params().iter().map(|(_, p)| p.value().clone()).collect();
    let mut refused = |tensors: &[(&str, &Tensor<f64>)], expected: &str| {
        store::write(&path, tensors.iter().copied()).unwrap();
        let error = model.load_weights(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
        assert_eq!(model.params().iter().map(|(_, p)| p.value().clone()).collect::<Vec<_>>(), before);
    };
    refused(&[("dense1.weight", &w)], "no tensor \"dense1.bias\"; there are dense1.weight");
    refused(&[("dense1.weight", &w), ("dense1.bias", &w)], "dense1.bias has shape [3, 4], the model's [4]");
    refused(
        &[("dense1.weight", &w), ("dense1.bias", &b), ("extra", &b)],
        "holds \"extra\", which this model does not have",
    );
    store::write(&path, [("dense1.weight", &w), ("dense1.bias", &b)]).unwrap();
    model.load_weights(&path).unwrap();
    assert_eq!(model.parameter("dense1.weight").unwrap(), &w);

    let error = Model::<f64>::load(&path).err().unwrap().to_string();
    assert!(error.contains("holds plain tensors, not a model"), "{error}");
}

#[test]
fn a_damaged_file_is_an_error_wherever_the_damage_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    trained().save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = Model::<f64>::load(&path).err().unwrap_or_else(|| panic!("read {what}"));
        assert!(error.is_io(), "{what}: {error:?}");
        assert!(error.to_string().contains("model.safetensors"), "{what}: {error}");
    };
    // Every tenth length, so that the header, its JSON and the tensors are all cut somewhere.
    for length in (0..whole.len()).step_by(10) {
        refused(&whole[..length], &format!("{length} of {} bytes", whole.len()));
    }
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for at in header..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        refused(&bytes, &format!("a flipped bit at {at}"));
    }
    let error = store::read(folder.path()).err().unwrap().to_string();
    assert!(error.contains("it is a directory"), "{error}");
    let error = Model::<f64>::load(folder.path().join("none")).err().unwrap().to_string();
    assert!(error.contains("cannot read") && error.contains("none"), "{error}");
    let error = trained().save(folder.path().join("no/such/folder.safetensors")).unwrap_err().to_string();
    assert!(error.contains("does not exist; create it first"), "{error}");
}

#[test]
fn a_model_of_f64_is_loaded_as_f32_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("double.safetensors");
    let double = trained();
    double.save(&path).unwrap();
    let single = Model::<f32>::load(&path).unwrap();
    for ((_, a), (_, b)) in double.params().iter().zip(single.params().iter()) {
        assert!(a.value().iter().zip(b.value().iter()).all(|(a, b)| *a as f32 == *b), "{}", a.name());
    }
    let [warning] = single.file_warnings() else { panic!("{:?}", single.file_warnings()) };
    assert!(warning.contains("double.safetensors: a model of f64, whose weights were rounded to f32"), "{warning}");
    single.save(&path).unwrap();
    assert!(Model::<f64>::load(&path).unwrap().file_warnings().is_empty());
}

/// Written by version 0.1.0 with `Model::save` and kept: later versions must read it.
#[test]
fn the_model_file_of_version_1_is_read() {
    let model = Model::<f64>::load(fixture("model-v1.safetensors")).unwrap();
    let answers = model.answer(&[["green", "1.0"], ["red", "1.0"]]).unwrap();
    let [warning] = model.file_warnings() else { panic!("{:?}", model.file_warnings()) };
    assert!(warning.contains("without a checksum of the whole file") && warning.contains("model-v1"), "{warning}");
    assert!(model.summary().to_string().ends_with(&format!("\nwarning: {warning}")));
    let Answer::Class { name, probability } = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(name, "pear");
    assert!((probability - 0.999923623).abs() < 1e-9, "{probability}");
}

#[test]
fn a_file_of_a_newer_version_is_refused_by_name() {
    let bytes = std::fs::read(fixture("model-v1.safetensors")).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("\\\"version\\\":1"), "the version is not where this test expects it");
    let position = bytes.windows(14).position(|w| w == b"\\\"version\\\":1,").unwrap();
    let mut newer = bytes.clone();
    newer[position + 12] = b'9';
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.safetensors");
    std::fs::write(&path, newer).unwrap();
    let error = Model::<f64>::load(&path).err().unwrap().to_string();
    assert!(error.contains("a model of version 9, written by a newer retrograd; this one reads up to 1"), "{error}");
}

/// Written by Python: `safetensors.numpy.save_file({"a": float32 [[1.5, -2], [0, 3]], "b": float64 [0.1]}, ...)`, 0.8.0.
#[test]
fn a_file_written_by_python_is_read() {
    let file = store::read(fixture("python.safetensors")).unwrap();
    assert_eq!(file.names(), ["a", "b"]);
    assert_eq!(file.tensor::<f32>("a").unwrap(), Tensor::from([[1.5, -2.0], [0.0, 3.0]]));
    assert_eq!(file.tensor::<f64>("b").unwrap(), Tensor::from([0.1]));
}

/// With RETROGRAD_PYTHON set to an interpreter that has safetensors and NumPy, as `.ci/run` does, both sides exchange files.
#[test]
fn python_reads_what_is_written_here_and_the_other_way_round() {
    let Ok(python) = std::env::var("RETROGRAD_PYTHON") else {
        println!("RETROGRAD_PYTHON is not set: the exchange with Python was not tried");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let model = trained();
    model.save(folder.path().join("model.safetensors")).unwrap();
    let script = "
import sys
from safetensors.numpy import load_file, save_file
tensors = load_file(sys.argv[1])
for name in sorted(tensors):
    print(name, tensors[name].dtype, list(tensors[name].shape), ' '.join(repr(float(x)) for x in tensors[name].ravel()))
save_file({name: 2 * tensor for name, tensor in tensors.items()}, sys.argv[2])
";
    let run = Command::new(python)
        .args(["-c", script])
        .arg(folder.path().join("model.safetensors"))
        .arg(folder.path().join("doubled.safetensors"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut expected = String::new();
    let mut params: Vec<_> = model.params().iter().map(|(_, p)| p).collect();
    params.sort_by_key(|p| p.name().to_owned());
    for param in params {
        let dims: Vec<String> = param.value().shape().iter().map(usize::to_string).collect();
        let numbers: Vec<f64> = param.value().to_vec();
        expected += &format!("{} float64 [{}]", param.name(), dims.join(", "));
        for x in numbers {
            expected += &format!(" {x:?}");
        }
        expected += "\n";
    }
    // Both sides write the shortest form, but not the same way for exponents: compare as numbers.
    let parse = |text: &str| -> Vec<(String, Vec<f64>)> {
        let line = |line: &str| {
            let (head, numbers) = line.split_once("] ").unwrap();
            (head.to_owned(), numbers.split(' ').map(|x| x.parse().unwrap()).collect())
        };
        text.lines().map(line).collect()
    };
    assert_eq!(parse(&String::from_utf8(run.stdout).unwrap()), parse(&expected));
    let mut doubled = Model::<f64>::load(folder.path().join("model.safetensors")).unwrap();
    doubled.load_weights(folder.path().join("doubled.safetensors")).unwrap();
    assert_eq!(doubled.params().iter().count(), model.params().iter().count());
    for ((_, a), (_, b)) in doubled.params().iter().zip(model.params().iter()) {
        assert_eq!(a.value(), &(b.value() * 2.0));
    }
}
