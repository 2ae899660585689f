//! One corpus, every engine: what a tape computes, records, and differentiates, a compiled program computes as well.
//!
//! A case is an expression and the shapes of its inputs. Its value and gradients come from the tape, from recorded
//! gradients, from a program (fresh, at another point, and back), from a function compiled when called, and from
//! differences; in both precisions.

use retrograd::ops::{self, BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryOp, UnaryVisitor};
use retrograd::program::{Map, Options};
use retrograd::{Dual, Element, Number, Program, Tape, Tensor, Value, Var, compile, keep};

type Apply<E> = Box<dyn for<'a, 't> Fn(&'a [Var<'t, E>]) -> Var<'t, E>>;

fn apply<E>(f: impl for<'a, 't> Fn(&'a [Var<'t, E>]) -> Var<'t, E> + 'static) -> Apply<E> {
    Box::new(f)
}

struct Case {
    name: &'static str,
    shapes: Vec<Vec<usize>>,
    double: Apply<f64>,
    single: Apply<f32>,
}

/// Cases: the shapes of the inputs, whose elements lie in 0.1..0.9, and the expression, used for both precisions.
macro_rules! cases {
    ($([$([$($n:expr),*]),+] |$v:ident| $f:expr;)+) => {
        for case in [$(Case {
            name: stringify!($f),
            shapes: vec![$(vec![$($n),*]),+],
            double: apply::<f64>(|$v| $f),
            single: apply::<f32>(|$v| $f),
        }),+] {
            case.check();
        }
    };
}

/// Between two orders of summation, relative to the largest element, or to 1.
const DOUBLE: f64 = 1e-12;
const SINGLE: f64 = 3e-5;
/// Extrapolated differences.
const DIFFERENCES: f64 = 1e-7;

/// Elements in 0.1..0.9 that are all apart.
fn sample<T: Element>(shape: &[usize], salt: usize) -> Tensor<T> {
    let n: usize = shape.iter().product();
    let place = |k: usize| ((k * 617 + salt * 31) % n) as f64;
    let element = |k: usize| T::from_f64(0.1 + 0.8 * (place(k) + 0.37 - 0.06 * salt as f64) / n as f64);
    Tensor::new(shape, (0..n).map(element).collect()).unwrap()
}

/// Numbers of both signs that no symmetry hides behind.
fn weights<T: Element>(shape: &[usize], salt: usize) -> Tensor<T> {
    let n: usize = shape.iter().product();
    let number =
        |k: usize| ((k * 7 + salt * 5) % 13) as f64 / 13.0 - if (k + salt).is_multiple_of(3) { 0.75 } else { -0.25 };
    Tensor::new(shape, (0..n).map(|k| T::from_f64(number(k))).collect()).unwrap()
}

fn doubles<T: Element>(x: &Tensor<T>) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).collect()
}

#[track_caller]
fn agree<T: Element>(what: &str, tolerance: f64, found: &Tensor<T>, expected: &Tensor<T>) {
    assert_eq!(found.shape(), expected.shape(), "{what}: shape");
    let (found, expected) = (doubles(found), doubles(expected));
    let finite = found.iter().chain(&expected).filter(|x| x.is_finite());
    let scale = finite.fold(1.0f64, |scale, x| scale.max(x.abs()));
    for (k, (a, b)) in found.iter().zip(&expected).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * scale;
        assert!(same, "{what} [{k}]: {a}, expected {b}");
    }
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}
fn dots(a: &[Tensor<f64>], b: &[Tensor<f64>]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| dot(a, b)).sum()
}

/// The elements' weighted sum, so that a gradient has something to say about each.
fn total<'t, T: Element>(tape: &'t Tape<T>, y: Var<'t, T>) -> Var<'t, T> {
    (y * tape.data(weights(y.shape().dims(), 1))).sum(())
}

