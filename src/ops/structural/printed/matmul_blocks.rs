/// Products of pairs of matrices, one after the other.
fn matmul_blocks(
    x: &[f64],
    y: &[f64],
    transposed: [bool; 2],
    [m, k, n]: [usize; 3],
    pairs: &[(usize, usize)],
) -> Vec<f64> {
    let product = |&(a, b): &(usize, usize)| {
        let (x, y) = (&x[a * m * k..(a + 1) * m * k], &y[b * k * n..(b + 1) * k * n]);
        matmul(x, y, transposed, [m, k, n])
    };
    pairs.iter().flat_map(product).collect()
}
