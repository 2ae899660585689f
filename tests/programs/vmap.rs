//! Closures mapped over examples: what stands around them, and what they refuse.

use retrograd::ops::Saves;
use retrograd::{
    Algebra, Compiled, Conv, CustomOp, Element, Number, Program, Result, Tape, Tensor, Unary, Upstream, compile,
};

fn numbers(shape: &[usize]) -> Tensor<f64> {
    let n: usize = shape.iter().product();
    Tensor::new(shape, (0..n).map(|i| ((i * 37 + 11) % 23) as f64 / 7.0 - 1.5).collect()).unwrap()
}

#[test]
fn a_map_inside_a_map_is_an_outer_product() {
    let tape = Tape::new();
    let (x, y) = (tape.var(numbers(&[3])), tape.var(numbers(&[4, 2])));
    let table = x.vmap(|x| y.vmap(|y| (y * x).sin().sum(()) * x));
    let (xs, ys) = (x.value(), y.value());
    let wanted = Tensor::from_fn([3, 4], |at| {
        let (x, row) = (xs.as_slice()[at[0]], &ys.as_slice()[2 * at[1]..2 * at[1] + 2]);
        row.iter().map(|y| (y * x).sin()).sum::<f64>() * x
    });
    assert!((table.value() - &wanted).abs().max(()).item() < 1e-15);
    // And its gradients are those of the same formula without maps.
    let plain = ((x.reshape([3, 1, 1]) * y).sin().sum(-1) * x.reshape([3, 1])).square().sum(());
    let (found, wanted) = (table.square().sum(()).backward(), plain.backward());
    for v in [x, y] {
        assert!((found.wrt(v) - wanted.wrt(v)).abs().max(()).item() < 1e-13);
    }
}

#[test]
fn second_derivatives_inside_and_around_a_map_agree_with_formulas() {
    let tape = Tape::new();
    let x = tape.var([0.3, -0.7, 1.1]);
    // x^4 for each: the second derivative inside, the third around.
    let second = x.vmap(|x| {
        let first = tape.grad(x.powi(4), &[x])[0];
        tape.grad(first, &[x])[0]
    });
    let third = second.sum(()).backward().wrt(x);
    for (k, x) in [0.3f64, -0.7, 1.1].into_iter().enumerate() {
        assert!((second.value().as_slice()[k] - 12.0 * x * x).abs() < 1e-14);
        assert!((third.as_slice()[k] - 24.0 * x).abs() < 1e-14);
    }
}

#[test]
fn forward_mode_goes_through_a_map_and_stands_inside_one() {
    let tape = Tape::new();
    let (x, t) = (tape.var(numbers(&[5, 3])), numbers(&[5, 3]));
    let y = x.vmap(|x| x.tanh().square().sum(()));
    let around = tape.jvp(y, &[(x, t.clone().into())]).unwrap().into_tensor();
    let inside = tape.vmap(&[x, tape.data(&t)], |v| {
        let y = v[0].tanh().square().sum(());
        vec![tape.try_record_jvp(y, &[(v[0], v[1])]).unwrap()]
    });
    assert!((inside[0].value() - &around).abs().max(()).item() < 1e-15);
    let plain = x.tanh().square().sum(1);
    let wanted = tape.jvp(plain, &[(x, t.into())]).unwrap().into_tensor();
    assert!((around - wanted).abs().max(()).item() < 1e-15);
}

#[test]
fn what_is_detached_in_the_closure_has_each_examples_own_value() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0, 3.0]);
    let y = x.vmap(|x| x.detach() * x * x.exp().detach());
    let e = x.value().exp();
    let near = |found: Tensor<f64>, wanted: Tensor<f64>| assert!((found - wanted).abs().max(()).item() < 1e-12);
    near(y.value(), x.value().square() * &e);
    near(y.sum(()).backward().wrt(x), x.value() * e);
}

