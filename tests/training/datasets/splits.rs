//! Parts of a data set: every row in one of them, and reproducible.

use super::message;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use retrograd::Tensor;
use retrograd::data::Dataset;

/// Rows that hold their own number.
fn numbered(labels: Vec<usize>) -> Dataset<f64> {
    let n = labels.len();
    Dataset::labelled(Tensor::arange(n).reshape([n, 1]), labels).unwrap()
}

fn rows(data: &Dataset<f64>) -> Vec<usize> {
    data.inputs().iter().map(|&x| x as usize).collect()
}

/// The parts together hold each of n rows once.
fn covers(parts: &[&Dataset<f64>], n: usize) -> bool {
    let mut all: Vec<usize> = parts.iter().flat_map(|part| rows(part)).collect();
    all.sort();
    all == (0..n).collect::<Vec<usize>>()
}

#[test]
fn a_split_is_shuffled_complete_and_reproducible() {
    let data = numbered((0..100).map(|i| i % 3).collect());
    let (train, test) = data.split(0.25, 7).unwrap();
    assert_eq!((train.len(), test.len()), (75, 25));
    assert!(covers(&[&train, &test], 100));
    assert_eq!(rows(&test), rows(&data.split(0.25, 7).unwrap().1));
    assert_ne!(rows(&test), rows(&data.split(0.25, 8).unwrap().1));
    assert!(rows(&train).windows(2).any(|pair| pair[0] > pair[1]));
    // Targets went with their rows.
    assert_eq!(rows(&train).len(), train.labels().unwrap().len());
    let matches = rows(&train).iter().zip(train.labels().unwrap()).all(|(row, &label)| row % 3 == label);
    assert!(matches);
    let (train, valid, test) = data.split3(0.1, 0.2, 7).unwrap();
    assert_eq!((train.len(), valid.len(), test.len()), (70, 10, 20));
    assert!(covers(&[&train, &valid, &test], 100));
}

#[test]
fn a_split_in_order_keeps_it() {
    let data = numbered(vec![0, 1, 2, 3, 4]);
    let (first, others) = data.split_at(3).unwrap();
    assert_eq!((rows(&first), rows(&others)), (vec![0, 1, 2], vec![3, 4]));
    assert_eq!(first.n_classes(), 5);
    for n in [0, 5, 6] {
        assert_eq!(
            message(data.split_at(n)),
            format!("split_at: {n} of 5 rows leave a part empty; expected at least 1, and fewer than all")
        );
    }
}

#[test]
fn fractions_that_make_no_sense_are_refused() {
    let data = numbered(vec![0, 1, 0, 1]);
    for fraction in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        let expected = format!(": a fraction of {fraction}; expected above 0 and below 1");
        assert_eq!(message(data.split(fraction, 0)), format!("split{expected}"));
        assert_eq!(message(data.split3(0.25, fraction, 0)), format!("split3{expected}"));
        assert_eq!(message(data.stratified_split(fraction, 0)), format!("stratified_split{expected}"));
    }
    assert_eq!(
        message(data.split(0.1, 0)),
        "split: of 4 rows, [0.1] would be [0], which leaves a part empty; use other fractions, or more rows"
    );
    assert!(message(data.split(0.9, 0)).contains("would be [4]"));
    assert!(message(data.split3(0.5, 0.5, 0)).contains("would be [2, 2]"));
    assert!(message(numbered(vec![0]).split(0.5, 0)).contains("which leaves a part empty"));
}

