//! L-BFGS through the public API; tests/reference.rs has the Moré-Garbow-Hillstrom problems.

use retrograd::nn::{Dense, Draw, Model, ParamGrads, Params, Role, Sequential};
use retrograd::optim::{Lbfgs, LbfgsReport, LbfgsState, Termination};
use retrograd::{Error, Program, Tape, Tensor, Var, value_and_grad_slice};
use std::cell::Cell;

fn rosenbrock<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    ((x[1] - x[0] * x[0]) * 10.0).square() + (1.0 - x[0]).square()
}

fn beale<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    let term = |c: f64, n: i32| (x[0] * (x[1].powi(n) - 1.0) + c).square();
    term(1.5, 1) + term(2.25, 2) + term(2.625, 3)
}

fn powell<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    (x[0] + x[1] * 10.0).square()
        + (x[2] - x[3]).square() * 5.0
        + (x[1] - x[2] * 2.0).powi(4)
        + (x[0] - x[3]).powi(4) * 10.0
}

type Function = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;

fn run(lbfgs: &mut Lbfgs, f: Function, x: &mut [f64]) -> LbfgsReport {
    lbfgs.minimize_with(x, |x| Ok(value_and_grad_slice(f, x))).unwrap()
}

/// torch 2.15.0: torch.optim.LBFGS(max_iter, history_size, line_search_fn="strong_wolfe"), one call of step: the iterations
/// and evaluations it counts, and the point.
#[test]
fn the_path_is_pytorchs() {
    let (r, b, p): (Function, Function, Function) = (rosenbrock, beale, powell);
    let (r0, b0, p0): (&[f64], &[f64], &[f64]) = (&[-1.2, 1.0], &[1.0, 1.0], &[3.0, -1.0, 0.0, 1.0]);
    let cases: &[(Function, &[f64], u64, usize, u64, u64, &[f64])] = &[
        (r, r0, 3, 100, 1, 3, &[-1.0245319303460325, 1.0716196202669255]),
        (r, r0, 8, 100, 8, 10, &[-0.8802131649658729, 0.7274772060719966]),
        (r, r0, 20, 100, 19, 25, &[0.3806226433465448, 0.12491013187297662]),
        (r, r0, 12, 2, 12, 16, &[-0.33756475832028965, 0.06662912698078612]),
        (r, r0, 100, 100, 35, 43, &[0.9999814210791363, 0.9999619651810987]),
        (b, b0, 3, 100, 2, 3, &[1.2460995237313188, -0.09948305739014583]),
        (b, b0, 8, 100, 8, 9, &[2.6574394130613403, 0.41975812707951593]),
        (b, b0, 20, 100, 15, 15, &[2.9999844042425106, 0.4999959151586195]),
        (b, b0, 12, 2, 11, 15, &[2.9780706407152064, 0.49376555141049483]),
        (p, p0, 3, 100, 2, 3, &[2.479586899756267, -0.5714219817479531, 0.023366196204829194, 1.5191641792614174]),
        (p, p0, 8, 100, 8, 10, &[0.4680436756845757, -0.05376093299147399, 0.30034240660893247, 0.3370814598979385]),
        (p, p0, 12, 2, 12, 13, &[0.29500545757055363, -0.02394448382962316, 0.19444077690025016, 0.24112295644171294]),
        (
            p,
            p0,
            100,
            100,
            34,
            35,
            &[-7.524772839247088e-05, 7.443170952722779e-06, -0.002152736534684327, -0.002153685231098215],
        ),
    ];
    for (i, &(f, start, max_iter, history, iterations, evaluations, want)) in cases.iter().enumerate() {
        let mut x = start.to_vec();
        let report = run(&mut Lbfgs::new().max_iter(max_iter).history_size(history), f, &mut x);
        assert_eq!((report.iterations, report.evaluations), (iterations, evaluations), "case {i}: {report}");
        assert_eq!(x.len(), want.len(), "case {i}");
        for (x, want) in x.iter().zip(want) {
            assert!((x - want).abs() < 1e-8 * want.abs().max(1e-3), "case {i}: {x:e} instead of {want:e}");
        }
        assert_eq!(report.stop.is_converged(), max_iter == 100 || (max_iter == 20 && i == 7), "case {i}: {report}");
    }
    // Two calls of 5 iterations each, the second with what the first remembers.
    let (mut lbfgs, mut x) = (Lbfgs::new().max_iter(5), vec![-1.2, 1.0]);
    run(&mut lbfgs, rosenbrock, &mut x);
    run(&mut lbfgs, rosenbrock, &mut x);
    assert_eq!((lbfgs.state().iterations, lbfgs.state().evaluations), (9, 12));
    assert!((x[0] + 0.774579735451584).abs() < 1e-10 && (x[1] - 0.5476256792320818).abs() < 1e-10, "{x:?}");
}

