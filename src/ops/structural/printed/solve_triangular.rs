/// X of T X = B for right sides of [n, columns], where T is the lower or upper triangle of matrices of [n, n], or its transpose.
fn solve_triangular(a: &[f64], b: &[f64], n: usize, columns: usize, lower: bool, transposed: bool) -> Vec<f64> {
    let mut x = b.to_vec();
    for (a, x) in a.chunks_exact(n * n).zip(x.chunks_exact_mut(n * columns)) {
        let at = |i: usize, j: usize| if transposed { a[j * n + i] } else { a[i * n + j] };
        for i in 0..n {
            let i = if lower != transposed { i } else { n - 1 - i };
            assert!(at(i, i) != 0.0, "solve_triangular: a matrix is singular");
            for c in 0..columns {
                let known: f64 = if lower != transposed {
                    (0..i).map(|j| at(i, j) * x[j * columns + c]).sum()
                } else {
                    (i + 1..n).map(|j| at(i, j) * x[j * columns + c]).sum()
                };
                x[i * columns + c] = (x[i * columns + c] - known) / at(i, i);
            }
        }
    }
    x
}