#[test]
fn a_choice_is_made_for_each_example() {
    let tape = Tape::new();
    let x = tape.var([-1.0, 4.0, 0.0]);
    let y = x.vmap(|x| x.greater(0.0).select(x.sqrt(), x * 2.0));
    assert_eq!(y.value().to_vec(), [-2.0, 2.0, 0.0]);
    assert_eq!(y.sum(()).backward().wrt(x).to_vec(), [2.0, 0.25, 2.0]);
}

/// The cube, elementwise, and the sum of squares, both a user's.
#[derive(Clone, Copy, Debug)]
struct Cube;
impl Unary for Cube {
    const NAME: &'static str = "cube";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.5, 2.0];
    fn value<F: retrograd::Float>(self, x: F) -> F {
        x * x * x
    }
    fn vjp<S: Number>(self, x: S, _: S, g: Upstream<S>) -> Upstream<S> {
        g * (S::lit(3.0) * x * x)
    }
}
struct Squares;
impl CustomOp for Squares {
    const NAME: &'static str = "squares";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        Ok(inputs[0].square().sum(()))
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], _: &A::V, g: &A::V) -> Vec<A::V> {
        vec![a.mul(&a.mul(g, &a.literal(2.0)), &inputs[0])]
    }
}

#[test]
fn ops_of_users_are_mapped_with_their_derivatives_on_tapes_and_in_programs() {
    let x = numbers(&[4, 3]);
    let wanted = x.square().sum(1) * x.powi(3).sum(1);
    fn build(x: retrograd::Var<'_, f64>) -> retrograd::Var<'_, f64> {
        x.tape().custom(Squares, &[x]) * x.apply(Cube).sum(())
    }
    let tape = Tape::new();
    let v = tape.var(&x);
    let y = v.vmap(build);
    assert!((y.value() - &wanted).abs().max(()).item() < 1e-13);
    let plain = tape.var(&x);
    let slopes = (plain.square().sum(1) * plain.powi(3).sum(1)).sum(()).backward().wrt(plain);
    assert!((y.sum(()).backward().wrt(v) - &slopes).abs().max(()).item() < 1e-12);
    let mut program = Program::compile_gradient(std::slice::from_ref(&x), &[0], |v| v[0].vmap(build).sum(())).unwrap();
    program.run(&[&x]).unwrap();
    assert!((program.tensor(1) - slopes).abs().max(()).item() < 1e-12);
}

#[test]
fn maps_over_no_examples_and_over_examples_without_elements_have_their_shapes() {
    let tape = Tape::new();
    let w = tape.var(numbers(&[3, 2]));
    let none = tape.var(Tensor::zeros([0, 3]));
    let y = none.vmap(|x| x.matmul(w).tanh());
    assert_eq!(y.shape().dims(), [0, 2]);
    assert_eq!(y.sum(()).backward().wrt(w).to_vec(), [0.0; 6]);
    // No op refuses what is not there, and a kernel's gradient is 0.
    let matrices = tape.var(Tensor::zeros([0, 2, 2]));
    assert_eq!(matrices.vmap(|m| m.inv().cholesky() + m.solve(m)).shape().dims(), [0, 2, 2]);
    let (rows, kernel) = (tape.var(Tensor::zeros([0, 1, 1, 4])), tape.var(numbers(&[1, 1, 2])));
    let each = rows.vmap(|x| tape.grad(x.conv1d(kernel, Conv::new()).square().sum(()), &[kernel])[0]);
    assert_eq!(each.shape().dims(), [0, 1, 1, 2]);
    let inner = tape.var(Tensor::zeros([3, 0, 2]));
    assert_eq!(inner.vmap(|x| x.vmap(|row| row.exp().sum(()))).shape().dims(), [3, 0]);
    let empty = tape.var(Tensor::zeros([4, 0]));
    assert_eq!(empty.vmap(|x| x.sum(()) + 1.0).value().to_vec(), [1.0; 4]);
}

#[test]
fn outputs_that_depend_on_no_example_are_the_same_for_all() {
    let tape = Tape::new();
    let (x, w) = (tape.var([1.0, 2.0]), tape.var([3.0, 4.0, 5.0]));
    let found = tape.vmap(&[x], |_| vec![w * 2.0, retrograd::Var::constant(7.0), w.sum(())]);
    assert_eq!(found[0].value().to_vec(), [6.0, 8.0, 10.0, 6.0, 8.0, 10.0]);
    assert_eq!((found[1].value().to_vec(), found[2].value().to_vec()), (vec![7.0; 2], vec![12.0; 2]));
    assert_eq!(found[0].sum(()).backward().wrt(w).to_vec(), [4.0; 3]);
}

#[test]
fn numbers_looked_at_and_control_flow_are_errors_where_they_differ_by_example() {
    let tape = Tape::new();
    let (x, w) = (tape.var([1.0, -2.0]), tape.var(3.0));
    let of = |error: retrograd::Error| error.to_string();
    let read = tape.try_vmap(&[x], |v| Ok(vec![v[0] * v[0].item()]));
    assert!(of(read.unwrap_err()).starts_with("vmap: a number was read at "));
    let branch = tape.try_vmap(&[x], |v| Ok(vec![if v[0] > 0.0 { v[0] } else { -v[0] }]));
    assert!(of(branch.unwrap_err()).starts_with("vmap: control flow hung on a comparison of numbers that differ"));
    let swept = tape.try_vmap(&[x], |v| Ok(vec![v[0] * v[0].square().backward().item(v[0])]));
    assert!(of(swept.unwrap_err()).starts_with("vmap: backward() gives plain numbers"));
    let hooked = tape.try_vmap(&[x], |v| Ok(vec![v[0].on_gradient(|_| None)]));
    assert!(of(hooked.unwrap_err()).contains("hooks onto a gradient"));
    let tangent = tape.try_vmap(&[x], |v| {
        Ok(vec![v[0] * tape.jvp(v[0], &[(v[0], retrograd::Value::Scalar(1.0))])?.into_tensor().item()])
    });
    assert!(of(tangent.unwrap_err()).starts_with("vmap: a tangent in plain numbers"));
    // Also from inside another map, and through it in what is around.
    let y = tape.var([3.0, 4.0, 5.0]);
    let outer = tape.try_vmap(&[x], |v| tape.try_vmap(&[y], |w| Ok(vec![w[0] * v[0].item()])));
    assert!(of(outer.unwrap_err()).starts_with("vmap: a number was read at "));
    let outer = tape.vmap(&[x], |v| tape.vmap(&[y], |w| vec![w[0] * v[0]]));
    assert_eq!(outer[0].value().to_vec(), [3.0, 4.0, 5.0, -6.0, -8.0, -10.0]);
    // What all examples share may be looked at.
    let shared = tape.vmap(&[x], |v| vec![if w > 0.0 { v[0] * w.item() } else { v[0] }]);
    assert_eq!(shared[0].value().to_vec(), [3.0, -6.0]);
    // And the tape is what it was: numbers may be read.
    assert_eq!((x.value().to_vec(), w.item()), (vec![1.0, -2.0], 3.0));
}

#[test]
fn a_jacobian_of_more_axes_than_there_are_is_an_error() {
    let tape = Tape::new();
    let x = tape.var(Tensor::ones(vec![1; 17]));
    assert!(tape.try_jacobian(x * 2.0, &[x]).unwrap_err().to_string().contains("jacobian"));
}

#[test]
fn stacks_that_do_not_fit_are_refused_by_name() {
    let tape = Tape::new();
    let of = |over: &[retrograd::Var<'_, f64>]| tape.try_vmap(over, |v| Ok(v.to_vec())).unwrap_err().to_string();
    let (x, y, z) = (tape.var(numbers(&[3, 2])), tape.var(numbers(&[2])), tape.var(1.0));
    assert!(of(&[x, y]).contains("input 0 has 3 examples along its first axis, input 1 has 2 (shape [2])"));
    assert!(of(&[z]).contains("input 0 is a number"));
    assert!(of(&[]).contains("nothing to map over"));
    let singular = tape.var([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 4.0]]]);
    let error = tape.try_vmap(&[singular], |m| Ok(vec![m[0].try_inv()?])).unwrap_err().to_string();
    assert_eq!(error, "inv: matrix 1 of shape [2, 2] is singular");
    let first = singular.flip(0);
    let error = tape.try_vmap(&[first], |m| Ok(vec![m[0].try_inv()?])).unwrap_err().to_string();
    assert!(error.starts_with("inv: matrix 0 of shape [2, 2] is singular"), "{error}");
}

