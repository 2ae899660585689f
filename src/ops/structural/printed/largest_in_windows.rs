/// The position of the largest element of every window in its plane; of each axis length, size, stride, dilation, padding and count.
fn largest_in_windows(x: &[f64], axes: &[[usize; 6]]) -> Vec<f64> {
    let product = |k: usize| -> usize { axes.iter().map(|axis| axis[k]).product() };
    let mut out = Vec::new();
    for plane in x.chunks(product(0)) {
        for window in 0..product(5) {
            let mut best: Option<usize> = None;
            for element in 0..product(1) {
                let (mut w, mut e, mut place, mut step, mut inside) = (window, element, 0, 1, true);
                for &[n, size, stride, dilation, padding, count] in axes.iter().rev() {
                    let i = (w % count * stride + e % size * dilation).wrapping_sub(padding);
                    inside = inside && i < n;
                    place += if inside { i * step } else { 0 };
                    (w, e, step) = (w / count, e / size, step * n);
                }
                if inside && best.is_none_or(|best| plane[place] > plane[best] || plane[place].is_nan() && !plane[best].is_nan()) {
                    best = Some(place);
                }
            }
            out.push(best.unwrap_or(0) as f64);
        }
    }
    out
}
