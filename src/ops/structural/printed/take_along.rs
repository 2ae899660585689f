/// The elements of rows of n at m positions in each.
fn take_along(x: &[f64], positions: &[f64], n: usize, m: usize) -> Vec<f64> {
    let row = |(x, at): (&[f64], &[f64])| -> Vec<f64> { at.iter().map(|&i| x[i as usize]).collect() };
    x.chunks(n).zip(positions.chunks(m)).flat_map(row).collect()
}
