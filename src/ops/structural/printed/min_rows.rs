/// The smallest element of each row of n.
fn min_rows(x: &[f64], n: usize) -> Vec<f64> {
    x.chunks(n).map(|row| row.iter().copied().fold(f64::INFINITY, f64::min)).collect()
}
