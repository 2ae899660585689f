//! Gradient checks: right gradients pass, wrong ones are found and named, kinks are neither.

use retrograd::check::{Against, Gradcheck, GradcheckReport, Place, Verdict};
use retrograd::ops::Saves;
use retrograd::*;

fn t<const N: usize>(x: [f64; N]) -> Tensor<f64> {
    Tensor::from(x)
}

/// Both orders, slow and fast.
fn all_ways<F>(name: &str, parameters: &[(&str, Tensor<f64>)], f: F)
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    for check in [Gradcheck::new(), Gradcheck::new().fast(2).seed(3)] {
        for report in [check.gradcheck(parameters, &f), check.gradgradcheck(parameters, &f)] {
            assert!(report.passed(), "{name}:\n{report}");
            let undecided: usize = report.parameters.iter().map(|p| p.inconclusive).sum();
            assert_eq!(undecided, 0, "{name}:\n{report}");
            assert_eq!(report.notes, Vec::<String>::new(), "{name}");
        }
    }
}

#[test]
fn right_gradients_of_scalar_functions_pass_in_both_orders_slow_and_fast() {
    let s = |x: f64| Tensor::scalar(x);
    all_ways("polynomial", &[("x", s(0.7))], |p| p[0] * p[0] * p[0] - 2.0 * p[0] + 1.0);
    all_ways("product", &[("x", s(0.7)), ("y", s(-1.3))], |p| p[0] * p[1].exp());
    all_ways("rosenbrock", &[("x", s(-1.2)), ("y", s(1.0))], |p| {
        (p[1] - p[0] * p[0]).square() * 100.0 + (1.0 - p[0]).square()
    });
    all_ways("quotient", &[("x", s(0.7)), ("y", s(-1.3))], |p| p[0].sin() / p[1] + p[1].powi(3));
    all_ways("power", &[("x", s(1.7)), ("y", s(2.3))], |p| p[0].pow(p[1]).ln() * p[0].sqrt());
    all_ways("activations", &[("x", s(0.4))], |p| p[0].tanh() + p[0].sigmoid() * p[0].gelu() + p[0].softplus());
    all_ways("angles", &[("x", s(0.4)), ("y", s(0.9))], |p| p[0].atan2(p[1]) * p[0].hypot(p[1]));
    all_ways("a loop with a branch", &[("x", s(1.1))], |p| {
        let mut y = p[0];
        for _ in 0..3 {
            y = if y > Var::constant(1.0) { y * 0.5 } else { y * y };
        }
        y
    });
}

