//! Files that anybody may have made: whatever is in them, reading ends soon, takes little memory, and does not panic.
//!
//! The corpora of the fuzz targets (`fuzz/corpus`) are read as the targets read them; inputs that once crashed one are among
//! them. What stands below are families of such inputs. All of them run under an allocator that refuses a request of more
//! than [`MOST`], which ends the process: a length that is believed before it is checked does not pass.

mod readers;

use flate2::{Compression, write::GzEncoder};
use rand::SeedableRng;
use readers::described;
use retrograd::data::synthetic::{blobs, circles, two_moons};
use retrograd::data::{Csv, Dataset, IdxArray, shuffled};
use retrograd::nn::{Activation, Dense, Embedding, Flatten, Init, Model, Sequential};
use retrograd::plot::confusion_matrix;
use retrograd::train::Checkpoint;
use retrograd::train::metrics::ConfusionMatrix;
use retrograd::{Tensor, store};
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::path::Path;

/// What a single request for memory may have at most, far above what the files here need.
const MOST: usize = 256 << 20;

/// The system's allocator, without the patience for large requests.
struct Frugal;

// SAFETY: a request goes to the system's allocator unchanged, or fails as one may.
unsafe impl GlobalAlloc for Frugal {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's obligations are the system allocator's.
        if layout.size() > MOST { std::ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        if size > MOST { std::ptr::null_mut() } else { unsafe { System.realloc(at, layout, size) } }
    }
}

#[global_allocator]
static ALLOCATOR: Frugal = Frugal;

#[test]
fn every_file_of_the_corpora_is_read_or_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("fuzz").exists() {
        println!("no corpora: they are not part of the package");
        return;
    }
    let targets: [(&str, fn(&[u8])); 5] = [
        ("model", readers::model),
        ("checkpoint", readers::checkpoint),
        ("csv", readers::csv),
        ("idx", readers::idx),
        ("problem", readers::problem),
    ];
    for (name, read) in targets {
        let folder = root.join("fuzz/corpus").join(name);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 3, "{} holds {} files", folder.display(), files.len());
        for file in files {
            println!("{}", file.display());
            read(&std::fs::read(&file).unwrap());
        }
    }
}

/// What the corpora begin with is read, so that a target that changes it starts from the inside.
#[test]
fn the_descriptions_in_the_corpora_are_those_of_models_and_checkpoints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    if !root.exists() {
        println!("no corpora: they are not part of the package");
        return;
    }
    for name in ["model/model-v1.json", "model/every_layer.json", "model/shared.json", "model/embedding.json"] {
        Model::<f64>::from_bytes(readers::model_file(&std::fs::read(root.join(name)).unwrap())).unwrap();
    }
    for name in ["start", "middle", "epoch", "end", "settings"] {
        let content = std::fs::read(root.join(format!("checkpoint/{name}.json"))).unwrap();
        resumed(&readers::checkpoint_file(&content)).unwrap();
    }
}

/// A model's description with these layers.
fn network(input: Value, layers: Value) -> String {
    let network = json!({ "kind": "sequential", "config": layers });
    json!({
        "element": "f64", "without": null, "head": null, "preprocessing": null,
        "network": { "input": input, "frozen": [], "rates": {}, "network": network },
    })
    .to_string()
}

fn dense(units: usize) -> Value {
    json!({ "name": "dense1", "kind": "dense", "config": { "units": units, "init": "glorot_uniform", "bias": "zeros" } })
}

fn load(content: &str, tensors: &[(&str, &[usize])]) -> Result<Model<f64>, String> {
    Model::from_bytes(described(content, "model", tensors)).map_err(|error| error.to_string())
}

#[test]
fn a_description_cannot_ask_for_more_than_the_file_holds() {
    let tensors: &[(&str, &[usize])] = &[("dense1.weight", &[3, 4]), ("dense1.bias", &[4])];
    load(&network(json!([3]), json!([dense(4)])), tensors).unwrap();
    for units in [0, 5, 1 << 30, 1_000_000_000, 1 << 60, 1 << 62, usize::MAX] {
        assert!(load(&network(json!([3]), json!([dense(units)])), tensors).is_err(), "{units} units");
    }
    let error = load(&network(json!([3]), json!([dense(1_000_000_000)])), tensors).err().unwrap();
    assert_eq!(error, "the bytes: dense1: dense1.weight has shape [3, 4], the model's [3, 1000000000]");
    for input in
        [json!([1u64 << 62]), json!([0, 1u64 << 63, 2]), json!([1u64 << 32, 1u64 << 32, 3]), json!(vec![1; 40])]
    {
        assert!(load(&network(input.clone(), json!([dense(4)])), tensors).is_err(), "{input}");
    }
    let table = |rows: usize, units: usize| {
        let init = json!({ "normal": { "mean": 0.0, "deviation": 1.0 } });
        let config = json!({ "rows": rows, "units": units, "init": init });
        let layer = json!({ "name": "embedding1", "kind": "embedding", "config": config });
        load(&network(json!([1u64 << 40]), json!([layer])), &[("embedding1.weight", &[2, 3])])
    };
    assert!(table(2, 3).is_ok());
    for (rows, units) in [(1 << 40, 3), (2, 1 << 30), (1 << 40, 1 << 40), (usize::MAX, 1), (2, usize::MAX)] {
        assert!(table(rows, units).is_err(), "{rows} rows of {units}");
    }
}

