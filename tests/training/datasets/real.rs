//! The classic tables of examples/data.

use approx::assert_relative_eq;
use retrograd::data::{Csv, Dataset, Scaler, Targets};
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}

fn columns_mean(data: &Dataset<f64>) -> Vec<f64> {
    Scaler::standardise(data).unwrap().offset().to_vec()
}

#[test]
fn iris_wine_and_breast_cancer() {
    let read = |name, classes: &[&str]| {
        let csv = Csv::new().skip_rows(1).target(-1).class_names(classes.iter().copied());
        csv.read_path::<f64>(path(name)).unwrap()
    };
    let iris = read("iris.csv", &["setosa", "versicolor", "virginica"]);
    assert_eq!((iris.len(), iris.n_features(), iris.class_counts()), (150, 4, vec![50, 50, 50]));
    // As in the description that comes with the data: 5.84, 3.05, 3.76, 1.20.
    let means = columns_mean(&iris);
    assert_eq!(means.len(), 4);
    for (mean, expected) in means.iter().zip([5.84, 3.05, 3.76, 1.20]) {
        assert_relative_eq!(*mean, expected, epsilon = 0.01);
    }
    let wine = read("wine_data.csv", &["class_0", "class_1", "class_2"]);
    assert_eq!((wine.len(), wine.n_features(), wine.class_counts()), (178, 13, vec![59, 71, 48]));
    let cancer = read("breast_cancer.csv", &["malignant", "benign"]);
    assert_eq!((cancer.len(), cancer.n_features(), cancer.class_counts()), (569, 30, vec![212, 357]));
}

#[test]
fn auto_mpg_has_words_and_an_ignored_column() {
    let names = [
        "cylinders",
        "displacement",
        "horsepower",
        "weight",
        "acceleration",
        "model year",
        "origin",
        "car name",
        "mpg",
    ];
    let csv = Csv::new().names(names).target("mpg").categorical("origin").ignore("car name");
    let cars = csv.read_path::<f64>(path("autompg.csv.gz")).unwrap();
    assert_eq!((cars.len(), cars.n_features()), (392, 9));
    assert_eq!(cars.feature_names()[6..], ["origin=1", "origin=2", "origin=3"]);
    assert_eq!(cars.inputs().row(0), [8.0, 307.0, 130.0, 3504.0, 12.0, 70.0, 1.0, 0.0, 0.0]);
    assert_eq!(cars.targets().values().unwrap().as_slice()[..3], [18.0, 15.0, 18.0]);

    // A raw row, with or without what is no feature, gives the same bits as the file did.
    let (train, _) = cars.split(0.25, 3).unwrap();
    let scaled = cars.scaled_by(&Scaler::standardise(&train).unwrap()).unwrap();
    let rows = csv.read_rows(path("autompg.csv.gz")).unwrap();
    let whole = scaled.preprocessing().encode_rows::<f64, _, _>(&rows).unwrap();
    assert_eq!(whole, *scaled.inputs());
    let features: Vec<&[String]> = rows.iter().map(|row| &row[..7]).collect();
    assert_eq!(scaled.preprocessing().encode_rows::<f64, _, _>(&features).unwrap(), *scaled.inputs());
}

#[test]
fn diabetes_comes_in_two_files() {
    let csv = Csv::new().whitespace();
    let data = csv.read_pair::<f64>(path("diabetes_data_raw.csv.gz"), path("diabetes_target.csv.gz")).unwrap();
    assert_eq!((data.len(), data.n_features(), data.n_outputs()), (442, 10, 1));
    let Targets::Values(values) = data.targets() else { panic!("values") };
    assert_eq!(values.as_slice()[..2], [151.0, 75.0]);
    // sklearn.datasets.load_diabetes(scaled=False): mean of the target 152.13348416289594, of the ages 48.51809954751131.
    assert_relative_eq!(values.iter().sum::<f64>() / 442.0, 152.13348416289594, epsilon = 1e-10);
    assert_relative_eq!(columns_mean(&data)[0], 48.51809954751131, epsilon = 1e-12);
}

#[test]
fn digits_have_ten_classes_in_order() {
    let digits = Csv::new().target(-1).classification().read_path::<f32>(path("digits.csv.gz")).unwrap();
    assert_eq!((digits.len(), digits.n_features(), digits.n_classes()), (1797, 64, 10));
    assert_eq!(digits.class_names()[9], "9");
    assert_eq!(digits.labels().unwrap()[..5], [0, 1, 2, 3, 4]);
    let (train, test) = digits.stratified_split(0.2, 0).unwrap();
    assert_eq!((train.len(), test.len()), (1438, 359));
}
