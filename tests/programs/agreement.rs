//! Programs against the tape that they were compiled from.

use retrograd::program::{Options, Program};
use retrograd::{CustomOp, Element, Number, Result, Shape, Tape, Tensor, Var, ops};

/// Numbers that look random and are not.
fn sample(shape: &[usize], seed: usize) -> Tensor<f64> {
    let n: usize = shape.iter().product();
    let elements = (0..n).map(|i| (((i + 1) * (2 * seed + 3) * 7919) % 1000) as f64 / 500.0 - 0.999);
    Tensor::new(shape, elements.collect()).unwrap()
}

/// What a tape gives for the value and the gradients by all inputs.
fn eager(inputs: &[Tensor<f64>], build: &impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();
    let y = build(&vars);
    let grads = y.backward();
    std::iter::once(y.value()).chain(vars.iter().map(|&x| grads.wrt(x))).collect()
}

/// Compiles at one point and compares there, at another, and there again.
fn check(inputs: &[Tensor<f64>], build: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) -> Program<f64> {
    let by: Vec<usize> = (0..inputs.len()).collect();
    let mut program = Program::compile_gradient(inputs, &by, &build).unwrap();
    program.verify().unwrap();
    let others: Vec<Tensor<f64>> = inputs.iter().map(|x| x.map(|x| 0.9 * x + 0.01)).collect();
    for point in [inputs, &others, inputs] {
        program.run(&point.iter().collect::<Vec<_>>()).unwrap();
        let expected = eager(point, &build);
        assert_eq!(expected.len(), inputs.len() + 1);
        for (k, expected) in expected.iter().enumerate() {
            let found = program.tensor(k);
            assert_eq!(found.shape(), expected.shape(), "output {k}");
            for (a, b) in found.iter().zip(expected.iter()) {
                assert!((a - b).abs() <= 1e-13 * (1.0 + b.abs()), "output {k}: {a} for {b}\n{program}");
            }
        }
    }
    program
}

#[test]
fn elementwise_code_agrees_with_the_tape() {
    check(&[sample(&[1000], 1)], |v| {
        let x = v[0];
        (x.sin() * (-x * x).exp()).tanh().sum(()) + ((x * 0.5).sigmoid() * (x * x).log1p()).sum(())
    });
}

#[test]
fn broadcasts_of_rows_columns_numbers_and_odd_ones_agree_with_the_tape() {
    let inputs = [sample(&[6, 5], 1), sample(&[5], 2), sample(&[6, 1], 3), sample(&[], 4)];
    check(&inputs, |v| ((v[0] * v[1] + v[2]).tanh() * v[3] + v[1] * v[2]).square().mean(()));
    let odd = [sample(&[3, 4, 5], 1), sample(&[3, 1, 5], 2), sample(&[4, 1], 3), sample(&[5], 4)];
    check(&odd, |v| ((v[0] * v[1]).tanh() * v[2] + v[3]).square().sum(()));
}

#[test]
fn sums_along_axes_agree_with_the_tape() {
    check(&[sample(&[4, 3, 2], 1), sample(&[2], 5)], |v| {
        let y = (v[0] * v[1]).exp();
        let (rows, columns) = (y.sum([0, 1]), y.sum(2));
        rows.square().sum(()) * columns.tanh().sum(()) + y.sum(1).square().mean(())
    });
}

#[test]
fn a_network_with_cross_entropy_agrees_with_the_tape() {
    let inputs = [sample(&[7, 4], 1), sample(&[4, 6], 2), sample(&[6], 3), sample(&[6, 3], 4), sample(&[3], 5)];
    let program = check(&inputs, |v| {
        let hidden = (v[0].matmul(v[1]) + v[2]).relu();
        (hidden.matmul(v[3]) + v[4]).cross_entropy(&[0, 1, 2, 0, 1, 2, 0])
    });
    assert!(program.steps() <= 14, "{program}");
}