#[test]
fn a_recorded_function_of_a_tensor_is_minimised() {
    let a = [[3.0, 1.0], [1.0, 2.0]];
    let mut lbfgs = Lbfgs::new().max_iter(50);
    // x' A x / 2 - b' x has its minimum where A x = b.
    let found = lbfgs
        .minimize(Tensor::from([[5.0], [-7.0]]), |x| {
            let ax = Var::constant(3.0) * x.slice((0, 0)) * x.slice((0, 0))
                + x.slice((0, 0)) * x.slice((1, 0)) * (2.0 * a[0][1])
                + x.slice((1, 0)).square() * a[1][1];
            ax * 0.5 - x.slice((0, 0)) * 5.0 - x.slice((1, 0)) * 5.0
        })
        .unwrap();
    assert_eq!(found.x.shape().dims(), [2, 1]);
    assert!((found.x[[0, 0]] - 1.0).abs() < 1e-7 && (found.x[[1, 0]] - 2.0).abs() < 1e-7, "{:?}", found.x);
    assert!(found.report.stop.is_converged());
    let error = Lbfgs::new().minimize([1.0, 2.0], |x| x.square()).unwrap_err();
    assert!(error.to_string().contains("scalar"), "{error}");
    let flat = Lbfgs::new().minimize([1.0, 2.0], |_| Var::constant(3.0)).unwrap();
    assert_eq!((flat.report.stop, flat.x.to_vec()), (Termination::Gradient, vec![1.0, 2.0]));
}

/// ln(x) - ... is not defined at the first long step: the search comes back instead of taking NaN for a point.
#[test]
fn a_step_to_where_the_function_is_not_defined_is_shortened() {
    let f = |x: &[f64]| -> Result<(f64, Vec<f64>), Error> { Ok((x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]])) };
    for start in [1e-3, 0.2, 30.0, 1e4] {
        let (mut x, mut lbfgs) = (vec![start], Lbfgs::new().lr(4.0).max_iter(100).max_iter(200));
        let report = lbfgs.minimize_with(&mut x, f).unwrap();
        assert!((x[0] - 1.0).abs() < 1e-4 && report.value.is_finite(), "from {start}: {x:?}, {report}");
    }
    let mut x = vec![-1.0];
    let report = Lbfgs::new().minimize_with(&mut x, f).unwrap();
    assert_eq!((report.stop, x[0]), (Termination::NotFinite, -1.0));
}

#[test]
fn it_says_why_it_stopped() {
    let stop = |mut lbfgs: Lbfgs| run(&mut lbfgs, rosenbrock, &mut [-1.2, 1.0]).stop;
    assert_eq!(stop(Lbfgs::new().max_iter(3)), Termination::Budget);
    assert_eq!(stop(Lbfgs::new().max_iter(300).max_eval(1)), Termination::Budget);
    assert_eq!(stop(Lbfgs::new().max_iter(300).tolerance_change(1e-3)), Termination::Change);
    assert_eq!(stop(Lbfgs::new().max_iter(300).tolerance_change(0.0).tolerance_grad(1e-6)), Termination::Gradient);
    // A gradient that points the wrong way: nothing is lower along it.
    let wrong = |x: &[f64]| Ok((x[0] * x[0], vec![-2.0 * x[0]]));
    let (mut x, mut lbfgs) = (vec![1.0], Lbfgs::new().max_iter(300).tolerance_change(0.0));
    let report = lbfgs.minimize_with(&mut x, wrong).unwrap();
    assert_eq!((report.stop, x[0]), (Termination::LineSearch, 1.0), "{report}");
    let text = report.to_string();
    assert!(text.contains("no lower point") && text.contains("evaluations"), "{text}");
}