#[test]
fn right_gradients_of_tensor_functions_pass_in_both_orders_slow_and_fast() {
    let x = || ("x", Tensor::from([[0.3, -1.2, 0.8], [2.0, 0.1, -0.4]]));
    let y = || ("y", Tensor::from([[0.5, 0.7, -0.9], [1.1, -0.6, 0.2]]));
    let w = || ("w", Tensor::from([[0.2, -0.1], [0.4, 0.3], [-0.5, 0.6]]));
    all_ways("elementwise", &[x(), y()], |p| (p[0] * p[1]).sin() + p[0].square() / (p[1].square() + 1.0));
    all_ways("row and column broadcast", &[x(), ("row", t([1.0, 2.0, -1.0])), ("s", Tensor::scalar(0.3))], |p| {
        (p[0] + p[1]).tanh() * p[2] + p[0] / p[2]
    });
    all_ways("column broadcast", &[x(), ("column", Tensor::from([[0.4], [1.5]]))], |p| (p[0] * p[1]).exp());
    all_ways("matmul", &[x(), w(), ("b", t([0.1, -0.2]))], |p| (p[0].matmul(p[1]) + p[2]).sigmoid());
    all_ways("products of transposes", &[x(), y()], |p| p[0].matmul_nt(p[1]).tanh().matmul_tn(p[0].matmul_nt(p[0])));
    let blocks = Tensor::from([[[0.1, 0.2], [0.3, -0.4]], [[0.7, 0.6], [-0.5, 0.9]]]);
    all_ways("batched matmul", &[("a", blocks), ("b", Tensor::from([[1.0, -1.0], [0.5, 2.0]]))], |p| {
        p[0].matmul(p[1]).sin()
    });
    all_ways("softmax", &[x()], |p| p[0].softmax(-1).square());
    all_ways("log_softmax over the first axis", &[x()], |p| p[0].log_softmax(0) * p[0]);
    all_ways("logsumexp", &[x()], |p| p[0].logsumexp(1).square());
    all_ways("cross entropy", &[x(), ("gain", Tensor::scalar(1.3))], |p| (p[0] * p[1]).cross_entropy(&[2, 0]));
    all_ways("binary cross entropy", &[x()], |p| {
        let tape = p[0].tape();
        p[0].binary_cross_entropy_with_logits(tape.data([[1.0, 0.0, 0.3], [0.0, 1.0, 0.5]]))
    });
    all_ways("squared error", &[x(), y()], |p| p[0].mean_squared_error(p[1]));
    all_ways("moments", &[x()], |p| p[0].var(1, 1) * p[0].mean(1) + p[0].std(1, 0));
    all_ways("norms", &[x()], |p| p[0].norm2(1) + p[0].norm1(1).square());
    all_ways("products", &[x()], |p| p[0].prod(1) + p[0].cumprod(1).sum(1));
    all_ways("extremes", &[x()], |p| p[0].max(1).square() * p[0].min(1));
    all_ways("pieces", &[x(), y()], |p| {
        p[0].relu() * p[1] + p[0].abs().square() + p[0].maximum(p[1]).sin() + p[0].clamp(-0.5, 0.5) * p[1]
    });
    all_ways("select", &[x(), y()], |p| p[0].greater(p[1]).select(p[0].square(), p[1].exp()));
    all_ways("cumsum and gather", &[x()], |p| p[0].cumsum(1).gather(1, &[2, 0, 2]).square());
    all_ways("layout", &[x(), y()], |p| {
        Var::concat(&[p[0].t(), p[1].t().flip(0)], 1).square().roll(1, 0).pad(&[(1, 0), (0, 2)])
    });
    all_ways("linear algebra", &[("a", Tensor::from([[2.0, 0.3], [-0.4, 1.5]])), ("b", t([0.7, -0.2]))], |p| {
        p[0].solve(p[1]).sum(()) + p[0].det().ln() + p[0].inv().trace()
    });
}

#[test]
fn right_gradients_of_a_convolution_built_from_slices_pass() {
    let image = Tensor::from_fn([4, 5], |i| ((i[0] * 5 + i[1]) as f64 * 0.37).sin());
    let kernel = Tensor::from([[0.5, -0.2], [0.3, 0.8]]);
    all_ways("convolution", &[("image", image), ("kernel", kernel)], |p| {
        let mut out = None;
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let part = p[0].slice((i..i + 3, j..j + 4)) * p[1].at([i as usize, j as usize]);
            out = Some(out.map_or(part, |sum| sum + part));
        }
        out.unwrap().relu().square()
    });
}

#[test]
fn a_function_may_ignore_a_parameter_and_a_parameter_may_be_empty() {
    let parameters = [("x", t([0.5])), ("unused", t([1.0, 2.0])), ("empty", Tensor::zeros([0, 3]))];
    all_ways("ignored", &parameters, |p| p[0].exp());
    let report = gradcheck(&parameters, |p| p[0].exp());
    assert_eq!(report.parameter("unused").unwrap().agreeing, 2);
    assert_eq!(report.parameter("empty").unwrap().checked, 0);
    all_ways("all ignored", &parameters, |v| v[0].tape().data([1.0, 2.0]));
    all_ways("a constant without a tape", &parameters, |_| Var::constant(2.0));
}

// Rules that are wrong on purpose.

/// sin with the derivative of the sign given.
#[derive(Clone, Copy, Debug)]
struct Sine {
    factor: f64,
}
impl Unary for Sine {
    const NAME: &'static str = "sine";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3];
    fn value<F: Float>(self, x: F) -> F {
        x.sin()
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (x.cos() * S::lit(self.factor))
    }
}

