//! The project's decisions where a derivative does not exist: they stand before what PyTorch answers there.

use crate::json::number;
use crate::ops::Case;

/// The decided derivative of an elementwise op by each input at the point `x`; nothing where no decision applies.
fn derivatives(case: &Case, x: &[f64]) -> Vec<Option<f64>> {
    let parameter = |key: &str| number(&case.params[key]).ok();
    let at = |points: &[f64], slope: Option<f64>| vec![slope.filter(|_| points.contains(&x[0]))];
    match (case.op.as_str(), x) {
        ("relu" | "abs", _) => at(&[0.0], Some(0.0)),
        ("relu6", _) => at(&[0.0, 6.0], Some(0.0)),
        ("clip" | "clamp", _) => match (parameter("lo"), parameter("hi")) {
            (Some(lo), Some(hi)) => at(&[lo, hi], Some(0.0)),
            _ => vec![None],
        },
        ("leaky_relu" | "elu", _) => at(&[0.0], parameter("a")),
        ("selu", _) => at(&[0.0], Some(1.6732632423543772 * 1.0507009873554805)),
        ("sign" | "floor" | "ceil" | "round" | "sub_self", _) => vec![Some(0.0)],
        ("sqrt" | "log", &[x]) if x == 0.0 => vec![Some(f64::INFINITY.copysign(x))],
        ("reciprocal", &[0.0]) => vec![Some(f64::NEG_INFINITY)],
        ("where_unsafe", &[x]) => vec![Some(if x > 0.0 { 1.0 / x } else { 0.0 })],
        ("maximum" | "minimum", &[x, y]) if x == y => vec![Some(0.5); 2],
        ("hypot" | "atan2" | "xlogy", &[0.0, 0.0]) => vec![Some(0.0); 2],
        ("power", &[0.0, y]) => {
            vec![Some(0.0).filter(|_| y == 0.0), Some(0.0).filter(|_| y >= 0.0)]
        }
        ("power", &[x, _]) if x < 0.0 => vec![None, Some(f64::NAN)],
        _ => vec![None; x.len()],
    }
}

/// Writes the decided derivatives over the vector-Jacobian products that another engine gave.
pub fn decide(case: &Case, vjp: &mut [Vec<f64>]) {
    let output = case.cotangent.shape();
    if case.inputs.iter().all(|input| input.shape() == output) {
        for i in 0..case.cotangent.len() {
            let point: Vec<_> = case.inputs.iter().map(|input| input.as_slice()[i]).collect();
            for (vjp, decided) in vjp.iter_mut().zip(derivatives(case, &point)) {
                if let Some(derivative) = decided {
                    vjp[i] = times(case.cotangent.as_slice()[i], derivative);
                }
            }
        }
    }
    if let ([x], [vjp]) = (&case.inputs[..], vjp) {
        for group in groups(case) {
            let values: Vec<_> = group.iter().map(|&i| x.as_slice()[i]).collect();
            let all = |value: f64| values.iter().all(|&x| x == value);
            let flat = match case.op.as_str() {
                "norm1" | "norm2" | "norminf" => all(0.0),
                "std" => all(values[0]),
                "logsumexp" => all(f64::NEG_INFINITY),
                _ => false,
            };
            if flat {
                group.iter().for_each(|&i| vjp[i] = 0.0);
            }
        }
    }
}

/// The elements that a reduction takes together: all of them, or those that differ in the case's one axis only.
fn groups(case: &Case) -> Vec<Vec<usize>> {
    let shape = case.inputs[0].shape();
    let n = case.inputs[0].len();
    let Some(axis) = case.params["axis"].as_i64() else {
        return if case.params["axis"].is_null() && n > 0 { vec![(0..n).collect()] } else { Vec::new() };
    };
    let axis = if axis < 0 { axis + shape.rank() as i64 } else { axis } as usize;
    let inner: usize = shape.dims()[axis + 1..].iter().product();
    let length = shape.dims()[axis];
    let start = |group: usize| group / inner * inner * length + group % inner;
    (0..n / length.max(1)).map(|group| (0..length).map(|i| start(group) + i * inner).collect()).collect()
}

/// A product for which no gradient stays none, whatever the derivative.
pub fn times(upstream: f64, derivative: f64) -> f64 {
    if upstream == 0.0 { 0.0 } else { upstream * derivative }
}
