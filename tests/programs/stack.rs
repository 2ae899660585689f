//! Programs of many runs at once, against the same program run many times.

use retrograd::ops::Saves;
use retrograd::program::{Options, RecordedStep};
use retrograd::{
    Algebra, Conv, CustomOp, Element, Float, Number, Pooling, Program, Result, Shape, Tape, Tensor, Unary, Upstream,
    Var,
};

/// Numbers that look random and are not, different in each run.
fn sample<T: Element>(shape: &[usize], seed: usize) -> Tensor<T> {
    let n: usize = shape.iter().product();
    let elements = (0..n).map(|i| T::from_f64((((i + 3) * (2 * seed + 5) * 7919) % 1009) as f64 / 600.0 - 0.83));
    Tensor::new(shape, elements.collect()).unwrap()
}

fn stacked<T: Element>(runs: &[Tensor<T>]) -> Tensor<T> {
    let shape: Shape = std::iter::once(runs.len()).chain(runs[0].shape().iter().copied()).collect();
    Tensor::new(shape, runs.iter().flat_map(|x| x.iter().copied()).collect()).unwrap()
}

/// A function of three inputs with its gradients by all of them, for each choice of inputs that differ from run to run.
fn check_in<T: Element>(
    name: &str,
    shapes: [&[usize]; 3],
    tolerance: f64,
    build: &impl for<'t> Fn(&[Var<'t, T>]) -> Var<'t, T>,
) {
    const RUNS: usize = 5;
    let one: Vec<Tensor<T>> = shapes.iter().map(|shape| sample(shape, 0)).collect();
    let mut alone = Program::compile_gradient(&one, &[0, 1, 2], |v| build(v)).unwrap();
    for mask in 1..8 {
        let stacks: Vec<usize> = (0..3).filter(|k| mask >> k & 1 == 1).collect();
        let options = Options::new().stack(RUNS, &stacks).gradient(&[0, 1, 2]);
        let mut together = options.compile(&one, |v| vec![build(v)]).unwrap_or_else(|error| panic!("{name}: {error}"));
        together.verify().unwrap();
        let run = |k: usize, run: usize| sample(shapes[k], if stacks.contains(&k) { run } else { 0 });
        let inputs: Vec<Tensor<T>> = (0..3)
            .map(|k| match stacks.contains(&k) {
                true => stacked(&(0..RUNS).map(|r| run(k, r)).collect::<Vec<_>>()),
                false => run(k, 0),
            })
            .collect();
        together.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
        check_mapped(&format!("{name}, stacks {stacks:?}"), (&inputs, &stacks), tolerance, build);
        for r in 0..RUNS {
            let inputs: Vec<Tensor<T>> = (0..3).map(|k| run(k, r)).collect();
            alone.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
            for output in 0..4 {
                let wanted = alone.output(output);
                let found = &together.output(output)[r * wanted.len()..(r + 1) * wanted.len()];
                let size = wanted.iter().fold(1.0f64, |size, x| size.max(x.to_f64().abs()));
                for (a, b) in found.iter().zip(wanted) {
                    let far = (a.to_f64() - b.to_f64()).abs();
                    assert!(
                        far <= tolerance * size,
                        "{name}, stacks {stacks:?}, run {r}, output {output}: {a} for {b}"
                    );
                }
            }
        }
    }
}

