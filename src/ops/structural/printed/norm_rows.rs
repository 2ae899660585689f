/// The Euclidean norm of each row of n.
fn norm_rows(x: &[f64], n: usize) -> Vec<f64> {
    x.chunks(n).map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt()).collect()
}
