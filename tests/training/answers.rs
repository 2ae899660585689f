//! From file to answer: what a trained model says is in the units of its targets, and of the columns that were meant.

use retrograd::data::{Csv, Dataset, Row, Scaler, TargetKind};
use retrograd::nn::{Answer, Head, Loss, Mlp, Model, loss};
use retrograd::optim::Adam;
use retrograd::train::{Metric, Trainer};
use retrograd::{Result, Tensor};

pub(crate) fn read(csv: Csv, text: &str) -> Dataset<f64> {
    csv.read(text.as_bytes()).unwrap()
}

fn values(answers: &[Answer]) -> Vec<f64> {
    answers
        .iter()
        .flat_map(|answer| match answer {
            Answer::Values(values) => values.clone(),
            Answer::Class { .. } => panic!("{answer:?}"),
        })
        .collect()
}

fn classes(answers: &[Answer]) -> Vec<(&str, f64)> {
    answers
        .iter()
        .map(|answer| match answer {
            Answer::Class { name, probability } => (name.as_str(), *probability),
            Answer::Values(_) => panic!("{answer:?}"),
        })
        .collect()
}

fn trainer(epochs: u64) -> Trainer<f64> {
    Trainer::new(Adam::new(0.05)).epochs(epochs).batch(4)
}

#[test]
fn classes_without_names_are_answered_by_number() {
    let data = Dataset::labelled([[0.0], [1.0], [2.0], [3.0]], vec![0, 0, 1, 1]).unwrap();
    let losses: [Box<dyn Fn() -> Box<dyn Loss<f64>>>; 4] = [
        Box::new(|| Box::new(loss::cross_entropy())),
        Box::new(|| Box::new(loss::binary_cross_entropy_with_logits())),
        Box::new(|| Box::new(loss::mean_squared_error())),
        Box::new(|| Box::new(loss::hinge())),
    ];
    for (i, loss) in losses.iter().enumerate() {
        for columns in [1, 2] {
            if (i, columns) == (0, 1) {
                continue; // Cross-entropy takes a score for each class.
            }
            let mut model = Mlp::new(1).dense(8).tanh().dense(columns).build(0).unwrap();
            trainer(300).loss(loss()).fit(&mut model, &data).unwrap();
            let answers = model.answer(&[["0"], ["3"]]).unwrap();
            let names: Vec<_> = classes(&answers).iter().map(|answer| answer.0.to_owned()).collect();
            assert_eq!(names, ["0", "1"], "loss {i}, {columns} columns");
            for (_, probability) in classes(&answers) {
                let is_one = (0.5..=1.0).contains(&probability);
                assert!(if i == 3 { probability.is_nan() } else { is_one }, "loss {i}: {probability}");
            }
        }
    }
}

#[test]
fn targets_of_0_and_1_are_answered_by_probabilities_and_measured_as_such() {
    let data = read(Csv::new().target("p").target("q"), "a,p,q\n0,0,0\n1,0,1\n2,1,0\n3,1,1\n");
    assert_eq!(data.target_kind(), TargetKind::Flags);
    let mut model = Mlp::new(1).dense(16).tanh().dense(2).build(0).unwrap();
    let metrics = [Metric::Accuracy, Metric::F1, Metric::RocAuc, Metric::LogLoss, Metric::R2, Metric::Mae];
    let mut trainer = trainer(800).loss(loss::binary_cross_entropy_with_logits()).metrics(metrics);
    let history = trainer.fit(&mut model, &data).unwrap();
    assert_eq!(model.head(), Some(Head::IndependentLogits));
    let found = values(&model.answer(&[["1"], ["2"]]).unwrap());
    for (found, wanted) in found.iter().zip([0.0, 1.0, 1.0, 0.0]) {
        assert!((found - wanted).abs() < 0.1, "{found} for {wanted}");
    }
    let measured = &history.last().unwrap().metrics;
    assert_eq!(measured[..3], [1.0, 1.0, 1.0]);
    assert!(measured[3] < 0.1 && measured[4] > 0.95 && measured[5] < 0.1, "{measured:?}");
    assert_eq!(history.warnings, [""; 0]);
}

