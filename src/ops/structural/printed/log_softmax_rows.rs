/// x - ln sum e^x of each row of n.
fn log_softmax_rows(x: &[f64], n: usize) -> Vec<f64> {
    let of = |row: &[f64]| -> Vec<f64> {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = row.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
        row.iter().map(|x| x - max - log_sum).collect()
    };
    x.chunks(n).flat_map(of).collect()
}
