//! Two data sets that are compared went through the same preprocessing, or the first difference is named; a file can be read as
//! another one was.

use super::answers::read;
use retrograd::data::{Csv, Dataset, Missing, Preprocessing, Scaler, TargetKind, Unseen};
use retrograd::nn::{Mlp, Model, loss};
use retrograd::optim::Adam;
use retrograd::train::{Metric, Trainer};

fn trainer() -> Trainer<f64> {
    Trainer::new(Adam::new(0.05)).epochs(2).batch(2)
}

/// Each of `fit`, `evaluate` and `report` refuses the other data, with the same words.
#[track_caller]
fn refused(train: &Dataset<f64>, other: &Dataset<f64>, expected: &str) {
    let model = || Mlp::new(train.n_features()).dense(train.n_outputs()).build::<f64>(0).unwrap();
    let mut fitted: Model<f64> = model();
    let history = trainer().fit(&mut fitted, train).unwrap();
    let fit = trainer().validation(other).fit(&mut model(), train).unwrap_err();
    let evaluate = trainer().evaluate(&fitted, other).unwrap_err();
    let report = trainer().report("", &fitted, &history, other).unwrap_err();
    for (error, place) in [(fit, "validation data"), (evaluate, "the data"), (report, "the held-back data")] {
        let expected = expected.replace("THERE", place).replace("HERE", "the training data");
        assert!(error.to_string().contains(&expected), "expected {expected:?} in {:?}", error.to_string());
    }
}

#[test]
fn the_first_difference_of_two_files_is_named() {
    let csv = || Csv::new().target("y");
    let train = read(csv(), "a,b,y\n1,0,1\n2,0,2\n3,1,3\n");
    refused(
        &train,
        &read(csv(), "b,a,y\n0,1,1\n0,2,2\n"),
        "feature column 0 is \"a\" in HERE, \"b\" in THERE; read the",
    );
    let labels = read(csv(), "a,b,y\n1,0,u\n2,0,v\n");
    refused(&train, &labels, "the targets are values in HERE, classes in THERE");

    let fruit = read(csv(), "a,y\n1,apple\n2,berry\n3,cherry\n");
    let lacking = read(csv(), "a,y\n2,berry\n3,cherry\n");
    refused(&fruit, &lacking, "class 0 is \"apple\" in HERE (of 3), \"berry\" in THERE (of 2)");
    let more = read(csv(), "a,y\n1,apple\n2,berry\n3,cherry\n4,date\n");
    refused(&lacking, &read(csv(), "a,y\n2,berry\n3,quince\n"), "class 1 is \"cherry\" in HERE (of 2), \"quince\"");
    let model = Mlp::new(1).dense(3).build::<f64>(0).unwrap();
    assert!(trainer().evaluate(&model, &more).is_err());

    let words = csv().categorical("c");
    let colours = read(words.clone(), "c,y\nred,1\nblue,2\n");
    let other = read(words.clone(), "c,y\nred,1\nyellow,1\n");
    refused(&colours, &other, "column \"c\" has the words blue, red in HERE, red, yellow in THERE");
    let means = |hole: &str| read(csv().missing(Missing::Mean), &format!("a,y\n1,1\n3,2\n{hole},3\n"));
    refused(&means("4"), &means("?"), "where a value of column \"a\" is missing, ");

    let two = |targets: [&str; 2]| read(Csv::new().target(targets[0]).target(targets[1]), "a,p,q\n1,0,5\n2,1,6\n");
    refused(&two(["p", "q"]), &two(["q", "p"]), "the targets are p, q in HERE, q, p in THERE");
}

#[test]
fn scaling_that_was_forgotten_or_fitted_anew_is_named() {
    let text = (0..8).fold("a,y\n".to_owned(), |text, i| text + &format!("{},{}\n", 1000 + i, 10 * i));
    let (train, test) = read(Csv::new().target("y"), &text).split_at(4).unwrap();
    let scaler = Scaler::min_max(&train).unwrap();
    let scaled = train.scaled_by(&scaler).unwrap();
    refused(&scaled, &test, "the features are scaled once in HERE, not scaled in THERE; scale both by the same scaler");
    refused(&train, &test.scaled_by(&scaler).unwrap(), "the features are not scaled in HERE, scaled once in THERE");
    let anew = test.scaled_by(&Scaler::min_max(&test).unwrap()).unwrap();
    refused(&scaled, &anew, "\"a\" is scaled as (x - 1000) / 3 in HERE, as (x - 1004) / 3 in THERE");
    let targets = Scaler::min_max_targets(&train).unwrap();
    let both = |data: &Dataset<f64>| data.scaled_by(&scaler).unwrap();
    refused(&both(&train).targets_scaled_by(&targets).unwrap(), &both(&test), "the targets are scaled once in HERE");
    // The same scaler on both is what is meant.
    trainer().validation(&both(&test)).fit(&mut Mlp::new(1).dense(1).build(0).unwrap(), &scaled).unwrap();
}

