/// The mean of -ln softmax at each row's label.
fn cross_entropy(logits: &[f64], classes: usize, labels: &[usize]) -> f64 {
    let logs = log_softmax_rows(logits, classes);
    let sum: f64 = labels.iter().enumerate().map(|(row, label)| -logs[row * classes + label]).sum();
    sum / labels.len() as f64
}