#[test]
fn a_parameter_used_in_two_products_accumulates_in_place() {
    let program = check(&[sample(&[3, 3], 1), sample(&[2, 3], 2)], |v| {
        let h = v[1].matmul(v[0]).tanh();
        h.matmul(v[0]).square().sum(())
    });
    assert!(program.to_string().contains("added in place"), "{program}");
}

#[test]
fn scalar_functions_agree_with_the_tape() {
    let x: Vec<f64> = (0..50).map(|i| 1.0 + 0.01 * i as f64).collect();
    let inputs: Vec<Tensor<f64>> = x.iter().map(|&x| Tensor::scalar(x)).collect();
    check(&inputs, |x| x.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).square() + (1.0 - w[0]).square()).sum());
    check(&inputs, |x| x.iter().copied().product::<Var<'_, f64>>() + (x[0] / x[1]).atan2(x[2]));
}

#[test]
fn numbers_and_tensors_mix() {
    check(&[sample(&[], 1), sample(&[8], 2), sample(&[1, 1], 3)], |v| {
        let scale = v[0].exp() + 1.0;
        let total = (v[1] * scale).tanh().sum(());
        total * scale + (v[2].sum(()) * v[1].max(()) * total).sin()
    });
}

#[test]
fn choices_are_made_anew_in_every_run() {
    let mut program = Program::compile_gradient(&[Tensor::scalar(2.0)], &[0], |v| {
        v[0].greater(Var::constant(0.0)).select(v[0].square(), -v[0])
    })
    .unwrap();
    for (x, y, slope) in [(3.0, 9.0, 6.0), (-3.0, 3.0, -1.0), (2.0, 4.0, 4.0)] {
        program.run_numbers(&[x]).unwrap();
        assert_eq!((program.item(0), program.item(1)), (y, slope));
    }
}

#[test]
fn a_branch_that_goes_the_other_way_is_an_error_and_leaves_what_is_carried() {
    let mut program = Options::new()
        .carry(0, 1)
        .compile(&[Tensor::scalar(1.0), Tensor::scalar(1.0)], |v| {
            let y = if v[1] > v[0] - 5.0 { v[1] * 2.0 } else { v[1] };
            vec![y, v[0] + 1.0]
        })
        .unwrap();
    program.set_carried(0, &Tensor::scalar(1.0)).unwrap();
    program.run_numbers(&[3.0]).unwrap();
    assert_eq!((program.item(0), program.carried(0)), (6.0, &[2.0][..]));
    let error = program.run_numbers(&[-9.0]).unwrap_err();
    assert!(error.to_string().contains("record again"), "{error}");
    assert_eq!(program.carried(0), [2.0]);
}

#[test]
fn reading_a_number_while_compiling_is_an_error() {
    let error = Program::compile(&[sample(&[3], 1)], |v| vec![v[0] * v[0].sum(()).item()]).err().unwrap();
    assert!(error.to_string().contains("read at") && error.to_string().contains("agreement.rs"), "{error}");
    let error =
        Program::compile(&[sample(&[3], 1)], |v| vec![v[0].tape().data(v[0].sum(()).backward().wrt(v[0])) * v[0]]);
    assert!(error.err().unwrap().to_string().contains("tape.grad"));
    // Data may be read, and what is detached stays a value of every run.
    let mut program = Program::compile_gradient(&[sample(&[3], 1)], &[0], |v| {
        let tape = v[0].tape();
        let data = tape.data([1.0, 2.0, 3.0]);
        let _ = data.value();
        (v[0].detach() * v[0] * data).sum(())
    })
    .unwrap();
    let x = Tensor::from([2.0, 3.0, 4.0]);
    program.run(&[&x]).unwrap();
    assert_eq!(program.output(1), [2.0, 6.0, 12.0]);
}

