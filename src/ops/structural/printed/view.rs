/// The elements of a view.
fn view(x: &[f64], start: usize, shape: &[usize], strides: &[isize]) -> Vec<f64> {
    places(start, shape, strides).into_iter().map(|i| x[i]).collect()
}
