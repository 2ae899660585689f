//! Layers: values, gradients, training and use, what they refuse.

use crate::nn::{assert_close, numbers};
use retrograd::nn::{
    Activation, BatchNorm, Dense, Draw, Dropout, Embedding, Flatten, Init, Layer, LayerNorm, LogSoftmax, Model,
    ParamKey, ParamScope, Pass, Residual, Sequential, Shared, Softmax, func,
};
use retrograd::ops::{BuiltinUnary, UnaryOp, UnaryVisitor};
use retrograd::{Element, Gradcheck, Result, Shape, Tape, Tensor, Var};

/// A layer of every kind, each with the shape of an example that it takes.
fn every_kind<T: Element>() -> Vec<(Box<dyn Layer<T>>, Vec<usize>)> {
    let block = Sequential::new().with(Dense::new(3)).with(Activation::relu()).with(Dense::new(3));
    let shared = Shared::new(Dense::new(3));
    let twice = Sequential::new().with(shared.clone()).with(Activation::tanh()).with(shared);
    let mut layers: Vec<(Box<dyn Layer<T>>, Vec<usize>)> = vec![
        (Box::new(Dense::new(4)), vec![3]),
        (Box::new(Dense::new(4).without_bias()), vec![2, 3]),
        (Box::new(Softmax), vec![3]),
        (Box::new(LogSoftmax), vec![3]),
        (Box::new(Dropout::new(0.4)), vec![3]),
        (Box::new(BatchNorm::new()), vec![3]),
        (Box::new(BatchNorm::new().momentum(0.7)), vec![2, 3]),
        (Box::new(LayerNorm::new()), vec![3]),
        (Box::new(LayerNorm::new().eps(1e-3)), vec![2, 3]),
        (Box::new(Flatten), vec![2, 3]),
        (Box::new(func("cube", |x: Var<'_, T>| x * x * x)), vec![3]),
        (Box::new(Residual::new(block)), vec![3]),
        (Box::new(twice), vec![3]),
    ];
    layers.extend(activations().into_iter().map(|f| (Box::new(f) as Box<dyn Layer<T>>, vec![3])));
    layers
}

/// Every function, with the registry's sample parameters where it has some.
fn activations() -> Vec<Activation> {
    struct Sample;
    impl UnaryVisitor for Sample {
        type Output = Activation;
        fn visit<O: BuiltinUnary>(self, op: O) -> Activation {
            Activation::named(O::NAME, &op.pack()[..O::PARAMETERS]).unwrap()
        }
    }
    let all: Vec<Activation> = UnaryOp::all().into_iter().map(|op| op.with(Sample)).collect();
    assert_eq!(all.iter().map(Activation::name).collect::<Vec<_>>(), Activation::NAMES);
    all
}

/// Whether the sample points of a function do not reach -1, as its domain does not.
fn is_narrow(kind: &str) -> bool {
    struct Narrow;
    impl UnaryVisitor for Narrow {
        type Output = bool;
        fn visit<O: BuiltinUnary>(self, _: O) -> bool {
            O::POINTS.iter().all(|&x| x > -1.0)
        }
    }
    UnaryOp::all().into_iter().any(|op| op.name() == kind && op.with(Narrow))
}

fn batch(example: &[usize], n: usize) -> Tensor<f64> {
    let shape: Vec<usize> = [n].into_iter().chain(example.iter().copied()).collect();
    numbers(&shape)
}

/// Two steps in training, so that statistics are not what they were at first.
fn warm(model: &mut Model<f64>, x: &Tensor<f64>) {
    let mut tape = Tape::new();
    for batch in 0..2 {
        let draw = Draw { batch, ..Draw::default() };
        model.step(&mut tape, draw, |m, pass| Ok(m.forward(pass.tape().data(x), pass).sum(()))).unwrap();
    }
}

#[test]
fn predict_is_forward_in_use_bit_for_bit() {
    for (layer, example) in every_kind() {
        let kind = layer.describe();
        let x = batch(&example, 5);
        let mut model = Model::boxed(layer, example.clone().into(), 3).unwrap();
        warm(&mut model, &x);
        let tape = Tape::new();
        let pass = Pass::eval(&tape, model.params());
        let forward = model.forward(tape.data(&x), &pass).value();
        let predict = model.predict(&x).unwrap();
        assert_eq!(forward.shape(), predict.shape(), "{kind}");
        assert_eq!(forward.shape()[1..], model.output_shape()[..], "{kind}");
        assert!(forward.iter().zip(&predict).all(|(a, b)| a.to_bits() == b.to_bits()), "{kind}");
        // One row is a row of many, except for what sums in another order.
        let one = model.predict_one(&x.as_slice()[..x.len() / 5]).unwrap();
        assert_eq!(one.len() * 5, predict.len(), "{kind}");
        assert!(one.iter().zip(&predict).all(|(a, b)| (a - b).abs() <= 1e-14 * b.abs() || a.is_nan()), "{kind}");
        assert_eq!(model.predict(&batch(&example, 0)).unwrap().shape()[0], 0, "{kind}");
    }
}

#[test]
fn predict_is_forward_in_single_precision_too() {
    for (layer, example) in every_kind::<f32>() {
        let kind = layer.describe();
        let x = batch(&example, 5);
        let x: Tensor<f32> = x.iter().map(|&x| x as f32).collect::<Tensor<f32>>().reshape(x.shape());
        let model = Model::boxed(layer, example.into(), 3).unwrap();
        let tape = Tape::of();
        let forward = model.forward(tape.data(&x), &Pass::constant(&tape, model.params())).value();
        let predict = model.predict(&x).unwrap();
        assert_eq!(forward.shape(), predict.shape(), "{kind}");
        assert!(forward.iter().zip(&predict).all(|(a, b)| a.to_bits() == b.to_bits()), "{kind}");
    }
}

/// y = gain x, with one number as its parameter.
#[derive(Default)]
struct Gain {
    gain: ParamKey,
}

impl<T: Element> Layer<T> for Gain {
    fn kind(&self) -> &'static str {
        "gain"
    }
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        self.gain = scope.scale("gain", Shape::scalar(), Init::Constant(3.0))?;
        Ok(input.clone())
    }
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        x * pass.param(self.gain)
    }
}

