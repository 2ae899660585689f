//! Rules at places that the tables over all ops do not sample: values in saturation, kinks, empty and singular cases, seeds other
//! than 1, and many directions at once. Found as wrong forms of the rules that no other test noticed (benches/mutants).

use retrograd::ops::{
    Atan2, Celu, Clamp, Elu, HardSigmoid, HardTanh, Huber, LeakyRelu, Logaddexp, Maximum, Minimum, Relu, Relu6, Saves,
    Selu, Sign, Softsign, Xlogy,
};
use retrograd::{
    Algebra, Binary, CustomOp, Element, Float, Number, NumericOp, Result, Tape, Tensor, Unary, Upstream, Value, Var,
};

/// In each group the points lie on one piece, and those of two groups on two.
#[track_caller]
fn pieces<P: Copy + std::fmt::Debug>(name: &str, piece: impl Fn(P) -> i64, groups: &[&[P]]) {
    for (i, group) in groups.iter().enumerate() {
        for (j, other) in groups.iter().enumerate() {
            for (&p, &q) in group.iter().flat_map(|p| other.iter().map(move |q| (p, q))) {
                assert_eq!(piece(p) == piece(q), i == j, "{name}: {p:?} and {q:?}");
            }
        }
    }
}

/// A point at a kink belongs to the piece whose derivative the rule gives there.
#[test]
fn pieces_end_at_the_kinks() {
    const BENT: &[&[f64]] = &[&[-1e9, -2.0, -1e-300, 0.0], &[1e-300, 0.5, 3.0]];
    pieces("relu", |x| Relu.piece(x), BENT);
    pieces("leaky_relu", |x| LeakyRelu { slope: 0.1 }.piece(x), BENT);
    pieces("elu", |x| Elu { alpha: 0.5 }.piece(x), BENT);
    pieces("selu", |x| Selu.piece(x), BENT);
    pieces("celu", |x| Celu { alpha: 0.5 }.piece(x), BENT);
    pieces("softsign", |x| Softsign.piece(x), BENT);
    pieces("sign", |x| Sign.piece(x), &[&[-2.0, -1e-300], &[0.0, -0.0], &[1e-300, 5.0]]);
    let cut = |lo: f64, hi: f64| [vec![lo - 5.0, lo], vec![lo + 0.1, hi - 0.1], vec![hi, hi + 5.0]];
    for (name, piece, [below, between, above]) in [
        ("clamp", (|x| Clamp { lo: -2.0, hi: 1.0 }.piece(x)) as fn(f64) -> i64, cut(-2.0, 1.0)),
        ("relu6", |x| Relu6.piece(x), cut(0.0, 6.0)),
        ("hard_tanh", |x| HardTanh.piece(x), cut(-1.0, 1.0)),
        ("hard_sigmoid", |x| HardSigmoid.piece(x), cut(-3.0, 3.0)),
        ("huber", |x| Huber { delta: 0.5 }.piece(x), cut(-0.5, 0.5)),
    ] {
        pieces(name, piece, &[&below, &between, &above]);
    }
    let sides: &[&[(f64, f64)]] =
        &[&[(1.0, 2.0), (-5.0, -4.0)], &[(2.0, 2.0), (-1.0, -1.0)], &[(2.0, 1.0), (-4.0, -5.0)]];
    pieces("maximum", |(x, y)| Maximum.piece(x, y), sides);
    pieces("minimum", |(x, y)| Minimum.piece(x, y), sides);
    // The cut of atan2(y, x) is where x < 0 and y changes its sign; y = 0 is above it.
    let turns: &[&[(f64, f64)]] = &[
        &[(-1.0, 1.0), (1.0, 1.0), (0.0, 2.0), (1.0, 0.0), (-1.0, 0.0)],
        &[(1.0, -1.0), (0.0, -1.0), (1e-9, -0.5)],
        &[(-1.0, -1.0), (-1e-9, -2.0)],
    ];
    pieces("atan2", |(y, x)| Atan2.piece(y, x), turns);
}

type Function<T> = for<'t> fn(Var<'t, T>) -> Var<'t, T>;