#[test]
fn an_error_of_the_function_leaves_the_best_point() {
    let (mut calls, mut x) = (0, vec![-1.2, 1.0]);
    let result = Lbfgs::new().max_iter(50).minimize_with(&mut x, |x| {
        calls += 1;
        if calls == 9 { Err(Error::custom("disk: full")) } else { Ok(value_and_grad_slice(rosenbrock, x)) }
    });
    assert!(result.unwrap_err().to_string().contains("disk: full"));
    let value = |x: &[f64]| value_and_grad_slice(rosenbrock, x).0;
    assert!(value(&x) < value(&[-1.2, 1.0]), "{x:?}");
}

#[test]
fn settings_and_states_that_make_no_sense_are_named() {
    for (lbfgs, fault) in [
        (Lbfgs::new().lr(0.0), "lbfgs: lr"),
        (Lbfgs::new().max_iter(0), "max_iter must be 1 or more"),
        (Lbfgs::new().max_eval(0), "max_eval"),
        (Lbfgs::new().history_size(0), "history_size"),
        (Lbfgs::new().tolerance_grad(f64::NAN), "tolerance_grad"),
        (Lbfgs::new().tolerance_change(-1.0), "tolerance_change"),
    ] {
        let message = lbfgs.clone().minimize([1.0], |x| x.square().sum(())).unwrap_err().to_string();
        assert!(message.contains(fault), "{message}");
    }
    let mut lbfgs = Lbfgs::new();
    run(&mut lbfgs, rosenbrock, &mut [-1.2, 1.0]);
    let message = lbfgs.minimize([1.0, 2.0, 3.0], |x| x.square().sum(())).unwrap_err().to_string();
    assert!(message.contains("steps of 2 parameters, got 3"), "{message}");
    let mut state = lbfgs.state().clone();
    state.changes.pop_back();
    assert!(Lbfgs::new().set_state(state).unwrap_err().is_shape());
    let mut state = lbfgs.state().clone();
    state.steps[0][1] = f64::NAN;
    assert!(Lbfgs::new().set_state(state).unwrap_err().is_not_finite());
}

/// Calls of 4 iterations; in the other run, everything goes through a file between them.
#[test]
fn a_run_cut_in_parts_and_saved_between_them_is_the_same_bit_for_bit() {
    let (mut straight, mut x) = (Lbfgs::new().max_iter(4), vec![3.0, -1.0, 0.0, 1.0]);
    let (mut saved, mut y) = ((straight.config().to_string(), String::from("null")), x.clone());
    for _ in 0..6 {
        run(&mut straight, powell, &mut x);
        let mut resumed = Lbfgs::from_config(&serde_json::from_str(&saved.0).unwrap()).unwrap();
        let state: Option<LbfgsState> = serde_json::from_str(&saved.1).unwrap();
        resumed.set_state(state.unwrap_or_default()).unwrap();
        run(&mut resumed, powell, &mut y);
        assert_eq!((&x, straight.state()), (&y, resumed.state()));
        saved = (resumed.config().to_string(), serde_json::to_string(resumed.state()).unwrap());
    }
    assert!(Lbfgs::from_config(&serde_json::json!({ "max_itr": 3 })).unwrap_err().to_string().contains("max_itr"));
}

/// XOR to an error that first-order rules need thousands of steps for, in either precision; what is frozen stays.
#[test]
fn a_model_is_trained_on_its_whole_set() {
    fn train<T: retrograd::Element>() -> (f64, LbfgsReport) {
        let tensor = |rows: [[f64; 2]; 4]| {
            Tensor::<T>::new([4, 2], rows.concat().iter().map(|&x| T::from_f64(x)).collect()).unwrap()
        };
        let x = tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
        let y = tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        let mut model =
            Model::<T>::new(Sequential::new().with(Dense::new(6)).with(Square).with(Dense::new(2)), 2, 1).unwrap();
        model.params_mut().freeze("dense2.bias").unwrap();
        let frozen = model.params().find("dense2.bias").unwrap();
        let before = model.params()[frozen].to_vec();
        let mut tape = Tape::of();
        let report = Lbfgs::new()
            .max_iter(300)
            .minimize_model(&mut model, |model| {
                model.step(&mut tape, Draw::default(), |model, pass| {
                    Ok((model.forward(pass.tape().data(&x), pass) - pass.tape().data(&y)).square().mean(()))
                })
            })
            .unwrap();
        assert!(before == model.params()[frozen].to_vec());
        let predicted = model.predict(&x).unwrap();
        assert_eq!(predicted.shape(), y.shape());
        let off = predicted.iter().zip(y.to_vec()).map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).sum();
        (off, report)
    }
    let (off, report) = train::<f64>();
    assert!(off < 1e-7 && report.stop.is_converged(), "{off}: {report}");
    let (off, report) = train::<f32>();
    assert!(off < 1e-5, "{off}: {report}");
}

