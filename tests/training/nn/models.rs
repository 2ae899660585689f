//! Models: the builder, tables, access by name, descriptions, what is refused.

use crate::nn::numbers;
use retrograd::nn::{
    Activation, BatchNorm, Dense, Draw, Dropout, Embedding, Flatten, Init, Layer, LayerNorm, LogSoftmax, Mlp, Model,
    Pass, Residual, Sequential, Shared, Softmax, func,
};
use retrograd::{Tape, Tensor, Var};

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn the_summary_is_a_table_of_layers_shapes_and_parameters() {
    let mlp = Mlp::new([4, 3]).flatten().dense(1000).name("hidden").batch_norm().leaky_relu(0.2).dropout(0.2);
    let mut model = mlp.dense(6).no_bias().layer_norm().tanh().dense(2).softmax().build::<f32>(1).unwrap();
    model.freeze("hidden.bias").unwrap();
    model.freeze("dense2.*").unwrap();
    let table = model.summary().to_string();
    let want = [
        "name layer output parameters",
        "flatten1 flatten [n, 12] 0",
        "hidden dense(1000) [n, 1000] 13,000 (1,000 frozen)",
        "batch_norm1 batch_norm [n, 1000] 2,000",
        "leaky_relu1 leaky_relu(0.2) [n, 1000] 0",
        "dropout1 dropout(0.2) [n, 1000] 0",
        "dense2 dense(6, no bias) [n, 6] 6,000 frozen",
        "layer_norm1 layer_norm [n, 6] 12",
        "tanh1 tanh [n, 6] 0",
        "dense3 dense(2) [n, 2] 14",
        "softmax1 softmax [n, 2] 0",
        "21,026 parameters, 14,026 trainable, 7,000 frozen; 2,000 statistics",
    ];
    assert_eq!(table.lines().map(words).collect::<Vec<_>>(), want.map(words));
    // Columns stand under each other.
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1..11].iter().all(|line| line.find("[n") == lines[1].find("[n")), "{table}");
    let rows = model.summary().rows;
    assert_eq!((rows[1].parameters, rows[1].frozen, &rows[1].output[..]), (13_000, 1_000, &[1000][..]));
}

#[test]
fn a_summary_counts_nested_and_shared_layers_once() {
    let shared = Shared::new(Dense::new(4));
    let block = Sequential::new().with(Dense::new(4)).with(Activation::relu());
    let network = Sequential::new().with(shared.clone()).with(Residual::new(block)).with(shared);
    let model = Model::<f64>::new(network, 4, 0).unwrap();
    let want = [
        "name layer output parameters",
        "shared1 shared dense(4) [n, 4] 20",
        "residual1 residual [n, 4] 0",
        "residual1.sequential sequential [n, 4] 0",
        "residual1.sequential.dense1 dense(4) [n, 4] 20",
        "residual1.sequential.relu1 relu [n, 4] 0",
        "shared2 shared dense(4) [n, 4] 0",
        "40 parameters",
    ];
    assert_eq!(model.summary().to_string().lines().map(words).collect::<Vec<_>>(), want.map(words));
    // A model that is one layer is a row without a name.
    let summary = Model::<f64>::new(Dense::new(4), 3, 0).unwrap().summary();
    assert_eq!((summary.rows.len(), summary.rows[0].parameters, &summary.rows[0].name[..]), (1, 16, ""));
}

