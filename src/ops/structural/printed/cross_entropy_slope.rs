/// (softmax - one-hot labels) / rows.
fn cross_entropy_slope(logits: &[f64], classes: usize, labels: &[usize]) -> Vec<f64> {
    let mut out = softmax_rows(logits, classes);
    for (row, label) in labels.iter().enumerate() {
        out[row * classes + label] -= 1.0;
    }
    out.iter().map(|x| x / labels.len() as f64).collect()
}