struct Square;
impl<T: retrograd::Element> retrograd::nn::Layer<T> for Square {
    fn kind(&self) -> &'static str {
        "square"
    }
    fn forward<'t>(&self, x: Var<'t, T>, _: &retrograd::nn::Pass<'t, T>) -> Var<'t, T> {
        x.square()
    }
}

#[test]
fn parameters_without_a_model_are_minimised_too() {
    let mut params = Params::<f64>::new();
    let a = params.add("a", Role::Weight, Tensor::from([4.0, -3.0])).unwrap();
    let b = params.add("b", Role::Bias, Tensor::scalar(2.0)).unwrap();
    let unused = params.add("unused", Role::Weight, Tensor::from([7.0])).unwrap();
    let report = Lbfgs::new()
        .minimize_params(&mut params, |params| {
            let tape = Tape::new();
            let (x, y) = (tape.var(&params[a]), tape.var(&params[b]));
            let loss = (x - 1.0).square().sum(()) + (y * y - 3.0).square();
            let swept = loss.backward();
            let mut grads = ParamGrads::new();
            grads.insert(a, swept.wrt(x));
            grads.insert(b, swept.wrt(y));
            Ok((loss.item(), grads))
        })
        .unwrap();
    assert!(report.value < 1e-9, "{report}");
    assert!((params[b].item() - 3f64.sqrt()).abs() < 1e-5);
    assert_eq!(params[unused].to_vec(), [7.0]);
}

/// A function along the line and its slope; infinite where the function is not defined.
type Line<'a> = &'a dyn Fn(f64) -> (f64, f64);

/// The search of PyTorch 2.15 (`_strong_wolfe` and `_cubic_interpolate` of torch/optim/lbfgs.py, after minFunc), written again
/// from that text, for one parameter: the steps that it tries, in order, and the one that it takes.
fn pytorchs_search(line: Line, first: f64, direction: f64, tolerance: f64, most_trials: u64) -> (Vec<f64>, f64) {
    let cubic = |[x1, f1, g1]: [f64; 3], [x2, f2, g2]: [f64; 3], low: f64, high: f64| {
        let d1 = g1 + g2 - 3.0 * (f1 - f2) / (x1 - x2);
        let square = d1 * d1 - g1 * g2;
        // Not PyTorch's, which has no walls: the middle where nothing is known.
        if square.is_nan() || square < 0.0 {
            return (low + high) / 2.0;
        }
        let d2 = square.sqrt();
        let t = if x1 <= x2 {
            x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2.0 * d2))
        } else {
            x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2.0 * d2))
        };
        if t.is_nan() { (low + high) / 2.0 } else { t.max(low).min(high) }
    };
    let mut tried = Vec::new();
    let mut at = |t: f64| {
        tried.push(t);
        let (value, slope) = line(t);
        if value.is_finite() && slope.is_finite() { [t, value, slope] } else { [t, f64::INFINITY, slope] }
    };
    let (f, slope) = line(0.0);
    let start = [0.0, f, slope];
    let too_high = |[t, value, _]: [f64; 3]| value > f + 1e-4 * t * slope;
    let flat = |[_, _, now]: [f64; 3]| now.abs() <= -0.9 * slope;

    let (mut before, mut now, mut iterations) = (start, at(first), 0);
    let (mut bracket, mut done) = ([start, now], false);
    while iterations < most_trials {
        bracket = [before, now];
        if too_high(now) || (iterations > 1 && now[1] >= before[1]) {
            break;
        }
        if flat(now) {
            (bracket, done) = ([now, now], true);
            break;
        }
        if now[2] >= 0.0 {
            break;
        }
        let t = cubic(before, now, now[0] + 0.01 * (now[0] - before[0]), now[0] * 10.0);
        before = now;
        now = at(t);
        iterations += 1;
    }
    if iterations == most_trials {
        bracket = [start, now];
    }
    let order = |bracket: &[[f64; 3]; 2]| if bracket[0][1] <= bracket[1][1] { (0, 1) } else { (1, 0) };
    let (mut low, mut high) = order(&bracket);
    let mut slow = false;
    while !done && iterations < most_trials {
        let (left, right) = (bracket[0][0].min(bracket[1][0]), bracket[0][0].max(bracket[1][0]));
        if (right - left) * direction.abs() < tolerance {
            break;
        }
        let mut t = cubic(bracket[0], bracket[1], left, right);
        let margin = 0.1 * (right - left);
        if (right - t).min(t - left) < margin {
            if slow || t >= right || t <= left {
                t = if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin };
                slow = false;
            } else {
                slow = true;
            }
        } else {
            slow = false;
        }
        let now = at(t);
        iterations += 1;
        if too_high(now) || now[1] >= bracket[low][1] {
            bracket[high] = now;
            (low, high) = order(&bracket);
        } else {
            if flat(now) {
                done = true;
            } else if now[2] * (bracket[high][0] - bracket[low][0]) >= 0.0 {
                bracket[high] = bracket[low];
            }
            bracket[low] = now;
        }
    }
    let taken = bracket[low][0];
    (tried, taken)
}

