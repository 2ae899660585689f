/// X of A X = B, or of the transpose of A, for matrices of [n, n] and right sides of [n, columns].
fn solve(a: &[f64], b: &[f64], n: usize, columns: usize, transposed: bool) -> Vec<f64> {
    let mut all = Vec::with_capacity(b.len());
    for (a, b) in a.chunks_exact(n * n).zip(b.chunks_exact(n * columns)) {
        let (lu, rows, _) = lu(a, n);
        assert!((0..n).all(|k| lu[k * n + k] != 0.0), "solve: a matrix is singular");
        let mut x = vec![0.0; n * columns];
        for c in 0..columns {
            let mut y = vec![0.0; n];
            if transposed {
                for i in 0..n {
                    let known: f64 = (0..i).map(|j| lu[j * n + i] * y[j]).sum();
                    y[i] = (b[i * columns + c] - known) / lu[i * n + i];
                }
                for i in (0..n).rev() {
                    let known: f64 = (i + 1..n).map(|j| lu[j * n + i] * y[j]).sum();
                    y[i] -= known;
                }
                (0..n).for_each(|i| x[rows[i] * columns + c] = y[i]);
            } else {
                for i in 0..n {
                    let known: f64 = (0..i).map(|j| lu[i * n + j] * y[j]).sum();
                    y[i] = b[rows[i] * columns + c] - known;
                }
                for i in (0..n).rev() {
                    let known: f64 = (i + 1..n).map(|j| lu[i * n + j] * y[j]).sum();
                    y[i] = (y[i] - known) / lu[i * n + i];
                }
                (0..n).for_each(|i| x[i * columns + c] = y[i]);
            }
        }
        all.extend(x);
    }
    all
}
