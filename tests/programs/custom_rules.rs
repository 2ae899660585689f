//! Rules of users' own beside everything else: forward mode, maps over examples, programs, higher orders.

use retrograd::{NumericOp, Program, Result, Tape, Tensor, Var, grad, hessian, jvp};

fn rows() -> Tensor<f64> {
    Tensor::from([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
}

/// exp(sum x) y, with a rule of numbers alone.
struct Scaled;
impl NumericOp<f64> for Scaled {
    fn name(&self) -> &str {
        "scaled"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(&inputs[1] * inputs[0].sum(()).exp().item())
    }
    fn vjp(&self, inputs: &[Tensor<f64>], output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let scale = inputs[0].sum(()).exp().item();
        vec![Tensor::full(inputs[0].shape(), (g * output).sum(()).item()), g * scale]
    }
}

/// The same with a forward rule of its own.
struct ScaledForward;
impl NumericOp<f64> for ScaledForward {
    fn name(&self) -> &str {
        "scaled"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Scaled.value(inputs)
    }
    fn vjp(&self, _: &[Tensor<f64>], _: &Tensor<f64>, _: &Tensor<f64>) -> Vec<Tensor<f64>> {
        panic!("the forward rule is asked");
    }
    fn jvp(&self, inputs: &[Tensor<f64>], output: &Tensor<f64>, tangents: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(output * tangents[0].sum(()).item() + &tangents[1] * inputs[0].sum(()).exp().item())
    }
}

/// A sum.
struct Total;
impl NumericOp<f64> for Total {
    fn name(&self) -> &str {
        "total"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(inputs[0].sum(()))
    }
    fn vjp(&self, inputs: &[Tensor<f64>], _: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        vec![Tensor::full(inputs[0].shape(), g.item())]
    }
}

fn scaled<'t>(own_forward_rule: bool, inputs: &[Var<'t, f64>]) -> Var<'t, f64> {
    let tape = inputs[0].tape();
    if own_forward_rule { tape.numeric(ScaledForward, inputs) } else { tape.numeric(Scaled, inputs) }
}

#[test]
fn forward_mode_of_numeric_ops_agrees_with_the_formula_by_own_rules_and_by_reverse_ones() {
    for own_forward_rule in [false, true] {
        let tape = Tape::new();
        let (x, y) = (tape.var([0.1, 0.2]), tape.var([1.0, 2.0, 3.0]));
        let (tx, ty) = (Tensor::from([0.5, -1.0]), Tensor::from([1.0, 0.0, 2.0]));
        let op = |x, y| scaled(own_forward_rule, &[x, y]) * 2.0;
        let tangents = [(x, tx.clone().into()), (y, ty.clone().into())];
        let found = tape.jvp(op(x, y), &tangents).unwrap().into_tensor();
        let wanted = tape.jvp(y * x.sum(()).exp() * 2.0, &tangents).unwrap().into_tensor();
        assert!((&found - &wanted).abs().max(()).item() < 1e-14, "{found} for {wanted}");
        // Recorded as well, and in a program that is run elsewhere.
        let recorded = tape.try_record_jvp(op(x, y), &[(x, tape.data(&tx)), (y, tape.data(&ty))]).unwrap();
        assert_eq!(recorded.value(), found);
        let inputs = [x, y].map(|x| x.value()).into_iter().chain([tx, ty]).collect::<Vec<_>>();
        let zeros: Vec<Tensor<f64>> = inputs.iter().map(|x| Tensor::zeros(x.shape())).collect();
        let mut program = Program::compile(&zeros, |v| {
            let y = scaled(own_forward_rule, &v[..2]) * 2.0;
            vec![v[0].tape().try_record_jvp(y, &[(v[0], v[2]), (v[1], v[3])]).unwrap()]
        })
        .unwrap();
        program.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
        assert!((program.tensor(0) - wanted).abs().max(()).item() < 1e-14);
        // A number as well.
        let number = tape.numeric(Total, &[x]);
        let tangent = tape.try_record_jvp(number, &[(x, tape.data([1.0, 3.0]))]).unwrap();
        assert_eq!(tangent.item(), 4.0);
        let own = x.tape().custom_vjp(&[x], |v| v[0].sum(()), |_, _, g| vec![g]);
        let tangent = tape.try_record_jvp(own, &[(x, tape.data([1.0, 3.0]))]).unwrap();
        assert_eq!(tangent.item(), 4.0);
        // Not twice: that is an error, and says what would be.
        let error = tape.try_grad(recorded.sum(()), &[x]).unwrap_err();
        assert!(error.is_not_differentiable() && error.to_string().contains("scaled"), "{error}");
    }
}