/// From the formulas: below, at and above each kink, in the number lane and the tensor lane.
fn values_are<T: Element>(tolerance: f64) {
    let e = 1f64.exp();
    // lambda and lambda alpha of the self-normalising units.
    let (scale, floor) = (1.0507009873554805, 1.7580993408473766);
    let cases: [(&str, Function<T>, &[(f64, f64)]); 14] = [
        ("relu", |x| x.relu(), &[(-2.0, 0.0), (0.0, 0.0), (2.0, 2.0)]),
        ("relu6", |x| x.relu6(), &[(-2.0, 0.0), (3.0, 3.0), (6.0, 6.0), (7.0, 6.0)]),
        ("leaky_relu", |x| x.leaky_relu(0.25), &[(-2.0, -0.5), (0.0, 0.0), (2.0, 2.0)]),
        ("elu", |x| x.elu(0.5), &[(-1.0, 0.5 / e - 0.5), (0.0, 0.0), (2.0, 2.0)]),
        ("selu", |x| x.selu(), &[(-1.0, floor / e - floor), (0.0, 0.0), (2.0, 2.0 * scale)]),
        ("celu", |x| x.celu(0.5), &[(-0.5, 0.5 / e - 0.5), (0.0, 0.0), (2.0, 2.0)]),
        ("softsign", |x| x.softsign(), &[(-3.0, -0.75), (0.0, 0.0), (1.0, 0.5)]),
        ("hard_tanh", |x| x.hard_tanh(), &[(-3.0, -1.0), (-0.5, -0.5), (0.0, 0.0), (0.5, 0.5), (3.0, 1.0)]),
        ("hard_sigmoid", |x| x.hard_sigmoid(), &[(-4.0, 0.0), (-1.5, 0.25), (0.0, 0.5), (1.5, 0.75), (4.0, 1.0)]),
        ("clamp", |x| x.clamp(-2.0, 1.0), &[(-3.0, -2.0), (-2.0, -2.0), (0.5, 0.5), (1.0, 1.0), (4.0, 1.0)]),
        ("huber", |x| x.huber(0.5), &[(-2.0, 0.875), (-0.5, 0.125), (0.25, 0.03125), (0.5, 0.125), (2.0, 0.875)]),
        ("sign", |x| x.sign(), &[(-3.0, -1.0), (0.0, 0.0), (1e-30, 1.0)]),
        ("sinc", |x| x.sinc(), &[(0.0, 1.0), (0.5, std::f64::consts::FRAC_2_PI), (1.0, 0.0)]),
        ("atan", |x| x.atan(), &[(0.0, 0.0), (1.0, std::f64::consts::FRAC_PI_4)]),
    ];
    for (name, f, points) in cases {
        let tape = Tape::<T>::of();
        let xs: Vec<T> = points.iter().map(|&(x, _)| T::from_f64(x)).collect();
        let tensor = f(tape.var(Tensor::new([xs.len()], xs.clone()).unwrap())).value();
        for (i, &(x, want)) in points.iter().enumerate() {
            let number = f(tape.var(xs[i])).item();
            for got in [number, tensor.to_vec()[i]] {
                assert!((got.to_f64() - want).abs() <= tolerance, "{name}({x}): {got:?} instead of {want}");
            }
        }
    }
}

#[test]
fn values_on_both_sides_of_each_kink_are_those_of_the_formulas() {
    values_are::<f64>(1e-15);
    values_are::<f32>(2e-7);
}

/// ln(e^x + e^y) where one side is -inf follows the other; the textbook formulas at their removable points.
#[test]
fn logarithms_of_nothing() {
    let tape = Tape::new();
    for (x, y, want) in [
        (f64::NEG_INFINITY, 1.0, [0.0, 1.0]),
        (1.0, f64::NEG_INFINITY, [1.0, 0.0]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, [0.0, 0.0]),
        (3.0, 3.0, [0.5, 0.5]),
    ] {
        let (a, b) = (tape.var(x), tape.var(y));
        let grads = a.logaddexp(b).backward();
        assert_eq!([grads.item(a), grads.item(b)], want, "numbers, {x} and {y}");
        let (a, b) = (tape.var([x, 0.0]), tape.var([y, 0.0]));
        let grads = a.logaddexp(b).sum(()).backward();
        assert_eq!([grads.wrt(a)[[0]], grads.wrt(b)[[0]]], want, "tensors, {x} and {y}");
    }
    assert_eq!(Xlogy.expansion(0.0, 2.0), Some(0.0));
    assert_eq!(Xlogy.expansion(0.0, 0.0), Some(0.0));
    assert_eq!(Xlogy.expansion(2.0, 1f64.exp()), Some(2.0));
    assert_eq!(Logaddexp.expansion(0.0, 0.0), Some(2f64.ln()));
}