/// The total and its gradients, from the tape; the recorded gradients must be the same.
fn eager<T: Element>(name: &str, x: &[Tensor<T>], f: &Apply<T>, tolerance: f64) -> Vec<Tensor<T>> {
    let tape = Tape::of();
    let vars: Vec<_> = x.iter().map(|x| tape.var(x)).collect();
    let y = total(&tape, f(&vars));
    let swept = y.backward();
    let swept: Vec<_> = vars.iter().map(|&var| swept.wrt(var)).collect();
    for (recorded, swept) in tape.grad(y, &vars).iter().zip(&swept) {
        agree(&format!("{name}: recorded gradient"), tolerance, &recorded.value(), swept);
    }
    std::iter::once(y.value()).chain(swept).collect()
}

fn programs<T: Element>(name: &str, x: &[Tensor<T>], f: &Apply<T>, tolerance: f64) {
    let by: Vec<usize> = (0..x.len()).collect();
    let mut program = Program::compile_gradient(x, &by, |v| total(v[0].tape(), f(v))).unwrap();
    program.verify().unwrap();
    let relaxed = Options::new().relaxed(true).threads(2).gradient(&by);
    let mut relaxed = relaxed.compile(x, |v| vec![total(v[0].tape(), f(v))]).unwrap();
    let mut function = compile(|v: &[Var<'_, T>]| {
        let tape = v[0].tape();
        let y = total(tape, f(v));
        std::iter::once(y).chain(tape.grad(y, v)).collect()
    });
    let other: Vec<_> = x.iter().map(|x| x.map(|x| T::from_f64(0.9) * x + T::from_f64(0.01))).collect();
    for (point, which) in [(x, "fresh"), (&other, "elsewhere"), (x, "again")] {
        let expected = eager(name, point, f, tolerance);
        let inputs: Vec<_> = point.iter().collect();
        program.run(&inputs).unwrap();
        relaxed.run(&inputs).unwrap();
        let called = function.call(&inputs).unwrap();
        for (k, expected) in expected.iter().enumerate() {
            agree(&format!("{name}: program, {which}, output {k}"), tolerance, &program.tensor(k), expected);
            agree(&format!("{name}: relaxed, {which}, output {k}"), tolerance, &relaxed.tensor(k), expected);
            agree(&format!("{name}: function, {which}, output {k}"), tolerance, &called.tensor(k), expected);
        }
    }
    assert_eq!(function.recordings(), 1, "{name}: one shape, one recording");
}

impl Case {
    fn inputs<T: Element>(&self) -> Vec<Tensor<T>> {
        self.shapes.iter().enumerate().map(|(i, shape)| sample(shape, i)).collect()
    }

    fn check(&self) {
        programs(self.name, &self.inputs(), &self.double, DOUBLE);
        programs(self.name, &self.inputs(), &self.single, SINGLE);
        self.differences();
        self.laws();
    }

    /// The gradients against extrapolated differences of the program's value, along a direction in each input.
    fn differences(&self) {
        let x: Vec<Tensor<f64>> = self.inputs();
        let mut value = Program::compile(&x, |v| vec![total(v[0].tape(), (self.double)(v))]).unwrap();
        let gradients = eager(self.name, &x, &self.double, DOUBLE);
        for i in 0..x.len() {
            let direction = weights(&self.shapes[i], i + 2);
            let mut at = |h: f64| {
                let mut moved = x.clone();
                moved[i].add_scaled(h, &direction);
                value.run(&moved.iter().collect::<Vec<_>>()).unwrap();
                value.item(0)
            };
            let mut central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
            let [a, b] = [central(1e-3), central(5e-4)];
            let (found, expected) = (dot(&gradients[i + 1], &direction), (4.0 * b - a) / 3.0);
            let scale = found.abs().max(1.0) * (1.0 + gradients[0].item().abs());
            assert!((found - expected).abs() <= DIFFERENCES * scale, "{}: by {i}: {found}, {expected}", self.name);
        }
    }

