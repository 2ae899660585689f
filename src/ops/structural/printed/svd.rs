/// Of each matrix of [m, n], with k = min(m, n), U of [m, k], below it the singular values in falling order, and below them V of
/// [n, k], by Jacobi's rotations of columns.
fn svd(a: &[f64], m: usize, n: usize) -> Vec<f64> {
    let (wide, k) = (m < n, m.min(n));
    let rows = m.max(n);
    let mut all = Vec::new();
    for a in a.chunks_exact(m * n) {
        let mut columns: Vec<Vec<f64>> =
            (0..k).map(|j| (0..rows).map(|i| if wide { a[j * n + i] } else { a[i * n + j] }).collect()).collect();
        let mut others: Vec<Vec<f64>> = (0..k).map(|j| (0..k).map(|i| if i == j { 1.0 } else { 0.0 }).collect()).collect();
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        for _ in 0..60 {
            let mut rotated = false;
            for i in 0..k {
                for j in i + 1..k {
                    let (x, y, off) =
                        (dot(&columns[i], &columns[i]), dot(&columns[j], &columns[j]), dot(&columns[i], &columns[j]));
                    if off.abs() <= 4.0 * f64::EPSILON * x.sqrt() * y.sqrt() {
                        continue;
                    }
                    rotated = true;
                    let (c, s) = rotation(x, y, off);
                    for list in [&mut columns, &mut others] {
                        for r in 0..list[i].len() {
                            let (x, y) = (list[i][r], list[j][r]);
                            (list[i][r], list[j][r]) = (c * x - s * y, s * x + c * y);
                        }
                    }
                }
            }
            if !rotated {
                break;
            }
        }
        let values: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt()).collect();
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
        let mut units: Vec<Vec<f64>> = Vec::new();
        for &j in &order {
            // Where a value is 0, any unit vector at right angles to the others.
            let found = values[j] > rows as f64 * f64::EPSILON * values[order[0]];
            let candidates = if found { vec![columns[j].clone()] } else {
                (0..rows).map(|axis| (0..rows).map(|i| if i == axis { 1.0 } else { 0.0 }).collect()).collect()
            };
            let beside = |mut x: Vec<f64>| {
                for _ in 0..if found { 0 } else { 2 } {
                    for unit in &units {
                        let along = dot(unit, &x);
                        x.iter_mut().zip(unit).for_each(|(x, unit)| *x -= along * unit);
                    }
                }
                x
            };
            let best = candidates.into_iter().map(beside).max_by(|x, y| dot(x, x).total_cmp(&dot(y, y))).unwrap();
            let size = dot(&best, &best).sqrt();
            units.push(best.into_iter().map(|x| x / size).collect());
        }
        let others: Vec<&Vec<f64>> = order.iter().map(|&j| &others[j]).collect();
        let v_of = |j: usize, i: usize| if wide { units[j][i] } else { others[j][i] };
        let u_of = |j: usize, i: usize| if wide { others[j][i] } else { units[j][i] };
        let signs: Vec<f64> = (0..k).map(|j| if is_turned((0..n).map(|i| v_of(j, i))) { -1.0 } else { 1.0 }).collect();
        for i in 0..m {
            all.extend((0..k).map(|j| signs[j] * u_of(j, i)));
        }
        all.extend(order.iter().map(|&j| values[j]));
        for i in 0..n {
            all.extend((0..k).map(|j| signs[j] * v_of(j, i)));
        }
    }
    all
}