#[test]
fn strata_that_cannot_be_made_are_refused() {
    let one = numbered(vec![1; 10]);
    assert_eq!(
        message(one.stratified_split(0.5, 0)),
        "stratified_split: every row is of class 1; strata need at least two classes"
    );
    assert_eq!(
        message(one.stratified_k_folds(2, 0)),
        "stratified_k_folds: every row is of class 1; strata need at least two classes"
    );
    let lonely = numbered(vec![0, 0, 0, 0, 0, 1]).with_class_names(["many", "few"]).unwrap();
    assert_eq!(
        message(lonely.stratified_split(0.5, 0)),
        "stratified_split: class \"few\" has 1 row; at least 2 are needed, one for each part"
    );
    assert_eq!(
        message(lonely.stratified_k_folds(2, 0)),
        "stratified_k_folds: class \"few\" has 1 rows, fewer than 2 folds"
    );
    let many = numbered((0..20).map(|i| i % 5).collect());
    assert_eq!(
        message(many.stratified_split(0.1, 0)),
        "stratified_split: parts of 18 and 2 rows cannot both hold each of 5 classes"
    );
    let values = Dataset::<f64>::regression([[1.0], [2.0]], [1.0, 2.0]).unwrap();
    assert_eq!(
        message(values.stratified_split(0.5, 0)),
        "stratified_split: targets are values, which have no classes; split without strata"
    );
}

#[test]
fn folds_hold_each_row_out_once() {
    let data = numbered((0..23).map(|i| i % 2).collect());
    let folds: Vec<_> = data.k_folds(5, 1).unwrap().collect();
    assert_eq!(folds.iter().map(|(_, held)| held.len()).collect::<Vec<_>>(), [5, 5, 5, 4, 4]);
    assert!(covers(&folds.iter().map(|(_, held)| held).collect::<Vec<_>>(), 23));
    assert!(folds.iter().all(|(train, held)| covers(&[train, held], 23)));
    let (train, held) = data.k_folds(5, 1).unwrap().rows(2).unwrap();
    assert_eq!((rows(&folds[2].0), rows(&folds[2].1)), (train, held));
    assert_eq!(data.k_folds(23, 1).unwrap().len(), 23);
    for k in [0, 1, 24] {
        assert_eq!(
            message(data.k_folds(k, 1)),
            format!("k_folds: {k} folds of 23 rows; expected at least 2, and at most as many as rows")
        );
    }
    assert_eq!(message(data.k_folds(2, 1).unwrap().rows(2)), "folds: no fold 2 of 2 (counted from 0)");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn strata_keep_proportions(counts in prop::collection::vec(2usize..40, 2..6), fraction in 0.05f64..0.95, seed: u64) {
        let labels: Vec<usize> = counts.iter().enumerate().flat_map(|(label, &n)| vec![label; n]).collect();
        let n = labels.len();
        let data = numbered(labels);
        let held = (n as f64 * fraction).round() as usize;
        let split = data.stratified_split(fraction, seed);
        if held.min(n - held) < counts.len() {
            prop_assert!(split.is_err());
        } else {
            let (train, test) = split.unwrap();
            prop_assert_eq!(test.len(), held);
            prop_assert!(covers(&[&train, &test], n));
            prop_assert_eq!(test.class_counts().len(), counts.len());
            for (&all, &drawn) in counts.iter().zip(&test.class_counts()) {
                prop_assert!(drawn >= 1 && drawn < all, "{} of {}", drawn, all);
                // Within one of proportional, unless one row in each part has it otherwise.
                let exact = all as f64 * held as f64 / n as f64;
                let forced = counts.iter().any(|&n| (n as f64 * fraction) < 1.5 || (n as f64 * (1.0 - fraction)) < 1.5);
                prop_assert!(forced || (drawn as f64 - exact).abs() <= 1.0, "{} of {}, exactly {}", drawn, all, exact);
            }
        }
    }

    #[test]
    fn stratified_folds_are_even(counts in prop::collection::vec(3usize..30, 2..5), seed: u64) {
        let labels: Vec<usize> = counts.iter().enumerate().flat_map(|(label, &n)| vec![label; n]).collect();
        let data = numbered(labels);
        let folds: Vec<_> = data.stratified_k_folds(3, seed).unwrap().collect();
        prop_assert!(covers(&folds.iter().map(|(_, held)| held).collect::<Vec<_>>(), data.len()));
        prop_assert_eq!(folds.len(), 3);
        for (_, held) in &folds {
            prop_assert_eq!(held.class_counts().len(), counts.len());
            prop_assert!(held.len().abs_diff(data.len() / 3) <= 1);
            for (&all, &there) in counts.iter().zip(&held.class_counts()) {
                prop_assert!(there == all / 3 || there == all.div_ceil(3));
            }
        }
    }
}