#[test]
fn a_parameter_may_be_a_single_number() {
    let mut model = Model::<f64>::new(Gain::default(), 2, 0).unwrap();
    let x = Tensor::from([[1.0, 2.0], [4.0, 8.0]]);
    let step = model
        .step(&mut Tape::new(), Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass).sum(())))
        .unwrap();
    assert_eq!(step.loss, 45.0);
    assert_eq!(*step.grads.get(model.params().find("gain").unwrap()).unwrap(), Tensor::scalar(15.0));
    assert_eq!(model.predict_one(&[1.0, 2.0]).unwrap(), [3.0, 6.0]);
}

#[test]
fn gradients_through_every_layer_agree_with_differences() {
    for (layer, example) in every_kind() {
        let kind = layer.describe();
        // Points inside every domain: some functions live in (0, 1), some above 1.
        let shift = match layer.kind() {
            "acosh" => Some(2.5),
            // A pole, an infinite slope.
            "reciprocal" | "cbrt" => Some(0.5),
            kind if is_narrow(kind) => Some(0.5),
            _ => None,
        };
        let x = batch(&example, 4);
        let x = shift.map_or(x.clone(), |shift| x.tanh() * 0.3 + shift);
        let model = Model::boxed(layer, example.into(), 3).unwrap();
        let mut point = vec![("x", x)];
        point.extend(
            model.params().iter().filter(|(_, p)| p.is_trainable()).map(|(_, p)| (p.name(), p.value().clone())),
        );
        for training in [false, true] {
            let report = Gradcheck::new().gradcheck(&point, |vars| {
                let tape = vars[0].tape();
                let pass = match training {
                    true => Pass::train(tape, model.params().clone(), Draw::default()),
                    false => Pass::eval(tape, model.params().clone()),
                };
                let trainable: Vec<_> = model.params().iter().filter(|(_, p)| p.is_trainable()).collect();
                assert_eq!(trainable.len(), vars.len() - 1, "{kind}");
                let pass = trainable.iter().zip(&vars[1..]).fold(pass, |pass, (&(key, _), &var)| pass.with(key, var));
                model.forward(vars[0], &pass)
            });
            assert!(report.passed(), "{kind}: {report}");
        }
    }
}

