//! Second derivatives where the first is a choice, or infinite: what the table of conventions says of them, by every route.

use super::conventions::{Scalar, same, slope_is};
use retrograd::{Dual, Number, Program, Tape, Tensor, Var, grad, hessian, hessian_slice, hvp, hvp_slice, jvp};

fn unselected<'t>(f: Scalar, x: Var<'t, f64>) -> Var<'t, f64> {
    x.tape().data(0.0).select(f(x), x.sum(()).square())
}

/// The derivative of what is chosen at such a point is not known: of |x|^2 it is 2, and no rule of |x| can say so.
#[test]
fn second_derivatives_where_the_first_is_a_choice_are_nan_by_every_route_and_never_a_silent_0() {
    let squares: [(&str, Scalar, [f64; 2]); 4] = [
        ("norm2", |x| x.norm2(()).square(), [0.0, 0.0]),
        ("std", |x| x.std((), 0).square(), [1.5, 1.5]),
        ("hypot", |x| x.at([0]).hypot(x.at([1])).square(), [0.0, 0.0]),
        ("a function of norm2", |x| (-x.norm2(()).square()).exp(), [0.0, 0.0]),
    ];
    for (name, f, at) in squares {
        let x = Tensor::from(at);
        let along = Tensor::from([1.0, 0.0]);
        let found = hvp(f, x.clone(), along.clone());
        assert!(found.as_slice()[0].is_nan(), "{name}, forward over reverse: {found}");
        assert!(hessian(f, &x).as_slice()[0].is_nan(), "{name}, reverse over reverse");
        let mut program = Program::compile(&[x.clone(), along.clone()], |v| {
            let tape = v[0].tape();
            let gradient = tape.grad(f(v[0]), &[v[0]])[0];
            vec![tape.try_record_jvp(gradient, &[(v[0], v[1])]).unwrap()]
        });
        let program = program.as_mut().unwrap();
        program.run(&[&x, &along]).unwrap();
        assert!(program.tensor(0).as_slice()[0].is_nan(), "{name}, program");
        // At other points the same program is right, and where nothing moves nothing is unknown.
        program.run(&[&Tensor::from([3.0, 4.0]), &along]).unwrap();
        assert!(program.tensor(0).iter().all(|x| x.is_finite()), "{name}, program elsewhere");
        program.run(&[&x, &Tensor::zeros([2])]).unwrap();
        assert_eq!(program.tensor(0).to_vec(), [0.0, 0.0], "{name}, without a direction");
        // The first derivative stays the choice that it is, forward as well.
        assert_eq!(grad(f, x.clone()).to_vec(), [0.0, 0.0], "{name}");
        assert_eq!(jvp(f, x.clone(), along.clone()).1.item(), 0.0, "{name}");
        // What is not selected has no derivatives of any order.
        assert_eq!(hessian(|x| unselected(f, x), &x).to_vec(), [2.0; 4], "{name}, not selected");
        assert_eq!(hvp(|x| unselected(f, x), x, along).to_vec(), [2.0; 2], "{name}, not selected");
    }
    let found = hvp_slice(|x| x[0].hypot(x[1]).square(), &[0.0, 0.0], &[1.0, 0.0]);
    assert!(found[0].is_nan(), "numbers, forward over reverse: {found:?}");
    assert!(hessian_slice(|x| x[0].hypot(x[1]).square(), &[0.0, 0.0]).as_slice()[0].is_nan());
    let angle = hvp_slice(|x| x[0].atan2(x[1]).square(), &[0.0, 0.0], &[0.0, 1.0]);
    assert!(angle.iter().any(|x| x.is_nan()), "{angle:?}");
    // The form that works.
    assert_eq!(hessian(|x| x.dot(x), Tensor::from([0.0, 0.0])).to_vec(), [2.0, 0.0, 0.0, 2.0]);
    assert_eq!(hvp(|x| x.dot(x), Tensor::from([0.0, 0.0]), Tensor::from([1.0, 0.0])).to_vec(), [2.0, 0.0]);
}

