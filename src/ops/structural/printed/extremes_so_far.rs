/// The position of the largest or smallest element up to each place, of rows of n; the first of equals, and NaN before all.
fn extremes_so_far(x: &[f64], n: usize, largest: bool) -> Vec<f64> {
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(n) {
        let mut best = 0;
        for i in 0..row.len() {
            let better = if largest { row[i] > row[best] } else { row[i] < row[best] };
            if better || row[i].is_nan() && !row[best].is_nan() {
                best = i;
            }
            out.push(best as f64);
        }
    }
    out
}