#[test]
fn what_does_not_change_the_numbers_may_differ() {
    let train = read(Csv::new().target("y").ignore("id"), "id,a,y\n1,2,3\n2,3,4\n");
    let test = read(Csv::new().delimiter(b';').target("y"), "a;y\n5;6\n");
    trainer().validation(&test).fit(&mut Mlp::new(1).dense(1).build(0).unwrap(), &train).unwrap();
    // Data of tensors have no names to compare.
    let plain = Dataset::regression([[5.0]], [6.0]).unwrap();
    trainer().validation(&plain).fit(&mut Mlp::new(1).dense(1).build(0).unwrap(), &train).unwrap();
    let labelled = read(Csv::new().target("y"), "a,y\n1,u\n2,v\n");
    let numbers = Dataset::labelled([[1.0]], vec![1]).unwrap();
    trainer().validation(&numbers).fit(&mut Mlp::new(1).dense(2).build(0).unwrap(), &labelled).unwrap();
}

#[test]
fn a_file_is_read_as_another_was() {
    let csv = Csv::new()
        .delimiter(b';')
        .decimal(',')
        .comment(b'#')
        .categorical("c")
        .ignore("id")
        .missing(Missing::Mean)
        .missing_marks(["-"])
        .target("y");
    let train = read(csv, "# from the shop\nid;c;size;y\n1;red;1,5;pear\n2;blue;2,5;apple\n3;red;-;fig\n");
    let scaler = Scaler::standardise(&train).unwrap();
    let train = train.scaled_by(&scaler).unwrap();
    let saved = Preprocessing::from_json(&train.preprocessing().to_json()).unwrap();
    // Another order, a further column, no id, one class and one word less.
    let test = read(Csv::like(&saved), "y;new;size;c\nfig;0;-;red\npear;0;1,5;red\n");
    assert_eq!(test.preprocessing(), train.preprocessing());
    assert_eq!(test.labels(), Some(&[1, 2][..]));
    assert_eq!(test.class_names(), ["apple", "fig", "pear"]);
    assert_eq!(test.inputs().row(0), train.inputs().row(2));
    assert_eq!(test.inputs().row(1), train.inputs().row(0));
    let refused = |text: &str, expected: &str| {
        let error = Csv::like(&saved).read::<f64>(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    };
    refused("y;size;c\nplum;1;red\n", "row 2, column \"y\": \"plum\" is not a class; expected one of apple, fig, pear");
    refused("y;size;c\nfig;1;green\n", "row 2, column \"c\": \"green\" is not one of blue, red");
    refused("y;c\nfig;red\n", "no column is called \"size\"; there are y, c");
    refused("size;c\n1;red\n", "no column is called \"y\"");
    let error = Csv::like(&saved).target("c").read::<f64>("y;size;c\nfig;1;red\n".as_bytes()).unwrap_err();
    assert!(error.to_string().contains("target() was called for a file that is read like another"), "{error}");
    // And a saved model answers the rows of such a file.
    let mut model = Mlp::new(3).dense(3).build(0).unwrap();
    Trainer::new(Adam::new(0.1)).epochs(300).batch(3).fit(&mut model, &train).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    model.save(path("model.safetensors")).unwrap();
    std::fs::write(path("new.csv"), "size;c\n2,5;blue\n").unwrap();
    let model = Model::<f64>::load(path("model.safetensors")).unwrap();
    let rows = Csv::like(model.preprocessing().unwrap()).read_rows(path("new.csv")).unwrap();
    let answer = format!("{:?}", model.answer(&rows).unwrap());
    assert!(answer.contains("\"apple\""), "{answer}");
}

#[test]
fn a_file_without_a_header_is_read_by_position_as_another_was() {
    let csv = Csv::new().header(false).names(["a", "b", "y"]).target("y");
    let train = read(csv, "1,0,3\n2,0,4\n");
    let test = read(Csv::like(train.preprocessing()), "5,6,7\n");
    assert_eq!((test.inputs().to_vec(), test.feature_names()), (vec![5.0, 6.0], train.feature_names()));
    let error = Csv::like(train.preprocessing()).read::<f64>("5,6\n".as_bytes()).unwrap_err().to_string();
    assert!(error.contains("rows of 2 columns and no header; the file that it is read like has 3: a, b, y"), "{error}");
    // A header after all.
    let test = read(Csv::like(train.preprocessing()).header(true), "y,b,a\n7,6,5\n");
    assert_eq!(test.inputs().to_vec(), [5.0, 6.0]);
}

#[test]
fn classes_that_are_numbers_are_read_again_however_they_are_written() {
    let train = read(Csv::new().target("y").classification(), "a,y\n1,3\n2,10\n3,5\n");
    let test = read(Csv::like(train.preprocessing()), "a,y\n1,10.0\n2,5\n");
    assert_eq!(
        (train.class_names(), test.labels()),
        (&["3".to_owned(), "5".into(), "10".into()][..], Some(&[2, 1][..]))
    );
    // Not by the number of a class: 0 is none of them.
    assert!(Csv::like(train.preprocessing()).read::<f64>("a,y\n1,0\n".as_bytes()).is_err());
    let flags = read(Csv::new().target("y"), "a,y\n1,0\n2,1\n");
    assert_eq!(read(Csv::like(flags.preprocessing()), "a,y\n1,1\n").target_kind(), TargetKind::Flags);
    assert_eq!(read(Csv::like(flags.preprocessing()), "a,y\n1,2\n").target_kind(), TargetKind::Value);
}

#[test]
fn classes_that_were_renamed_are_found_by_what_stands_in_the_file() {
    let train = read(Csv::new().target("y").classification(), "a,y\n1,0\n2,1\n3,5\n");
    let train = train.with_class_names(["setosa", "versicolor", "virginica"]).unwrap();
    let saved = Preprocessing::from_json(&train.preprocessing().to_json()).unwrap();
    let test = read(Csv::like(&saved), "a,y\n1,5.0\n2,0\n3,versicolor\n");
    assert_eq!((test.labels(), test.class_names()), (Some(&[2, 0, 1][..]), train.class_names()));
    assert!(Csv::like(&saved).read::<f64>("a,y\n1,2\n".as_bytes()).is_err());
}

#[test]
fn words_that_were_never_seen_are_zeros_where_that_is_chosen() {
    let train = read(Csv::new().target("y").categorical("c").unseen(Unseen::Zeros), "c,y\nred,1\nblue,2\n");
    let encoded = train.preprocessing().encode_rows::<f64, _, _>(&[["green"], ["red"]]).unwrap();
    assert_eq!(encoded.to_vec(), [0.0, 0.0, 0.0, 1.0]);
    let test = read(Csv::like(train.preprocessing()), "c,y\ngreen,1\n");
    assert_eq!(test.inputs().to_vec(), [0.0, 0.0]);
    // A gap is no word.
    assert!(train.preprocessing().encode_rows::<f64, _, _>(&[[""]]).is_err());
}

#[test]
fn evaluate_gives_the_loss_and_the_metrics_of_the_validation() {
    let text =
        (0..32).fold("a,y\n".to_owned(), |text, i| text + &format!("{i},{}\n", if i < 16 { "no" } else { "yes" }));
    let data = read(Csv::new().target("y"), &text);
    let data = data.scaled_by(&Scaler::standardise(&data).unwrap()).unwrap();
    let (train, test) = data.stratified_split(0.5, 0).unwrap();
    for loss in [false, true] {
        let mut model = Mlp::new(1).dense(2).build(0).unwrap();
        let mut trainer = trainer().metrics([Metric::Accuracy, Metric::LogLoss]).validation(&test);
        if loss {
            trainer = trainer.loss(loss::mean_squared_error());
        }
        let history = trainer.fit(&mut model, &train).unwrap();
        let last = history.last().unwrap();
        let evaluation = trainer.evaluate(&model, &test).unwrap();
        assert_eq!(Some(evaluation.loss), last.valid_loss);
        assert_eq!(evaluation.metrics.iter().map(|(_, value)| *value).collect::<Vec<_>>(), last.metrics);
    }
}