#[test]
fn weights_start_as_the_next_activation_wants() {
    let deviation = |mlp: Mlp| {
        let model = mlp.build::<f64>(3).unwrap();
        let w = model.parameter("dense1.weight").unwrap();
        (w.square().mean(()).item() * 100.0, w.abs().max(()).item())
    };
    let dense = || Mlp::new(100).dense(400);
    let near =
        |(variance, _): (f64, f64), want: f64| assert!((variance / want - 1.0).abs() < 0.04, "{variance}, not {want}");
    // n_in is 100: PyTorch's variance is 1 / 300, LeCun's 1 / 100, Glorot's 2 / 500.
    near(deviation(dense().relu()), 1.0 / 3.0);
    near(deviation(dense().batch_norm().dropout(0.1).gelu()), 1.0 / 3.0);
    let deep = |layers: usize| (1..layers).fold(dense().relu(), |mlp, _| mlp.dense(5).relu()).dense(2);
    near(deviation(deep(6)), 1.0 / 3.0);
    near(deviation(deep(7)), 0.4);
    near(deviation(dense().selu()), 1.0);
    near(deviation(dense().tanh()), 0.4);
    near(deviation(dense()), 0.4);
    near(deviation(dense().dense(3).relu()), 0.4);
    near(deviation(dense().init(Init::LecunNormal).relu()), 1.0);
    assert!(deviation(dense().tanh()).1 <= (6.0f64 / 500.0).sqrt());
    // PyTorch's law is of the biases as well, by the layer's inputs; elsewhere they start at 0.
    let biases = |mlp: Mlp| mlp.build::<f64>(3).unwrap().parameter("dense1.bias").unwrap().clone();
    let found = biases(dense().relu());
    assert!(found.iter().all(|b| b.abs() < 0.1) && found.iter().any(|b| b.abs() > 0.09), "{found}");
    for zero in [dense(), dense().tanh(), dense().init(Init::HeNormal).relu(), dense().bias_init(Init::Zeros).relu()] {
        assert!(biases(zero).iter().all(|&b| b == 0.0));
    }
    let model = dense().bias_init(Init::Constant(0.5)).relu().dense(1).no_bias().build::<f64>(0).unwrap();
    assert!(model.parameter("dense1.bias").unwrap().iter().all(|&b| b == 0.5));
    let error = model.parameter("dense2.bias").unwrap_err().to_string();
    assert_eq!(error, r#"params: none is named "dense2.bias"; there are dense1.weight, dense1.bias, dense2.weight"#);
}

#[test]
fn a_builder_that_makes_no_sense_is_refused() {
    let refusal = |mlp: Mlp| mlp.build::<f64>(0).err().unwrap().to_string();
    assert_eq!(refusal(Mlp::new(3)), "mlp: there are no layers; add one, as in Mlp::new(784).dense(10)");
    assert_eq!(refusal(Mlp::new(3).dense(0)), "dense1: dense: 3 inputs and 0 units; both must be above 0");
    assert_eq!(refusal(Mlp::new(0).dense(2)), "dense1: dense: 0 inputs and 2 units; both must be above 0");
    assert_eq!(refusal(Mlp::new(3).dropout(-0.1)), "dropout1: dropout: the probability is in [0, 1), got -0.1");
    assert_eq!(
        refusal(Mlp::new(3).relu().no_bias().dense(2)),
        "mlp: .no_bias stands before the layer that it is about"
    );
    assert_eq!(refusal(Mlp::new(3).name("x").dense(2)), "mlp: .name stands before the layer that it is about");
    assert_eq!(
        refusal(Mlp::new(3).dense(2).name("a.b")),
        r#"sequential: "a.b" is no name for a layer; it has characters other than '.' and '*'"#
    );
    assert_eq!(
        refusal(Mlp::new(3).dense(2).init(Init::normal(0.0, f64::NAN))),
        "dense1: dense1.weight: normal needs a finite mean and a deviation of 0 or more, got 0 and NaN"
    );
}

#[test]
fn inputs_of_another_shape_are_errors_with_both_shapes() {
    let mut model = Mlp::new(3).dense(2).build::<f64>(0).unwrap();
    let message = "model: built for batches of shape [n, 3], got [5, 4]";
    let x = Tensor::zeros([5, 4]);
    assert_eq!(model.predict(&x).unwrap_err().to_string(), message);
    let mut tape = Tape::new();
    let step = model.step(&mut tape, Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass).sum(())));
    assert_eq!(step.err().unwrap().to_string(), message);
    assert_eq!(
        model.predict(&Tensor::zeros([3])).unwrap_err().to_string(),
        "model: built for batches of shape [n, 3], got [3]"
    );
    assert_eq!(
        model.predict_one(&[1.0, 2.0]).unwrap_err().to_string(),
        "model: built for examples of shape [3], 3 numbers, got 2"
    );
    // A loss that is no number is the step's error as well, not a panic.
    let x = Tensor::zeros([5, 3]);
    let step = model.step(&mut tape, Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass)));
    assert!(step.err().unwrap().to_string().starts_with("backward: output must be a scalar, got shape [5, 2]"));
    assert!(tape.is_empty());
}