/// A gradient is linear in its seed: a shortcut for 1 holds for 1 alone. Seeds are whole numbers of sixteenths but for 1.1.
#[test]
fn gradients_are_linear_in_the_seed() {
    type Scalar = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let functions: [(&str, Scalar); 12] = [
        ("sum", |x| x.sum(())),
        ("mean", |x| x.mean(())),
        ("max", |x| x.max(())),
        ("min", |x| x.min(())),
        ("prod", |x| x.prod(())),
        ("logsumexp", |x| x.logsumexp(())),
        ("norm", |x| x.square().sum(()).sqrt()),
        ("variance", |x| x.std((), 0)),
        ("cross_entropy", |x| x.cross_entropy(&[0, 1])),
        ("softmax", |x| x.softmax(1).square().sum(())),
        ("matmul", |x| x.matmul(x).sum(())),
        ("det", |x| x.det()),
    ];
    for (name, f) in functions {
        let tape = Tape::new();
        let x = tape.var([[0.5, -1.25], [2.0, 0.75]]);
        let y = f(x);
        let one = y.backward().wrt(x).to_vec();
        assert!(one.iter().any(|g| *g != 0.0), "{name}");
        for seed in [1.1, 1.0, -2.0, 0.0625] {
            let seeded = y.backward_with(Tensor::scalar(seed)).wrt(x).to_vec();
            let recorded = tape.try_vjp(y, tape.data(Tensor::scalar(seed)), &[x]).unwrap()[0].value().to_vec();
            for ((got, recorded), one) in seeded.iter().zip(&recorded).zip(&one) {
                let want = seed * one;
                assert!(
                    (got - want).abs() <= 1e-14 * want.abs().max(1.0),
                    "{name}, seed {seed}: {got} instead of {want}"
                );
                assert!(
                    (recorded - want).abs() <= 1e-14 * want.abs().max(1.0),
                    "{name}, seed {seed}: {recorded} for {want}"
                );
            }
        }
        // Forward: the derivative along twice a direction is twice the derivative.
        for scale in [1.1, 2.0] {
            let along = |t: f64| {
                let tangent = Tensor::from([[t, 0.0], [0.5 * t, -t]]);
                tape.jvp(y, &[(x, tangent.into())]).unwrap().as_slice()[0]
            };
            let (got, want) = (along(scale), scale * along(1.0));
            assert!((got - want).abs() <= 1e-14 * want.abs().max(1.0), "{name}: {got} instead of {want}");
        }
    }
}

/// Which side is taken does not move with the condition.
#[test]
fn a_condition_has_no_gradient() {
    let tape = Tape::new();
    let (c, a, b) = (tape.var([0.0, 2.0, -1.0]), tape.var([3.0, 4.0, 5.0]), tape.var([6.0, 7.0, 8.0]));
    let y = c.select(a * a, b * b);
    assert_eq!(y.value().to_vec(), [36.0, 16.0, 25.0]);
    let grads = y.sum(()).backward();
    assert_eq!(grads.wrt(c).to_vec(), [0.0; 3]);
    assert_eq!(grads.wrt(a).to_vec(), [0.0, 8.0, 10.0]);
    assert_eq!(grads.wrt(b).to_vec(), [12.0, 0.0, 0.0]);
    let forward = tape.jvp(y, &[(c, Tensor::ones([3]).into())]).unwrap();
    assert_eq!(forward.as_slice(), [0.0; 3]);
    let (c, a) = (tape.var(2.0), tape.var(3.0));
    let grads = c.select(a * a, 1.0).backward();
    assert_eq!((grads.item(c), grads.item(a)), (0.0, 6.0));
}