/// The same where code asks: an error, no panic.
#[test]
fn layers_larger_than_any_memory_are_an_error() {
    let refused = |network: Sequential<f32>, input: usize| {
        Model::new(network, input, 0).err().expect("larger than memory").to_string()
    };
    let error = refused(Sequential::new().with(Dense::new(1 << 62)), 4);
    assert!(error.starts_with("dense1: dense: shape [4611686018427387904] is too large"), "{error}");
    refused(Sequential::new().with(Embedding::new(4, 1 << 62)), 1 << 20);
    // Shapes that can be, of tensors that cannot.
    for network in
        [Sequential::new().with(Dense::new(1 << 45)), Sequential::new().with(Embedding::new(1 << 24, 1 << 20))]
    {
        let error = refused(network, 4);
        assert!(error.contains("bytes, which the system does not have"), "{error}");
    }
}

/// Counts and labels that nobody has data for.
#[test]
fn data_sets_and_counts_larger_than_any_memory_are_an_error() {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let inputs = || Tensor::<f64>::from([[0.0], [1.0]]);
    for n in [1 << 45, usize::MAX] {
        for (name, error) in [
            ("two_moons", two_moons::<f64>(n, 0.1, 0).err()),
            ("circles", circles::<f64>(n, 0.5, 0.1, 0).err()),
            ("blobs", blobs::<f64>(n, 3, 0.1, 0).err()),
            ("dataset", Dataset::labelled(inputs(), vec![0, n]).err()),
            ("dataset", Dataset::labelled(inputs(), vec![0, 1]).unwrap().with_n_classes(n).err()),
            ("confusion_matrix", ConfusionMatrix::new(&[0], &[0], n).err()),
            ("init", Init::Zeros.tensor::<f64>([n.min(1 << 50)], &mut rng).err()),
        ] {
            let message = error.unwrap_or_else(|| panic!("{name}: {n} are taken")).to_string();
            assert!(message.starts_with(name), "{name}: {message}");
        }
        let message = *std::panic::catch_unwind(|| shuffled(n, 0, 0)).unwrap_err().downcast::<String>().unwrap();
        assert!(message.starts_with("shuffled: "), "{message}");
    }
    let names = Dataset::labelled(inputs(), vec![0, 1 << 23]).unwrap();
    assert_eq!((names.n_classes(), names.class_counts().len()), ((1 << 23) + 1, (1 << 23) + 1));
    assert!(confusion_matrix("", &[vec![usize::MAX; 2], vec![usize::MAX; 2]], &["a", "b"]).is_ok());
}

#[test]
fn very_many_layers_take_a_time_that_grows_with_their_number_or_are_refused() {
    let layers = |n: usize| -> Value {
        (0..n).map(|i| json!({ "name": format!("relu{i}"), "kind": "relu", "config": { "parameters": [] } })).collect()
    };
    let model = load(&network(json!([3]), layers(60_000)), &[]).unwrap();
    assert_eq!(model.summary().rows.len(), 60_000);
    let error = load(&network(json!([3]), layers(200_000)), &[]).err().unwrap();
    assert!(error.contains("more than 100000 layers"), "{error}");

    // Each is used twice by the next, the second time by its name alone: 2^25 uses of one layer in a few kilobytes.
    let network_of = |depth: usize| {
        let mut layers = json!([{ "name": "relu1", "kind": "relu", "config": { "parameters": [] } }]);
        for level in 0..depth {
            let of = format!("s{level}");
            let config = json!({ "of": of, "kind": "sequential", "config": layers });
            let second = json!({ "of": of, "kind": "sequential", "config": [] });
            layers = json!([
                { "name": "x", "kind": "shared", "config": config },
                { "name": "y", "kind": "shared", "config": second },
            ]);
        }
        layers
    };
    load(&network(json!([3]), network_of(8)), &[]).unwrap();
    let error = load(&network(json!([3]), network_of(25)), &[]).err().unwrap();
    assert!(error.contains("more than 100000 layers"), "{error}");

    let long = json!([{ "name": "n".repeat(2000), "kind": "relu", "config": { "parameters": [] } }]);
    let error = load(&network(json!([3]), long), &[]).err().unwrap();
    assert!(error.contains("more than 1000 bytes"), "{error}");
}