/// sin with a right derivative, whose own derivative is wrong.
#[derive(Clone, Copy, Debug)]
struct WrongSecond;
#[derive(Clone, Copy, Debug)]
struct CosineWithoutSign;
impl Unary for CosineWithoutSign {
    const NAME: &'static str = "cosine_without_sign";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3];
    fn value<F: Float>(self, x: F) -> F {
        x.cos()
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.sin()
    }
}
impl Unary for WrongSecond {
    const NAME: &'static str = "wrong_second";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3];
    fn value<F: Float>(self, x: F) -> F {
        x.sin()
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.apply(CosineWithoutSign)
    }
}

/// x y with the sign of one derivative wrong.
#[derive(Clone, Copy, Debug)]
struct Product;
impl Binary for Product {
    const NAME: &'static str = "product";
    const SAVES: [Saves; 2] = [Saves::Y, Saves::X];
    const POINTS: &'static [(f64, f64)] = &[(0.3, 0.4)];
    fn value<F: Float>(self, x: F, y: F) -> F {
        x * y
    }
    fn vjp_x<S: Number>(self, _x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * y
    }
    fn vjp_y<S: Number>(self, x: S, _y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        -(g * x)
    }
}

/// A x for a square matrix, whose rule forgets to transpose A where `transposes` is false.
struct Linear {
    transposes: bool,
}
impl CustomOp for Linear {
    const NAME: &'static str = "linear";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        let (a, x) = (&inputs[0], &inputs[1]);
        let (n, m) = (a.shape()[0], x.shape()[1]);
        Ok(Tensor::from_fn([n, m], |at| (0..n).map(|k| a[[at[0], k]] * x[[k, at[1]]]).sum()))
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], _output: &A::V, g: &A::V) -> Vec<A::V> {
        vec![a.matmul(g, false, &inputs[1], true), a.matmul(&inputs[0], self.transposes, g, false)]
    }
}

/// The cubes, with a numeric rule that is wrong at one element.
struct Cubes {
    wrong_at: Option<usize>,
}
impl NumericOp<f64> for Cubes {
    fn name(&self) -> &str {
        "cubes"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(inputs[0].map(|x| x * x * x))
    }
    fn vjp(&self, inputs: &[Tensor<f64>], _output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let mut slope = inputs[0].map(|x| 3.0 * x * x);
        for (i, (slope, g)) in slope.as_mut_slice().iter_mut().zip(g.iter()).enumerate() {
            *slope *= if Some(i) == self.wrong_at { 1.01 * g } else { *g };
        }
        vec![slope]
    }
}