/// Directions along which what comes back to the elements of a length adds up to 0.
#[test]
fn second_derivatives_beside_a_choice_are_nan_along_directions_that_add_up_to_0() {
    let squares: [Scalar; 4] = [
        |x| x.norm2(()).square(),
        |x| x.reshape([1, 2]).norm2(1).square().sum(()),
        |x| x.at([0]).hypot(x.at([1])).square(),
        |x| x.slice(0..1).hypot(x.slice(1..2)).square().sum(()),
    ];
    for (k, f) in squares.into_iter().enumerate() {
        let (at, along) = (Tensor::from([0.0, 0.0]), Tensor::from([1.0, -1.0]));
        let tape = Tape::new();
        let (x, t) = (tape.var(&at), tape.data(&along));
        let slope = tape.grad(f(x), &[x])[0];
        let swept = (slope * t).sum(()).backward().wrt(x);
        assert!(swept.iter().all(|x| x.is_nan()), "{k}: {swept}");
        let mut program = Program::compile(&[at.clone(), along.clone()], |v| {
            let tape = v[0].tape();
            let slope = tape.grad(f(v[0]), &[v[0]])[0];
            vec![tape.grad((slope * v[1]).sum(()), &[v[0]])[0]]
        })
        .unwrap();
        program.run(&[&at, &along]).unwrap();
        assert!(program.output(0).iter().all(|x| x.is_nan()), "{k}, a program: {:?}", program.output(0));
    }
}

/// Second derivatives along `along`, by every order of sweeps and tangents, recorded or not; those that are vectors first.
fn second_derivatives<'t>(
    tape: &'t Tape<f64>,
    f: Scalar,
    x: Var<'t, f64>,
    along: Var<'t, f64>,
) -> Vec<(&'static str, Var<'t, f64>)> {
    let y = f(x);
    let slope = tape.grad(y, &[x])[0];
    let tangent = tape.try_record_jvp(y, &[(x, along)]).unwrap();
    vec![
        ("reverse over reverse", tape.grad((slope * along).sum(()), &[x])[0]),
        ("forward over reverse", tape.try_record_jvp(slope, &[(x, along)]).unwrap()),
        ("reverse over forward", tape.grad(tangent, &[x])[0]),
        ("forward over forward", tape.try_record_jvp(tangent, &[(x, along)]).unwrap()),
    ]
}

#[test]
fn second_derivatives_where_the_first_is_a_choice_are_nan_in_every_order_of_sweeps_and_tangents() {
    let functions: [(&str, Scalar, [f64; 2]); 11] = [
        ("norm2", |x| x.norm2(()), [0.0, 0.0]),
        ("norm2 squared", |x| x.norm2(()).square(), [0.0, 0.0]),
        ("norm2 times norm1", |x| x.norm2(()) * x.norm1(()), [0.0, 0.0]),
        ("norm2 of squares", |x| x.square().norm2(()), [0.0, 0.0]),
        ("norm2 of rows", |x| x.reshape([1, 2]).norm2(1).square().sum(()), [0.0, 0.0]),
        ("std", |x| x.std((), 0), [1.5, 1.5]),
        ("std squared", |x| x.std((), 0).square(), [1.5, 1.5]),
        ("hypot", |x| x.at([0]).hypot(x.at([1])), [0.0, 0.0]),
        ("hypot squared", |x| x.slice(0..1).hypot(x.slice(1..2)).square().sum(()), [0.0, 0.0]),
        ("hypot of squares", |x| x.at([0]).square().hypot(x.at([1]).square()), [0.0, 0.0]),
        ("atan2 squared", |x| x.at([0]).atan2(x.at([1])).square(), [0.0, 0.0]),
    ];
    for (name, f, at) in functions {
        let (at, along, still) = (Tensor::from(at), Tensor::from([1.0, 0.25]), Tensor::zeros([2]));
        let unknown = |route: &str, found: &Tensor<f64>| {
            assert!(found.iter().all(|x| x.is_nan()), "{name}, {route}: {found}");
        };
        let tape = Tape::new();
        let (x, t) = (tape.var(&at), tape.data(&along));
        for (route, found) in second_derivatives(&tape, f, x, t) {
            unknown(route, &found.value());
        }
        let full = hessian(f, &at);
        unknown("hessian, its diagonal", &Tensor::from([full[[0, 0]], full[[1, 1]]]));
        // Along one axis the slope by the other one is 0 all the way, where a length is that of squares.
        let mixed = full[[0, 1]] == 0.0 && full[[1, 0]] == 0.0 && name.ends_with("of squares");
        assert!(mixed || full.iter().all(|x| x.is_nan()), "{name}: {full}");
        unknown("hvp", &hvp(f, &at, &along));
        let tangent = tape.try_record_jvp(f(x), &[(x, t)]).unwrap();
        assert_eq!(tangent.item(), 0.0, "{name}: the first derivative is the choice");
        unknown("a recorded tangent, swept", &tangent.backward().wrt(x));
        unknown("a recorded tangent, forward", &tape.jvp(tangent, &[(x, along.clone().into())]).unwrap().into_tensor());
        let slope = tape.grad(f(x), &[x])[0];
        assert_eq!(slope.value().to_vec(), [0.0, 0.0], "{name}: the first derivative is the choice");
        // The derivative of the second is as unknown.
        let curvature = tape.grad((slope * t).sum(()), &[x])[0];
        unknown("third order", &tape.grad((curvature * t).sum(()), &[x])[0].value());

        let mut program = Program::compile(&[at.clone(), along.clone()], |v| {
            let tape = v[0].tape();
            let shown = [tape.grad(f(v[0]), &[v[0]])[0], tape.try_record_jvp(f(v[0]), &[(v[0], v[1])]).unwrap()];
            let second = second_derivatives(tape, f, v[0], v[1]).into_iter().map(|(_, found)| found);
            shown.into_iter().chain(second).collect()
        })
        .unwrap();
        program.run(&[&at, &along]).unwrap();
        assert!((0..2).all(|k| program.tensor(k).iter().all(|x| *x == 0.0)), "{name}, program: the choice");
        (2..6).for_each(|k| unknown(&format!("program, output {k}"), &program.tensor(k)));
        // At other points the program has what the tape has, and what stands still is known.
        let elsewhere = Tensor::from([3.0, 4.0]);
        program.run(&[&elsewhere, &along]).unwrap();
        let tape = Tape::new();
        for (k, (route, found)) in
            second_derivatives(&tape, f, tape.var(&elsewhere), tape.data(&along)).into_iter().enumerate()
        {
            let (found, expected) = (program.tensor(k + 2), found.value());
            let close = |(x, y): (&f64, &f64)| (x - y).abs() < 1e-12;
            assert!(found.iter().zip(expected.iter()).all(close), "{name}, {route} elsewhere: {found}, {expected}");
        }
        program.run(&[&at, &still]).unwrap();
        assert!([2, 3, 5].iter().all(|&k| program.tensor(k).iter().all(|x| *x == 0.0)), "{name}, where nothing moves");

        // What is not selected has no derivatives of any order, by any route.
        let tape = Tape::new();
        let (x, t) = (tape.var(&at), tape.data(&along));
        let hidden = |f: Scalar| second_derivatives(&tape, f, x, t);
        let square = hidden(|x| x.sum(()).square());
        let all = [tape.data(0.0).select(f(x), x.sum(()).square()), f(x) * 0.0 + x.sum(()).square()];
        for y in all {
            let slope = tape.grad(y, &[x])[0];
            let tangent = tape.try_record_jvp(y, &[(x, t)]).unwrap();
            let found = [
                tape.grad((slope * t).sum(()), &[x])[0],
                tape.try_record_jvp(slope, &[(x, t)]).unwrap(),
                tape.grad(tangent, &[x])[0],
            ];
            for (found, (route, expected)) in found.iter().zip(&square) {
                assert_eq!(found.value().to_vec(), expected.value().to_vec(), "{name}, {route}, not selected");
            }
        }
    }
}