/// d det / dA is the matrix of cofactors, for [[a, b], [c, d]] [[d, -c], [-b, a]], whether an inverse exists or not, and for
/// each matrix of a stack by itself.
#[test]
fn a_singular_matrix_in_a_stack_has_its_cofactors() {
    let tape = Tape::new();
    let stack = [[[2.0, 1.0], [1.0, 3.0]], [[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]];
    let cofactors = stack.map(|[[a, b], [c, d]]| [[d, -c], [-b, a]]);
    let wanted: Vec<f64> = cofactors.iter().flatten().flatten().copied().collect();
    let x = tape.var(Tensor::new([3, 2, 2], stack.iter().flatten().flatten().copied().collect::<Vec<_>>()).unwrap());
    let got = x.det().sum(()).backward().wrt(x).to_vec();
    let recorded = tape.grad(x.det().sum(()), &[x])[0].value().to_vec();
    for ((got, recorded), wanted) in got.iter().zip(&recorded).zip(&wanted) {
        assert!((got - wanted).abs() < 1e-14 && (recorded - wanted).abs() < 1e-14, "{got}, {recorded}: {wanted}");
    }
}

/// For L U with ones on L's diagonal, det = prod u_ii, and for a large matrix its gradient det A^-T is as good as the inverse:
/// the polynomial that serves small ones near singularity loses all digits here.
#[test]
fn the_gradient_of_a_large_determinant_keeps_its_digits() {
    let n = 24;
    // A = 2 I + a rank-one part u v': det = 2^n (1 + v'u / 2), A^-1 = (I - u v' / (2 + v'u)) / 2.
    let u: Vec<f64> = (0..n).map(|i| ((i * 7) % 11) as f64 / 11.0 - 0.4).collect();
    let v: Vec<f64> = (0..n).map(|i| ((i * 5) % 13) as f64 / 13.0 - 0.3).collect();
    let overlap: f64 = u.iter().zip(&v).map(|(u, v)| u * v).sum();
    let one = |i: usize, j: usize| f64::from(u8::from(i == j));
    let a: Vec<f64> = (0..n * n).map(|k| 2.0 * one(k / n, k % n) + u[k / n] * v[k % n]).collect();
    let det = 2f64.powi(n as i32) * (1.0 + overlap / 2.0);
    let tape = Tape::new();
    let x = tape.var(Tensor::new([n, n], a).unwrap());
    assert!((x.det().item() / det - 1.0).abs() < 1e-13);
    let got = x.det().backward().wrt(x).to_vec();
    for (k, got) in got.iter().enumerate() {
        let (i, j) = (k % n, k / n);
        let wanted = det * (one(i, j) - u[i] * v[j] / (2.0 + overlap)) / 2.0;
        assert!((got - wanted).abs() < 1e-13 * det, "[{j}, {i}]: {got} instead of {wanted}");
    }
}

/// Nothing asked for, nothing given, nodes behind those that are asked for, and constants.
#[test]
fn many_directions_at_the_edges() {
    for tensors in [false, true] {
        let tape = Tape::new();
        if tensors {
            tape.var([1.0, 2.0]);
        }
        let none = tape.jvp_many(&[Var::constant(1.0)], &[Var::constant(2.0)], &Tensor::from([[1.0]])).unwrap();
        assert_eq!(none.to_vec(), [0.0]);
        let x = tape.vars(&[2.0, 3.0, 5.0]);
        let identity = Tensor::eye(3);
        // x[1] and x[2] stand behind the only node that is asked for.
        assert_eq!(tape.jvp_many(&[x[0]], &x, &identity).unwrap().to_vec(), [1.0, 0.0, 0.0]);
        assert_eq!(tape.jvp_many(&[], &x, &identity).unwrap().shape().dims(), [3, 0]);
        assert_eq!(tape.vjp_many(&[x[0]], &[], &Tensor::from([[1.0]])).unwrap().shape().dims(), [1, 0]);
        let y = [x[0] * x[1], Var::constant(7.0), x[2]];
        assert_eq!(tape.jvp_many(&y, &x, &identity).unwrap().to_vec(), [3.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(tape.vjp_many(&y, &x, &identity).unwrap().to_vec(), [3.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        // Of two faults the first is named: outputs come before inputs.
        let other = Tape::new();
        let (strange, tensor) = (other.var(1.0), tape.var([1.0]));
        let fault = tape.jvp_many(&[tensor], &[strange], &Tensor::from([[1.0]])).unwrap_err().to_string();
        assert!(fault.contains("must be numbers"), "{fault}");
    }
}

/// x^2 / y, as an elementwise op whose rules read both operands, the result and the gradient, each in its place.
#[derive(Clone, Copy, Debug)]
struct SquareOver;
impl Binary for SquareOver {
    const NAME: &'static str = "square_over";
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::Y.and(Saves::OUT)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, 0.4)];
    fn value<F: Float>(self, x: F, y: F) -> F {
        x * x / y
    }
    fn vjp_x<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * (x + x) / y
    }
    fn vjp_y<S: Number>(self, _x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S> {
        -(g * out / y)
    }
}

/// ln(x / y) on whole tensors.
struct LogRatio;
impl CustomOp for LogRatio {
    const NAME: &'static str = "log_ratio";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        let ratios = inputs[0].iter().zip(inputs[1].iter()).map(|(x, y)| T::from_f64((x.to_f64() / y.to_f64()).ln()));
        Tensor::new(inputs[0].shape().clone(), ratios.collect::<Vec<_>>())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], output: &A::V, g: &A::V) -> Vec<A::V> {
        // 1 / y by way of the result: e^out / x.
        let over_y = a.div(&a.exp(output), &inputs[0]);
        vec![a.div(g, &inputs[0]), a.neg(&a.mul(g, &over_y))]
    }
}

/// The square root, by a rule of numbers alone: g / (2 out).
struct Root;
impl NumericOp<f64> for Root {
    fn name(&self) -> &str {
        "root"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(inputs[0].map(f64::sqrt))
    }
    fn vjp(&self, inputs: &[Tensor<f64>], output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let slopes = g.iter().zip(output.iter()).map(|(g, out)| g / (2.0 * out));
        vec![Tensor::new(inputs[0].shape().clone(), slopes.collect::<Vec<_>>()).unwrap()]
    }
}

#[track_caller]
fn near(what: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-14 * want.abs().max(1e-3), "{what}: {got} instead of {want}");
    }
}