fn message(report: GradcheckReport) -> String {
    let panic = std::panic::catch_unwind(|| report.assert()).expect_err("the check should have failed");
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_wrong_factor_is_found_however_small_and_named() {
    for factor in [-1.0, 0.0, 2.0, 1.001, 1.00001] {
        let report = gradcheck(&[("x", t([0.5, -0.3]))], |p| p[0].apply(Sine { factor }));
        assert_eq!(report.verdict(), Verdict::Differs, "{factor}: {report}");
        assert_eq!(report.parameters[0].differing, 2, "{factor}: {report}");
    }
    gradcheck(&[("x", t([0.5, -0.3]))], |p| p[0].apply(Sine { factor: 1.0 })).assert();
    let scalar = gradcheck(&[("x", Tensor::scalar(0.5))], |p| p[0].apply(Sine { factor: 2.0 }));
    // d sin = cos(0.5) = 0.87758; twice that is 1.7552, and the relative error 1/3.
    let expected = "gradcheck: x, index []: analytic 1.7552, numeric 0.87758 (rel 3.3e-1, tol 1e-6, step ";
    let found = message(scalar);
    assert!(found.starts_with(expected), "{found}");
    assert!(found.lines().next().unwrap().ends_with(", f64)"), "{found}");
}

#[test]
fn the_fast_form_finds_wrong_rules_too() {
    let x = Tensor::linspace(-1.0, 1.0, 50);
    let fast = Gradcheck::new().fast(2);
    let report = fast.gradcheck(&[("x", x.clone())], |p| p[0].apply(Sine { factor: 1.001 }));
    assert_eq!(report.parameters[0].differing, 2, "{report}");
    assert!(matches!(report.differences()[0].place, Place::Direction(0..2)), "{report}");
    // One wrong element of fifty.
    let report = fast.gradcheck(&[("x", x)], |p| p[0].tape().try_numeric(Cubes { wrong_at: Some(3) }, p).unwrap());
    assert_eq!(report.verdict(), Verdict::Differs, "{report}");
}

#[test]
fn a_wrong_sign_is_blamed_on_its_own_parameter() {
    let parameters = [("left", t([0.5, -0.3])), ("right", t([1.5, 0.7]))];
    let report = gradcheck(&parameters, |p| p[0].apply2(Product, p[1]));
    assert_eq!(report.parameter("left").unwrap().verdict(), Verdict::Agrees, "{report}");
    assert_eq!(report.parameter("right").unwrap().verdict(), Verdict::Differs, "{report}");
    assert_eq!(report.parameter("right").unwrap().differing, 2);
}

#[test]
fn a_missing_transpose_is_found_and_the_right_rule_passes() {
    let parameters =
        [("a", Tensor::from([[0.5, -0.3], [0.2, 0.9]])), ("x", Tensor::from([[1.5, 0.7, 0.1], [-0.4, 0.6, 0.8]]))];
    fn linear<'t>(tape: &'t Tape<f64>, p: &[Var<'t, f64>], transposes: bool) -> Var<'t, f64> {
        tape.custom(Linear { transposes }, p)
    }
    gradcheck(&parameters, |p| linear(p[0].tape(), p, true)).assert();
    gradgradcheck(&parameters, |p| linear(p[0].tape(), p, true)).assert();
    let report = gradcheck(&parameters, |p| linear(p[0].tape(), p, false));
    assert_eq!(report.parameter("a").unwrap().verdict(), Verdict::Agrees, "{report}");
    // The diagonal terms of x agree by neither mode; every element of x is wrong.
    assert_eq!(report.parameter("x").unwrap().differing, 6, "{report}");
}

#[test]
fn one_wrong_element_is_named_by_its_index() {
    let x = Tensor::from([[0.4, -0.7, 0.9], [1.1, 0.6, -0.5]]);
    let report = gradcheck(&[("x", x)], |p| p[0].tape().try_numeric(Cubes { wrong_at: Some(5) }, p).unwrap());
    assert_eq!((report.parameters[0].agreeing, report.parameters[0].differing), (5, 1), "{report}");
    let wrong = report.differences()[0];
    assert_eq!((&wrong.place, wrong.against), (&Place::Element(vec![1, 2]), Against::Differences));
    assert!((wrong.analytic / wrong.numeric - 1.01).abs() < 1e-8, "{report}");
    assert!((wrong.relative_error - 0.01 / 2.01).abs() < 1e-8, "{report}");
    // Forward mode goes by the same rule, so that it is differences which tell.
    assert!(report.notes.is_empty(), "{report}");
}

#[test]
fn a_numeric_rule_has_no_second_order_and_the_check_says_so() {
    let report = gradgradcheck(&[("x", t([0.4]))], |p| p[0].tape().try_numeric(Cubes { wrong_at: None }, p).unwrap());
    let error = report.into_result().unwrap_err();
    assert!(error.is_not_differentiable(), "{error}");
    assert!(error.to_string().contains("cubes"), "{error}");
}

#[test]
fn a_second_derivative_that_alone_is_wrong_is_found_by_gradgradcheck_alone() {
    for x in [Tensor::scalar(0.5), t([0.5, -0.3])] {
        let parameters = [("x", x)];
        gradcheck(&parameters, |p| p[0].apply(WrongSecond)).assert();
        let report = gradgradcheck(&parameters, |p| p[0].apply(WrongSecond));
        assert_eq!(report.parameter("x").unwrap().verdict(), Verdict::Differs, "{report}");
        assert_eq!(report.parameter("(upstream)").unwrap().verdict(), Verdict::Agrees, "{report}");
        assert!(message(report).starts_with("gradgradcheck: x, index ["));
    }
}

#[test]
fn a_kink_at_the_point_is_inconclusive_and_one_beside_it_is_decided() {
    type Function = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;
    let cases: [(&str, f64, Function); 12] = [
        ("relu", 0.0, |p| p[0].relu() * 3.0),
        ("abs", 0.0, |p| p[0].abs() * 3.0),
        ("clamp", 0.5, |p| p[0].clamp(-0.5, 0.5).square()),
        ("clamp", -0.5, |p| p[0].clamp(-0.5, 0.5).square()),
        ("hard_tanh", 1.0, |p| p[0].hard_tanh()),
        ("floor", 2.0, |p| p[0].floor() + p[0].square()),
        ("sign", 0.0, |p| p[0].sign() * p[0]),
        ("maximum", 0.25, |p| p[0].maximum(0.25)),
        ("minimum", 0.25, |p| p[0].minimum(0.25)),
        ("greater", 0.25, |p| p[0].greater(0.25).select(p[0] * 2.0, p[0])),
        ("comparison", 0.25, |p| if p[0] > 0.25 { p[0] * 2.0 } else { p[0] }),
        ("leaky_relu", 0.0, |p| p[0].leaky_relu(0.1)),
    ];
    for (op, kink, f) in cases {
        for tensor in [false, true] {
            let at = |x: f64| ("x", if tensor && op != "comparison" { t([x]) } else { Tensor::scalar(x) });
            let report = gradcheck(&[at(kink)], f);
            assert_eq!(report.verdict(), Verdict::Inconclusive, "{op} at {kink}: {report}");
            let found = message(report);
            assert!(found.contains("inconclusive, the point is at a kink of"), "{found}");
            // A select of scalars is control flow, recorded as a comparison.
            let named =
                found.contains(op) || (op == "greater" && !tensor && found.contains("a comparison of variables"));
            assert!(named, "{op}: {found}");
            for beside in [-1e-7, 1e-7, -1e-4, 1e-4] {
                let report = gradcheck(&[at(kink + beside)], f);
                assert!(report.passed(), "{op} at {kink} + {beside:e}: {report}");
            }
        }
    }
}

#[test]
fn a_wrong_rule_is_still_wrong_beside_a_kink() {
    let report = gradcheck(&[("x", t([1e-7, 0.0, -1e-7]))], |p| p[0].relu() * p[0].apply(Sine { factor: 2.0 }).exp());
    // d relu(x) exp(sin x) = exp(sin x) + x cos(x) exp(sin x) above 0: the wrong factor is worth 1e-7 there, so it agrees.
    assert_eq!((report.parameters[0].agreeing, report.parameters[0].inconclusive), (2, 1), "{report}");
    let report = gradcheck(&[("x", t([1e-7, 0.0, -1e-7]))], |p| p[0].relu() + p[0].apply(Sine { factor: 2.0 }));
    assert_eq!((report.parameters[0].differing, report.parameters[0].inconclusive), (2, 1), "{report}");
}

#[test]
fn ties_of_extremes_are_inconclusive_and_near_ties_are_decided() {
    let parameters = |gap: f64| [("x", Tensor::from([[1.0, 1.0 + gap, 0.2], [0.1, 0.5, 0.3]]))];
    for gap in [1e-7, -1e-7, 0.1] {
        gradcheck(&parameters(gap), |p| p[0].max(1)).assert();
        gradcheck(&parameters(gap), |p| (-p[0]).min(())).assert();
    }
    let report = gradcheck(&parameters(0.0), |p| p[0].max(1));
    assert_eq!((report.parameters[0].inconclusive, report.parameters[0].agreeing), (2, 4), "{report}");
    assert!(report.to_string().contains("kink of max ("), "{report}");
    let places: Vec<_> = report.parameters[0].findings.iter().map(|finding| finding.place.clone()).collect();
    assert_eq!(places, [Place::Element(vec![0, 0]), Place::Element(vec![0, 1])]);
    // One number twice is no tie that a step could break.
    gradcheck(&[("x", t([0.7]))], |p| Var::concat(&[p[0], p[0]], 0).max(())).assert();
    // The norm at the origin, and a position that depends on values.
    assert_eq!(gradcheck(&[("x", t([0.0, 0.0]))], |p| p[0].norm2(())).verdict(), Verdict::Inconclusive);
    let pick = gradcheck(&[("x", t([0.5, 0.5]))], |p| p[0].gather(0, &p[0].argmax(0)).square());
    assert_eq!(pick.verdict(), Verdict::Inconclusive, "{pick}");
    assert!(pick.to_string().contains("kink of gather ("), "{pick}");
    gradcheck(&[("x", t([0.5, 0.5 + 1e-7]))], |p| p[0].gather(0, &p[0].argmax(0)).square()).assert();
}

/// max(x, 0) by a user who does not say where its pieces end, with this derivative at 0.
#[derive(Clone, Copy, Debug)]
struct Ramp {
    at_zero: f64,
}
impl Unary for Ramp {
    const NAME: &'static str = "ramp";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3];
    fn value<F: Float>(self, x: F) -> F {
        if x > F::lit(0.0) { x } else { F::lit(0.0) }
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (x.greater(S::lit(0.0)) + x.equal(S::lit(0.0)) * S::lit(self.at_zero))
    }
}

#[test]
fn a_corner_that_no_op_declares_is_inconclusive_only_for_slopes_between_its_sides() {
    let check = |at_zero: f64| gradcheck(&[("x", Tensor::scalar(0.0))], |p| p[0].apply(Ramp { at_zero }));
    for at_zero in [0.0, 1.0, 0.3] {
        let report = check(at_zero);
        assert_eq!(report.verdict(), Verdict::Inconclusive, "{report}");
        assert!(
            report.to_string().contains("at a corner: slope 0.00000 on the left, 1.00000 on the right"),
            "{report}"
        );
    }
    assert_eq!(check(1.5).verdict(), Verdict::Differs);
    assert_eq!(check(-0.5).verdict(), Verdict::Differs);
    assert_eq!(check(f64::NAN).verdict(), Verdict::Differs);
}

/// |x| with its kink declared, which the check must ask for through the user's op.
#[derive(Clone, Copy, Debug)]
struct Fold;
impl Unary for Fold {
    const NAME: &'static str = "fold";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3];
    fn value<F: Float>(self, x: F) -> F {
        x.abs()
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (x.greater(S::lit(0.0)) * S::lit(2.0) - S::lit(1.0))
    }
    fn piece(self, x: f64) -> i64 {
        (x > 0.0) as i64
    }
}
/// The larger by a user, likewise.
#[derive(Clone, Copy, Debug)]
struct Larger;
impl Binary for Larger {
    const NAME: &'static str = "larger";
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X.and(Saves::Y)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, 0.4)];
    fn value<F: Float>(self, x: F, y: F) -> F {
        if x > y { x } else { y }
    }
    fn vjp_x<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * x.greater(y)
    }
    fn vjp_y<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * x.less_equal(y)
    }
    fn piece(self, x: f64, y: f64) -> i64 {
        (x > y) as i64
    }
}

