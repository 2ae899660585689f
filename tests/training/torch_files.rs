//! Weights from elsewhere: PyTorch's names and layout, other precisions, a part of them.

use retrograd::data::Dataset;
use retrograd::nn::{
    Activation, BatchNorm, Dense, Embedding, Flatten, Layer, LayerNorm, Mlp, Model, Residual, Sequential, Shared,
};
use retrograd::optim::Sgd;
use retrograd::train::{Checkpoint, Trainer};
use retrograd::{Tensor, store};
use serde_json::json;

type Named<'a> = (&'a str, Tensor<f64>);

fn numbers<const N: usize>(shape: [usize; N], first: f64) -> Tensor<f64> {
    let n: usize = shape.iter().product();
    Tensor::new(shape, (0..n).map(|i| first + i as f64 / 8.0).collect()).unwrap()
}

fn load(model: &mut Model<f64>, tensors: &[Named<'_>]) -> Result<Vec<(String, String)>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torch.safetensors");
    store::write(&path, tensors.iter().map(|(name, tensor)| (*name, tensor))).unwrap();
    let before: Vec<_> = model.params().iter().map(|(_, param)| param.value().clone()).collect();
    model.load_torch(&path).map(|taken| taken.matched).map_err(|error| {
        let after: Vec<_> = model.params().iter().map(|(_, param)| param.value().clone()).collect();
        assert_eq!(after, before, "a refusal changed the model: {error}");
        error.to_string()
    })
}

fn pairs(matched: &[(String, String)]) -> Vec<(&str, &str)> {
    matched.iter().map(|(own, there)| (&own[..], &there[..])).collect()
}

/// Written by `tests/data/files/torch_network.py` with torch 2.15.0, which printed these outputs for these rows.
#[test]
fn a_network_of_pytorch_gives_the_outputs_that_it_gave_there() {
    let network = Sequential::new()
        .with(Embedding::new(5, 3))
        .with(Flatten)
        .with(Dense::new(6))
        .with(BatchNorm::new())
        .with(Activation::relu())
        .with(Dense::new(6))
        .with(Activation::tanh())
        .with(LayerNorm::new())
        .with(Dense::new(2));
    let mut model = Model::<f32>::new(network, 2, 0).unwrap();
    let taken = model.load_torch(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/files/torch.safetensors")).unwrap();
    assert_eq!((taken.matched.len(), taken.unexpected), (13, Vec::<String>::new()));
    let expected = [-2.957_708_4, 3.631_952, -2.910_254_2, 3.743_790_9, 4.716_526_5, -5.214_85];
    let outputs = model.predict(&Tensor::from([[0.0, 1.0], [2.0, 3.0], [4.0, 4.0]])).unwrap();
    for (found, expected) in outputs.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5f32, "{outputs}");
    }
}

/// Square matrices fit either way round: they are turned all the same.
#[test]
fn modules_of_one_shape_are_taken_in_the_order_of_their_numbers_and_matrices_are_turned() {
    let names = ["0", "2", "4", "6", "8", "10"];
    let weights: Vec<String> = names.iter().map(|name| format!("{name}.weight")).collect();
    let biases: Vec<String> = names.iter().map(|name| format!("{name}.bias")).collect();
    let mut tensors: Vec<Named<'_>> = Vec::new();
    for (i, (weight, bias)) in weights.iter().zip(&biases).enumerate() {
        tensors.push((weight, numbers([2, 2], i as f64)));
        tensors.push((bias, numbers([2], 10.0 * i as f64)));
    }
    let mlp = |prefix: &str| {
        let named = |mlp: Mlp, i: usize| if prefix.is_empty() { mlp } else { mlp.name(format!("{prefix}{i}")) };
        (0..6).fold(Mlp::new(2), |mlp, i| named(mlp.dense(2), i + 1)).build::<f64>(0).unwrap()
    };
    let mut model = mlp("");
    let matched = load(&mut model, &tensors).unwrap();
    assert_eq!(pairs(&matched)[10], ("dense6.weight", "10.weight"));
    for (i, (_, weight)) in tensors.iter().step_by(2).enumerate() {
        assert_eq!(model.parameter(&format!("dense{}.weight", i + 1)).unwrap(), &weight.t());
    }

    // Attributes of a class, in a wrapper; a file sorts fc10 before fc2, if there are so many.
    let wrapped: Vec<(String, Tensor<f64>)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let (module, suffix) = name.split_once('.').unwrap();
            (format!("module.fc{}.{suffix}", module.parse::<usize>().unwrap() * 2), tensor.clone())
        })
        .collect();
    let wrapped: Vec<Named<'_>> = wrapped.iter().map(|(name, tensor)| (&name[..], tensor.clone())).collect();
    let mut again = mlp("hidden");
    load(&mut again, &wrapped).unwrap();
    let values = |model: &Model<f64>| model.params().iter().map(|(_, param)| param.value().clone()).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&model));
}