/// A row of norm 0 knows nothing of its own second derivatives, and the other rows know theirs; of a shared factor's nothing is known.
#[test]
fn a_row_whose_first_derivative_is_a_choice_leaves_the_other_rows_alone() {
    let tape = Tape::new();
    let x = tape.var([[0.0, 0.0], [3.0, 4.0]]);
    let t = tape.data([[1.0, 0.5], [1.0, 0.5]]);
    for (route, found) in second_derivatives(&tape, |x| x.norm2(1).square().sum(()), x, t).into_iter().take(3) {
        let found = found.value();
        let (zero, other) = found.as_slice().split_at(2);
        assert!(zero.iter().all(|x| x.is_nan()), "{route}: {found}");
        assert!(other.iter().zip([2.0, 1.0]).all(|(x, y)| (x - y).abs() < 1e-14), "{route}: {found}");
    }
}

/// Numbers alone, without a tensor on the tape.
#[test]
fn second_derivatives_of_numbers_where_the_first_is_a_choice_are_nan_in_every_order() {
    type OfNumbers = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;
    let functions: [(&str, OfNumbers); 5] = [
        ("hypot", |x| x[0].hypot(x[1])),
        ("hypot squared", |x| x[0].hypot(x[1]).square()),
        ("hypot of squares", |x| x[0].square().hypot(x[1].square())),
        ("atan2", |x| x[0].atan2(x[1])),
        ("atan2 squared", |x| x[0].atan2(x[1]).square()),
    ];
    for (name, f) in functions {
        let at = [0.0, 0.0];
        let found = hessian_slice(f, &at);
        assert!(found[[0, 0]].is_nan() && found[[1, 1]].is_nan(), "{name}, reverse over reverse: {found}");
        let found = hvp_slice(f, &at, &[1.0, 0.25]);
        assert!(found.iter().all(|x| x.is_nan()), "{name}, forward over reverse: {found:?}");
        let tape = Tape::new();
        let x = tape.vars(&at);
        let along = [(x[0], tape.data(1.0)), (x[1], tape.data(0.25))];
        let tangent = tape.try_record_jvp(f(&x), &along).unwrap();
        assert_eq!(tangent.item(), 0.0, "{name}");
        let found = tangent.backward().items(&x);
        assert!(found.iter().all(|x| x.is_nan()), "{name}, reverse over forward: {found:?}");
        let twice = tape.try_record_jvp(tangent, &along).unwrap().item();
        assert!(twice.is_nan(), "{name}, forward over forward: {twice}");
        let slopes = tape.grad(f(&x), &x);
        assert!(slopes.iter().all(|slope| slope.item() == 0.0), "{name}");
        let hidden = hessian_slice(|x| x[0].tape().data(0.0).select(f(x), x[0] * x[1]), &at);
        assert_eq!(hidden.to_vec(), [0.0, 1.0, 1.0, 0.0], "{name}, not selected");
    }
}

