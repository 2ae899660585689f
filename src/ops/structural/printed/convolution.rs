/// Of the sum of g conv(x, w), the derivative by x, w or g (0, 1 or 2) from the other two; the sizes are the batch, the groups, and the
/// channels and outputs of a group; of each axis length, size, stride, dilation, padding and count.
fn convolution(a: &[f64], b: &[f64], by: usize, [batch, groups, channels, outputs]: [usize; 4], axes: &[[usize; 6]]) -> Vec<f64> {
    let product = |k: usize| -> usize { axes.iter().map(|axis| axis[k]).product() };
    let (plane, size, count) = (product(0), product(1), product(5));
    let lengths =
        [batch * groups * channels * plane, groups * outputs * channels * size, batch * groups * outputs * count];
    let mut out = vec![0.0; lengths[by]];
    for window in 0..count {
        for element in 0..size {
            let (mut w, mut e, mut place, mut step, mut inside) = (window, element, 0, 1, true);
            for &[n, size, stride, dilation, padding, count] in axes.iter().rev() {
                let i = (w % count * stride + e % size * dilation).wrapping_sub(padding);
                inside = inside && i < n;
                place += if inside { i * step } else { 0 };
                (w, e, step) = (w / count, e / size, step * n);
            }
            if !inside {
                continue;
            }
            for k in 0..batch * groups * channels * outputs {
                let (n, group, c, o) = (k / outputs / channels / groups, k / outputs / channels % groups, k / outputs % channels, k % outputs);
                let x = ((n * groups + group) * channels + c) * plane + place;
                let w = ((group * outputs + o) * channels + c) * size + element;
                let g = ((n * groups + group) * outputs + o) * count + window;
                match by {
                    0 => out[x] += a[w] * b[g],
                    1 => out[w] += a[x] * b[g],
                    _ => out[g] += a[x] * b[w],
                }
            }
        }
    }
    out
}