#[test]
fn the_pieces_of_users_ops_are_compared() {
    for x in [Tensor::scalar(0.0), t([0.0])] {
        let report = gradcheck(&[("x", x)], |p| p[0].apply(Fold));
        assert!(report.to_string().contains("kink of fold (tests/checking/gradcheck.rs:"), "{report}");
    }
    gradcheck(&[("x", t([1e-7]))], |p| p[0].apply(Fold)).assert();
    for x in [Tensor::scalar(0.5), t([0.5, 0.5])] {
        let report = gradcheck(&[("x", x.clone()), ("y", Tensor::scalar(0.5))], |p| p[0].apply2(Larger, p[1]));
        assert_eq!(report.parameter("x").unwrap().verdict(), Verdict::Inconclusive, "{report}");
        assert!(report.to_string().contains("kink of larger"), "{report}");
        gradcheck(&[("x", x), ("y", Tensor::scalar(0.5 + 1e-7))], |p| p[0].apply2(Larger, p[1])).assert();
    }
}

#[test]
fn infinite_slopes_and_one_sided_domains_are_inconclusive() {
    let root = gradcheck(&[("x", Tensor::scalar(0.0))], |p| p[0].sqrt());
    assert_eq!(root.verdict(), Verdict::Inconclusive, "{root}");
    assert!(root.to_string().contains("not finite beside the point"), "{root}");
    let cube = gradcheck(&[("x", Tensor::scalar(0.0))], |p| p[0].cbrt());
    assert_eq!(cube.verdict(), Verdict::Inconclusive, "{cube}");
    // Close to the edge of the domain the step shrinks until both ends are inside.
    gradcheck(&[("x", Tensor::scalar(1e-9))], |p| p[0].ln() + p[0].sqrt()).assert();
}