/// PyTorch 2.15 in double precision: BatchNorm1d(3) with scale (1.5, -0.5, 2) and bias (0.1, 0.2, -0.3), for sum(c y).
#[test]
fn batch_norm_is_pytorchs() {
    let x = numbers(&[4, 3]);
    let mut c = numbers(&[12]).into_vec();
    c.reverse();
    let c = Tensor::new([4, 3], c).unwrap();
    let mut model = Model::<f64>::new(BatchNorm::new(), 3, 0).unwrap();
    model.set_parameter("scale", [1.5, -0.5, 2.0]).unwrap();
    model.set_parameter("bias", [0.1, 0.2, -0.3]).unwrap();
    let (mut tape, mut found) = (Tape::new(), None);
    let step = model
        .step(&mut tape, Draw::default(), |model, pass| {
            let v = pass.tape().var(&x);
            let y = model.forward(v, pass);
            let loss = (y * pass.tape().data(&c)).sum(());
            found = Some((y.value(), loss.backward().wrt(v)));
            Ok(loss)
        })
        .unwrap();
    let (y, dx) = found.unwrap();
    let rows = |values: [f64; 12]| Tensor::new([4, 3], values.to_vec()).unwrap();
    let want = [
        2.002829451246505,
        0.7474040272285198,
        -2.4976827850009236,
        1.0937285760707904,
        -0.27050107437934273,
        -1.9427862606662705,
        -1.0346850067427553,
        -0.326309633883192,
        0.8797024168543178,
        -1.6618730205745398,
        0.6494066810340149,
        2.360766628812876,
    ];
    assert_close(&y, &rows(want), 1e-13);
    let want = [
        0.0965028033245893,
        -0.09103028909243645,
        -0.1579945347077855,
        -0.10572409200307234,
        -0.061796838158615225,
        0.12697473223682432,
        -0.09930671080607387,
        0.049109980227408964,
        0.14928371302609417,
        0.10852799948455615,
        0.10371714702364271,
        -0.11826391055513225,
    ];
    assert_close(&dx, &rows(want), 1e-13);
    let grad = |name: &str| step.grads.get(model.params().find(name).unwrap()).unwrap().clone();
    assert_close(&grad("scale"), &[6.174295059836264, 4.078753877915512, 6.224342212989432].into(), 1e-13);
    assert_close(&grad("bias"), &[-0.4353962036311847, 2.380906719314016, -0.17813724079847537].into(), 1e-13);
    let mean = [-0.0044534310199618845, 0.0595226679828504, -0.010884905090779618];
    assert_close(model.parameter("mean").unwrap(), &mean.into(), 1e-15);
    let variance = [1.2243982693581048, 1.042231423770532, 1.2192025375860336];
    assert_close(model.parameter("variance").unwrap(), &variance.into(), 1e-15);
    let want = [
        2.727967879333277,
        0.49143375685856144,
        -3.5570118652571105,
        1.4464645543524393,
        -0.5383678661412303,
        -2.779446333243472,
        -1.5538285459954633,
        -0.594828674780035,
        1.1756512640433021,
        -2.4379367314135103,
        0.3922910902176674,
        3.2510372710087787,
    ];
    assert_close(&model.predict(&x).unwrap(), &rows(want), 1e-13);
}

/// PyTorch 2.15 in double precision: LayerNorm(3) with scale (1.5, -0.5, 2) and bias (0.1, 0.2, -0.3).
#[test]
fn layer_norm_is_pytorchs() {
    let mut model = Model::<f64>::new(LayerNorm::new(), 3, 0).unwrap();
    model.set_parameter("scale", [1.5, -0.5, 2.0]).unwrap();
    model.set_parameter("bias", [0.1, 0.2, -0.3]).unwrap();
    let want = Tensor::from([
        [2.099062983092563, 0.3282933442647687, -2.452243933731009],
        [0.8021084578557767, -0.2608383092775529, -3.0794978475845807],
        [-1.9271278693623355, -0.31829905734668745, 0.32964092976303133],
        [-1.608225642788788, 0.2783782395177287, 2.2911471484559667],
    ]);
    assert_close(&model.predict(&numbers(&[4, 3])).unwrap(), &want, 1e-13);
}