/// Numbers from 0 to 1, by splitmix64.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Functions with corners, sharp bends, hollows, walls and flat parts, long and short first steps, and few or many trials.
#[test]
fn the_line_search_tries_what_pytorchs_tries() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..600 {
        let mut u = numbers(seed);
        // Bends of |x - at| rounded by `soft`, some of them upside down; every fourth has real corners at whole numbers.
        let corners = seed % 4 == 0;
        let mut bend = |k: usize| {
            let at = if corners { (8.0 * u()).floor() } else { 10.0 * u() - 2.0 };
            let weight = if k == 0 { 1.5 + 3.0 * u() } else { 3.0 * u() - 1.0 };
            (at, if corners { weight.round() } else { weight }, if corners { 0.0 } else { 10f64.powf(-8.0 * u()) })
        };
        let mut bends: Vec<_> = (0..1 + seed as usize % 3).map(&mut bend).collect();
        if seed % 8 == 0 {
            // Slopes of 10 and 9: nine tenths exactly.
            bends = vec![(3.0, 9.5, 0.0), (5.0 + (seed % 3) as f64, 0.5, 0.0)];
        }
        let wall = if seed % 7 == 0 { 4.0 + 30.0 * u() } else { f64::INFINITY };
        let tilt = if corners { 0.0 } else { u() - 0.5 };
        let f = |x: f64| {
            let (mut value, mut slope) = (tilt * x, tilt);
            for &(at, weight, soft) in &bends {
                let root = ((x - at) * (x - at) + soft).sqrt();
                value += weight * root;
                slope += if root == 0.0 { 0.0 } else { weight * (x - at) / root };
            }
            // Every fifth is a staircase, whose values are equal here and there.
            let value = if seed % 5 == 1 { (2.0 * value).floor() / 2.0 } else { value };
            if x.abs() < wall { (value, slope) } else { (f64::NAN, f64::NAN) }
        };
        for lr in [1e-3, 0.5, 1.0, 3.0, 40.0] {
            for budget in [2, 3, 4, 7, 26] {
                let (_, gradient) = f(0.0);
                if gradient == 0.0 {
                    continue;
                }
                let line = |t: f64| {
                    let (value, slope) = f(t * -gradient);
                    (value, slope * -gradient)
                };
                let first = (1.0 / gradient.abs()).min(1.0) * lr;
                let (tried, taken) = pytorchs_search(&line, first, gradient, 1e-7, budget - 1);
                let mut seen = Vec::new();
                let mut x = [0.0];
                let mut lbfgs = Lbfgs::new().lr(lr).max_iter(1).max_eval(budget).tolerance_change(1e-7);
                lbfgs
                    .minimize_with(&mut x, |x| {
                        seen.push(x[0]);
                        Ok((f(x[0]).0, vec![f(x[0]).1]))
                    })
                    .unwrap();
                let wanted: Vec<f64> = [0.0].into_iter().chain(tried.iter().map(|t| t * -gradient)).collect();
                assert_eq!(seen, wanted, "function {seed}, lr {lr}, {budget} evaluations");
                assert_eq!(x[0], taken * -gradient, "function {seed}, lr {lr}, {budget} evaluations");
                lengths.insert(tried.len());
            }
        }
    }
    assert!(lengths.len() >= 15, "searches of many lengths: {lengths:?}");
}