#[test]
fn checks_that_would_mean_nothing_are_refused() {
    let none = gradcheck(&[], |_| Var::constant(1.0)).into_result().unwrap_err();
    assert!(none.is_argument() && none.to_string().contains("no parameters"), "{none}");
    for (check, why) in [
        (Gradcheck::new().fast(0), "fast(0) checks no direction"),
        (Gradcheck::new().max_elements(0), "max_elements(0) checks no element"),
    ] {
        for report in [
            check.gradcheck(&[("x", t([1.0]))], |p| p[0].exp()),
            check.gradgradcheck(&[("x", t([1.0]))], |p| p[0].exp()),
        ] {
            let error = report.into_result().unwrap_err();
            assert!(error.is_argument() && error.to_string().contains(why), "{error}");
        }
    }
    let report = gradcheck(&[("x", Tensor::scalar(-1.0))], |p| p[0].ln());
    assert!(!report.passed());
    let error = report.into_result().unwrap_err();
    assert!(error.is_not_finite() && error.to_string().contains("ln"), "{error}");
    let count = std::cell::Cell::new(0.0);
    let report = gradcheck(&[("x", Tensor::scalar(1.0))], |p| {
        count.set(count.get() + 1.0);
        p[0] * count.get()
    });
    let error = report.into_result().unwrap_err();
    assert!(error.is_check(), "{error}");
    let expected = "gradcheck: the function is not deterministic: it gave 1, then 2 at the same point";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn rounding_that_hides_the_derivative_is_inconclusive_not_wrong() {
    // 1e9 swamps x: values are known to 1e-7 and the slope to 1e-5.
    let report = gradcheck(&[("x", Tensor::scalar(0.5))], |p| p[0].sin() * 1e-3 + 1e9);
    assert_eq!(report.verdict(), Verdict::Inconclusive, "{report}");
    // The same as one element of several, whose gradients are much larger: no doubt is left at their scale.
    gradcheck(&[("x", t([0.5, 0.5]))], |p| (p[0].sin() * p[0].tape().data([1e-3, 1e9])).sum(())).assert();
}

fn mixed<'t, T: Element>(p: &[Var<'t, T>]) -> Var<'t, T> {
    (p[0].matmul(p[1]) + Var::lit(0.25)).tanh() * p[2].exp()
}