    /// <v, J u> = <J' v, u>, and J' is linear, all by programs.
    fn laws(&self) {
        let x: Vec<Tensor<f64>> = self.inputs();
        let n = x.len();
        let u: Vec<Tensor<f64>> = self.shapes.iter().enumerate().map(|(i, shape)| weights(shape, i + 3)).collect();
        let both: Vec<_> = x.iter().chain(&u).cloned().collect();
        let mut forward = Program::compile(&both, |v| {
            let tape = v[0].tape();
            let tangents: Vec<_> = v[..n].iter().copied().zip(v[n..].iter().copied()).collect();
            vec![tape.try_record_jvp((self.double)(&v[..n]), &tangents).unwrap()]
        })
        .unwrap();
        forward.run(&both.iter().collect::<Vec<_>>()).unwrap();
        let tangent = forward.tensor(0);
        {
            let tape = Tape::new();
            let vars: Vec<_> = x.iter().map(|x| tape.var(x)).collect();
            let tangents: Vec<_> = vars.iter().copied().zip(u.iter().map(|u| Value::from(u.clone()))).collect();
            let expected = tape.jvp((self.double)(&vars), &tangents).unwrap().into_tensor();
            agree(&format!("{}: jvp of tape and program", self.name), DOUBLE, &tangent, &expected);
        }
        let [v, w] = [weights(tangent.shape().dims(), 5), weights(tangent.shape().dims(), 6)];
        let seeded: Vec<_> = x.iter().chain([&v]).cloned().collect();
        let mut reverse =
            Program::compile(&seeded, |s| s[0].tape().try_vjp((self.double)(&s[..n]), s[n], &s[..n]).unwrap()).unwrap();
        let mut pull = |seed: &Tensor<f64>| -> Vec<Tensor<f64>> {
            reverse.run(&x.iter().chain([seed]).collect::<Vec<_>>()).unwrap();
            (0..n).map(|k| reverse.tensor(k)).collect()
        };
        let (of_v, of_w) = (pull(&v), pull(&w));
        let (found, expected) = (dot(&v, &tangent), dots(&of_v, &u));
        let scale = 1.0 + u.iter().map(|u| u.len() as f64).sum::<f64>();
        assert!((found - expected).abs() <= DOUBLE * scale * found.abs().max(1.0), "{}: {found} {expected}", self.name);
        let mut mixed = v.map(|v| 2.0 * v);
        mixed.add_scaled(-3.0, &w);
        for ((mixed, mut expected), w) in pull(&mixed).iter().zip(of_v).zip(&of_w) {
            expected = expected.map(|e| 2.0 * e);
            expected.add_scaled(-3.0, w);
            agree(&format!("{}: vjp is linear", self.name), DOUBLE, mixed, &expected);
        }
    }
}

#[test]
fn elementwise_expressions_agree_at_every_length() {
    for n in [0, 1, 2, 7, 64, 512, 513, 1025] {
        cases! {
            [[n]] |v| (v[0].sin() * (-v[0] * v[0]).exp()).tanh() + (v[0] * 0.5).sigmoid() * v[0].log1p();
            [[n], [n]] |v| (v[0] / v[1] - v[1].sqrt()) * v[0].pow(v[1]) + v[0].atan2(v[1]);
            [[n], []] |v| (v[0] * v[1]).exp() - v[1].ln() / (v[0] + 1.0);
            [[n]] |v| v[0];
            [[n]] |v| v[0] * 0.0 + 3.0;
            [[n]] |v| (v[0] + v[0].sum(())).square() * (v[0] * v[0]).sum(());
        }
    }
}

