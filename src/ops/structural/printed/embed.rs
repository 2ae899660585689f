/// n zeros, with x added at the elements of a view.
fn embed(x: &[f64], n: usize, start: usize, shape: &[usize], strides: &[isize]) -> Vec<f64> {
    let mut out = vec![0.0; n];
    for (x, i) in x.iter().zip(places(start, shape, strides)) {
        out[i] += x;
    }
    out
}
