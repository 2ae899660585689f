//! Files that were damaged: no single flipped bit of a model or a checkpoint goes unnoticed, and weights that are no numbers
//! are not taken for some.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrograd::data::{Csv, Dataset, Scaler};
use retrograd::nn::{Mlp, Model};
use retrograd::optim::Adam;
use retrograd::train::{Checkpoint, Metric, Trainer};
use retrograd::{Tensor, store};
use std::path::Path;

fn data() -> Dataset<f32> {
    let rows = "colour,size,kind\nred,1.0,apple\nred,1.2,apple\ngreen,1.1,pear\ngreen,0.9,pear\nred,0.8,apple\n";
    let data = Csv::new().target("kind").categorical("colour").read::<f32>(rows.as_bytes()).unwrap();
    data.scaled_by(&Scaler::standardise(&data).unwrap()).unwrap()
}

fn network() -> Model<f32> {
    Mlp::new(3).dense(4).relu().batch_norm().dense(2).build(1).unwrap()
}

fn trainer(path: &Path) -> Trainer<f32> {
    let checkpoint = Checkpoint::at(path).resume();
    Trainer::new(Adam::new(0.1)).epochs(2).batch(5).metrics([Metric::Accuracy]).early_stopping(9).checkpoint(checkpoint)
}

/// The bytes of a trained model, and of the checkpoint of its run.
fn written(folder: &Path) -> [Vec<u8>; 2] {
    let [model, run] = ["m.safetensors", "run.ckpt"].map(|name| folder.join(name));
    let mut network = network();
    trainer(&run).fit(&mut network, &data()).unwrap();
    network.save(&model).unwrap();
    [model, run].map(|path| std::fs::read(path).unwrap())
}

#[test]
fn no_flipped_bit_of_a_model_or_a_checkpoint_goes_unnoticed() {
    const FLIPS: usize = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let [model, run] = written(folder.path());
    let noticed = |bytes: &[u8], reads: &dyn Fn(Vec<u8>) -> bool| {
        assert!(reads(bytes.to_vec()), "the file as it is");
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for flip in 0..FLIPS {
            // The header with the checksum first, whole; then anywhere.
            let bit = if flip < 8 * 600 { flip } else { rng.random_range(0..8 * bytes.len()) };
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!reads(flipped), "bit {} of byte {} of {}", bit % 8, bit / 8, bytes.len());
        }
    };
    noticed(&model, &|bytes| Model::<f32>::from_bytes(bytes).is_ok());
    // What every reader begins with, so that weights alone and checkpoints are held to it as well.
    noticed(&model, &|bytes| store::from_bytes(bytes).is_ok());
    noticed(&run, &|bytes| store::from_bytes(bytes).is_ok());
}

#[test]
fn a_run_is_not_resumed_from_a_checkpoint_with_a_flipped_bit() {
    let folder = tempfile::tempdir().unwrap();
    let [_, run] = written(folder.path());
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let path = folder.path().join("flipped.ckpt");
    for _ in 0..200 {
        let mut flipped = run.clone();
        let bit = rng.random_range(0..8 * run.len());
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        let error = trainer(&path).fit(&mut network(), &data()).err().unwrap_or_else(|| panic!("bit {bit} is taken"));
        assert!(error.is_io() && error.to_string().contains("flipped.ckpt"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), flipped, "a file that was refused is left as it is");
    }
}

/// The sum's own digits have one form: a letter of the other case is another text.
#[test]
fn a_checksum_in_capitals_is_another_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let letter = (0..50).find_map(|k| {
        store::write(&path, [("a", &Tensor::from([f64::from(k)]))]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let start = bytes.windows(20).position(|w| w == b"retrograd.checksum\":").unwrap() + 21;
        let digit = (start..start + 8).find(|&at| bytes[at].is_ascii_lowercase())?;
        Some((bytes, digit))
    });
    let (mut bytes, digit) = letter.expect("a sum with a letter");
    bytes[digit] = bytes[digit].to_ascii_uppercase();
    let error = store::from_bytes(bytes).err().unwrap().to_string();
    assert!(error.contains("differs from its checksum"), "{error}");
}

#[test]
fn nan_weights_are_neither_saved_nor_loaded_and_infinite_ones_are_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let mut model = network();
    model.save(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let bias = |last: f32| Tensor::from([0.0, 0.5, 1.0, last]);

    model.set_parameter("dense1.bias", bias(f32::NAN)).unwrap();
    let error = model.save(&path).unwrap_err();
    assert!(error.is_not_finite() && error.to_string().contains("element 3 of dense1.bias is NaN"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), good, "the old file is kept");

    let write = |path: &Path, model: &Model<f32>| {
        store::write(path, model.params().iter().map(|(_, param)| (param.name(), param.value()))).unwrap();
    };
    let weights = folder.path().join("w.safetensors");
    write(&weights, &model);
    let mut other = network();
    let error = other.load_weights(&weights).unwrap_err().to_string();
    assert!(error.contains("w.safetensors: element 3 of dense1.bias is NaN"), "{error}");
    assert_eq!(other.parameter("dense1.bias").unwrap(), network().parameter("dense1.bias").unwrap());

    model.set_parameter("dense1.bias", bias(f32::NEG_INFINITY)).unwrap();
    model.save(&path).unwrap();
    let loaded = Model::<f32>::load(&path).unwrap();
    assert_eq!(loaded.file_warnings(), ["dense1.bias holds -inf at element 3"]);
    write(&weights, &model);
    other.load_weights(&weights).unwrap();
    assert_eq!(other.file_warnings(), loaded.file_warnings());
    std::fs::write(&path, good).unwrap();
    assert!(Model::<f32>::load(&path).unwrap().file_warnings().is_empty());
}