#[test]
fn second_derivatives_of_logit_at_its_ends_are_infinite_by_every_route() {
    let infinity = f64::INFINITY;
    for (x, expected) in [(0.0, -infinity), (1.0, infinity)] {
        slope_is(|x| x.logit(), x, infinity);
        same("hessian", hessian(|x| x.logit(), x).item(), expected);
        same("hvp", hvp(|x| x.logit(), x, 1.0), expected);
        let at = Tensor::from([x, 0.25]);
        same("hvp of a tensor", hvp(|x| x.logit().sum(()), &at, &Tensor::from([1.0, 0.0]))[[0]], expected);
        let twice = Dual { value: Dual::variable(x), tangent: Dual::constant(1.0) };
        same("dual numbers", twice.logit().tangent.tangent, expected);
        let mut program = Program::compile(&[Tensor::scalar(x)], |v| {
            let slope = v[0].tape().grad(v[0].logit(), v)[0];
            v[0].tape().grad(slope, v)
        })
        .unwrap();
        program.run(&[&Tensor::scalar(x)]).unwrap();
        same("program", program.output(0)[0], expected);
        let tape = Tape::new();
        let v = tape.var(x);
        let tangent = tape.try_record_jvp(v.logit(), &[(v, tape.data(1.0))]).unwrap();
        same("over a tangent", tangent.backward().item(v), expected);
    }
}

/// x ln y: the mixed one is 1/y, infinite at 0 as beside it, whichever variable comes first, and the others are 0.
#[test]
fn second_derivatives_of_xlogy_at_the_origin_are_those_of_its_formula_by_every_route() {
    let infinity = f64::INFINITY;
    let expected = [0.0, infinity, infinity, 0.0];
    fn of_two<'t>(v: Var<'t, f64>) -> Var<'t, f64> {
        v.slice(0..1).xlogy(v.slice(1..2)).sum(())
    }
    let at = Tensor::from([0.0, 0.0]);
    assert_eq!(hessian_slice(|x| x[0].xlogy(x[1]), &[0.0, 0.0]).to_vec(), expected);
    assert_eq!(hessian(of_two, &at).to_vec(), expected);
    let mut program = Program::compile(std::slice::from_ref(&at), |v| {
        let slopes = v[0].tape().grad(of_two(v[0]), v)[0];
        (0..2).map(|i| v[0].tape().grad(slopes.slice(i..i + 1).sum(()), v)[0]).collect()
    })
    .unwrap();
    program.run(&[&at]).unwrap();
    for (i, row) in expected.chunks(2).enumerate() {
        let along = [(1 - i) as f64, i as f64];
        assert_eq!(hvp_slice(|x| x[0].xlogy(x[1]), &[0.0, 0.0], &along), row);
        assert_eq!(hvp(of_two, &at, &Tensor::from(along)).to_vec(), row);
        assert_eq!(program.output(i), row);
        let tape = Tape::new();
        let v = tape.var([0.0, 0.0]);
        let tangent = tape.try_record_jvp(of_two(v), &[(v, tape.data(along))]).unwrap();
        assert_eq!(tangent.backward().wrt(v).to_vec(), row);
    }
    same("x ln x", hessian(|x| x.xlogy(x), 0.0).item(), infinity);
    // A target that is 0, and a probability that is: the curvature of -t ln p at t = 0.
    let curvature = hessian(|p| -(p.tape().data([0.0, 1.0]).xlogy(p)).sum(()), Tensor::from([0.0, 0.5]));
    assert_eq!(curvature.to_vec(), [0.0, 0.0, 0.0, 4.0]);
}