/// An index that a layer behind others computes is found where it is looked up.
#[test]
fn an_index_out_of_range_is_an_error_behind_other_layers_too() {
    let network = Sequential::new().with(Flatten).with(Activation::neg()).with(Embedding::new(3, 2));
    let model = Model::<f64>::new(network, 2, 0).unwrap();
    assert_eq!(model.predict(&Tensor::from([[0.0, -2.0]])).unwrap().shape().dims(), [1, 2, 2]);
    let error = model.predict(&Tensor::from([[0.0, 1.0]])).unwrap_err().to_string();
    assert_eq!(error, "embedding1: embedding: index -1 at row 0 is not a row of a table of 3 (valid 0..=2)");
}

#[test]
fn tensors_of_impossible_shapes_are_refused_and_empty_ones_are_printed() {
    let read = |shape: &[u64]| {
        let header = json!({ "a": { "dtype": "F32", "shape": shape, "data_offsets": [0, 0] } }).to_string();
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        store::from_bytes(bytes).and_then(|file| file.tensor::<f64>("a"))
    };
    let brackets = |shape: &[u64]| read(shape).unwrap().to_string().matches("[]").count();
    assert_eq!(brackets(&[0]), 1);
    assert_eq!(brackets(&[1 << 55, 0]), 8);
    assert_eq!(read(&[0, 1 << 55]).unwrap().to_string(), "[]");
    assert!(format!("{:?}", read(&[0, 1 << 55]).unwrap()).ends_with("] []"));
    assert_eq!(brackets(&[13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 0]), 1);
    for shape in [&[0, 1 << 63, 1 << 63][..], &[1 << 60, 0], &[0; 33], &[1; 2]] {
        assert!(read(shape).unwrap_err().is_io(), "{shape:?}");
    }
}

fn idx(dims: &[u32], data: &[u8]) -> IdxArray {
    try_idx(dims, data).unwrap()
}

fn try_idx(dims: &[u32], data: &[u8]) -> retrograd::Result<IdxArray> {
    let lengths = dims.iter().flat_map(|n| n.to_be_bytes());
    IdxArray::from_bytes(
        [0, 0, 8, dims.len() as u8].into_iter().chain(lengths).chain(data.iter().copied()).collect::<Vec<u8>>(),
    )
}