/// The values and gradients of a script, one after the other, whatever the point.
fn scripted(answers: &[(f64, [f64; 2])]) -> impl FnMut(&[f64]) -> Result<(f64, Vec<f64>), Error> {
    let mut answers = answers.iter().copied();
    move |_| answers.next().map(|(value, gradient)| (value, gradient.to_vec())).ok_or(Error::custom("no more answers"))
}

/// From gradient [a, 0] a step of [-a, 0] leads to [a - b, m]: the curvature is a b, kept above 1e-10, or above 1e-8 times the
/// length of the step a times that of the change, sqrt(b^2 + m^2).
#[test]
fn steps_of_clear_curvature_are_remembered() {
    let tiny = 2f64.powi(-17);
    for (a, b, m, kept) in [
        (1e-4, 1e-4, 1e5, true),
        (1e-6, 1e-6, 1.0, true),
        (1e-6, 1e-6, 1e3, false),
        (1e-6, 1e-6, 95.2, true),
        (1e-6, 1e-6, 105.0, false),
        // 1e-10 itself is not above it.
        (tiny, 1e-10 / tiny, 1e5, false),
        (tiny, 1.1e-10 / tiny, 1e5, true),
    ] {
        let mut lbfgs = Lbfgs::new().max_iter(1).tolerance_change(0.0).tolerance_grad(0.0);
        let answers = [(10.0, [a, 0.0]), (9.0, [a - b, m])];
        let report = lbfgs.minimize_with(&mut [1.0, 1.0], scripted(&answers)).unwrap();
        assert_eq!((report.iterations, report.evaluations), (1, 2));
        assert_eq!(lbfgs.state().steps.len(), usize::from(kept), "a = {a}, b = {b}, m = {m}");
        assert_eq!(lbfgs.state().changes.len(), usize::from(kept), "a = {a}, b = {b}, m = {m}");
    }
}

/// The first step of all has length min(1, 1 / the sum of the gradient's sizes) times the rate, later ones the rate.
#[test]
fn the_first_step_is_short() {
    for (gradient, lr, step) in [
        ([3.0, -1.0], 1.0, [-0.75, 0.25]),
        ([3.0, -1.0], 0.5, [-0.375, 0.125]),
        ([0.25, -0.5], 1.0, [-0.25, 0.5]),
        ([0.25, -0.5], 0.5, [-0.125, 0.25]),
    ] {
        let mut x = [0.0, 0.0];
        let answers = [(10.0, gradient), (1.0, [0.0, 0.0])];
        Lbfgs::new().lr(lr).minimize_with(&mut x, scripted(&answers)).unwrap();
        assert_eq!(x, step, "gradient {gradient:?}, rate {lr}");
    }
}

/// One step of 1 from gradient 1: what its end means, at and beside each tolerance.
#[test]
fn each_tolerance_ends_a_call_where_it_says() {
    let after = |lbfgs: &Lbfgs, answers: &[(f64, [f64; 2])]| {
        let report = lbfgs.clone().minimize_with(&mut [0.0, 0.0], scripted(answers)).unwrap();
        (report.stop, report.iterations, report.evaluations)
    };
    let calm = Lbfgs::new().tolerance_change(0.25).tolerance_grad(0.0);
    let start = (100.0, [1.0, 0.0]);
    let on = [start, (99.0, [0.5, 0.0]), (98.0, [0.0, 0.0])];
    assert_eq!(after(&calm, &on), (Termination::Gradient, 2, 3), "the value fell by 1, the step was 1");
    let still = [start, (99.875, [0.5, 0.0])];
    assert_eq!(after(&calm, &still), (Termination::Change, 1, 2), "the value fell by less than the tolerance");
    let edge = [start, (99.75, [0.5, 0.0]), (98.0, [0.0, 0.0])];
    assert_eq!(after(&calm, &edge), (Termination::Gradient, 2, 3), "the value fell by the tolerance, not by less");
    // Along a step as long as the tolerance nothing is left to be won; a slope of minus the tolerance is still followed.
    let long = Lbfgs::new().tolerance_change(1.0).tolerance_grad(0.0);
    assert_eq!(after(&long, &[start, (50.0, [0.5, 0.0])]), (Termination::Change, 1, 2));
    assert_eq!(after(&long, &[(100.0, [0.99, 0.0])]), (Termination::Change, 1, 1));
    // Where a call is at its end anyway, that is the reason.
    assert_eq!(after(&calm.clone().max_iter(1), &still), (Termination::Budget, 1, 2));
    assert_eq!(after(&calm.clone().max_eval(2), &still), (Termination::Budget, 1, 2));
    assert_eq!(after(&calm.clone().max_eval(3), &still), (Termination::Change, 1, 2));
    assert_eq!(after(&calm.clone().tolerance_grad(0.5), &still), (Termination::Gradient, 1, 2));
    assert_eq!(after(&calm.clone().tolerance_grad(1.0), &still), (Termination::Gradient, 0, 1));
    // Nothing changes by less than 0.
    let never = Lbfgs::new().tolerance_change(0.0);
    assert_eq!(
        after(&never, &[(1e20, [1.0, 0.0]), (1e20, [0.5, 0.0]), (9e19, [0.0; 2])]),
        (Termination::Gradient, 2, 3)
    );
}