#[test]
fn broadcasts_of_every_kind_agree() {
    cases! {
        [[6, 5], [5]] |v| (v[0] * v[1]).tanh() + v[1];
        [[6, 5], [6, 1]] |v| (v[0] - v[1]).exp() * v[1];
        [[6, 1], [5]] |v| v[0] / v[1] + v[0] * v[1].ln();
        [[6, 5], [1, 1]] |v| v[0].pow(v[1]);
        [[6, 5], []] |v| (v[0] + v[1]).sigmoid() * v[1];
        [[3, 4, 5], [3, 1, 5], [4, 1], [5]] |v| (v[0] * v[1]).tanh() * v[2] + v[3];
        [[2, 1, 3], [1, 4, 1]] |v| (v[0] * v[1]).sin();
        [[1], [7]] |v| v[0] * v[1] + v[0];
        [[33, 17], [17], [33, 1]] |v| ((v[0] * v[1] + v[2]).relu() * v[0]).exp();
        [[3, 513], [513], [3, 1]] |v| (v[0] * v[1] + v[2]).tanh();
        [[513, 3], [3], [513, 1]] |v| (v[0] * v[1] + v[2]).tanh();
        [[0, 5], [5]] |v| v[0] * v[1] + v[1];
        [[4, 0], [4, 1]] |v| v[0] * v[1];
        [[5]] |v| v[0].broadcast_to([3, 5]).square();
    }
}

#[test]
fn reductions_agree() {
    cases! {
        [[4, 3, 2]] |v| v[0].exp().sum([0, 1]);
        [[4, 3, 2]] |v| v[0].exp().sum(1) * v[0].square().mean(1);
        [[4, 3, 2]] |v| v[0].sum(keep(2)) * v[0] + v[0].mean(keep(0));
        [[6, 5]] |v| v[0].max(1) * v[0].min(0).sum(());
        [[6, 5]] |v| v[0].prod(0);
        [[6, 5]] |v| v[0].var(1, 1) + v[0].std(1, 0);
        [[6, 5]] |v| v[0].norm1(0) + v[0].norm2(0) * v[0].norm_inf(0);
        [[6, 5]] |v| v[0].logsumexp(1);
        [[6, 5]] |v| v[0].softmax(1) * v[0].log_softmax(0);
        [[6, 5]] |v| v[0].cumsum(1) + v[0].cumprod(0);
        [[7, 1025]] |v| (v[0] - v[0].mean(keep(1))).exp().sum(1) + v[0].logsumexp(1) * v[0].softmax(1).square().sum(1);
        [[1025, 2]] |v| v[0].square().sum(0) * v[0].sum(()).sqrt();
        [[0]] |v| v[0].sum(());
        [[3, 0]] |v| v[0].square().sum(1);
        [[0, 3]] |v| v[0].square().sum(0);
        [[1, 1]] |v| v[0].mean(()) + v[0].max(()).square();
    }
}

#[test]
fn layout_and_products_agree() {
    cases! {
        [[4, 6], [6, 3]] |v| v[0].matmul(v[1]).tanh();
        [[6, 4], [6, 3]] |v| v[0].matmul_tn(v[1]) + v[0].t().matmul(v[1]);
        [[4, 6], [3, 6]] |v| v[0].matmul_nt(v[1]) * v[0].matmul(v[1].t());
        [[4, 6], [6, 3], [3]] |v| (v[0].matmul(v[1]) + v[2]).relu().square();
        [[5, 5]] |v| (v[0] * 2.0).matmul(v[0].t()).matmul(v[0]);
        [[1, 7], [7, 1]] |v| v[0].matmul(v[1]) + v[1].matmul(v[0]).sum(());
        [[0, 4], [4, 3]] |v| v[0].matmul(v[1]);
        [[4, 0], [0, 3]] |v| v[0].matmul(v[1]) + 1.0;
        [[70, 65], [65, 33]] |v| v[0].matmul(v[1]).sigmoid();
        [[6], [6]] |v| v[0].dot(v[1]) * v[0].outer(v[1]);
        [[4, 6]] |v| v[0].reshape([2, 12]).t().slice((2..9, ..)).square();
        [[4, 6]] |v| v[0].permute(&[1, 0]).flip(0).roll(2, 1) * v[0].swap_axes(0, 1);
        [[2, 3, 4]] |v| v[0].permute(&[2, 0, 1]).exp().sum(1);
        [[4, 6]] |v| v[0].gather(0, &[1, 1, 3]).exp() + v[0].pick(&[0, 5, 2, 2]).sum(());
        [[4, 6]] |v| v[0].scatter_add(0, &[1, 0, 1, 2], 3).square();
        [[3, 2]] |v| v[0].pad(&[(1, 0), (0, 2)]).exp().tile(&[2, 1]);
        [[4, 4]] |v| v[0].tril(0) + v[0].triu(1).square() + v[0].diag() * v[0].trace();
        [[2, 3], [2, 3]] |v| Var::concat(&[v[0], v[1] * v[0], v[0]], 0).sin();
        [[3], [3]] |v| Var::stack(&[v[0], v[1].exp()], 1).unsqueeze(0).squeeze(0);
        [[3, 3], [3, 2]] |v| (v[0] + v[0].detach() * 0.0).square().sum(1).sum(()) * v[1];
        [[5, 3]] |v| v[0].cross_entropy(&[0, 2, 1, 1, 0]);
        [[5, 3], [5, 3]] |v| v[0].bce_with_logits(v[1]) + v[0].huber_error(v[1], 0.3);
    }
}