#[test]
fn one_column_of_0_and_1_has_metrics_and_pictures_of_probabilities() {
    let data = read(Csv::new().target("y"), "a,y\n0,0\n1,0\n2,1\n3,1\n");
    let mut model = Mlp::new(1).dense(16).tanh().dense(1).build(0).unwrap();
    let bce = loss::binary_cross_entropy_with_logits();
    let mut trainer = trainer(500).loss(bce).metrics([Metric::Accuracy, Metric::R2]);
    let history = trainer.fit(&mut model, &data).unwrap();
    assert!((values(&model.answer(&[["3"]]).unwrap())[0] - 1.0).abs() < 0.05);
    let measured = &history.last().unwrap().metrics;
    assert!(measured[0] == 1.0 && measured[1] > 0.95, "{measured:?}");
    let page = trainer.report("0 or 1", &model, &history, &data).unwrap().html();
    assert!(page.contains("Confusion matrix") && page.contains("4 of 4 right"), "{page}");
}

#[test]
fn soft_labels_are_answered_by_softmax() {
    let data = Dataset::regression([[0.0], [1.0]], [[0.9, 0.1], [0.2, 0.8]]).unwrap();
    assert_eq!(data.target_kind(), TargetKind::Value);
    let mut model = Mlp::new(1).dense(2).build(0).unwrap();
    trainer(800).batch(2).loss(loss::cross_entropy()).fit(&mut model, &data).unwrap();
    let found = values(&model.answer(&[["0"], ["1"]]).unwrap());
    for (found, wanted) in found.iter().zip([0.9, 0.1, 0.2, 0.8]) {
        assert!((found - wanted).abs() < 0.02, "{found} for {wanted}");
    }
}

#[test]
fn metrics_of_scaled_targets_are_in_the_users_units() {
    let data = read(Csv::new().target("y"), "x,y\n0,100\n1,300\n2,500\n3,700\n");
    let data = data.targets_scaled_by(&Scaler::standardise_targets(&data).unwrap()).unwrap();
    // Weights of 0: the model says the mean, 400, from which the targets are 300, 100, 100 and 300 away.
    let mut model = Mlp::new(1).dense(1).build::<f64>(0).unwrap();
    model.set_parameter("dense1.weight", [[0.0]]).unwrap();
    let metrics = [Metric::Mae, Metric::Rmse, Metric::R2];
    let history = Trainer::new(Adam::new(1e-12)).epochs(1).batch(4).metrics(metrics).fit(&mut model, &data).unwrap();
    let measured = &history.last().unwrap().metrics;
    for (found, wanted) in measured.iter().zip([200.0, 50_000f64.sqrt(), 0.0]) {
        assert!((found - wanted).abs() < 1e-6, "{found} for {wanted}");
    }
    // And a flag that was scaled is a flag again.
    let flags = Dataset::regression([[0.0], [1.0]], [0.0, 1.0]).unwrap();
    let flags = flags.targets_scaled_by(&Scaler::standardise_targets(&flags).unwrap()).unwrap();
    let mut trainer = Trainer::new(Adam::new(0.05)).epochs(100).metrics([Metric::Accuracy]).batch(2);
    assert_eq!(trainer.fit(&mut model, &flags).unwrap().last().unwrap().metrics, [1.0]);
}

#[test]
fn an_output_that_is_not_a_number_is_no_answer() {
    let data = Dataset::regression([[0.0], [1.0]], [0.5, 1.5]).unwrap();
    let mut model = Mlp::new(1).dense(1).build::<f64>(0).unwrap();
    trainer(1).batch(2).fit(&mut model, &data).unwrap();
    model.set_parameter("dense1.bias", [f64::NAN]).unwrap();
    let error = model.answer(&[["1"]]).unwrap_err();
    assert_eq!(error.to_string(), "answer: row 0: the model's output is NaN");
}