/// A value and its gradients mapped over examples on a tape, and the gradient of their squares, against one example after another;
/// and the same in a program.
fn check_mapped<T: Element>(
    name: &str,
    (inputs, stacks): (&[Tensor<T>], &[usize]),
    tolerance: f64,
    build: &impl for<'t> Fn(&[Var<'t, T>]) -> Var<'t, T>,
) {
    fn one<'t, T: Element>(v: &[Var<'t, T>], build: &impl for<'u> Fn(&[Var<'u, T>]) -> Var<'u, T>) -> Vec<Var<'t, T>> {
        let y = build(v);
        std::iter::once(y).chain(v[0].tape().grad(y, v)).collect()
    }
    fn all<'t, T: Element>(
        v: &[Var<'t, T>],
        stacks: &[usize],
        at_once: bool,
        build: &impl for<'u> Fn(&[Var<'u, T>]) -> Var<'u, T>,
    ) -> Vec<Var<'t, T>> {
        let tape = v[0].tape();
        let example = |part: &dyn Fn(usize, Var<'t, T>) -> Var<'t, T>| -> Vec<Var<'t, T>> {
            (0..3).map(|k| stacks.iter().position(|&s| s == k).map_or(v[k], |p| part(p, v[k]))).collect()
        };
        let outputs = if at_once {
            let over: Vec<Var<'t, T>> = stacks.iter().map(|&k| v[k]).collect();
            tape.vmap(&over, |x| one(&example(&|p, _| x[p]), build))
        } else {
            let count = v[stacks[0]].shape()[0];
            let each: Vec<_> = (0..count).map(|i| one(&example(&|_, x| x.slice(i as isize)), build)).collect();
            (0..4).map(|k| Var::stack(&each.iter().map(|outputs| outputs[k]).collect::<Vec<_>>(), 0)).collect()
        };
        let squares = outputs.iter().map(|y| y.square().sum(())).reduce(|a, b| a + b).unwrap();
        let second = tape.grad(squares, v);
        outputs.into_iter().chain(second).collect()
    }
    let tape = Tape::<T>::of();
    let v: Vec<Var<'_, T>> = inputs.iter().map(|x| tape.var(x)).collect();
    let wanted: Vec<Tensor<T>> = all(&v, stacks, false, build).iter().map(|y| y.value()).collect();
    let found: Vec<Tensor<T>> = all(&v, stacks, true, build).iter().map(|y| y.value()).collect();
    let mut program = Program::compile(inputs, |v| all(v, stacks, true, build)).unwrap();
    program.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
    for (k, wanted) in wanted.iter().enumerate() {
        let size = wanted.iter().fold(1.0f64, |size, x| size.max(x.to_f64().abs()));
        for (engine, found) in [("tape", &found[k]), ("program", &program.tensor(k))] {
            assert_eq!(found.shape(), wanted.shape(), "{name}, output {k} on the {engine}");
            for (a, b) in found.iter().zip(wanted.iter()) {
                let far = (a.to_f64() - b.to_f64()).abs();
                assert!(far <= 10.0 * tolerance * size, "{name}, output {k} on the {engine}: {a} for {b}");
            }
        }
    }
}