#[test]
fn batch_norm_normalises_features_over_all_other_axes() {
    let x = numbers(&[3, 4, 2]);
    let mut model = Model::<f64>::new(BatchNorm::new().momentum(1.0), [4, 2], 0).unwrap();
    warm(&mut model, &x);
    let flat = x.reshape([12, 2]);
    assert_close(model.parameter("mean").unwrap(), &flat.mean(0), 1e-15);
    let deviation = &flat - flat.mean(0);
    assert_close(model.parameter("variance").unwrap(), &(deviation.square().sum(0) / 11.0), 1e-14);
}

#[test]
fn frozen_statistics_stay() {
    let mut model = Model::<f64>::new(Sequential::new().with(BatchNorm::new()).with(Dense::new(2)), 3, 0).unwrap();
    model.freeze("batch_norm1.*").unwrap();
    warm(&mut model, &numbers(&[4, 3]));
    assert_eq!(*model.parameter("batch_norm1.mean").unwrap(), Tensor::zeros([3]));
}

#[test]
fn dropout_keeps_the_mean_and_follows_its_draw() {
    let model = Model::<f32>::new(Dropout::new(0.3), 1000, 0).unwrap();
    let x = Tensor::<f32>::ones([100, 1000]);
    let dropped = |draw: Draw| {
        let tape = Tape::of();
        let y = model.forward(tape.data(&x), &Pass::train(&tape, model.params(), draw));
        y.value()
    };
    let first = dropped(Draw { seed: 1, epoch: 2, batch: 3, row: 0 });
    let kept = (1.0 / 0.7f64) as f32;
    assert!(first.iter().all(|&y| y == 0.0 || y == kept));
    // 100,000 draws: five standard errors of the share that is dropped.
    let share = first.iter().filter(|&&y| y == 0.0).count() as f64 / 1e5;
    assert!((share - 0.3).abs() < 5.0 * (0.3 * 0.7 / 1e5f64).sqrt(), "{share}");
    assert_eq!(first, dropped(Draw { seed: 1, epoch: 2, batch: 3, row: 0 }));
    for other in [
        Draw { seed: 2, epoch: 2, batch: 3, row: 0 },
        Draw { seed: 1, epoch: 3, batch: 3, row: 0 },
        Draw { seed: 1, epoch: 2, batch: 4, row: 0 },
    ] {
        assert_ne!(first, dropped(other));
    }
    assert!(model.predict(&x).unwrap().shares_buffer_with(&x));
}

#[test]
fn two_dropouts_of_one_pass_draw_different_masks() {
    let network = Sequential::new().with(Dropout::new(0.5)).with(Dropout::new(0.5));
    let model = Model::<f64>::new(network, 10000, 0).unwrap();
    let tape = Tape::new();
    let y = model.forward(tape.data(Tensor::ones([1, 10000])), &Pass::train(&tape, model.params(), Draw::default()));
    let kept = y.value().iter().filter(|&&y| y == 4.0).count();
    assert!((2200..2800).contains(&kept), "{kept} of 10000, should be a quarter");
}

#[test]
fn gradients_of_a_layer_used_twice_add_up() {
    let shared = Shared::new(Dense::new(3));
    let network = Sequential::new().with(shared.clone()).with(Activation::tanh()).with(shared);
    let mut model = Model::<f64>::new(network, 3, 1).unwrap();
    let names: Vec<_> = model.params().iter().map(|(_, p)| p.name()).collect();
    assert_eq!(names, ["shared1.weight", "shared1.bias"]);
    let x = numbers(&[4, 3]);
    let mut tape = Tape::new();
    let step = model
        .step(&mut tape, Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass).square().sum(())))
        .unwrap();
    // The same by hand, with one variable used twice.
    let tape = Tape::new();
    let (w, b) =
        (tape.var(model.parameter("shared1.weight").unwrap()), tape.var(model.parameter("shared1.bias").unwrap()));
    let y = (tape.data(&x).matmul(w) + b).tanh().matmul(w) + b;
    let by_hand = y.square().sum(()).backward();
    for (name, var) in [("shared1.weight", w), ("shared1.bias", b)] {
        let grad = step.grads.get(model.params().find(name).unwrap()).unwrap();
        assert_close(grad, &by_hand.wrt(var), 1e-14);
    }
}