#[test]
fn numeric_ops_are_mapped_over_examples_and_swept() {
    let tape = Tape::new();
    let (x, y) = (tape.var(rows()), tape.var([1.0, -2.0]));
    let mapped = x.vmap(|x| tape.numeric(Scaled, &[x, y]));
    let plain = x.sum(1).exp().unsqueeze(-1) * y;
    assert!((mapped.value() - plain.value()).abs().max(()).item() < 1e-14);
    let (found, wanted) = (mapped.square().sum(()).backward(), plain.square().sum(()).backward());
    for v in [x, y] {
        assert!((found.wrt(v) - wanted.wrt(v)).abs().max(()).item() < 1e-12);
    }
}

/// tanh with its rule written by hand.
fn own_tanh<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    x.tape().custom_vjp(&[x], |v| v[0].tanh(), |_, y, g| vec![g * (1.0 - y * y)])
}

#[test]
fn a_rule_as_a_closure_is_that_of_the_op_forward_backward_and_again() {
    let x = rows();
    fn f(x: Var<'_, f64>) -> Var<'_, f64> {
        (own_tanh(x * 2.0) * x).sum(())
    }
    fn plain(x: Var<'_, f64>) -> Var<'_, f64> {
        ((x * 2.0).tanh() * x).sum(())
    }
    let near = |a: Tensor<f64>, b: Tensor<f64>| assert!((&a - &b).abs().max(()).item() < 1e-13, "{a} for {b}");
    near(grad(f, &x), grad(plain, &x));
    near(hessian(f, &x), hessian(plain, &x));
    let t = Tensor::from([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]]);
    near(jvp(f, &x, &t).1, jvp(plain, &x, &t).1);
    let third = |f: &dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>| {
        let tape = Tape::new();
        let v = tape.var(&x);
        let first = tape.grad(f(v), &[v])[0].square().sum(());
        let second = tape.grad(first, &[v])[0].square().sum(());
        second.backward().wrt(v)
    };
    let (a, b) = (third(&f), third(&plain));
    assert!((&a - &b).abs().max(()).item() < 1e-11, "{a} for {b}");
}

#[test]
fn a_rule_as_a_closure_is_compiled_and_mapped() {
    let x = rows();
    let tape = Tape::new();
    let v = tape.var(&x);
    let plain = (v.tanh().square().sum(1)).sum(()).backward().wrt(v);
    let near = |a: Tensor<f64>| assert!((&a - &plain).abs().max(()).item() < 1e-14, "{a} for {plain}");
    let mut program =
        Program::compile_gradient(&[Tensor::zeros([2, 3])], &[0], |v| own_tanh(v[0]).square().sum(())).unwrap();
    program.run(&[&x]).unwrap();
    near(program.tensor(1));
    // Around the map, inside it, and both in a program.
    near(v.vmap(|x| own_tanh(x).square().sum(())).sum(()).backward().wrt(v));
    near(v.vmap(|x| tape.grad(own_tanh(x).square().sum(()), &[x])[0]).value());
    let mut program = Program::compile(&[Tensor::zeros([2, 3])], |v| {
        vec![v[0].vmap(|x| x.tape().grad(own_tanh(x).square().sum(()), &[x])[0])]
    })
    .unwrap();
    program.run(&[&x]).unwrap();
    near(program.tensor(0));
}

#[test]
fn a_rule_that_gives_too_little_is_an_error_that_says_so() {
    let tape = Tape::new();
    let (x, y) = (tape.var([1.0, 2.0]), tape.var([3.0, 4.0]));
    let one = tape.custom_vjp(&[x, y], |v| v[0] * v[1], |_, _, g| vec![g]);
    let error = one.sum(()).try_backward().err().unwrap().to_string();
    assert!(error.contains("custom_vjp: its rule gave 1 gradients for 2 inputs"), "{error}");
    let long = tape.custom_vjp(&[x], |v| v[0] * 2.0, |v, _, _| vec![v[0].tape().data([1.0, 2.0, 3.0])]);
    let error = tape.try_grad(long.sum(()), &[x]).unwrap_err().to_string();
    assert!(error.contains("gradient of shape [3] for input 0 of shape [2]"), "{error}");
}

#[test]
fn derivatives_nest_and_are_by_the_inner_variable_alone() {
    // d/dx of x d/dy (x y^2) at y = x is d/dx 2 x^3.
    assert_eq!(grad(|x| x * grad(|y| x * y * y, x), 3.0), 54.0);
    // Three deep, captured under other names.
    assert_eq!(grad(|x| grad(|y| grad(|z| x * y * z * z, y), x), 2.0), 16.0);
    // At tensors, at data, at a constant's number, and the other functions.
    let x = Tensor::from([1.0, 2.0]);
    let found = grad(|x| (grad(|y| (y * y * x).sum(()), x) * x).sum(()), &x);
    assert_eq!(found.to_vec(), [6.0, 24.0]);
    assert_eq!(grad(|x| grad(|y| x * y * y, x.tape().data(5.0)), 3.0), 10.0);
    let trace = grad(|x| hessian(|y| y.powi(3).sum(()), x).trace(), &x);
    assert_eq!(trace.to_vec(), [6.0, 6.0]);
    let around = grad(|x| jvp(|y| (y.powi(3)).sum(()), x, x).1, &x);
    assert_eq!(around.to_vec(), [9.0, 36.0]);
    let product = grad(|x| retrograd::hvp(|y| y.powi(4).sum(()), x, x).sum(()), &x);
    assert_eq!(product.to_vec(), [36.0, 144.0]);
    let rows = grad(|x| retrograd::jacobian(|y| y.square(), x).sum(()), &x);
    assert_eq!(rows.to_vec(), [2.0, 2.0]);
    let (_, pulled) = retrograd::vjp(|x| grad(|y| (y.powi(3)).sum(()), x), &x, [1.0, 10.0]);
    assert_eq!(pulled.to_vec(), [6.0, 120.0]);
    // In a program, on other numbers.
    let mut program = Program::compile(&[Tensor::scalar(1.0)], |v| vec![v[0] * grad(|y| v[0] * y * y, v[0])]).unwrap();
    program.run_numbers(&[3.0]).unwrap();
    assert_eq!(program.item(0), 54.0);
    // What is detached outside has a derivative inside.
    assert_eq!(grad(|x| x * grad(|y| y * y, x.detach()), 3.0), 6.0);
}

#[test]
fn blocks_of_several_tensors_are_those_of_one_long_vector() {
    use retrograd::{grad_tensors, hessian_tensors, jacobian_tensors, value_and_grad_tensors};
    fn f<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        (v[0].matmul(v[1]).tanh() * v[2]).square().sum(()) + v[0].square().sum(()) * v[2]
    }
    let parts = [
        ("w", Tensor::from([[0.5, -1.0, 0.25], [1.0, 0.75, -0.5]])),
        ("x", Tensor::from([0.3, -0.2, 0.9])),
        ("scale", Tensor::scalar(1.5)),
    ];
    let long: Tensor<f64> = Tensor::from(parts.iter().flat_map(|(_, x)| x.to_vec()).collect::<Vec<_>>());
    fn split<'t>(x: Var<'t, f64>) -> [Var<'t, f64>; 3] {
        [x.slice(0..6).reshape([2, 3]), x.slice(6..9), x.slice(9)]
    }
    let near = |a: &Tensor<f64>, b: &Tensor<f64>| assert!((a - b).abs().max(()).item() < 1e-13, "{a} for {b}");
    let (value, gradient) = value_and_grad_tensors(f, &parts);
    assert_eq!(gradient, grad_tensors(f, &parts));
    let whole = retrograd::value_and_grad(|x| f(&split(x)), &long);
    assert!((value - whole.0).abs() < 1e-14);
    let flat: Vec<f64> = gradient.iter().flat_map(|(_, part)| part.to_vec()).collect();
    near(&Tensor::from(flat), &whole.1);
    assert_eq!(gradient["scale"], gradient[2]);
    let blocks = hessian_tensors(f, &parts);
    near(&blocks.matrix(), &hessian(|x| f(&split(x)), &long));
    assert_eq!(blocks.block("w", "x").shape().dims(), [2, 3, 3]);
    assert_eq!(blocks.block("w", 2).shape().dims(), [2, 3]);
    assert!(blocks.get("w", "nobody").is_none() && blocks.get(3, 0).is_none());
    fn two<'t>(v: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
        vec![v[0].matmul(v[1]) * v[2], v[2] * 2.0]
    }
    let jacobian = jacobian_tensors(two, &parts);
    let wanted = retrograd::jacobian(
        |x| {
            let outputs = two(&split(x));
            Var::concat(&[outputs[0], outputs[1].reshape([1])], 0)
        },
        &long,
    );
    near(&jacobian.matrix(), &wanted);
    let twice = retrograd::functional::try_grad_tensors(f, [("w", &parts[0].1), ("w", &parts[1].1)]);
    assert!(twice.unwrap_err().to_string().contains("two tensors are named \"w\""));
}