#[test]
fn single_precision_passes_alone_and_against_double() {
    let parameters = [
        ("x", Tensor::from([[0.5f32, -0.3], [0.2, 0.9]])),
        ("w", Tensor::from([[1.5f32, 0.7], [-0.4, 0.6]])),
        ("s", Tensor::scalar(0.4f32)),
    ];
    Gradcheck::<f32>::of().gradcheck(&parameters, mixed).assert();
    Gradcheck::<f32>::of().fast(2).gradcheck(&parameters, mixed).assert();
    Gradcheck::<f32>::of().gradgradcheck(&parameters, mixed).assert();
    Gradcheck::<f32>::of().tolerance(1e-5).gradcheck_against(&parameters, mixed, mixed).assert();
    let wrong = Gradcheck::<f32>::of().gradcheck(&parameters, |p| p[0].apply(Sine { factor: 1.1 }));
    assert_eq!(wrong.parameter("x").unwrap().differing, 4, "{wrong}");
    assert!(message(wrong).contains(", f32)"));
    let other = Gradcheck::<f32>::of().gradcheck_against(&parameters, mixed, |p| p[0] * 2.0);
    assert!(other.into_result().unwrap_err().to_string().contains("its reference"));
}

#[test]
fn max_elements_checks_that_many_and_the_seed_chooses_which() {
    let x = Tensor::linspace(-1.0, 1.0, 40);
    let check = |seed: u64| {
        let options = Gradcheck::new().max_elements(10).seed(seed);
        let report = options.gradcheck(&[("x", x.clone())], |p| p[0].apply(Sine { factor: 2.0 }));
        let places: Vec<_> = report.parameters[0].findings.iter().map(|f| f.place.clone()).collect();
        (report.parameters[0].checked, places)
    };
    assert_eq!(check(1).0, 10);
    assert_eq!(check(1), check(1));
    assert_ne!(check(1).1, check(2).1);
}