/// sin(x) and the sine of x detached are one number, of which one has a derivative by x.
#[test]
fn what_is_detached_takes_no_derivative_from_an_equal_number() {
    type Formula = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let formulas: [Formula; 4] = [
        |x| x.detach().sin() * x.sin(),
        |x| x.sin() * x.detach().sin(),
        |x| (x.detach() * x) * (x * x.detach()),
        |x| x.detach().sin().exp() * x.sin().exp() * x.sin().exp(),
    ];
    for formula in formulas {
        for shape in [Shape::scalar(), [2].into()] {
            let at = |k: f64| Tensor::from_fn(shape.clone(), |i| 0.3 + k + i.len() as f64);
            let mut program = Program::compile_gradient(&[at(0.0)], &[0], |v| formula(v[0]).sum(())).unwrap();
            program.run(&[&at(0.25)]).unwrap();
            let tape = Tape::new();
            let x = tape.var(at(0.25));
            let expected = formula(x).sum(()).backward().wrt(x);
            for (a, b) in program.output(1).iter().zip(expected.iter()) {
                assert!((a - b).abs() < 1e-14 * b.abs(), "{a}, expected {b}");
            }
        }
    }
}

#[test]
fn nothing_over_zero_is_nothing_in_a_relaxed_program_too() {
    let at = Tensor::from([0.0, 0.0]);
    let mut program = Options::new()
        .relaxed(true)
        .compile(std::slice::from_ref(&at), |v| vec![Number::binary(v[0], ops::Over, v[0] - v[0])])
        .unwrap();
    program.run(&[&at]).unwrap();
    assert_eq!(program.output(0), [0.0, 0.0]);
}

#[test]
fn a_relaxed_quotient_of_a_stretched_number_keeps_its_shape() {
    let at = sample(&[2], 1);
    let mut program = Options::new()
        .relaxed(true)
        .compile(std::slice::from_ref(&at), |v| {
            let three = v[0].equal(v[0]).select(Var::constant(3.0), Var::constant(3.0));
            vec![three / three, v[0] / three]
        })
        .unwrap();
    program.run(&[&at]).unwrap();
    assert_eq!(program.output(0), [1.0, 1.0]);
    assert_eq!(program.output(1).len(), 2);
}

#[test]
fn second_derivatives_inside_the_closure_agree_with_the_tape() {
    let inputs = [sample(&[5], 1)];
    let mut program = Program::compile_gradient(&inputs, &[0], |v| {
        let tape = v[0].tape();
        let y = (v[0].tanh() * v[0].exp()).sum(());
        tape.grad(y, &[v[0]])[0].square().sum(())
    })
    .unwrap();
    program.run(&[&inputs[0]]).unwrap();
    let tape = Tape::new();
    let x = tape.var(&inputs[0]);
    let y = (x.tanh() * x.exp()).sum(());
    let z = tape.grad(y, &[x])[0].square().sum(());
    assert_eq!(program.output(1).len(), x.shape().numel());
    for (a, b) in program.output(1).iter().zip(z.backward().wrt(x).iter()) {
        assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} {b}");
    }
}

#[test]
fn ops_that_run_as_on_a_tape_agree_with_it() {
    struct Cubes;
    impl CustomOp for Cubes {
        const NAME: &'static str = "cubes";
        fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
            Ok(inputs[0].map(|x| x * x * x))
        }
        fn vjp<T: Element, A: retrograd::Algebra<T>>(&self, a: &A, inputs: &[A::V], _y: &A::V, g: &A::V) -> Vec<A::V> {
            vec![a.mul(g, &a.mul(&a.literal(3.0), &a.mul(&inputs[0], &inputs[0])))]
        }
    }
    let matrix = Tensor::from([[3.0, 0.5, 0.1], [0.2, 2.0, 0.3], [0.1, 0.4, 1.5]]);
    check(&[matrix.clone(), sample(&[3, 2], 2)], |v| {
        let tape = v[0].tape();
        v[0].det() * v[0].inv().sum(()) + v[0].solve(v[1]).square().sum(()) + tape.custom(Cubes, &[v[1]]).sum(())
    });
}

#[test]
fn layout_ops_agree_with_the_tape() {
    check(&[sample(&[4, 6], 1), sample(&[3, 4], 2)], |v| {
        let a = v[0].reshape([2, 12]).t().slice((2..9, ..)).square().sum(());
        let b = v[1].matmul(v[0]).t().matmul(v[1].softmax(1)).log_softmax(1);
        a * b.sum(()) + v[0].logsumexp(1).sum(()) + v[0].gather(0, &[1, 1, 3]).cumsum(1).mean(())
    });
}