/// y = x W W', a key used in two places by hand.
#[derive(Default)]
struct Tied {
    weight: ParamKey,
}

impl<T: Element> Layer<T> for Tied {
    fn kind(&self) -> &'static str {
        "tied"
    }
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        self.weight = scope.weight("weight", [input[0], 2], Init::GlorotUniform)?;
        Ok(input.clone())
    }
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        x.matmul(pass.param(self.weight)).matmul(pass.param(self.weight).t())
    }
}

#[test]
fn a_key_used_twice_by_hand_is_one_parameter() {
    let model = Model::<f64>::new(Tied::default(), 3, 0).unwrap();
    let key = model.params().find("weight").unwrap();
    let x = numbers(&[4, 3]);
    Gradcheck::new()
        .gradcheck(&[("weight", model.params()[key].clone())], |p| {
            let tape = p[0].tape();
            model.forward(tape.data(&x), &Pass::eval(tape, model.params().clone()).with(key, p[0]))
        })
        .assert();
    let tape = Tape::new();
    let pass = Pass::eval(&tape, model.params());
    assert_eq!(pass.param(key).id(), pass.param(key).id());
}

#[test]
fn embeddings_look_up_rows_and_add_their_gradients() {
    let mut model = Model::<f64>::new(Embedding::new(3, 2), [2], 0).unwrap();
    model.set_parameter("weight", [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).unwrap();
    let x = Tensor::from([[2.0, 0.0], [2.0, 2.0]]);
    let rows = Tensor::from([[[5.0, 6.0], [1.0, 2.0]], [[5.0, 6.0], [5.0, 6.0]]]);
    assert_eq!(model.predict(&x).unwrap(), rows);
    let mut tape = Tape::new();
    let step =
        model.step(&mut tape, Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass).sum(()))).unwrap();
    let key = model.params().find("weight").unwrap();
    // Row 0 was looked up once, row 2 three times.
    assert_eq!(*step.grads.get(key).unwrap(), Tensor::from([[1.0, 1.0], [0.0, 0.0], [3.0, 3.0]]));
    // An example may be one index.
    let model = Model::<f64>::new(Embedding::new(3, 2), Shape::scalar(), 0).unwrap();
    assert_eq!(model.predict(&Tensor::from([1.0, 0.0, 2.0])).unwrap().shape().dims(), [3, 2]);
}

#[test]
fn an_index_that_is_no_row_is_an_error_and_changes_nothing() {
    let network = Sequential::new().with(Embedding::new(3, 2)).with(Flatten).with(Dense::new(1));
    let mut model = Model::<f64>::new(network, [2], 0).unwrap();
    for (bad, said) in [(3.0, "3"), (-1.0, "-1"), (0.5, "0.5"), (f64::NAN, "NaN"), (1e300, "1")] {
        let x = Tensor::from([[0.0, 1.0], [bad, 2.0]]);
        let message = format!("embedding: index {said}");
        let predicted = model.predict(&x).unwrap_err().to_string();
        assert!(predicted.starts_with(&format!("embedding1: {message}")), "{predicted}");
        assert!(predicted.ends_with("at row 1 is not a row of a table of 3 (valid 0..=2)"), "{predicted}");
        let mut tape = Tape::new();
        let step = model.step(&mut tape, Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass).sum(())));
        let stepped = step.err().unwrap().to_string();
        assert!(stepped.starts_with(&message), "{stepped}");
        assert!(tape.is_empty());
    }
}

#[test]
fn a_batch_of_one_row_has_no_statistics() {
    let network = Sequential::new().with(Dense::new(2)).with(BatchNorm::new());
    let mut model = Model::<f64>::new(network, 3, 0).unwrap();
    let x = numbers(&[1, 3]);
    let mut tape = Tape::new();
    let step = model.step(&mut tape, Draw::default(), |m, pass| Ok(m.forward(pass.tape().data(&x), pass).sum(())));
    assert_eq!(
        step.err().unwrap().to_string(),
        "batch_norm1: a batch of 1 row has no variance; train on two rows or more, leave the last short batch out, or \
         choose a batch size that leaves a longer one"
    );
    // In use one row is enough.
    assert!(model.predict(&x).unwrap().is_finite());
}