macro_rules! cases {
    ($($name:literal, $shapes:expr, |$v:ident| $build:expr;)*) => {
        #[test]
        fn a_stack_of_runs_is_each_run_by_itself() {
            $({
                let shapes: [&[usize]; 3] = $shapes;
                check_in::<f64>($name, shapes, 1e-12, &|$v: &[Var<'_, f64>]| $build);
                check_in::<f32>($name, shapes, 2e-4, &|$v: &[Var<'_, f32>]| $build);
            })*
        }
    };
}

cases! {
    "elementwise", [&[4], &[3, 4], &[]], |v| ((v[0] * v[1]).tanh() + v[2].sin() * v[1].exp()).sum(());
    "columns", [&[3, 1], &[3, 4], &[1, 4]], |v| ((v[0] + v[1]) * v[2].sigmoid()).square().sum(());
    "ranks", [&[2], &[3, 1, 2], &[4, 1]], |v| (v[0] * v[1] - v[2]).square().mean(());
    "select and extremes", [&[5], &[5], &[5]],
        |v| (v[0].greater(v[1]).select(v[0] * v[2], v[1]) + v[0].maximum(v[2])).sum(()) + v[1].max(());
    "two layers", [&[6, 3], &[3, 5], &[5]], |v| (v[0].matmul(v[1]) + v[2]).tanh().square().mean(());
    "order", [&[3, 5], &[3, 5], &[5]],
        |v| (v[0].sort(1) * v[2]).sum(()) + v[0].take_along(v[1].argsort(0), 0).square().sum(()) + (v[1].cummax(1) * v[2].topk(5, 0).0).sum(());
    "convolutions", [&[2, 3, 6], &[4, 3, 2], &[4, 4, 3]],
        |v| v[0].conv1d(v[1], Conv::new().padding(1)).tanh().conv1d(v[2], Conv::new().stride(2)).square().sum(());
    "convolutions of many channels in groups, and pooling", [&[1, 24, 4, 4], &[4, 12, 2, 2], &[4, 3, 3]],
        |v| {
            let hidden = v[0].conv2d(v[1], Conv::new().groups(2).padding(1));
            (hidden.max_pool2d(Pooling::of(3).stride(1)) * v[2]).sum(()) + hidden.avg_pool2d(Pooling::of(2).padding(1)).square().sum(())
        };
    "einsum, kron and running sums", [&[2, 3], &[3, 2], &[2, 2]],
        |v| Var::einsum("ij,jk,kl->il", &[v[0], v[1], v[2]]).sin().sum(()) + v[2].kron(v[0]).square().mean(()) + v[1].cumlogsumexp(0).sum(());
    "exponentials and stacks of systems", [&[2, 2, 2], &[2, 2, 2], &[2, 2]],
        |v| {
            let regular = v[0].tanh() * 0.3 + v[0].tape().data(Tensor::eye(2)) * 1.5;
            regular.solve(v[1]).sum(()) + regular.inv().square().sum(()) + (regular.det() * 0.5).exp().sum(()) + v[2].expm().sin().sum(())
                + regular.lstsq(v[1]).square().mean(())
        };
    "products", [&[4, 4], &[4, 4], &[4, 1]], |v| v[0].matmul(v[1].t()).matmul(v[2]).square().sum(());
    "stacks of products", [&[2, 3, 4], &[4, 3], &[2, 3, 3]], |v| (v[0].matmul(v[1]) * v[2]).sum(());
    "sums along axes", [&[2, 3, 4], &[3], &[2, 1, 4]],
        |v| ((v[0].sum(1) * v[2].sum(1)).mean(0).square()).sum(()) + (v[0].sum([0, 2]) * v[1]).sum(());
    "rows", [&[3, 4], &[4], &[3, 4]], |v| (v[0].softmax(-1) * v[1] + v[2].log_softmax(0)).square().sum(());
    "norms and logsumexp", [&[3, 4], &[4, 3], &[3]],
        |v| (v[0].norm2(1) + v[1].logsumexp(0) * v[2]).square().sum(()) + v[0].cumsum(1).sum(());
    "layout", [&[3, 4], &[4, 3], &[12]],
        |v| (v[0].t() * v[1] + v[2].reshape([4, 3])).slice((1..3, ..)).square().sum(());
    "gather", [&[5, 2], &[3, 2], &[2]], |v| (v[0].gather(0, &[4, 0, 4]) * v[1] + v[2]).square().sum(());
    "cross-entropy", [&[4, 3], &[3, 3], &[3]], |v| (v[0].matmul(v[1]) + v[2]).cross_entropy(&[0, 2, 1, 1]);
    "squared error", [&[4, 2], &[4, 2], &[2]], |v| (v[0] * v[2]).squared_error(v[1]);
    "linear algebra", [&[3, 3], &[3, 2], &[3]],
        |v| {
            let m = v[0].matmul(v[0].t()) + Tensor::eye(3);
            m.solve(v[1]).square().sum(()) + m.slogdet().1 + (m.cholesky() * v[2]).sum(())
        };
    "what no run differs in", [&[3], &[3], &[3]], |v| (v[0] * v[0]).sum(()) * v[1].sum(()) + v[2].exp().sum(());
}

#[test]
fn products_of_every_orientation_keep_zeros_of_gradients_and_their_nans() {
    // The gradient by the first input is that of a product with an infinite factor, in one run of three.
    let (x, w) = (Tensor::from([[1.0], [2.0]]), Tensor::from([[1.0, 2.0]]));
    let infinite = Tensor::from([[[1.0, 2.0]], [[f64::INFINITY, 1.0]], [[3.0, 1.0]]]);
    let keep = Tensor::from([[0.0, 1.0], [0.0, 1.0]]);
    let options = Options::new().stack(3, &[1]).gradient(&[0]);
    let mut together = options.compile(&[x.clone(), w], |v| vec![(v[0].matmul(v[1]) * &keep).sum(())]).unwrap();
    together.run(&[&x, &infinite]).unwrap();
    assert_eq!(together.output(1), [2.0, 2.0, 1.0, 1.0, 1.0, 1.0]);
}

#[test]
fn carried_stacks_learn_each_by_itself() {
    let w = Tensor::from([1.0, -2.0]);
    let options = Options::new().stack(2, &[0, 1]).carry(0, 1);
    let compiled = options.compile(&[w, Tensor::scalar(0.25)], |v| {
        let loss = v[0].square().sum(());
        vec![loss, v[0] - v[1] * v[0].tape().grad(loss, &v[..1])[0]]
    });
    let mut step = compiled.unwrap();
    step.set_carried(0, &Tensor::from([[1.0, -2.0], [1.0, -2.0]])).unwrap();
    for _ in 0..3 {
        step.run(&[&Tensor::from([0.25, 0.5])]).unwrap();
    }
    assert_eq!(step.carried(0), [0.125, -0.25, 0.0, 0.0]);
}

/// Twice its input, by a rule of the user's own.
struct Twice;
impl CustomOp for Twice {
    const NAME: &'static str = "twice";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        Ok(&inputs[0] * T::from_f64(2.0))
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, _: &[A::V], _: &A::V, g: &A::V) -> Vec<A::V> {
        vec![a.add(g, g)]
    }
}

#[test]
fn ops_of_users_are_computed_for_one_run_after_another() {
    let x = Tensor::from([1.0, 2.0]);
    let options = Options::new().stack(3, &[0]).gradient(&[0]);
    let compiled = options.compile(&[x], |v| vec![(v[0].tape().custom(Twice, &[v[0]]) * v[0].apply(Cube)).sum(())]);
    let mut program = compiled.unwrap();
    program.run(&[&Tensor::from([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]])]).unwrap();
    assert_eq!(program.output(0), [2.0 + 32.0, 2.0, 162.0 + 2.0]);
    assert_eq!(program.output(1), [8.0, 64.0, 0.0, -8.0, 216.0, 8.0]);
}

/// The cube, elementwise.
#[derive(Clone, Copy, Debug)]
struct Cube;
impl Unary for Cube {
    const NAME: &'static str = "cube";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.5, 2.0];
    fn value<F: Float>(self, x: F) -> F {
        x * x * x
    }
    fn vjp<S: Number>(self, x: S, _: S, g: Upstream<S>) -> Upstream<S> {
        g * (S::lit(3.0) * x * x)
    }
}

#[test]
fn what_cannot_be_stacked_is_named() {
    let x = [Tensor::from([1.0, 2.0])];
    let says = |compiled: Result<Program<f64>>, words: &str| {
        let error = compiled.err().expect(words).to_string();
        assert!(error.contains(words), "{error}, and not {words}");
    };
    says(Options::new().stack(0, &[0]).compile(&x, |v| vec![v[0].sum(())]), "0 runs");
    says(Options::new().stack(2, &[1]).compile(&x, |v| vec![v[0].sum(())]), "there is no input 1");
    says(Options::new().stack(2, &[0, 0]).compile(&x, |v| vec![v[0].sum(())]), "named twice");
    says(Options::new().stack(usize::MAX, &[0]).compile(&x, |v| vec![v[0].sum(())]), "stack");
    let tape = Tape::new();
    let number = tape.var(2.0);
    let chosen = if number > 1.0 { number.square() } else { number };
    says(Options::new().stack(2, &[0]).freeze(&tape, &[number], &[chosen]), "choose with select");
}

#[test]
fn a_recorded_step_is_replayed_on_other_data_and_tells_another_step() {
    let build = |rows: &Tensor<f64>, twice: bool| {
        let twice = twice.then_some(2.0);
        RecordedStep::record(rows, move |tape, rows| {
            let w = tape.var([0.5, 1.0]);
            let y = tape.data(rows) * w;
            let y = twice.map_or(y, |factor| y * factor);
            Ok((y.sum(()), [].into_iter().collect(), w.id()))
        })
    };
    let (mut step, w) = build(&Tensor::from([[1.0, 2.0]]), false).unwrap();
    let data = step.leaves().iter().position(|leaf| *leaf != w).unwrap();
    let other = Tensor::from([[3.0, 4.0]]);
    step.replay(&other, |tape, rows| {
        let w = tape.var([0.5, 1.0]);
        Ok(((tape.data(rows) * w).sum(()), [].into_iter().collect(), ()))
    })
    .unwrap();
    assert_eq!(step.leaf(data), other);
    let error = step.replay(&other, |tape, rows| {
        let w = tape.var([0.5, 1.0]);
        Ok(((tape.data(rows) * w).tanh().sum(()), [].into_iter().collect(), ()))
    });
    assert!(error.unwrap_err().to_string().contains("something else"));
    let tensor = RecordedStep::<f64>::record(&(), |tape, ()| Ok((tape.var([1.0]).exp(), [].into_iter().collect(), ())));
    assert!(tensor.err().unwrap().to_string().contains("must be a scalar"));
}