#[test]
fn what_goes_in_can_come_out_and_parts_of_it() {
    let x = sample(&[2, 3], 1);
    let mut program = Program::compile(std::slice::from_ref(&x), |v| {
        let tape = v[0].tape();
        vec![v[0], v[0].reshape([3, 2]), tape.data([1.0, 2.0]), v[0] + 0.0, v[0].sum(()) * 0.0 + 4.0]
    })
    .unwrap();
    program.run(&[&x]).unwrap();
    assert_eq!(program.output(0), x.as_slice());
    assert_eq!(program.tensor(1).shape().dims(), [3, 2]);
    assert_eq!(program.output(2), [1.0, 2.0]);
    assert_eq!((program.output(3), program.item(4)), (x.as_slice(), 4.0));
}

#[test]
fn a_step_that_keeps_its_parameters_trains_as_a_loop_over_the_tape_does() {
    let (x, t) = (sample(&[8, 3], 1), sample(&[8, 2], 2));
    let (mut w, mut b) = (sample(&[3, 2], 3), sample(&[2], 4));
    let mut step = Options::new()
        .carry(2, 1)
        .carry(3, 2)
        .compile(&[x.clone(), t.clone(), w.clone(), b.clone()], |v| {
            let tape = v[0].tape();
            let loss = (v[0].matmul(v[2]) + v[3]).sigmoid().squared_error(v[1]);
            let grads = tape.grad(loss, &v[2..]);
            vec![loss, v[2] - 0.5 * grads[0], v[3] - 0.5 * grads[1]]
        })
        .unwrap();
    step.set_carried(2, &w).unwrap();
    step.set_carried(3, &b).unwrap();
    for _ in 0..5 {
        step.run(&[&x, &t]).unwrap();
        let tape = Tape::new();
        let (wv, bv) = (tape.var(&w), tape.var(&b));
        let loss = (tape.data(&x).matmul(wv) + bv).sigmoid().squared_error(tape.data(&t));
        let grads = loss.backward();
        assert!((step.item(0) - loss.item()).abs() < 1e-14);
        w = &w - &(&grads.wrt(wv) * 0.5);
        b = &b - &(&grads.wrt(bv) * 0.5);
        assert_eq!(step.carried(2).len(), w.len());
        for (a, b) in step.carried(2).iter().zip(w.iter()) {
            assert!((a - b).abs() < 1e-14);
        }
    }
    assert!(step.memory().carried > 0);
    assert_eq!(step.to_string().matches("added in place").count(), 1, "{step}");
}

#[test]
fn equal_parts_are_computed_once_and_dead_ones_not_at_all() {
    let program = Program::compile(&[sample(&[4], 1), sample(&[4], 2)], |v| {
        let _unused = v[0].exp().sin();
        let (a, b) = ((v[0] * v[1]).tanh(), (v[1] * v[0]).tanh());
        vec![(a + b).sum(())]
    })
    .unwrap();
    let text = program.to_string();
    assert_eq!(text.matches("tanh").count(), 1, "{text}");
    assert!(!text.contains("exp"), "{text}");
}

#[test]
fn what_is_printed_is_what_runs() {
    // The first number of every row of the second argument is read by no group as it lies: an op of its own writes it out.
    let inputs = [sample(&[2, 3, 4], 1), sample(&[2, 1, 4], 2)];
    let program = Program::compile(&inputs, |v| vec![(v[0] * v[1]).sum(())]).unwrap();
    let text = program.to_string();
    assert_eq!(text.matches("broadcast_to").count(), 1, "{text}");
    assert!(text.contains(&format!("{} nodes in {} steps", program.nodes(), program.steps())), "{text}");
    assert_eq!(
        text.lines().filter(|line| line.starts_with("  %") && !line.contains("= input")).count(),
        program.steps()
    );
    program.verify().unwrap();

    // A product that its reader takes by panels says so, and stands next to it.
    let inputs = [sample(&[1250, 50], 1), sample(&[50, 64], 2)];
    let program = Program::compile(&inputs, |v| vec![v[0].matmul(v[1]).tanh()]).unwrap();
    let text = program.to_string();
    assert_eq!(text.matches("by panels").count(), 1, "{text}");
}

