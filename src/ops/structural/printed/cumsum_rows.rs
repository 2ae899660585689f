/// Sums up to each element of each row of n.
fn cumsum_rows(x: &[f64], n: usize) -> Vec<f64> {
    let mut out = x.to_vec();
    for row in out.chunks_mut(n) {
        for i in 1..row.len() {
            row[i] += row[i - 1];
        }
    }
    out
}