/// Rows with an id that is not used: `id, a, y`.
fn with_id() -> Model<f64> {
    let data = read(Csv::new().target("y").ignore("id"), "id,a,y\n7,1,10\n8,2,20\n9,3,30\n");
    let mut model = Mlp::new(1).dense(1).build(0).unwrap();
    Trainer::new(Adam::new(0.3)).epochs(2000).batch(3).fit(&mut model, &data).unwrap();
    model
}

#[test]
fn a_row_that_can_be_read_in_two_ways_is_an_error() {
    let model = with_id();
    for row in [vec!["1"], vec!["7", "1", "10"]] {
        assert!((values(&model.answer(&[row]).unwrap())[0] - 10.0).abs() < 0.1);
    }
    let error = model.answer(&[["1", "10"]]).unwrap_err().to_string();
    assert!(error.contains("row 0 has 2 columns, which can be read in more than one way"), "{error}");
    assert!(error.contains("(a)") && error.contains("(id, a, y)") && error.contains("Csv::read_rows"), "{error}");
    // Where what is not used stands behind the features, a shorter row can be read in one way alone.
    let data = read(Csv::new().target("y").ignore("note"), "a,note,y\n1,u,10\n2,v,20\n");
    let inputs: Tensor<f64> = data.preprocessing().encode_rows(&[["3", "w"]]).unwrap();
    assert_eq!(inputs.to_vec(), [3.0]);
}

