/// Entries of an axis of length n, each of `inner` numbers.
fn take(x: &[f64], n: usize, inner: usize, indices: &[usize]) -> Vec<f64> {
    let block = |block: &[f64]| -> Vec<f64> {
        indices.iter().flat_map(|&i| block[i * inner..(i + 1) * inner].to_vec()).collect()
    };
    x.chunks(n * inner).flat_map(block).collect()
}
