/// The largest element of each row of n.
fn max_rows(x: &[f64], n: usize) -> Vec<f64> {
    x.chunks(n).map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect()
}