#[test]
fn names_of_layers_come_before_the_order_of_numbers() {
    let [a, b] = [numbers([2, 2], 1.0), numbers([2, 2], 2.0)];
    let tensors: [Named<'_>; 2] = [("fc1.weight", a.clone()), ("fc2.weight", b.clone())];
    let mut crossed =
        Mlp::new(2).dense(2).no_bias().name("fc2").dense(2).no_bias().name("fc1").build::<f64>(0).unwrap();
    load(&mut crossed, &tensors).unwrap();
    assert_eq!(crossed.parameter("fc1.weight").unwrap(), &a.t());
    assert_eq!(crossed.parameter("fc2.weight").unwrap(), &b.t());
}

/// Words have no order. What the shapes do not tell is an error.
#[test]
fn modules_that_could_be_exchanged_are_an_error_that_names_them() {
    let tensors: [Named<'_>; 2] = [("up.weight", numbers([2, 2], 1.0)), ("down.weight", numbers([2, 2], 2.0))];
    let mut model = Mlp::new(2).dense(2).no_bias().dense(2).no_bias().build::<f64>(0).unwrap();
    let error = load(&mut model, &tensors).unwrap_err();
    assert!(error.contains("dense1 (weight [2, 2]) may be down (weight [2, 2]) or up (weight [2, 2])"), "{error}");
    let mut named = Mlp::new(2).dense(2).no_bias().name("down").dense(2).no_bias().build::<f64>(0).unwrap();
    assert_eq!(pairs(&load(&mut named, &tensors).unwrap())[1], ("dense2.weight", "up.weight"));
    // Shapes that tell them apart do.
    let tensors: [Named<'_>; 2] = [("up.weight", numbers([3, 2], 1.0)), ("down.weight", numbers([2, 3], 2.0))];
    let mut model = Mlp::new(2).dense(3).no_bias().dense(2).no_bias().build::<f64>(0).unwrap();
    assert_eq!(pairs(&load(&mut model, &tensors).unwrap())[0], ("dense1.weight", "up.weight"));
}

#[test]
fn norms_embeddings_and_layers_in_layers_have_their_places() {
    let shared = Shared::new(Dense::new(6));
    let network = Sequential::new()
        .with(Embedding::new(5, 3))
        .with(Flatten)
        .with(Dense::new(6))
        .with(BatchNorm::new())
        .with(Residual::new(Sequential::new().with(LayerNorm::new()).with(Dense::new(6))))
        .with(shared.clone())
        .with(shared);
    let mut model = Model::<f64>::new(network, [2], 0).unwrap();
    let tensors: Vec<Named<'_>> = vec![
        ("emb.weight", numbers([5, 3], 0.0)),
        ("layers.0.weight", numbers([6, 6], 1.0)),
        ("layers.0.bias", numbers([6], 2.0)),
        ("layers.1.weight", numbers([6], 3.0)),
        ("layers.1.bias", numbers([6], 4.0)),
        ("layers.1.running_mean", numbers([6], 5.0)),
        ("layers.1.running_var", numbers([6], 6.0)),
        ("layers.1.num_batches_tracked", numbers([], 7.0)),
        ("layers.2.0.weight", numbers([6], 8.0)),
        ("layers.2.0.bias", numbers([6], 9.0)),
        ("layers.2.1.weight", numbers([6, 6], 10.0)),
        ("layers.2.1.bias", numbers([6], 11.0)),
        ("layers.3.weight", numbers([6, 6], 12.0)),
        ("layers.3.bias", numbers([6], 13.0)),
    ];
    let matched = load(&mut model, &tensors).unwrap();
    let expected = [
        ("embedding1.weight", "emb.weight"),
        ("dense1.weight", "layers.0.weight"),
        ("dense1.bias", "layers.0.bias"),
        ("batch_norm1.scale", "layers.1.weight"),
        ("batch_norm1.bias", "layers.1.bias"),
        ("batch_norm1.mean", "layers.1.running_mean"),
        ("batch_norm1.variance", "layers.1.running_var"),
        ("residual1.sequential.layer_norm1.scale", "layers.2.0.weight"),
        ("residual1.sequential.layer_norm1.bias", "layers.2.0.bias"),
        ("residual1.sequential.dense1.weight", "layers.2.1.weight"),
        ("residual1.sequential.dense1.bias", "layers.2.1.bias"),
        ("shared1.weight", "layers.3.weight"),
        ("shared1.bias", "layers.3.bias"),
    ];
    assert_eq!(pairs(&matched), expected);
    for (own, there) in expected {
        let (_, value) = tensors.iter().find(|(name, _)| *name == there).unwrap();
        let value = if own.contains("embedding") || value.shape().rank() < 2 { value.clone() } else { value.t() };
        assert_eq!(model.parameter(own).unwrap(), &value, "{own}");
    }
}

#[test]
fn what_does_not_fit_is_named_and_changes_nothing() {
    let good: Vec<Named<'_>> = vec![
        ("0.weight", numbers([4, 3], 0.0)),
        ("0.bias", numbers([4], 0.0)),
        ("2.weight", numbers([2, 4], 0.0)),
        ("2.bias", numbers([2], 0.0)),
    ];
    let mut model = Mlp::new(3).dense(4).relu().dense(2).build::<f64>(0).unwrap();
    load(&mut model, &good).unwrap();
    let mut refused = |change: &dyn Fn(&mut Vec<Named<'_>>), expected: &str| {
        let mut tensors = good.clone();
        change(&mut tensors);
        let error = load(&mut model, &tensors).unwrap_err();
        assert!(error.contains("torch.safetensors") && error.contains(expected), "{expected}: {error}");
    };
    refused(&|tensors| drop(tensors.drain(2..)), "it has 1 modules, the model 2 layers");
    refused(&|tensors| tensors.push(("4.weight", numbers([2, 2], 0.0))), "4 (weight [2, 2])");
    refused(&|tensors| drop(tensors.remove(3)), "no module fits dense2 (weight [4, 2], bias [2])");
    refused(&|tensors| tensors[0].1 = numbers([3, 4], 0.0), "no module fits dense1 (weight [3, 4], bias [4])");
    refused(&|tensors| tensors.push(("0.weight_g", numbers([4], 0.0))), "no module fits dense1");
    refused(&|tensors| tensors[1].1 = Tensor::from([0.0, 1.0, f64::NAN, 3.0]), "element 2 of dense1.bias is NaN");
    // Of another kind: a norm's weight is no matrix, and a matrix of one row is none of a norm.
    refused(&|tensors| tensors[0].1 = numbers([4], 0.0), "no module fits dense1");
}

#[test]
fn a_pickle_is_recognised_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pt");
    let mut model = Mlp::new(3).dense(4).build::<f32>(0).unwrap();
    // The first bytes of torch.save, in its format since 1.6 and before.
    for start in [&b"PK\x03\x04\x00\x00\x08\x08model/data.pkl"[..], b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."] {
        std::fs::write(&path, start).unwrap();
        for error in [model.load_torch(&path).err(), model.load_weights(&path).err(), Model::<f32>::load(&path).err()] {
            let error = error.unwrap().to_string();
            assert!(
                error.contains("model.pt: it is a pickle") && error.contains("safetensors.torch.save_file"),
                "{error}"
            );
        }
    }
    for (start, expected) in [
        (&b"version https://git-lfs.github.com/spec/v1\noid"[..], "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a page of HTML"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00", "gunzip"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "NumPy"),
        (b"\x89HDF\r\n\x1a\n\x00\x00", "HDF5"),
    ] {
        std::fs::write(&path, start).unwrap();
        let error = Model::<f32>::load(&path).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A file of one tensor of this kind.
fn of_kind(dtype: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let header = json!({ "a": { "dtype": dtype, "shape": shape, "data_offsets": [0, bytes.len()] } }).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), bytes].concat()
}

/// The value by the definition of the format: sign, exponent, fraction.
fn half(bits: u16, exponent_bits: u32) -> f64 {
    let fraction_bits = 15 - exponent_bits;
    let bias = (1i32 << (exponent_bits - 1)) - 1;
    let exponent = i32::from(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / f64::from(1 << fraction_bits);
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    sign * match exponent {
        0 => fraction * 2f64.powi(1 - bias),
        e if e == (1 << exponent_bits) - 1 => {
            if fraction == 0.0 {
                f64::INFINITY
            } else {
                f64::NAN
            }
        }
        e => (1.0 + fraction) * 2f64.powi(e - bias),
    }
}

#[test]
fn all_numbers_of_16_bits_are_read_exactly() {
    let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    for (dtype, exponent_bits) in [("F16", 5), ("BF16", 8)] {
        let file = store::from_bytes(of_kind(dtype, &[1 << 16], &bytes)).unwrap();
        let (single, double) = (file.tensor::<f32>("a").unwrap(), file.tensor::<f64>("a").unwrap());
        for bits in 0..=u16::MAX {
            let expected = half(bits, exponent_bits);
            for found in [f64::from(single.as_slice()[bits as usize]), double.as_slice()[bits as usize]] {
                let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
                assert!(same, "{dtype} {bits:#06x}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn numbers_of_64_bits_are_rounded_for_f32_unless_they_leave_its_range() {
    let read = |x: f64| store::from_bytes(of_kind("F64", &[1], &x.to_le_bytes())).unwrap().tensor::<f32>("a");
    for x in [0.1, 1.0 + 2f64.powi(-24), 1e-50, -3.4e38, f64::INFINITY] {
        assert_eq!(read(x).unwrap().item(), x as f32);
    }
    let error = read(1e39).unwrap_err().to_string();
    assert!(error.contains("1e39, which is beyond the range of f32; read it as f64"), "{error}");
    let file = store::from_bytes(of_kind("I64", &[1], &[0; 8])).unwrap();
    let error = file.tensor::<f32>("a").unwrap_err().to_string();
    assert!(error.contains("holds I64; numbers of the kinds F64, F32, F16 and BF16 are read"), "{error}");
}

#[test]
fn weights_of_16_and_64_bits_are_loaded_into_models() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut model = Mlp::new(1).dense(2).no_bias().build::<f32>(0).unwrap();
    let write = |dtype: &str, bytes: &[u8]| {
        let file = of_kind(dtype, &[1, 2], bytes);
        let text = String::from_utf8_lossy(&file[8..file.len() - bytes.len()]).replace("\"a\"", "\"dense1.weight\"");
        std::fs::write(&path, [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), bytes].concat()).unwrap();
    };
    // 1 and -2.
    write("F16", &[0x00, 0x3c, 0x00, 0xc0]);
    model.load_weights(&path).unwrap();
    assert_eq!(model.parameter("dense1.weight").unwrap().to_vec(), [1.0, -2.0]);
    write("BF16", &[0x80, 0x40, 0x80, 0xbf]);
    model.load_weights(&path).unwrap();
    assert_eq!(model.parameter("dense1.weight").unwrap().to_vec(), [4.0, -1.0]);
    write("F64", &[0.1f64.to_le_bytes(), 7f64.to_le_bytes()].concat());
    model.load_weights(&path).unwrap();
    assert_eq!(model.parameter("dense1.weight").unwrap().to_vec(), [0.1, 7.0]);
}

#[test]
fn a_part_of_the_weights_is_taken_and_the_rest_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let source = Mlp::new(3).dense(4).relu().dense(7).build::<f32>(1).unwrap();
    source.save(&path).unwrap();
    let mut model = Mlp::new(3).dense(4).batch_norm().relu().dense(2).build::<f32>(2).unwrap();
    let start = model.parameter("dense2.bias").unwrap().clone();
    let taken = model.load_weights_partly(&path).unwrap();
    let own = |name: &str| (name.to_owned(), name.to_owned());
    assert_eq!(taken.matched, [own("dense1.weight"), own("dense1.bias")]);
    assert_eq!(taken.missing.len(), 4, "{:?}", taken.missing);
    let names: Vec<&str> = taken.mismatched.iter().map(|(name, ..)| &name[..]).collect();
    assert_eq!((names, taken.is_complete()), (vec!["dense2.weight", "dense2.bias"], false));
    let text = taken.to_string();
    assert!(
        text.contains("2 parameters taken") && text.contains("dense2.weight ([4, 2], the file's [4, 7])"),
        "{text}"
    );
    assert_eq!(model.parameter("dense1.weight").unwrap(), source.parameter("dense1.weight").unwrap());
    assert_eq!(model.parameter("dense2.bias").unwrap(), &start);
    // The file has more than the model.
    let mut short = Mlp::new(3).dense(4).build::<f32>(2).unwrap();
    assert_eq!(short.load_weights_partly(&path).unwrap().unexpected, ["dense2.bias", "dense2.weight"]);
    let mut other = Mlp::new(9).dense(9).build::<f32>(2).unwrap();
    let error = other.load_weights_partly(&path).unwrap_err().to_string();
    assert!(error.contains("none of its tensors fits"), "{error}");
    assert!(
        Mlp::new(3).dense(4).relu().dense(7).build::<f32>(5).unwrap().load_weights_partly(&path).unwrap().is_complete()
    );
}

/// Under our names the matrices are ours; one that lies the other way round says so.
#[test]
fn a_matrix_that_is_turned_points_to_load_torch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    store::write(&path, [("fc1.weight", &numbers([4, 3], 0.0)), ("fc1.bias", &numbers([4], 0.0))]).unwrap();
    let mut model = Mlp::new(3).dense(4).name("fc1").build::<f64>(0).unwrap();
    let error = model.load_weights(&path).unwrap_err().to_string();
    assert!(
        error.contains("has shape [4, 3], the model's [3, 4]: the other way round") && error.contains("load_torch"),
        "{error}"
    );
    model.load_torch(&path).unwrap();
}

/// A square one does not show it.
#[test]
fn a_square_matrix_from_elsewhere_is_taken_as_it_lies_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut model = Mlp::new(2).dense(2).no_bias().build::<f64>(0).unwrap();
    let numbers: Vec<u8> = [1.0f64, 2.0, 3.0, 4.0].into_iter().flat_map(f64::to_le_bytes).collect();
    let header = json!({ "dense1.weight": { "dtype": "F64", "shape": [2, 2], "data_offsets": [0, 32] } }).to_string();
    std::fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &numbers].concat()).unwrap();
    for partly in [false, true] {
        let loaded = if partly { model.load_weights_partly(&path).map(drop) } else { model.load_weights(&path) };
        loaded.unwrap();
        assert_eq!(model.parameter("dense1.weight").unwrap(), &Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
        let [warning] = model.file_warnings() else { panic!("{:?}", model.file_warnings()) };
        assert!(warning.contains("dense1.weight is square") && warning.contains("load_torch"), "{warning}");
    }
    model.load_torch(&path).unwrap();
    assert_eq!(model.parameter("dense1.weight").unwrap(), &Tensor::from([[1.0, 3.0], [2.0, 4.0]]));
    assert!(model.file_warnings().is_empty());
    store::write(&path, [("dense1.weight", &Tensor::from([[1.0, 2.0], [3.0, 4.0]]))]).unwrap();
    model.load_weights(&path).unwrap();
    assert!(model.file_warnings().is_empty());
}

