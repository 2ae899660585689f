//! A network trained from a file.
use retrograd::data::{Csv, Scaler};
use retrograd::nn::Mlp;
use retrograd::optim::Adam;
use retrograd::train::{Metric, Trainer};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Csv::new().header(false).skip_rows(1).target(-1).classification().read_path::<f32>("examples/data/iris.csv")?;
    let (train, test) = data.split(0.2, 0)?;
    let scaler = Scaler::standardise(&train)?;
    let (train, test) = (train.scaled_by(&scaler)?, test.scaled_by(&scaler)?);
    let mut model = Mlp::new(4).dense(16).relu().dense(3).build(0)?;
    let history = Trainer::new(Adam::new(0.01)).epochs(20).batch(16).metrics([Metric::Accuracy]).validation(&test).fit(&mut model, &train)?;
    println!("{:?}", history.last());
    Ok(())
}