#[test]
fn outputs_are_written_to_the_callers_tensors() {
    let inputs = [sample(&[4, 3], 1), sample(&[3, 3], 2)];
    // The gradient by the second is a sum of two products; output 3 is output 1 once more, and output 4 a number.
    let mut program = Options::new()
        .write_out(&[1, 2, 3, 4])
        .compile(&inputs, |v| {
            let tape = v[0].tape();
            let h = v[0].matmul(v[1]).tanh();
            let loss = h.matmul(v[1]).square().sum(());
            let grads = tape.grad(loss, v);
            vec![loss, grads[0], grads[1], grads[0], loss * 2.0]
        })
        .unwrap();
    let expected = eager(&inputs, &|v| v[0].matmul(v[1]).tanh().matmul(v[1]).square().sum(()));
    let (mut a, mut b) = (Tensor::full([4, 3], 7.0), Tensor::full([3, 3], 7.0));
    let (mut again, mut double) = (a.clone(), Tensor::scalar(7.0));
    program.run_into(&[&inputs[0], &inputs[1]], &mut [&mut a, &mut b, &mut again, &mut double]).unwrap();
    for (found, expected) in [&a, &b, &again].into_iter().zip([&expected[1], &expected[2], &expected[1]]) {
        assert_eq!(found.shape(), expected.shape());
        for (x, y) in found.iter().zip(expected.iter()) {
            assert!((x - y).abs() <= 1e-13 * (1.0 + y.abs()), "{x} {y}");
        }
    }
    assert!((double.item() - 2.0 * program.item(0)).abs() < 1e-12);
    assert!(program.run(&[&inputs[0], &inputs[1]]).is_err());
}

#[test]
fn what_an_output_does_not_need_is_not_computed() {
    // y' = (x_0, x_1 y_0, x_2 y_1, ...): the last component needs one component more for every step back.
    let n = 40;
    let x: Vec<Tensor<f64>> = (0..n).map(|i| Tensor::scalar(1.0 / (1.0 + i as f64))).collect();
    let program = Program::compile_gradient(&x, &(0..n).collect::<Vec<_>>(), |x| {
        let h = 0.1;
        let mut y = vec![Var::constant(0.0); n];
        for _ in 0..3 {
            let slope: Vec<_> = (0..n).map(|i| if i == 0 { x[0] } else { x[i] * y[i - 1] }).collect();
            y = y.iter().zip(&slope).map(|(&y, &k)| y + k * h).collect();
        }
        y[2]
    })
    .unwrap();
    assert!(program.nodes() < n + 60, "{}", program.nodes());
}

#[test]
fn equal_minors_of_a_determinant_are_expanded_once() {
    fn det<'t>(rows: &[Vec<Var<'t, f64>>]) -> Var<'t, f64> {
        if rows.len() == 1 {
            return rows[0][0];
        }
        let minor = |j: usize| -> Vec<Vec<Var<'t, f64>>> {
            rows[1..].iter().map(|row| [&row[..j], &row[j + 1..]].concat()).collect()
        };
        let terms = rows[0].iter().enumerate().map(|(j, &x)| x * det(&minor(j)));
        terms.enumerate().map(|(j, term)| if j % 2 == 0 { term } else { -term }).sum()
    }
    let n = 5;
    let x: Vec<Tensor<f64>> = sample(&[n * n], 3).iter().map(|&x| Tensor::scalar(x)).collect();
    let program = check(&x, |x| det(&x.chunks(n).map(<[_]>::to_vec).collect::<Vec<_>>()));
    // Every minor is one node: sums of n 2^(n-1) products forward, and about twice that for the gradient.
    assert!(program.nodes() < 500, "{}", program.nodes());
}