struct Gain;
impl Layer<f64> for Gain {
    fn kind(&self) -> &'static str {
        "gain"
    }
    fn forward<'t>(&self, x: retrograd::Var<'t, f64>, _: &retrograd::nn::Pass<'t, f64>) -> retrograd::Var<'t, f64> {
        x * 2.0
    }
}

/// Layers without parameters of their own take nothing.
#[test]
fn layers_without_parameters_need_no_module() {
    let network = Sequential::new().with(Gain).with(Dense::new(1)).with(Gain);
    let mut model = Model::<f64>::new(network, 2, 0).unwrap();
    load(&mut model, &[("net.1.weight", numbers([1, 2], 0.0)), ("net.1.bias", numbers([1], 0.0))]).unwrap();
    let mut nothing = Model::<f64>::new(Gain, 2, 0).unwrap();
    assert!(load(&mut nothing, &[("net.1.weight", numbers([1, 2], 0.0))]).is_err());
}

#[test]
fn files_of_ones_own_are_no_weights_of_pytorch_and_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let [own, run, torch] = ["own.safetensors", "run.ckpt", "torch.safetensors"].map(|name| folder.path().join(name));
    let mut model = Mlp::new(2).dense(2).build::<f64>(0).unwrap();
    model.save(&own).unwrap();
    let data = Dataset::<f64>::labelled([[1.0, 2.0], [3.0, 4.0]], vec![0, 1]).unwrap();
    let mut trainer = Trainer::new(Sgd::new(0.1)).epochs(1).batch(2).checkpoint(Checkpoint::at(&run));
    trainer.fit(&mut model, &data).unwrap();
    let error = model.load_torch(&own).unwrap_err().to_string();
    assert!(error.ends_with("own.safetensors: a model that retrograd wrote, no weights of PyTorch; read it with Model::load, or its weights alone with load_weights"), "{error}");
    let error = model.load_torch(&run).unwrap_err().to_string();
    assert!(error.ends_with("run.ckpt: a checkpoint that retrograd wrote, no weights of PyTorch; go on from it with Checkpoint::at(path).resume()"), "{error}");
    let tensors = [("0.weight", numbers([2, 2], 0.0)), ("0.bias", numbers([2], 0.0))];
    store::write(&torch, tensors.iter().map(|(name, tensor)| (*name, tensor))).unwrap();
    let error = model.load_weights(&torch).unwrap_err().to_string();
    assert!(error.ends_with("; if PyTorch wrote it, use load_torch"), "{error}");
    // A model's file of another kind of model is none of PyTorch's.
    let error = Mlp::new(2).dense(2).name("other").build::<f64>(0).unwrap().load_weights(&own).unwrap_err().to_string();
    assert!(!error.contains("PyTorch"), "{error}");
}

#[test]
fn an_archive_of_numpy_is_no_pickle() {
    // As numpy.savez writes it: a zip whose entries are named after the arrays.
    let mut bytes =
        b"PK\x03\x04\x2d\0\0\0\0\0\0\0\x21\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x0c\0\x14\0fc1.bias.npy".to_vec();
    bytes.extend([0; 20]);
    bytes.extend(b"\x93NUMPY\x01\0v\0{'descr': '<f8'}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.npz");
    std::fs::write(&path, &bytes).unwrap();
    let mut model = Mlp::new(3).dense(4).build::<f32>(0).unwrap();
    for error in [model.load_torch(&path).err(), model.load_weights(&path).err(), store::from_bytes(bytes).err()] {
        let error = error.unwrap().to_string();
        assert!(
            error.contains("it is an archive of NumPy's (.npz)") && error.contains("safetensors.numpy.save_file"),
            "{error}"
        );
        assert!(!error.contains("pickle"), "{error}");
    }
}