/// A value on the bar itself is low enough: from 10 with slope -1, 11 at t = 1, and 10 - 1e-4 t between.
#[test]
fn a_step_that_keeps_just_its_promise_is_taken() {
    let mut evaluations = 0;
    let on_the_bar = |x: &[f64]| {
        evaluations += 1;
        let t = -x[0];
        let (value, gradient) = match t {
            0.0 => (10.0, 1.0),
            1.0 => (11.0, 1.0),
            _ => (10.0 - 1e-4 * t, 0.5),
        };
        Ok((value, vec![gradient]))
    };
    let report = Lbfgs::new().max_iter(1).max_eval(9).minimize_with(&mut [0.0], on_the_bar).unwrap();
    assert_eq!((report.evaluations, evaluations), (3, 3), "{report}");
    assert!(report.value < 10.0, "{report}");
}

/// PyTorch's, as documented.
#[test]
fn the_defaults_are_pytorchs() {
    let settings = Lbfgs::new().config();
    for (name, value) in
        [("lr", 1.0), ("max_iter", 20.0), ("tolerance_grad", 1e-7), ("tolerance_change", 1e-9), ("history_size", 100.0)]
    {
        assert_eq!(settings[name].as_f64(), Some(value), "{name}");
    }
    assert!(settings["max_eval"].is_null());
    let mut seen = 0;
    let falling = |x: &[f64]| {
        seen += 1;
        Ok((-x[0], vec![-1.0]))
    };
    let report = Lbfgs::new().tolerance_change(0.0).minimize_with(&mut [0.0], falling).unwrap();
    assert!(report.evaluations == seen && (25..=26).contains(&seen), "5/4 of 20 iterations: {report}");
}

/// 10 x - ln x, by a Cholesky decomposition that there is for x > 0 alone, from 3 with a first step past 0.
#[test]
fn a_trial_at_which_the_function_is_not_defined_was_too_long_a_step() {
    let refused = Cell::new(0);
    let found = Lbfgs::new()
        .lr(4.0)
        .max_iter(100)
        .try_minimize([3.0], |x| {
            let root = x.reshape([1, 1]).try_cholesky().inspect_err(|_| refused.set(refused.get() + 1))?;
            Ok(x.sum(()) * 10.0 - root.ln().sum(()) * 2.0)
        })
        .unwrap();
    assert!(refused.get() > 0, "no trial left the domain");
    assert!((found.x.as_slice()[0] - 0.1).abs() < 1e-6, "{found:?}");

    let mut inputs = [Tensor::from([3.0])];
    let build = Program::compile_gradient(&inputs, &[0], |v| {
        v[0].sum(()) * 10.0 - v[0].reshape([1, 1]).cholesky().ln().sum(()) * 2.0
    });
    let mut program = build.unwrap();
    let report = Lbfgs::new().lr(4.0).max_iter(100).minimize_program(&mut program, &mut inputs, &[0]).unwrap();
    assert!(report.stop.is_converged() && (inputs[0].as_slice()[0] - 0.1).abs() < 1e-6, "{report}");
    // At the start it is an error, and outputs that are no gradient are named.
    let error = Lbfgs::new().minimize_program(&mut program, &mut [Tensor::from([-3.0])], &[0]).unwrap_err();
    assert!(error.to_string().contains("not positive definite"), "{error}");
    let error = Lbfgs::new().minimize_program(&mut program, &mut inputs, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lbfgs: the program's outputs have shapes [], [1]; expected []: the value, and a gradient for each input that is moved"
    );
}