#[test]
fn a_pass_of_ones_own_panics_with_the_same_message() {
    let model = Mlp::new(3).dense(2).build::<f64>(0).unwrap();
    let tape = Tape::new();
    let forward = || model.forward(tape.data(Tensor::zeros([5, 4])), &Pass::eval(&tape, model.params())).id();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(forward)).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("model: built for batches of shape [n, 3], got [5, 4]"), "{message}");
}

#[test]
fn parameters_are_read_and_set_by_name() {
    let mut model = Mlp::new(2).dense(2).build::<f64>(0).unwrap();
    model.set_parameter("dense1.weight", [[1.0, 2.0], [3.0, 4.0]]).unwrap();
    model.set_parameter("dense1.bias", [0.5, -0.5]).unwrap();
    assert_eq!(model.predict_one(&[1.0, 10.0]).unwrap(), [31.5, 41.5]);
    assert_eq!(model.parameter("dense1.bias").unwrap().to_vec(), [0.5, -0.5]);
    assert_eq!(
        model.set_parameter("dense1.bias", [1.0]).unwrap_err().to_string(),
        "params: dense1.bias has shape [2], got [1]"
    );
    let rate = model.set_rate("dense1.*", -1.0).unwrap_err().to_string();
    assert!(rate.contains("-1"), "{rate}");
    let unknown = model.freeze("dense9").unwrap_err().to_string();
    assert!(unknown.contains(r#""dense9""#), "{unknown}");
}

#[test]
fn a_parameter_that_no_gradient_reaches_is_a_warning() {
    let network =
        Sequential::new().with(Dense::new(3)).with(func("cut", |x: Var<'_, f64>| x.detach())).with(Dense::new(1));
    let mut model = Model::<f64>::new(network, 2, 0).unwrap();
    model.freeze("dense1.bias").unwrap();
    let x = numbers(&[4, 2]);
    let step = model
        .step(&mut Tape::new(), Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass).sum(())))
        .unwrap();
    assert_eq!(
        model.warnings(&step.grads),
        ["dense1.weight: no gradient reaches it; use it in the loss, freeze it, or leave it out"]
    );
}

/// A network with every built-in layer that has a configuration.
fn everything() -> Sequential<f64> {
    let shared = Shared::new(Sequential::new().with(Dense::new(4).init(Init::orthogonal())).with(Activation::mish()));
    let block = Sequential::new().with(Dense::new(4).without_bias()).with(Activation::clamp(-2.0, 0.1));
    Sequential::new()
        .with(Embedding::new(7, 2).init(Init::uniform(-0.1, 0.3)))
        .with(Flatten)
        .with_named("wide", Dense::new(4).bias_init(Init::Constant(1.0 / 3.0)))
        .with(shared.clone())
        .with(BatchNorm::new().momentum(0.3).eps(1e-3))
        .with(Residual::new(block))
        .with(LayerNorm::new().eps(1e-4))
        .with(shared)
        .with(Dropout::new(0.25))
        .with(Activation::powi(2))
        .with(Softmax)
        .with(LogSoftmax)
}

#[test]
fn a_model_comes_back_from_its_description() {
    let mut model = Model::new(everything(), [3], 5).unwrap();
    model.freeze("wide.*").unwrap();
    model.set_rate("batch_norm1.scale", 0.5).unwrap();
    // Through text, as in a file.
    let text = model.config().unwrap().to_string();
    let again = Model::<f64>::from_config(&serde_json::from_str(&text).unwrap(), 5).unwrap();
    assert_eq!(again.config().unwrap(), model.config().unwrap());
    assert_eq!(again.summary(), model.summary());
    let x = Tensor::from([[0.0, 6.0, 3.0], [1.0, 2.0, 5.0]]);
    assert_eq!(again.predict(&x).unwrap(), model.predict(&x).unwrap());
    let rate = again.params().get(again.params().find("batch_norm1.scale").unwrap()).unwrap().rate();
    assert_eq!(rate, 0.5);
}

#[test]
fn a_layer_of_ones_own_is_named_where_a_description_needs_it() {
    let inner = Sequential::new().with(Dense::new(2)).with(func("mine", |x: Var<'_, f64>| x * x));
    let model = Model::new(Sequential::new().with(inner), 2, 0).unwrap();
    assert_eq!(
        model.config().unwrap_err().to_string(),
        "model: the layer sequential1.mine1 (mine) has no configuration (Layer::config), so a file cannot say how to make it; \
         make the model in code and load its weights alone"
    );
}

#[test]
fn a_damaged_description_says_where() {
    let good = Mlp::new(3).dense(2).leaky_relu(0.1).build::<f64>(0).unwrap().config().unwrap();
    let refusal = |place: &str, value: serde_json::Value| {
        let mut config = good.clone();
        *config.pointer_mut(place).unwrap() = value;
        Model::<f64>::from_config(&config, 0).err().unwrap().to_string()
    };
    let unknown = refusal("/network/config/0/kind", "conv".into());
    assert!(
        unknown.starts_with(r#"dense1: model: there is no built-in layer of kind "conv"; make the model in code"#),
        "{unknown}"
    );
    let units = refusal("/network/config/0/config/units", "many".into());
    assert!(units.starts_with("dense1: model: the description of dense is damaged: invalid type: string"), "{units}");
    let slope = refusal("/network/config/1/config/parameters", serde_json::json!([]));
    assert_eq!(slope, "leaky_relu1: activation: leaky_relu takes (slope), got 0 parameters");
    let frozen = refusal("/frozen", serde_json::json!(["dense7.bias"]));
    assert!(frozen.starts_with(r#"params: none is named "dense7.bias""#), "{frozen}");
    assert!(refusal("/input", serde_json::Value::Null).starts_with("model: the description of input is damaged"));
    let nothing = Model::<f64>::from_config(&serde_json::Value::Null, 0).err().unwrap().to_string();
    assert!(nothing.starts_with("model: the description of input is damaged"), "{nothing}");
}

#[test]
fn layers_of_ones_own_are_restored_by_a_closure() {
    struct Twice;
    impl Layer<f64> for Twice {
        fn kind(&self) -> &'static str {
            "twice"
        }
        fn forward<'t>(&self, x: Var<'t, f64>, _: &Pass<'t, f64>) -> Var<'t, f64> {
            x * 2.0
        }
        fn config(&self) -> Option<serde_json::Value> {
            Some(serde_json::json!({}))
        }
    }
    let model = Model::new(Sequential::new().with(Dense::new(2)).with(Twice), 3, 4).unwrap();
    let config = model.config().unwrap();
    let unknown = Model::<f64>::from_config(&config, 4).err().unwrap().to_string();
    assert!(unknown.contains(r#"no built-in layer of kind "twice""#), "{unknown}");
    let again =
        Model::from_config_with(&config, 4, &|kind, _| (kind == "twice").then(|| Box::new(Twice) as _)).unwrap();
    let x = numbers(&[2, 3]);
    assert_eq!(again.predict(&x).unwrap(), model.predict(&x).unwrap());
}
