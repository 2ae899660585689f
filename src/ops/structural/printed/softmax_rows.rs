/// e^x / sum e^x of each row of n, of powers that do not overflow.
fn softmax_rows(x: &[f64], n: usize) -> Vec<f64> {
    let of = |row: &[f64]| -> Vec<f64> {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = row.iter().map(|x| (x - max).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|e| e / sum).collect()
    };
    x.chunks(n).flat_map(of).collect()
}
