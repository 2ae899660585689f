/// Positions of each row's elements in rising or falling order, of rows of n; NaN is the largest, and equals stay in order.
fn sorted_positions(x: &[f64], n: usize, falling: bool) -> Vec<f64> {
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(n) {
        let mut at: Vec<usize> = (0..row.len()).collect();
        let rising = |a: &f64, b: &f64| a.partial_cmp(b).unwrap_or(a.is_nan().cmp(&b.is_nan()));
        at.sort_by(|&i, &j| if falling { rising(&row[j], &row[i]) } else { rising(&row[i], &row[j]) });
        out.extend(at.into_iter().map(|i| i as f64));
    }
    out
}