#[test]
fn a_long_failure_is_cut_short_and_counted() {
    let report = gradcheck(&[("x", Tensor::linspace(0.1, 1.0, 30))], |p| p[0].apply(Sine { factor: 2.0 }));
    let found = message(report);
    assert_eq!(found.lines().filter(|line| line.starts_with("gradcheck: x, index [")).count(), 8);
    assert!(found.contains("... and 22 more"), "{found}");
    assert!(found.contains("x [30] differs: of 30 elements 0 agree, 30 differ"), "{found}");
}

#[test]
fn a_small_relu_network_passes_whole() {
    let weights =
        |m: usize, n: usize, k: f64| Tensor::from_fn([m, n], |i| ((i[0] * n + i[1]) as f64 * k + 0.3).sin() * 0.5);
    let parameters = [
        ("w1", weights(4, 6, 0.7)),
        ("b1", Tensor::full([6], 0.01)),
        ("w2", weights(6, 3, 1.3)),
        ("b2", t([0.0, 0.1, -0.1])),
    ];
    gradcheck(&parameters, |p| {
        let tape = p[0].tape();
        let x = tape.data(Tensor::from_fn([5, 4], |i| ((i[0] * 4 + i[1]) as f64 * 0.9).cos()));
        (x.matmul(p[0]) + p[1]).relu().matmul(p[2]).try_add(p[3]).unwrap().cross_entropy(&[0, 1, 2, 1, 0])
    })
    .assert();
}

#[test]
fn a_gradient_that_forward_mode_contradicts_is_found() {
    // A hook changes the gradient of reverse mode alone; recorded sweeps and forward mode do not see it.
    let report = gradcheck(&[("x", t([0.4, 0.9])), ("y", t([0.1, 0.2]))], |p| {
        p[0].exp().on_gradient(|g| Some(g.map(|g| 2.0 * g))) * p[1]
    });
    assert_eq!(report.parameter("y").unwrap().verdict(), Verdict::Agrees, "{report}");
    let x = report.parameter("x").unwrap();
    assert_eq!(x.differing, 2, "{report}");
    assert_eq!(x.findings.iter().filter(|finding| finding.against == Against::ForwardMode).count(), 2, "{report}");
    assert!(report.to_string().contains("index [0]: reverse "), "{report}");
}

#[test]
fn second_derivatives_at_kinks_are_inconclusive_and_beside_them_decided() {
    let parameters = [("x", t([0.0, 1e-7, -1e-7, 0.5]))];
    let report = gradgradcheck(&parameters, |p| p[0].relu().square() + p[0].abs() * p[0]);
    let x = report.parameter("x").unwrap();
    assert_eq!((x.agreeing, x.inconclusive, x.differing), (3, 1, 0), "{report}");
}

#[test]
fn a_piece_that_ends_without_a_kink_is_decided() {
    let parameters = [("x", t([0.0])), ("y", Tensor::scalar(0.0))];
    gradcheck(&parameters, |p| p[0].relu().square() + p[1] * p[1].abs()).assert();
    // The tie of the maximum does not reach the output.
    gradcheck(&parameters, |p| p[0].maximum(p[1]).greater(5.0).select(0.0, p[0].exp()) * p[1].exp()).assert();
    let wrong = gradcheck(&parameters, |p| p[0].relu().square() + p[1].abs() * p[1] + p[0].apply(Sine { factor: 2.0 }));
    assert_eq!(wrong.parameter("x").unwrap().verdict(), Verdict::Inconclusive, "{wrong}");
}
