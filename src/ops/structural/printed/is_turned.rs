/// Whether the largest of these elements, the first of equals, is negative.
fn is_turned(column: impl Iterator<Item = f64>) -> bool {
    column.fold(0.0, |best: f64, x| if x.abs() > best.abs() * (1.0 + 1e-6) { x } else { best }) < 0.0
}