#[test]
fn jacobians_and_hessians_are_variables_of_the_shapes_of_both() {
    let tape = Tape::new();
    let (m, x) = (tape.var(numbers(&[2, 3])), tape.var(numbers(&[3])));
    let y = m.matmul(x).exp();
    let [by_m, by_x] = tape.jacobian(y, &[m, x])[..] else { panic!("one for each") };
    for i in 0..2 {
        let gradients = y.slice(i as isize).backward();
        assert!((by_m.value().slice(i as isize) - gradients.wrt(m)).abs().max(()).item() < 1e-13);
        assert!((by_x.value().slice(i as isize) - gradients.wrt(x)).abs().max(()).item() < 1e-13);
    }
    // d2/dx dx of the sum of squares of the Jacobian by x, once around and once by blocks.
    let s = by_x.square().sum(());
    let blocks = tape.hessian(s, &[m, x]);
    assert_eq!(blocks[0][1].shape().dims(), [2, 3, 3]);
    let swapped = blocks[1][0].value().permute(&[1, 2, 0]);
    assert!((blocks[0][1].value() - swapped).abs().max(()).item() < 1e-9);
    let mut compiled = compile(|v: &[retrograd::Var<'_, f64>]| {
        let y = v[0].matmul(v[1]).exp();
        v[0].tape().jacobian(y, v)
    });
    let program = compiled.call(&[&m.value(), &x.value()]).unwrap();
    assert!((program.tensor(0) - by_m.value()).abs().max(()).item() < 1e-13);
    assert!((program.tensor(1) - by_x.value()).abs().max(()).item() < 1e-13);
}