#[test]
fn a_function_is_recorded_once_for_each_shape_and_branch() {
    let mut f = retrograd::compile(|v| {
        let tape = v[0].tape();
        let y = (v[0] * v[0]).sum(());
        let y = if y > 10.0 { y.sqrt() } else { y * 2.0 };
        vec![y, tape.grad(y, v)[0]]
    });
    let small: Tensor<f64> = Tensor::from([1.0, 2.0]);
    let large: Tensor<f64> = Tensor::from([3.0, 4.0]);
    for _ in 0..2 {
        let program = f.call(&[&small]).unwrap();
        assert_eq!((program.item(0), program.output(1)), (10.0, &[4.0, 8.0][..]));
        let program = f.call(&[&large]).unwrap();
        assert_eq!((program.item(0), program.output(1)), (5.0, &[3.0 * (1.0 / 5.0), 0.8][..]));
        assert_eq!(f.call(&[&Tensor::from([1.0])]).unwrap().item(0), 2.0);
    }
    assert_eq!(f.recordings(), 3);
}

#[test]
fn a_function_names_the_settings_that_are_for_programs() {
    let x = Tensor::from([1.0, 2.0]);
    for settings in [Options::new().carry(0, 0), Options::new().write_out(&[0])] {
        let mut f = settings.function(|v| vec![v[0] * 2.0]);
        let error = f.call(&[&x]).err().unwrap().to_string();
        assert!(error.contains("carry and write_out") && error.contains("Options::compile"), "{error}");
    }
}

#[test]
fn a_large_product_runs_by_panels_into_the_step_that_reads_it() {
    // The gradient by w, [900, 90] in f64, goes into an update with a momentum.
    let (x, w) = (sample(&[50, 900], 1), sample(&[900, 90], 2));
    let m = Tensor::zeros([900, 90]);
    let compiled = |threads: usize| {
        let options = Options::new().carry(1, 1).carry(2, 2).threads(threads);
        options.compile(&[x.clone(), w.clone(), m.clone()], |v| {
            let tape = v[0].tape();
            let loss = v[0].matmul(v[1]).tanh().square().mean(());
            let m = v[2] * 0.9 + tape.grad(loss, &[v[1]])[0];
            vec![loss, v[1] - m * 10.0, m]
        })
    };
    let mut twice = Vec::new();
    for threads in [1, 2] {
        let mut step = compiled(threads).unwrap();
        step.set_carried(1, &w).unwrap();
        step.set_carried(2, &m).unwrap();
        step.run(&[&x]).unwrap();
        step.run(&[&x]).unwrap();
        twice.push(step.carried(1).to_vec());
        assert_eq!(step.to_string().matches("by panels").count(), 1, "{step}");
    }
    assert_eq!(twice[0], twice[1]);
    let (mut by_hand, mut momentum) = (w, m);
    for _ in 0..2 {
        let gradient = eager(&[x.clone(), by_hand.clone()], &|v| v[0].matmul(v[1]).tanh().square().mean(())).remove(2);
        momentum = &momentum * 0.9 + &gradient;
        by_hand = &by_hand - &(&momentum * 10.0);
    }
    assert_eq!(twice[0].len(), by_hand.len());
    for (a, b) in twice[0].iter().zip(by_hand.iter()) {
        assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} {b}");
    }
}

#[test]
fn a_choice_between_two_literals_is_made_anew_in_every_run() {
    let mut program = Program::compile(&[Tensor::scalar(2.0), Tensor::from([2.0, -2.0])], |v| {
        let [one, two] = [1.0, 2.0].map(Var::constant);
        let zero = Var::constant(0.0);
        vec![v[0].greater(zero).select(one, two), v[1].greater(zero).select(one, two).sum(()) * v[0]]
    })
    .unwrap();
    program.run(&[&Tensor::scalar(-1.0), &Tensor::from([1.0, 1.0])]).unwrap();
    assert_eq!((program.item(0), program.item(1)), (2.0, -2.0));
    program.run(&[&Tensor::scalar(1.0), &Tensor::from([1.0, -1.0])]).unwrap();
    assert_eq!((program.item(0), program.item(1)), (1.0, 3.0));
}