#[test]
fn a_jacobian_through_an_op_of_numbers_alone_is_found_row_by_row() {
    let (x, y) = (Tensor::from([0.1, 0.2]), Tensor::from([1.0, 2.0, 3.0]));
    let found = retrograd::jacobian_tensors(|v| vec![v[0].tape().numeric(Scaled, v)], [&x, &y]);
    let wanted = retrograd::jacobian_tensors(|v| vec![v[1] * v[0].sum(()).exp()], [&x, &y]);
    assert!((found.matrix() - wanted.matrix()).abs().max(()).item() < 1e-14);
}

#[test]
fn a_rule_as_a_closure_is_written_in_a_derivation() {
    let tape = Tape::new();
    let x = tape.var([0.5, 2.0]).named("x");
    let y = own_tanh(x).sum(());
    let text = retrograd::explain::Explanation::of(y).unwrap().derivation().unwrap();
    assert!(text.contains("1 - "), "{text}");
}

#[test]
fn a_rule_that_takes_gradients_itself_is_the_same_in_every_mode() {
    /// sin, whose rule asks the tape; twice the same input, and data among them.
    fn sine<'t>(a: Var<'t, f64>) -> Var<'t, f64> {
        a.tape().custom_vjp(&[a], |v| v[0].sin(), |v, _, g| vec![g * v[0].tape().grad(v[0].sin(), v)[0]])
    }
    fn square<'t>(a: Var<'t, f64>) -> Var<'t, f64> {
        a.tape().custom_vjp(
            &[a, a],
            |v| v[0] * v[1],
            |v, _, g| {
                let d = v[0].tape().grad(v[0] * v[1], v);
                vec![g * d[0], g * d[1]]
            },
        )
    }
    fn doubled<'t>(a: Var<'t, f64>) -> Var<'t, f64> {
        a.tape().custom_vjp(
            &[a.tape().data(2.0), a],
            |v| v[0] * v[1],
            |v, _, g| {
                let d = v[0].tape().grad(v[0] * v[1], v);
                vec![g * d[0], g * d[1]]
            },
        )
    }
    /// Heron's root, whose rule differentiates by its output.
    fn root<'t>(a: Var<'t, f64>) -> Var<'t, f64> {
        fn f<'t>(z: Var<'t, f64>, a: Var<'t, f64>) -> Var<'t, f64> {
            (z + a / z) * 0.5
        }
        a.tape().custom_vjp(
            &[a],
            |v| (0..40).fold(v[0], |z, _| f(z, v[0])),
            |v, z, g| {
                let d = z.tape().grad(f(z, v[0]), &[z, v[0]]);
                vec![g * d[1] / (1.0 - d[0])]
            },
        )
    }
    type Case = (for<'t> fn(Var<'t, f64>) -> Var<'t, f64>, f64, [f64; 2]);
    let cases: [Case; 4] = [
        (sine, 0.3, [0.3f64.cos(), -0.3f64.sin()]),
        (square, 3.0, [6.0, 2.0]),
        (doubled, 3.0, [2.0, 0.0]),
        (root, 9.0, [1.0 / 6.0, -1.0 / 108.0]),
    ];
    for (k, (f, at, [first, second])) in cases.into_iter().enumerate() {
        let near = |what: &str, found: f64, wanted: f64| {
            assert!((found - wanted).abs() < 1e-12, "case {k}, {what}: {found} for {wanted}");
        };
        near("swept", grad(f, at), first);
        near("recorded", grad(|x| grad(|y| f(y), x), at), second);
        near("forward", jvp(f, at, 1.0).1.item(), first);
        near("hessian", hessian(f, at).item(), second);
        let tape = Tape::new();
        let x = tape.var(at);
        near("recorded on the tape", tape.grad(f(x), &[x])[0].item(), first);
        near("tangent, recorded", tape.try_record_jvp(f(x), &[(x, tape.data(1.0))]).unwrap().item(), first);
        let stack = tape.var([at, at]);
        near("mapped", stack.vmap(|x| f(x)).sum(()).backward().wrt(stack).as_slice()[1], first);
        near("inside a map", stack.vmap(|x| tape.grad(f(x), &[x])[0]).value().as_slice()[1], first);
        let mut program = Program::compile(&[Tensor::scalar(1.0)], |v| {
            vec![v[0].tape().grad(f(v[0]), v)[0], v[0].tape().grad(v[0].tape().grad(f(v[0]), v)[0], v)[0]]
        })
        .unwrap();
        program.run_numbers(&[at]).unwrap();
        near("in a program", program.item(0), first);
        near("twice in a program", program.item(1), second);
    }
}