#[test]
fn idx_lengths_are_checked_before_they_are_used() {
    let n = u32::MAX;
    for dims in [&[n][..], &[n, n, n], &[n, n, n, 0], &[0, n, n, n], &[1; 200], &[0; 33]] {
        assert!(try_idx(dims, &[]).unwrap_err().is_io(), "{dims:?}");
    }
    // No rows of four thousand million features each: refused before there is a column for each.
    for dims in [&[0, n][..], &[0, n, 1 << 20], &[0, 28, 28], &[3, 0], &[n, 0]] {
        let images = idx(dims, &[]);
        for labels in [idx(&[0], &[]), idx(&[3], &[0, 1, 2])] {
            assert!(Dataset::<f32>::from_idx(&images, &labels).is_err(), "{dims:?}");
        }
    }
    // Made by hand, they are checked as well.
    let wrong = IdxArray { dims: vec![2, usize::MAX], data: vec![1] };
    assert!(Dataset::<f32>::from_idx(&wrong, &idx(&[2], &[0, 1])).unwrap_err().is_shape());
    assert!(Dataset::<f64>::regression(Tensor::zeros([0, 1 << 40]), Tensor::zeros([0])).is_err());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_small_gzip_file_does_not_fill_the_memory() {
    let bomb = gzip(&vec![0; 40 << 20]);
    assert!(bomb.len() < 64 << 10);
    let error = IdxArray::from_bytes(bomb.clone()).unwrap_err().to_string();
    assert!(error.contains("unpack to more than 16777216") && error.contains("gunzip"), "{error}");
    assert!(Csv::new().target(0).read::<f32>(&bomb[..]).unwrap_err().is_io());
    // As many as the lengths say, packed as well as can be: what is meant is read.
    let mut images = vec![0, 0, 8, 2, 0, 0, 4, 0, 0, 0, 4, 0];
    images.resize(images.len() + (1 << 20), 0);
    assert_eq!(IdxArray::from_bytes(gzip(&images)).unwrap().dims, [1024, 1024]);
}

#[test]
fn a_table_larger_than_memory_is_an_error() {
    // Each row has a word of its own: 6,000 x 6,000 numbers, 288 MB.
    let table: String = (0..6000).map(|i| format!("word{i},{}\n", i % 7)).collect();
    let csv = Csv::new().target(1).categorical(0).header(false);
    let error = csv.read::<f64>(table.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("csv: 6000 rows of 6000 features take more memory than there is"), "{error}");
    let small: String = table.lines().take(50).map(|line| format!("{line}\n")).collect();
    assert_eq!(csv.read::<f64>(small.as_bytes()).unwrap().n_features(), 50);
}

#[test]
fn a_quote_that_never_closes_is_named_by_its_line() {
    let read = |text: &str| Csv::new().target("y").ignore("note").read::<f64>(text.as_bytes());
    for (text, line) in [
        ("y,a,note\n1,2,\"open\n3,4,x\n5,6,z\n", 2),
        ("y,a,note\n1,2,x\n3,4,\"two\nlines\"\n5,6,\"\"\"\n", 5),
        ("y,a,note\n1,2,\"\"\n\n\n3,4,\"", 5),
        ("\u{feff}\"y,a,note\n1,2,3\n", 1),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("csv: row {line}: a quote opens a cell and never closes")),
            "{text:?}: {error}"
        );
    }
    for text in ["y,a,note\n1,2,5\"\n3,4,\"a \"\" b\"\n5,6,\"closed\"", "\"y\",a,note\n1,2,\"\""] {
        read(text).unwrap();
    }
}

/// The run of the corpora's checkpoints, resumed from this file; the refusal, and whether it left the model as it was.
fn resumed(file: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    std::fs::write(&path, file).unwrap();
    let mut model = readers::network();
    let before: Vec<Tensor<f64>> = model.params().iter().map(|(_, param)| param.value().clone()).collect();
    let outcome = readers::trainer().checkpoint(Checkpoint::at(&path).resume()).fit(&mut model, &readers::rows());
    outcome.map(drop).map_err(|error| {
        let after: Vec<Tensor<f64>> = model.params().iter().map(|(_, param)| param.value().clone()).collect();
        assert_eq!(after, before, "a refused checkpoint changed the model: {error}");
        error.to_string()
    })
}

/// Of the first version, which says ten settings, and with all of them.
#[test]
fn counters_of_a_checkpoint_that_contradict_each_other_are_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/checkpoint");
    if !corpus.exists() {
        println!("no corpora: they are not part of the package");
        return;
    }
    for name in ["middle.json", "settings.json"] {
        contradictions_are_refused(&std::fs::read(corpus.join(name)).unwrap());
    }
}

fn contradictions_are_refused(good: &[u8]) {
    let good: Value = serde_json::from_slice(good).unwrap();
    let file = |content: &Value| readers::checkpoint_file(content.to_string().as_bytes());
    resumed(&file(&good)).unwrap();
    let places = [
        "/epoch",
        "/batch",
        "/step",
        "/examples",
        "/history/epochs/0/epoch",
        "/optimizer/dense1.weight/0",
        "/monitored",
        "/history/epochs",
        "/history/epochs/0/metrics",
        "/history/metrics",
        "/setup/rows",
        "/setup/batch_size",
        "/setup/accumulate",
    ];
    for place in places {
        let values = match good.pointer(place).unwrap_or_else(|| panic!("no {place}")) {
            Value::Array(_) => vec![json!([])],
            number => vec![json!(number.as_u64().unwrap() + 1), json!(1u64 << 40), json!(u64::MAX)],
        };
        for value in values {
            let mut content = good.clone();
            *content.pointer_mut(place).unwrap() = value.clone();
            let error = resumed(&file(&content)).err().unwrap_or_else(|| panic!("{place} of {value} was taken"));
            assert!(error.contains("contradict") || error.starts_with("resume: "), "{place} of {value}: {error}");
        }
    }
    let mut content = good.clone();
    content["history"]["stop"] = json!({ "early_stopping": { "best_epoch": 9 } });
    assert!(resumed(&file(&content)).unwrap_err().contains("the best epoch of 1 is 9"));
}