#[test]
fn numbers_go_in_and_out_in_one_go_and_a_wrong_count_is_refused() {
    let shapes = [Tensor::scalar(0.0), Tensor::scalar(0.0), Tensor::scalar(0.0)];
    // The second input is carried, the third is unused; an input comes out again, and a tensor.
    let options = Options::new().carry(1, 0);
    let mut program =
        options.compile(&shapes, |v| vec![v[1] + v[0], v[0], v[1] * v[1], Var::stack(&[v[0], v[1]], 0)]).unwrap();
    program.set_carried(1, &Tensor::scalar(10.0)).unwrap();
    let mut found = [0.0; 3];
    for expected in [[13.0, 3.0, 100.0], [17.0, 4.0, 169.0]] {
        program.run_numbers(&[expected[1], 0.5]).unwrap();
        program.items_into(0, &mut found);
        assert_eq!(found, expected);
    }
    let error = program.run_numbers(&[1.0]).unwrap_err().to_string();
    assert!(error.contains("takes 2 numbers, got 1"), "{error}");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| program.items_into(1, &mut [0.0; 3])));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("output 3 has 2 elements"), "{message}");
    let tensors = Options::new().compile(&[Tensor::from([1.0, 2.0])], |v| vec![v[0].sum(())]);
    let error = tensors.unwrap().run_numbers(&[1.0]).unwrap_err().to_string();
    assert!(error.contains("input 0 was compiled for shape [2]"), "{error}");
}

#[test]
fn a_number_that_is_no_variable_has_no_gradient_in_a_compiled_step_that_could_be_taken_for_one() {
    let mut compiled = retrograd::Compiled::<f64>::new();
    for _ in 0..2 {
        let (_, [a, unused, y, b], gradients) = compiled
            .step(0, |tape| {
                let (a, unused) = (tape.var(3.0), tape.var(5.0));
                let y = a * a;
                let b = tape.var(2.0);
                Ok((y * b, [a.id(), unused.id(), y.id(), b.id()]))
            })
            .unwrap();
        assert_eq!([a, unused, b].map(|id| gradients.get_item(id)), [Some(12.0), Some(0.0), Some(9.0)]);
        assert!(gradients.get_item(y).is_none_or(f64::is_nan));
    }
}

