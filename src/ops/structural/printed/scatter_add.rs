/// Zeros, with entries added at places of an axis of length n.
fn scatter_add(x: &[f64], n: usize, inner: usize, indices: &[usize]) -> Vec<f64> {
    let outer = x.len() / (indices.len() * inner);
    let mut out = vec![0.0; outer * n * inner];
    for (k, x) in x.iter().enumerate() {
        let (block, entry, j) = (k / (indices.len() * inner), k / inner % indices.len(), k % inner);
        out[(block * n + indices[entry]) * inner + j] += x;
    }
    out
}