#[test]
fn a_training_step_that_maps_over_examples_is_replayed_on_other_numbers() {
    let mut compiled = Compiled::<f64>::new();
    let mut w = Tensor::from([0.5, -0.25]);
    for k in 0..5 {
        let (x, start) = (numbers(&[6, 2]) * (1.0 + k as f64), w.clone());
        let (loss, id, gradients) = compiled
            .step(7, |tape| {
                let w = tape.var(&start);
                // Each example's gradient and a number of its own, as a penalty.
                let each = tape.vmap(&[tape.data(&x), tape.data(x.sum(1))], |v| {
                    let loss = (v[0].dot(w) - v[1]).tanh().square();
                    vec![tape.grad(loss, &[w])[0], loss]
                });
                Ok((each[0].square().sum(()) + each[1].sum(()), w.id()))
            })
            .unwrap();
        let tape = Tape::new();
        let v = tape.var(&w);
        let inside = (tape.data(&x).matmul(v) - x.sum(1)).tanh();
        let slopes = (inside * 2.0 * (1.0 - inside.square())).unsqueeze(-1) * &x;
        let wanted = slopes.square().sum(()) + inside.square().sum(());
        assert!((loss - wanted.item()).abs() < 1e-12 * wanted.item(), "step {k}: {loss} for {}", wanted.item());
        let (found, wanted) = (gradients.get(id).unwrap(), wanted.backward().wrt(v));
        assert!((found - &wanted).abs().max(()).item() < 1e-10 * wanted.abs().max(()).item(), "step {k}");
        w -= wanted * 0.001;
    }
    assert_eq!(compiled.recorded(), 1);
}