#[test]
fn a_loss_that_does_not_say_what_outputs_mean_gives_no_probability_and_no_metric_of_one() {
    let data = Dataset::labelled([[0.0], [1.0], [2.0], [3.0]], vec![0, 0, 1, 1]).unwrap();
    let own = || loss::func("own", |x: retrograd::Var<'_, f64>, t| -t * x.log_softmax(-1));
    let fit = |outputs: usize, trainer: Trainer<f64>| {
        let mut model = Mlp::new(1).dense(outputs).build::<f64>(0).unwrap();
        let mut trainer = trainer;
        trainer.fit(&mut model, &data).map(|history| (model, history))
    };
    let (mut model, history) = fit(2, trainer(200).loss(own()).metrics([Metric::Accuracy])).unwrap();
    assert_eq!(history.last().unwrap().metrics, [1.0]);
    let warning = "the loss own does not say what the outputs mean";
    assert!(history.warnings.iter().any(|known| known.starts_with(warning)), "{:?}", history.warnings);
    let answers = model.answer(&[["0.1"], ["2.9"]]).unwrap();
    assert!(classes(&answers).iter().zip(["0", "1"]).all(|((name, p), class)| *name == class && p.is_nan()));
    for metric in [Metric::LogLoss, Metric::RocAuc] {
        let error = fit(2, trainer(1).loss(own()).metrics([metric])).map(drop).unwrap_err();
        assert!(error.to_string().contains("the loss does not say what the outputs mean; say it"), "{error}");
    }
    // Whoever knows says it, then or before.
    model.set_head(Some(Head::Logits));
    let sure = classes(&model.answer(&[["0.1"], ["2.9"]]).unwrap())[0].1;
    let (model, history) = fit(2, trainer(200).loss(own().with_head(Head::Logits)).metrics([Metric::LogLoss])).unwrap();
    assert!(history.warnings.is_empty(), "{:?}", history.warnings);
    assert_eq!(classes(&model.answer(&[["0.1"], ["2.9"]]).unwrap())[0].1, sure);
    assert!(sure > 0.9, "{sure}");

    // One output has a middle that nobody knows.
    let single = || loss::func("single", |x: retrograd::Var<'_, f64>, t| x.softplus() - t * x);
    let (model, _) = fit(1, trainer(200).loss(single())).unwrap();
    let error = model.answer(&[["0.1"]]).unwrap_err();
    assert!(error.to_string().starts_with("answer: the loss that the model was trained on does not say"), "{error}");
    assert!(fit(1, trainer(1).loss(single()).metrics([Metric::Accuracy])).is_err());
    let (model, _) = fit(1, trainer(200).loss(single().with_head(Head::Logits)).metrics([Metric::Accuracy])).unwrap();
    assert_eq!(classes(&model.answer(&[["0.1"]]).unwrap())[0].0, "0");
}

#[test]
fn a_loss_that_does_not_say_is_read_as_the_network_ends_or_as_plain_values() {
    let labels = Dataset::labelled([[0.0], [1.0], [2.0], [3.0]], vec![0, 0, 1, 1]).unwrap();
    let values = Dataset::regression([[0.0], [1.0]], [2.5, 3.5]).unwrap();
    let mut squared = Trainer::new(Adam::new(0.05))
        .epochs(1)
        .loss(loss::func("own", |x: retrograd::Var<'_, f64>, t| (x - t).square()));
    for (mlp, data, head) in [
        (Mlp::new(1).dense(2).softmax(), &labels, Head::Probabilities),
        (Mlp::new(1).dense(1).sigmoid(), &labels, Head::Values),
        (Mlp::new(1).dense(2).tanh(), &labels, Head::Unknown),
        (Mlp::new(1).dense(1), &values, Head::Values),
    ] {
        let mut model = mlp.build::<f64>(0).unwrap();
        let history = squared.fit(&mut model, data).unwrap();
        assert_eq!(model.head(), Some(head));
        assert_eq!(history.warnings.len(), usize::from(head == Head::Unknown), "{:?}", history.warnings);
    }
}

#[test]
fn a_row_of_ones_own_whose_names_and_cells_differ_in_number_is_an_error() {
    struct Half;
    impl retrograd::data::RawRow<&'static str> for Half {
        fn cells(&self) -> &[&'static str] {
            &["1"]
        }
        fn names(&self) -> Option<&[String]> {
            static NAMES: std::sync::LazyLock<[String; 2]> = std::sync::LazyLock::new(|| ["a".into(), "b".into()]);
            Some(&*NAMES)
        }
    }
    let data = read(Csv::new().target("y"), "a,b,y\n1,2,3\n4,5,6\n");
    let error = data.preprocessing().encode_rows::<f64, _, _>(&[Half]).unwrap_err();
    assert_eq!(error.to_string(), "encode: row 0 has 2 names of columns and 1 cells; expected a cell for each");
    let row = retrograd::data::Row::of([("b", "2"), ("a", "1")]);
    assert_eq!(data.preprocessing().encode_rows::<f64, _, _>(&[row]).unwrap().to_vec(), [1.0, 2.0]);
}

fn rows_of(text: &str) -> Result<Vec<retrograd::data::Row>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, text).unwrap();
    Csv::new().read_rows(&path)
}

#[test]
fn rows_of_a_file_with_a_header_are_matched_by_name() {
    let data = read(Csv::new().target("y").ignore("id"), "id,a,b,y\n1,1,0,1\n2,2,0,2\n3,3,0,3\n");
    let encode = |text: &str| -> Result<Tensor<f64>> { data.preprocessing().encode_rows(&rows_of(text)?) };
    for text in ["a,b\n2,5\n", "b,a\n5,2\n", "b,y,extra,a\n5,0,,2\n", "b , a\n5,2\n"] {
        assert_eq!(encode(text).unwrap().to_vec(), [2.0, 5.0], "{text}");
    }
    let error = encode("A,b\n2,5\n").unwrap_err().to_string();
    assert_eq!(error, "encode: row 0 has no column \"a\"; it has A, b");
    let error = encode("a,b,a\n2,5,3\n").unwrap_err().to_string();
    assert_eq!(error, "encode: row 0 has two columns called \"a\"; name them apart");
    // Without a header, by position; names say nothing to data whose features never had any.
    assert_eq!(encode("2,5\n").unwrap().to_vec(), [2.0, 5.0]);
    let plain = Dataset::<f64>::labelled([[1.0, 2.0], [3.0, 4.0]], vec![0, 1]).unwrap();
    let rows = rows_of("p,q\n6,7\n").unwrap();
    let error = plain.preprocessing().encode_rows::<f64, _, _>(&rows).unwrap_err().to_string();
    assert_eq!(
        error,
        "encode: row 0 has columns called p, q, and the model's data had no names of columns: give the cells alone, in their order, \
         as row.to_vec() does"
    );
    let inputs = plain.preprocessing().encode_rows::<f64, _, _>(&[rows[0].to_vec()]).unwrap();
    assert_eq!(inputs.to_vec(), [6.0, 7.0]);
}

#[test]
fn one_bad_row_leaves_the_other_answers() {
    let model = with_id();
    let answers = model.answer_each(&[["1"], ["one"], [""], ["3"]]).unwrap();
    let found: Vec<Option<f64>> =
        answers.iter().map(|a| a.as_ref().ok().map(|a| values(std::slice::from_ref(a))[0])).collect();
    assert!(matches!(found[..], [Some(first), None, None, Some(last)] if first < 11.0 && last > 29.0), "{found:?}");
    let error = answers[1].as_ref().unwrap_err().to_string();
    assert_eq!(error, "encode: row 1, column \"a\": \"one\" is not a number");
    assert_eq!(model.answer(&[["1"], ["one"]]).unwrap_err().to_string(), error);
}

#[test]
fn several_targets_keep_the_order_in_which_they_were_named() {
    let data = read(Csv::new().target("q").target("p"), "p,a,q\n1,0,5\n2,1,6\n");
    assert_eq!(data.preprocessing().target_names(), ["q", "p"]);
    let again = retrograd::data::Preprocessing::from_json(&data.preprocessing().to_json()).unwrap();
    assert_eq!(again.target_names(), ["q", "p"]);
}

#[test]
fn named_rows_are_matched_by_name_where_names_look_made_up() {
    // y = 3 x1 - x2, from a header whose names are those of files without one.
    let data = read(Csv::new().target("y"), "y,x1,x2\n1,1,2\n5,2,1\n2,1,1\n3,2,3\n");
    let preprocessing = data.preprocessing();
    let encoded = |row: Row| preprocessing.encode_rows::<f64, _, _>(&[row]).map(|x| x.to_vec());
    assert_eq!(encoded(Row::of([("x2", "1"), ("x1", "8")])).unwrap(), [8.0, 1.0]);
    assert_eq!(encoded(Row::of([("x2", "1"), ("y", "9"), ("x1", "8")])).unwrap(), [8.0, 1.0]);
    let error = encoded(Row::of([("x2", "1"), ("other", "8")])).unwrap_err().to_string();
    assert!(error.starts_with("encode: row 0 has no column \"x1\""), "{error}");
    // Where names were made up, a row that has them is matched by them, and one that has none of them is refused.
    let data = read(Csv::new().header(false).target(-1), "1,2,0\n3,4,1\n");
    let encoded = |row: Row| data.preprocessing().encode_rows::<f64, _, _>(&[row]).map(|x| x.to_vec());
    assert_eq!(encoded(Row::of([("x1", "2"), ("x0", "1")])).unwrap(), [1.0, 2.0]);
    let error = encoded(Row::of([("height", "1"), ("width", "2")])).unwrap_err().to_string();
    assert!(error.contains("the model's data had no names of columns"), "{error}");
    assert!(encoded(Row::of([("x1", "2"), ("other", "1")])).is_err());
}