/// Every rewrite of a node, and forms that look alike, against the tape: outputs and gradients, in odd shapes.
fn rewrites_keep_the_numbers<T: Element>() {
    type Formula<T> = for<'t> fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>;
    fn of<'t, T: Element>(x: f64) -> Var<'t, T> {
        Var::constant(T::from_f64(x))
    }
    let elementwise: [Formula<T>; 30] = [
        |x, _| x + of(0.0),
        |x, _| of::<T>(0.0) + x,
        |x, _| x - of(0.0),
        |x, _| of::<T>(0.0) - x,
        |x, _| x * of(1.0),
        |x, _| of::<T>(1.0) * x,
        |x, _| x * of(-1.0),
        |x, _| of::<T>(-1.0) * x,
        |x, _| x / of(1.0),
        |x, _| x / of(4.0),
        |x, _| of::<T>(4.0) / x,
        |x, _| of::<T>(3.0) * (of::<T>(5.0) * x),
        |x, _| (x * of(5.0)) * of(3.0),
        |x, y| x + -y,
        |x, y| -x + y,
        |x, y| x - -y,
        |x, y| -x - y,
        |x, y| -x - -y,
        |x, _| -(-x),
        |x, _| -x.tanh(),
        |x, _| (-x).tanh(),
        |x, y| Number::binary(x, ops::Sub, x) * y + x,
        |x, y| Number::binary(y, ops::Div, y) * x,
        |x, y| Number::binary(x, ops::Scale, of(-1.0)) + Number::binary(of(-1.0), ops::Scale, y),
        |x, y| Number::binary(x, ops::Over, of(2.0)) + Number::binary(of(0.0), ops::Over, y),
        |x, y| Number::binary(x, ops::Gate, of(0.0)) + Number::binary(of(0.0), ops::Gate, y) + x,
        |x, y| of::<T>(1.0).select(x, y) - of::<T>(0.0).select(x, y),
        |x, y| y.greater(of(0.0)).select(x, x) * y,
        |x, y| y.greater(of(0.0)).select(of(2.0), of(2.0)).exp() * x,
        |x, y| (x * y).exp() + (y * x).exp(),
    ];
    let shaping: [Formula<T>; 8] = [
        |x, y| x.transpose().transpose() - y,
        |x, _| x.transpose().matmul(x),
        |x, y| x.matmul(y.transpose()),
        |x, y| x.transpose().matmul(y).transpose(),
        |x, _| x.reshape([3, 2]).reshape([6]),
        |x, _| x.sum(0).broadcast_to([4, 3]).exp(),
        |x, _| x.sum(()).broadcast_to([2, 3]).transpose().reshape([6]),
        |x, y| x.reshape([2, 3]) * y.broadcast_to([2, 3]),
    ];
    let permuting: [Formula<T>; 4] = [
        |x, _| x.permute(&[1, 2, 0]).permute(&[1, 2, 0]),
        |x, _| x.permute(&[1, 2, 0]).permute(&[0, 2, 1]),
        |x, _| x.permute(&[2, 1, 0]).permute(&[1, 0, 2]),
        |x, _| x.permute(&[2, 0, 1]).permute(&[1, 2, 0]),
    ];
    let check = |formula: Formula<T>, which: usize, shape: &[usize]| {
        let at = |k: usize| {
            let number = |j: usize| T::from_f64(((7 * j + 5 * k + 3) % 11) as f64 / 2.0 - 2.25);
            let n: usize = shape.iter().product();
            Tensor::new(shape, (0..n).map(number).collect()).unwrap()
        };
        let points = [at(1), at(2)];
        let tape = Tape::<T>::of();
        let x = [tape.var(&points[0]), tape.var(&points[1])];
        let y = formula(x[0], x[1]);
        let gradients = y.sum(()).backward();
        let expected = [y.value(), gradients.wrt(x[0]), gradients.wrt(x[1])];
        for relaxed in [false, true] {
            let mut program = Options::new()
                .relaxed(relaxed)
                .compile(&points, |v| {
                    let tape = v[0].tape();
                    let y = formula(v[0], v[1]);
                    [vec![y], tape.grad(y.sum(()), v)].concat()
                })
                .unwrap();
            program.run(&[&points[0], &points[1]]).unwrap();
            for (k, expected) in expected.iter().enumerate() {
                assert_eq!(program.tensor(k).shape(), expected.shape(), "formula {which}, output {k} of {shape:?}");
                for (a, b) in program.output(k).iter().zip(expected.iter()) {
                    let (a, b) = (a.to_f64(), b.to_f64());
                    let near = (a - b).abs() <= 16.0 * T::EPSILON * b.abs().max(1.0);
                    assert!(near, "formula {which}, relaxed {relaxed}, output {k} of {shape:?}: {a}, expected {b}");
                }
            }
        }
    };
    for (which, &formula) in elementwise.iter().enumerate() {
        for shape in [&[][..], &[1], &[3], &[2, 3], &[17]] {
            check(formula, which, shape);
        }
    }
    shaping.iter().enumerate().for_each(|(which, &formula)| check(formula, which, &[2, 3]));
    // Of square ones, a transpose too much or too little has the right shape.
    shaping[..4].iter().enumerate().for_each(|(which, &formula)| check(formula, which, &[3, 3]));
    permuting.iter().enumerate().for_each(|(which, &formula)| check(formula, which, &[2, 3, 4]));
}

#[test]
fn what_a_node_is_rewritten_to_keeps_its_numbers() {
    rewrites_keep_the_numbers::<f32>();
    rewrites_keep_the_numbers::<f64>();
}

#[test]
fn gradients_of_a_layer_on_either_side_of_its_work_are_the_tapes() {
    for m in [1249, 1250] {
        check(&[sample(&[m, 50], 1), sample(&[50, 64], 2)], |v| v[0].matmul(v[1]).sin().square().mean(()));
    }
}
