/// The decomposition P A = L U of one matrix, packed in one, with the order of its rows and the sign of that.
fn lu(a: &[f64], n: usize) -> (Vec<f64>, Vec<usize>, f64) {
    let (mut lu, mut rows, mut sign) = (a.to_vec(), (0..n).collect::<Vec<usize>>(), 1.0);
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| lu[i * n + k].abs().total_cmp(&lu[j * n + k].abs())).unwrap();
        if pivot != k {
            (0..n).for_each(|j| lu.swap(k * n + j, pivot * n + j));
            rows.swap(k, pivot);
            sign = -sign;
        }
        if lu[k * n + k] == 0.0 {
            continue;
        }
        for i in k + 1..n {
            lu[i * n + k] /= lu[k * n + k];
            for j in k + 1..n {
                lu[i * n + j] -= lu[i * n + k] * lu[k * n + j];
            }
        }
    }
    (lu, rows, sign)
}