#[test]
fn layers_that_make_no_sense_are_refused() {
    fn refusal(layer: impl Layer<f64> + 'static, input: &[usize]) -> String {
        Model::new(layer, input, 0).err().unwrap().to_string()
    }
    assert_eq!(refusal(Dense::new(0), &[3]), "dense: 3 inputs and 0 units; both must be above 0");
    assert_eq!(refusal(Dense::new(3), &[]), "dense: an example is a single number; give it the shape [1]");
    assert_eq!(refusal(Dropout::new(1.0), &[3]), "dropout: the probability is in [0, 1), got 1");
    assert_eq!(refusal(Dropout::new(f64::NAN), &[3]), "dropout: the probability is in [0, 1), got NaN");
    assert_eq!(refusal(BatchNorm::new().eps(0.0), &[3]), "batch_norm: eps is above 0, got 0");
    assert_eq!(refusal(BatchNorm::new().momentum(1.5), &[3]), "batch_norm: the momentum is in [0, 1], got 1.5");
    assert_eq!(refusal(LayerNorm::new(), &[]), "layer_norm: examples of shape [] have no features to normalise");
    assert_eq!(refusal(Embedding::new(0, 4), &[]), "embedding: 0 rows of 4 units; both must be above 0");
    assert_eq!(
        refusal(func("total", |x: Var<'_, f64>| x.sum(())), &[3]),
        "total: gave shape [] for a batch of 2 examples; the first axis stays the batch's"
    );
    assert_eq!(
        refusal(Residual::new(Dense::new(2)), &[3]),
        "residual: the layer makes shape [2] of [3]; the two are added, so they are the same"
    );
    let shared = Shared::new(Dense::new(2));
    assert_eq!(
        refusal(Sequential::new().with(shared.clone()).with(shared), &[3]),
        "shared2: shared: built for inputs of shape [3], used again for [2]"
    );
    let shared = Shared::new(Dense::new(3));
    Model::new(Sequential::new().with(shared.clone()), 3, 0).unwrap();
    assert_eq!(refusal(shared, &[3]), "shared: the layer belongs to another model; make a new one for this");
    let named = |name: &str| Sequential::new().with_named("a", Flatten).with_named(name, Flatten);
    assert_eq!(refusal(named("a"), &[3]), r#"sequential: two layers are named "a"; each has its own name"#);
    assert_eq!(
        refusal(named("b.*"), &[3]),
        r#"sequential: "b.*" is no name for a layer; it has characters other than '.' and '*'"#
    );
}

#[test]
fn every_function_has_its_name_and_comes_back_from_its_text() {
    for f in activations() {
        assert_eq!(f.to_string().parse(), Ok(f));
        assert_eq!(Activation::named(f.name(), &f.parameters()), Ok(f));
        assert_eq!(Layer::<f64>::kind(&f), f.name());
    }
    let (tape, params) = (Tape::new(), retrograd::nn::Params::new());
    let pass = Pass::eval(&tape, &params);
    assert_eq!(Activation::leaky_relu(0.1).forward(tape.var(-2.0), &pass).item(), -0.2);
    assert_eq!(Activation::clamp(-1.0, 0.5).forward(tape.var(2.0), &pass).item(), 0.5);
    let refusal = |text: &str| text.parse::<Activation>().unwrap_err().to_string();
    assert_eq!(refusal("relu(1)"), "activation: relu takes no parameters, got 1 parameters");
    assert_eq!(refusal("powi(0.5)"), "activation: powi's n cannot be 0.5");
    assert_eq!(refusal("polygamma(-1)"), "activation: polygamma's n cannot be -1");
    assert_eq!(refusal("elu(x)"), r#"activation: "elu(x)" is not of the form name(number, ...)"#);
    assert!(refusal("swish").starts_with(r#"activation: there is no function "swish"; there are neg, abs,"#));
}