type Op = (&'static str, Apply<f64>, Apply<f32>);

/// Every one-argument op of the registry, with its sample parameters and others that change its rule's path.
fn unary_ops() -> Vec<Op> {
    struct On<S>(S);
    impl<S: Number> UnaryVisitor for On<S> {
        type Output = S;
        fn visit<O: BuiltinUnary>(self, op: O) -> S {
            self.0.unary(op)
        }
    }
    let powers = [-2, 0].map(|n| UnaryOp::Powi(ops::Powi { n }));
    let others = [
        UnaryOp::Powf(ops::Powf { p: 0.0 }),
        UnaryOp::Clamp(ops::Clamp { lo: -1.0, hi: 2.0 }),
        UnaryOp::Huber(ops::Huber { delta: 0.95 }),
    ];
    let all = UnaryOp::all().into_iter().chain(powers).chain(others);
    all.map(|op| (op.name(), apply::<f64>(move |v| op.with(On(v[0]))), apply::<f32>(move |v| op.with(On(v[0])))))
        .collect()
}

/// Every two-argument op of the registry, those of rules alone as well, and choices.
fn binary_ops() -> Vec<Op> {
    struct On<S>([S; 2]);
    impl<S: Number> BinaryVisitor for On<S> {
        type Output = S;
        fn visit<O: BuiltinBinary>(self, op: O) -> S {
            let [x, y] = self.0;
            x.binary(op, y)
        }
    }
    let all = BinaryOp::all().into_iter().map(|op| -> Op {
        let double = apply::<f64>(move |v| op.with(On([v[0], v[1]])));
        (op.name(), double, apply::<f32>(move |v| op.with(On([v[0], v[1]]))))
    });
    let choices: [Op; 2] = [
        ("select", apply(|v| v[0].select(v[1], v[1].exp())), apply(|v| v[0].select(v[1], v[1].exp()))),
        ("select of a number", apply(|v| v[0].select(2.0, v[1])), apply(|v| v[0].select(2.0, v[1]))),
    ];
    all.chain(choices).collect()
}

#[test]
fn every_elementwise_method_agrees() {
    for (name, double, single) in unary_ops() {
        // acosh begins at 1.
        if name.starts_with("acosh") {
            cases! { [[37]] |v| (v[0] + 1.0).acosh(); }
            continue;
        }
        Case { name, shapes: vec![vec![37]], double, single }.check();
    }
    for (name, double, single) in binary_ops() {
        Case { name, shapes: vec![vec![37]; 2], double, single }.check();
    }
}

const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    3.0,
    1e-30,
    -1e-30,
    1e30,
    -1e30,
    700.0,
    -700.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// Equal as numbers, element by element, or both not a number.
#[track_caller]
fn identical<T: Element>(what: &str, x: &[Tensor<T>], found: &[T], expected: &[T]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (k, (a, b)) in found.iter().zip(expected).enumerate() {
        let (a, b) = (a.to_f64(), b.to_f64());
        let close = (a - b).abs() <= 64.0 * T::EPSILON * b.abs();
        let at: Vec<String> = x.iter().map(|x| x.as_slice()[k].to_string()).collect();
        assert!(a == b || (a.is_nan() && b.is_nan()) || close, "{what} at ({}): {a}, expected {b}", at.join(", "));
    }
}

/// A program that was compiled elsewhere, at special values, with upstream gradients of 1, 0 and others.
fn at_special_values<T: Element>(name: &str, x: &[Tensor<T>], f: &Apply<T>) {
    let n = x.len();
    let numbers = [1.0, 0.0, -2.0, 0.0, 1.0];
    let seed = Tensor::new(x[0].shape(), (0..x[0].len()).map(|k| T::from_f64(numbers[k % 5])).collect()).unwrap();
    let inputs: Vec<_> = x.iter().chain([&seed]).cloned().collect();
    let ordinary: Vec<_> = inputs.iter().map(|x| Tensor::full(x.shape(), T::from_f64(0.5))).collect();
    let tape = Tape::of();
    let vars: Vec<_> = x.iter().map(|x| tape.var(x)).collect();
    let y = f(&vars);
    let grads = y.backward_with(&seed);
    let expected: Vec<_> = std::iter::once(y.value()).chain(vars.iter().map(|&x| grads.wrt(x))).collect();
    let mut program = Program::compile(&ordinary, |s| {
        let tape = s[0].tape();
        let y = f(&s[..n]);
        std::iter::once(y).chain(tape.try_vjp(y, s[n], &s[..n]).unwrap()).collect()
    })
    .unwrap();
    program.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
    for (k, expected) in expected.iter().enumerate() {
        identical(&format!("{name}: {} output {k}", T::NAME), x, program.output(k), expected.as_slice());
    }
    // What is known while compiling is folded, to the same numbers.
    let mut folded = Program::compile(std::slice::from_ref(&seed), |s| {
        let tape = s[0].tape();
        let data: Vec<_> = x.iter().map(|x| tape.data(x)).collect();
        vec![f(&data) * s[0]]
    })
    .unwrap();
    folded.run(&[&Tensor::ones(seed.shape())]).unwrap();
    identical(&format!("{name}: folded"), x, folded.output(0), expected[0].as_slice());
    one_number_at_a_time(name, &inputs, f, &expected);
}

/// The same through the scalar lane: programs of numbers.
fn one_number_at_a_time<T: Element>(name: &str, inputs: &[Tensor<T>], f: &Apply<T>, expected: &[Tensor<T>]) {
    let n = inputs.len() - 1;
    let half: Vec<_> = inputs.iter().map(|_| Tensor::scalar(T::from_f64(0.5))).collect();
    let mut program = Program::compile(&half, |s| {
        let tape = s[0].tape();
        let y = f(&s[..n]);
        std::iter::once(y).chain(tape.try_vjp(y, s[n], &s[..n]).unwrap()).collect()
    })
    .unwrap();
    for k in 0..inputs[0].len() {
        let numbers: Vec<T> = inputs.iter().map(|x| x.as_slice()[k]).collect();
        program.run_numbers(&numbers).unwrap();
        let at: Vec<_> = numbers.iter().map(|&x| Tensor::scalar(x)).collect();
        for (output, expected) in expected.iter().enumerate() {
            let what = format!("{name}: number {k} output {output}");
            identical(&what, &at, program.output(output), &expected.as_slice()[k..=k]);
        }
    }
}

fn special<T: Element>(repeat: usize, each: usize) -> Tensor<T> {
    let n = SPECIAL.len();
    let elements = (0..n * repeat * each).map(|k| T::from_f64(SPECIAL[k / each % n]));
    Tensor::new([n * repeat * each], elements.collect()).unwrap()
}

#[test]
fn special_values_give_what_the_tape_gives() {
    for (name, double, single) in unary_ops() {
        // Every value meets every upstream gradient.
        at_special_values(name, &[special::<f64>(5, 1)], &double);
        at_special_values(name, &[special::<f32>(5, 1)], &single);
    }
    let n = SPECIAL.len();
    for (name, double, single) in binary_ops() {
        at_special_values(name, &[special::<f64>(5 * n, 1), special(5, n)], &double);
        at_special_values(name, &[special::<f32>(5 * n, 1), special(5, n)], &single);
    }
}

#[test]
fn a_zero_upstream_stays_zero() {
    let x = Tensor::from([0.0, -1.0, 4.0, f64::INFINITY]);
    let mut chosen = Program::compile(&[Tensor::ones([4])], |v| {
        let tape = v[0].tape();
        let y = v[0].greater(0.0).select(v[0].sqrt() + v[0].ln(), v[0] * 3.0).sum(());
        let slope = tape.grad(y, v)[0];
        vec![slope, tape.grad(slope.sum(()), v)[0]]
    })
    .unwrap();
    chosen.run(&[&x]).unwrap();
    // 1 / (2 sqrt(x)) + 1 / x, and -1/4 x^(-3/2) - 1 / x^2.
    assert_eq!(chosen.output(0), [3.0, 3.0, 0.5, 0.0]);
    assert_eq!(chosen.output(1), [0.0, 0.0, -0.03125 - 0.0625, 0.0]);

    let mut unused = Program::compile_gradient(&[Tensor::ones([4]), Tensor::scalar(1.0)], &[0], |v| {
        (v[0].sqrt().ln() * v[1].detach().greater(5.0).select(1.0, 0.0)).detach().sum(()) + (v[0].sqrt() * v[1]).sum(())
    })
    .unwrap();
    unused.run(&[&Tensor::from([0.0, -1.0, 4.0, 0.0]), &Tensor::scalar(0.0)]).unwrap();
    assert_eq!(unused.output(1), [0.0; 4]);
}

/// Formulas of numbers, for variables and dual numbers alike.
macro_rules! scalars {
    ($(|$x:ident| $f:expr;)+) => {
        $({
            programs(stringify!($f), &numbers(), &apply::<f64>(|$x| $f), DOUBLE);
            programs(stringify!($f), &numbers(), &apply::<f32>(|$x| $f), SINGLE);
            duals(stringify!($f), &apply::<f64>(|$x| $f), &|$x| $f);
        })+
    };
}

fn numbers<T: Element>() -> Vec<Tensor<T>> {
    [0.3, 0.7, 1.9, -0.4].map(|x| Tensor::scalar(T::from_f64(x))).to_vec()
}

fn duals(name: &str, f: &Apply<f64>, dual: &dyn Fn(&[Dual<f64>]) -> Dual<f64>) {
    let mut program = Program::compile_gradient(&numbers(), &[0, 1, 2, 3], |v| f(v)).unwrap();
    for x in [[0.3, 0.7, 1.9, -0.4], [0.8, 0.2, 1.1, -2.5]] {
        program.run_numbers(&x).unwrap();
        for i in 0..4 {
            let along: Vec<_> =
                (0..4).map(|k| if k == i { Dual::variable(x[k]) } else { Dual::constant(x[k]) }).collect();
            let y = dual(&along);
            for (found, expected) in [(program.item(0), y.value), (program.item(1 + i), y.tangent)] {
                let close = (found - expected).abs() <= DOUBLE * (1.0 + expected.abs());
                assert!(close, "{name}: dual number along {i}: {found}, expected {expected}");
            }
        }
    }
}

#[test]
fn formulas_of_numbers_agree_with_dual_numbers() {
    scalars! {
        |x| (x[0] * x[1] + x[2]).sin() / (x[3].exp() + 1.0);
        |x| x[0].pow(x[1]) * x[2].ln() - x[3].tanh();
        |x| x[0].atan2(x[1]) * x[2].hypot(x[3]).sqrt();
        |x| (x[0] - x[0]) + x[1] / x[1] + x[2] * 1.0 + x[3] * 0.0;
        |x| x.windows(2).map(|w| (w[1] - w[0] * w[0]).square() * 100.0 + (-w[0] + 1.0).square()).sum();
        |x| x[0] * x[1] * x[2] * x[3] + x[0] * x[1] * x[2] + x[0] * x[1] + x[0];
        |x| x[0].maximum(x[3]) * x[1].minimum(x[2]) + x[3].abs().powf(1.5) + x[3].powi(3);
        |x| (x[3].erf() + x[2].lgamma()) * x[0].logaddexp(x[1]).sigmoid();
        |x| (0..20).fold(x[0], |y, k| (y * x[1 + k % 3]).sin() + x[0]);
        |x| { let _dead = x[0].exp(); x[1] };
    }
}

#[test]
fn second_derivatives_agree_between_tape_and_program() {
    let x: Tensor<f64> = sample(&[1025], 0);
    let mut program = Program::compile(&[x.clone(), x.clone()], |v| {
        let tape = v[0].tape();
        let y = (v[0].tanh() * v[0].exp() + v[0].square().sum(()).ln()).sum(());
        let slope = tape.grad(y, &v[..1])[0];
        vec![tape.grad((slope * v[1]).sum(()), &v[..1])[0]]
    })
    .unwrap();
    let direction = weights(&[1025], 4);
    program.run(&[&x, &direction]).unwrap();
    let tape = Tape::new();
    let v = tape.var(&x);
    let y = (v.tanh() * v.exp() + v.square().sum(()).ln()).sum(());
    let slope = tape.grad(y, &[v])[0];
    let expected = (slope * tape.data(&direction)).sum(()).backward().wrt(v);
    agree("Hessian times a vector", DOUBLE, &program.tensor(0), &expected);
}

#[test]
fn settings_that_name_one_thing_twice_are_refused() {
    let x = Tensor::from([1.0, 2.0]);
    let refused = |options: Options| {
        let compiled: Result<Program<f64>, _> =
            options.compile(std::slice::from_ref(&x), |v| vec![v[0] * 2.0, v[0] * 3.0]);
        compiled.map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(Options::new().write_out(&[0, 1, 0])).starts_with("write_out: output 0 is named twice"));
    assert!(refused(Options::new().carry(0, 0).carry(0, 1)).starts_with("carry: input 0 is named twice"));
    // More threads than any machine of today has are no more than are of use.
    let mut many: Program<f64> =
        Options::new().threads(3000).compile(std::slice::from_ref(&x), |v| vec![v[0] * 2.0]).unwrap();
    many.run(&[&x]).unwrap();
    assert_eq!(many.tensor(0).to_vec(), [2.0, 4.0]);
}

#[test]
fn what_is_strict_while_compiling_is_refused() {
    let error = Program::compile(&[Tensor::from([1.0, 2.0])], |x| {
        x[0].tape().strict(true);
        vec![x[0].sqrt()]
    })
    .err()
    .expect("a program keeps the convention");
    assert!(error.is_tape() && error.to_string().starts_with("compile: strict(true) called at "), "{error}");
    let error = Map::<f64>::compile(1, 0, |x, _| {
        x[0].tape().strict(true);
        vec![x[0].sqrt()]
    });
    assert!(error.is_err());
    // To leave it off is to ask for nothing.
    let off = Program::compile(&[Tensor::from([1.0, 2.0])], |x| {
        x[0].tape().strict(false);
        vec![x[0].sqrt()]
    });
    assert!(off.is_ok());
}

#[test]
fn a_guard_that_goes_another_way_says_in_words_how_it_was_recorded() {
    for (recorded, expected) in [(1.0, "less"), (2.0, "equal"), (3.0, "greater"), (f64::NAN, "not to be compared")] {
        let compiled = Program::compile(&[Tensor::scalar(recorded), Tensor::scalar(2.0)], |x| {
            let _ = x[0] < x[1];
            vec![x[0] * x[1]]
        });
        let mut program = compiled.unwrap();
        let other = if recorded == 1.0 { 4.0 } else { 0.5 };
        let error = program.run(&[&Tensor::scalar(other), &Tensor::scalar(2.0)]).unwrap_err().to_string();
        assert!(error.contains(&format!("recorded as {expected}; record again")), "{error}");
    }
}