/// The derivative of `out` as every element of `by` moves by 1.
#[track_caller]
fn forward_is<'t>(what: &str, tape: &'t Tape<f64>, out: Var<'t, f64>, by: Var<'t, f64>, want: &[f64]) {
    let along: Value<f64> = if by.shape().rank() == 0 { Value::Scalar(1.0) } else { Tensor::ones(by.shape()).into() };
    near(what, tape.jvp(out, &[(by, along)]).unwrap().as_slice(), want);
}

/// With an upstream gradient of 3, by the sweep, recorded, and forward; numbers, tensors, and stretched operands.
#[test]
fn ops_of_ones_own_get_each_argument_in_its_place() {
    let (x0, y0) = ([2.0, 5.0, 0.5], [3.0, 0.25, 8.0]);
    for i in 0..3 {
        let tape = Tape::new();
        let (x, y) = (tape.var(x0[i]), tape.var(y0[i]));
        let (a, b) = (x0[i], y0[i]);
        for (name, out, want) in [
            ("square_over of numbers", x.apply2(SquareOver, y), [2.0 * a / b, -a * a / (b * b)]),
            ("log_ratio of numbers", tape.custom(LogRatio, &[x, y]), [1.0 / a, -1.0 / b]),
            ("root of numbers", tape.numeric(Root, &[x]), [0.5 / a.sqrt(), 0.0]),
        ] {
            let grads = (out * 3.0).backward();
            near(name, &[grads.item(x), grads.item(y)], &want.map(|g| 3.0 * g));
            if !name.starts_with("root") {
                let recorded = tape.grad(out * 3.0, &[x, y]);
                near(name, &[recorded[0].item(), recorded[1].item()], &want.map(|g| 3.0 * g));
                forward_is(name, &tape, out, x, &want[..1]);
                forward_is(name, &tape, out, y, &want[1..]);
            }
        }
    }
    let tape = Tape::new();
    let (x, y) = (tape.var(x0), tape.var(y0));
    let by_x = [0, 1, 2].map(|i| 2.0 * x0[i] / y0[i]);
    let by_y = [0, 1, 2].map(|i| -x0[i] * x0[i] / (y0[i] * y0[i]));
    for (name, out, by_x, by_y) in [
        ("square_over", x.apply2(SquareOver, y), by_x, by_y),
        ("log_ratio", tape.custom(LogRatio, &[x, y]), x0.map(|x| 1.0 / x), y0.map(|y| -1.0 / y)),
    ] {
        let total = (out * 3.0).sum(());
        let (grads, recorded) = (total.backward(), tape.grad(total, &[x, y]));
        near(name, grads.wrt(x).as_slice(), &by_x.map(|g| 3.0 * g));
        near(name, grads.wrt(y).as_slice(), &by_y.map(|g| 3.0 * g));
        near(name, recorded[0].value().as_slice(), &by_x.map(|g| 3.0 * g));
        near(name, recorded[1].value().as_slice(), &by_y.map(|g| 3.0 * g));
        forward_is(name, &tape, out, x, &by_x);
        forward_is(name, &tape, out, y, &by_y);
    }
    let root = tape.numeric(Root, &[x]);
    near("root", (root * 3.0).sum(()).backward().wrt(x).as_slice(), &x0.map(|x| 1.5 / x.sqrt()));
    // A row against a column: [3] and [2, 1] give [2, 3].
    let column = tape.var([[4.0], [0.5]]);
    let out = x.apply2(SquareOver, column);
    let squares = x0.map(|x| x * x);
    near("stretched", out.value().as_slice(), &[4.0, 0.5].map(|y| squares.map(|s| s / y)).concat());
    let grads = out.sum(()).backward();
    near("stretched, by x", grads.wrt(x).as_slice(), &x0.map(|x| 2.0 * x * (1.0 / 4.0 + 1.0 / 0.5)));
    let sum: f64 = squares.iter().sum();
    near("stretched, by y", grads.wrt(column).as_slice(), &[4.0, 0.5].map(|y: f64| -sum / (y * y)));
}
