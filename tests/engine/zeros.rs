//! A zero upstream stays zero, and so does a zero tangent: by every op on whole tensors, whatever is inside, from first to third order,
//! swept, recorded, forward and in programs, in any order of these.
//!
//! Each op takes two items. The second one is poisoned, and selected away; then it has no gradient, and the first item, or a factor that
//! both share, has the one that it has without the poison.

use retrograd::ops::{BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryOp, UnaryVisitor};
use retrograd::{Conv, Dual, Element, Number, Pooling, Program, Tape, Tensor, Triangle, Var, hessian, hvp};
use std::panic::AssertUnwindSafe;

type Formula<T> = for<'t> fn(&[Var<'t, T>]) -> Var<'t, T>;

/// Ordinary numbers, symmetric and positive definite where they are square matrices.
fn ordinary<T: Element>(shape: &[usize], seed: usize) -> Tensor<T> {
    let number = |at: &[usize]| {
        let (i, j) = (at[at.len() - 2], at[at.len() - 1]);
        let mixed = ((i + 1) * (j + 1) * (seed + 3)) as f64 + (i + j + at[0]) as f64 * 0.7;
        mixed.sin() * 0.4 + if i == j { 1.5 + i as f64 } else { 0.0 }
    };
    Tensor::from_fn(shape, |at| T::from_f64(number(at)))
}

/// Every op on whole tensors that is no matter of layout, over items along the first axis.
fn formulas<T: Element>() -> Vec<(&'static str, Vec<[usize; 3]>, Formula<T>)> {
    let rows = || vec![[2, 1, 4]];
    let square = || vec![[2, 3, 3]];
    vec![
        ("softmax", rows(), |x| x[0].softmax(-1)),
        ("log_softmax", rows(), |x| x[0].log_softmax(-1)),
        ("logsumexp", rows(), |x| x[0].logsumexp(-1)),
        ("max", rows(), |x| x[0].max(-1)),
        ("min", rows(), |x| x[0].min(-1)),
        ("norm1", rows(), |x| x[0].norm1(-1)),
        ("norm2", rows(), |x| x[0].norm2(-1)),
        ("norm_inf", rows(), |x| x[0].norm_inf(-1)),
        ("std", rows(), |x| x[0].std(-1, 1)),
        ("var", rows(), |x| x[0].var(-1, 1)),
        ("mean", rows(), |x| x[0].mean(-1)),
        ("prod", rows(), |x| x[0].prod(-1)),
        ("cumsum", rows(), |x| x[0].cumsum(-1)),
        ("cumlogsumexp", rows(), |x| x[0].cumlogsumexp(-1)),
        ("sort", rows(), |x| x[0].sort(-1)),
        ("topk", rows(), |x| x[0].topk(2, -1).0),
        ("cummax", rows(), |x| x[0].cummax(-1)),
        ("cummin", rows(), |x| x[0].cummin(-1)),
        ("elements in another's order", vec![[2, 1, 4], [2, 1, 4]], |x| x[0].take_along(x[1].argsort(-1), -1)),
        ("elements put in another's order", vec![[2, 1, 4], [2, 1, 4]], |x| x[0].put_along(x[1].argsort(-1), -1, 5)),
        ("max_pool1d", rows(), |x| x[0].max_pool1d(Pooling::of(2).padding(1))),
        ("avg_pool1d", rows(), |x| x[0].avg_pool1d(Pooling::of(2).padding(1))),
        ("convolutions of items with their kernels", vec![[2, 2, 4], [2, 2, 3]], |x| {
            let item = |k: usize| {
                let kernels = x[1].rows_of(k).unsqueeze(0);
                x[0].rows_of(k).unsqueeze(0).conv1d(kernels, Conv::new().padding(1).stride(2))
            };
            Var::concat(&[item(0), item(1)], 0)
        }),
        ("convolutions of items in groups", vec![[2, 2, 4], [2, 2, 3]], |x| {
            let both = x[0].reshape([1, 4, 4]).conv1d(x[1].reshape([2, 2, 3]), Conv::new().groups(2));
            both.reshape([2, 1, 2])
        }),
        ("convolutions of items of many channels", vec![[2, 12, 3], [2, 12, 2]], |x| {
            let item = |k: usize| {
                let kernels = x[1].rows_of(k).unsqueeze(0);
                x[0].rows_of(k).unsqueeze(0).conv1d(kernels, Conv::new().padding(1))
            };
            Var::concat(&[item(0), item(1)], 0)
        }),
        ("expm", square(), |x| x[0].expm()),
        ("lstsq of tall matrices", vec![[2, 4, 3], [2, 4, 2]], |x| x[0].lstsq(x[1])),
        ("lstsq of flat matrices", vec![[2, 3, 4], [2, 3, 2]], |x| x[0].lstsq(x[1])),
        ("einsum", vec![[2, 3, 4], [2, 2, 4]], |x| Var::einsum("bij,bkj->bki", x)),
        ("matmul", vec![[2, 3, 4], [2, 4, 2]], |x| x[0].matmul(x[1])),
        ("matmul_tn", vec![[2, 4, 3], [2, 4, 2]], |x| x[0].matmul_tn(x[1])),
        ("matmul_nt", vec![[2, 3, 4], [2, 2, 4]], |x| x[0].matmul_nt(x[1])),
        ("a matrix times a vector", vec![[2, 3, 4], [2, 4, 1]], |x| x[0].matmul(x[1])),
        ("a vector times a matrix", vec![[2, 1, 4], [2, 4, 3]], |x| x[0].matmul(x[1])),
        ("det", square(), |x| x[0].det()),
        ("slogdet", square(), |x| x[0].slogdet().1),
        ("inv", square(), |x| x[0].inv()),
        ("solve", vec![[2, 3, 3], [2, 3, 2]], |x| x[0].solve(x[1])),
        ("solve_triangular", vec![[2, 3, 3], [2, 3, 2]], |x| x[0].solve_triangular(x[1], Triangle::Lower)),
        ("cholesky", square(), |x| x[0].cholesky()),
        ("q of qr", vec![[2, 4, 3]], |x| x[0].qr().0),
        ("r of qr", vec![[2, 4, 3]], |x| x[0].qr().1),
        ("values of eigh", square(), |x| x[0].eigh().0),
        ("vectors of eigh", square(), |x| x[0].eigh().1),
        ("u of svd", vec![[2, 4, 3]], |x| x[0].svd().0),
        ("values of svd", vec![[2, 3, 4]], |x| x[0].svd().1),
        ("v of svd", vec![[2, 3, 4]], |x| x[0].svd().2),
        ("squared errors", vec![[2, 3, 2], [2, 3, 2]], |x| {
            let item = |k: usize| x[0].rows_of(k).squared_error(x[1].rows_of(k)).reshape([1]);
            Var::concat(&[item(0), item(1)], 0)
        }),
        ("cross-entropies", vec![[2, 3, 2]], |x| {
            let item = |k: usize| x[0].rows_of(k).cross_entropy(&[0, 1, 1]).reshape([1]);
            Var::concat(&[item(0), item(1)], 0)
        }),
    ]
}

trait Item {
    fn rows_of(self, k: usize) -> Self;
}
impl<T: Element> Item for Var<'_, T> {
    /// Item `k`, without the first axis.
    fn rows_of(self, k: usize) -> Self {
        let shape = self.shape();
        self.slice((k..k + 1, .., ..)).reshape(&shape.dims()[1..])
    }
}

/// The sum of the first item's results, each with a weight of its own.
fn selected<'t, T: Element>(tape: &'t Tape<T>, y: Var<'t, T>) -> Var<'t, T> {
    let shape = y.shape();
    let first = Tensor::from_fn(shape.dims(), |at| T::from_f64(if at[0] == 0 { 1.0 } else { 0.0 }));
    let weights = Tensor::from_fn(shape.dims(), |at| T::from_f64(1.0 + at.iter().sum::<usize>() as f64 * 0.3));
    (tape.data(first).select(y, T::from_f64(0.0)) * tape.data(weights)).sum(())
}

/// The numbers that an op is differentiated by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaves {
    /// The items themselves: the second one, which is not selected, has no derivatives. The first one moves along tangents.
    Items,
    /// The same, and the second one moves as well.
    ItemsThatMove,
    /// Factors of both items, which have the derivatives that the first item gives them.
    Shared,
}

impl Leaves {
    fn of<T: Element>(self, items: &[Tensor<T>]) -> Vec<Tensor<T>> {
        let factor = |x: &Tensor<T>| Tensor::full([&[1], &x.shape().dims()[1..]].concat(), T::from_f64(1.0));
        match self {
            Leaves::Items | Leaves::ItemsThatMove => items.to_vec(),
            Leaves::Shared => items.iter().map(factor).chain([Tensor::full([1, 1, 1], T::from_f64(1.0))]).collect(),
        }
    }
    /// How a leaf of this shape moves.
    fn tangent<T: Element>(self, shape: &[usize]) -> Tensor<T> {
        let stands = |at: &[usize]| self == Leaves::Items && at[0] > 0;
        let number = |at: &[usize]| 0.5 - at.iter().sum::<usize>() as f64 * 0.2;
        Tensor::from_fn(shape, |at| T::from_f64(if stands(at) { 0.0 } else { number(at) }))
    }
    /// The op's results, from the leaves.
    fn result<'t, T: Element>(self, f: Formula<T>, leaves: &[Var<'t, T>], items: &[Var<'t, T>]) -> Var<'t, T> {
        if self != Leaves::Shared {
            return f(leaves);
        }
        let shared = leaves[items.len()];
        f(&items.iter().zip(leaves).map(|(&x, &factor)| x * factor * shared).collect::<Vec<_>>())
    }
}

/// The sum of all numbers, each with a weight of its own.
fn weighted<'t, T: Element>(tape: &'t Tape<T>, x: &[Var<'t, T>]) -> Var<'t, T> {
    let part = |x: &Var<'t, T>| {
        let weight = |at: &[usize]| {
            T::from_f64(0.7 + at.iter().enumerate().map(|(k, i)| i * (k + 1)).sum::<usize>() as f64 * 0.1)
        };
        (*x * tape.data(Tensor::from_fn(x.shape().dims(), weight))).sum(())
    };
    x.iter().map(part).reduce(|sum, part| sum + part).unwrap()
}

/// Which way the first derivative is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Swept,
    Forward,
}

/// Recorded derivatives up to third order of what is selected, in any order of sweeps and tangents. Sums of slopes ask for all of
/// them, those that are 0 as well; squares do not.
fn recorded<'t, T: Element>(
    tape: &'t Tape<T>,
    (kind, way): (Leaves, Way),
    y: Var<'t, T>,
    leaves: &[Var<'t, T>],
) -> Vec<(&'static str, Vec<Var<'t, T>>)> {
    let total = selected(tape, y);
    let slopes = tape.grad(total, leaves);
    if way == Way::Swept {
        let squares = slopes.iter().map(|slope| slope.square().sum(())).reduce(|sum, square| sum + square).unwrap();
        let curvatures = tape.grad(weighted(tape, &slopes), leaves);
        let thirds = tape.grad(weighted(tape, &curvatures), leaves);
        return vec![
            ("slopes", slopes),
            ("squares of slopes", tape.grad(squares, leaves)),
            ("sums of slopes", curvatures),
            ("sums of second derivatives", thirds),
        ];
    }
    let along: Vec<_> = leaves.iter().map(|&x| (x, tape.data(kind.tangent::<T>(x.shape().dims())))).collect();
    let tangent = tape.try_record_jvp(total, &along).unwrap();
    let twice = tape.try_record_jvp(tangent, &along).unwrap();
    vec![
        ("slopes of a tangent", tape.grad(tangent, leaves)),
        ("slopes of a tangent of a tangent", tape.grad(twice, leaves)),
        ("tangents of slopes", slopes.iter().map(|&slope| tape.try_record_jvp(slope, &along).unwrap()).collect()),
    ]
}

/// Every derivative by its name, with a tensor for each leaf.
type Found<T> = Vec<(&'static str, Vec<Tensor<T>>)>;

/// By programs, as far as they have it, and not.
fn computed<T: Element>(f: Formula<T>, (kind, way): (Leaves, Way), items: &[Tensor<T>]) -> [Found<T>; 2] {
    let tape = Tape::<T>::of();
    let leaves: Vec<_> = kind.of(items).iter().map(|x| tape.var(x)).collect();
    let items: Vec<_> = items.iter().map(|x| tape.data(x)).collect();
    let y = kind.result(f, &leaves, &items);
    let slopes = tape.grad(selected(&tape, y), &leaves);
    let at_once = if way == Way::Swept {
        let numbers = |y: Var<'_, T>| {
            let swept = y.backward();
            leaves.iter().map(|&x| swept.wrt(x)).collect()
        };
        vec![("swept", numbers(selected(&tape, y))), ("recorded, then swept", numbers(weighted(&tape, &slopes)))]
    } else {
        let along: Vec<_> = leaves.iter().map(|&x| (x, kind.tangent::<T>(x.shape().dims()).into())).collect();
        let moved = |y: &Var<'_, T>| tape.jvp(*y, &along).unwrap().into_tensor();
        let mut found = vec![("recorded, then forward", slopes.iter().map(moved).collect())];
        if kind == Leaves::Items {
            found.push(("forward", vec![moved(&y)]));
        }
        found
    };
    let recorded = recorded(&tape, (kind, way), y, &leaves).into_iter();
    [recorded.map(|(name, x)| (name, x.iter().map(|x| x.value()).collect())).collect(), at_once]
}

/// Whether what is found is what there is without the poison.
fn differs<T: Element>(kind: Leaves, found: &Tensor<T>, wanted: &Tensor<T>) -> Option<String> {
    let close = |found: &[T], wanted: &[T]| {
        let size = wanted.iter().fold(1.0, |size: f64, x| x.to_f64().abs().max(size));
        found.iter().zip(wanted).all(|(x, y)| (x.to_f64() - y.to_f64()).abs() <= 64.0 * T::EPSILON * size)
    };
    let (found, wanted) = (found.as_slice(), wanted.as_slice());
    let half = if kind == Leaves::Shared { found.len() } else { found.len() / 2 };
    if !close(&found[..half], &wanted[..half]) {
        return Some(format!("what is selected has {:?}, alone {:?}", &found[..half], &wanted[..half]));
    }
    let rest = &found[half..];
    (!rest.iter().all(|x| x.to_f64() == 0.0)).then(|| format!("what is not selected has {rest:?}"))
}

/// The items with the second one poisoned, everywhere or in one place, or scaled out of the range of its slopes.
fn poisoned<T: Element>(alone: &[Tensor<T>]) -> Vec<(String, Vec<Tensor<T>>)> {
    let changed = |change: &dyn Fn(&mut [T])| {
        let mut x = alone.to_vec();
        for x in &mut x {
            let half = x.as_slice().len() / 2;
            change(&mut x.as_mut_slice()[half..]);
        }
        x
    };
    let by_places = |number: &dyn Fn(usize, usize) -> f64| {
        let poisoned = |x: &Tensor<T>| {
            let number =
                |at: &[usize]| if at[0] == 0 { x[[0, at[1], at[2]]] } else { T::from_f64(number(at[1], at[2])) };
            Tensor::from_fn(x.shape().dims(), number)
        };
        alone.iter().map(poisoned).collect::<Vec<_>>()
    };
    let mut all = vec![
        ("rows alike".to_owned(), by_places(&|_, j| 1.0 + j as f64)),
        ("twice the identity".to_owned(), by_places(&|i, j| if i == j { 2.0 } else { 0.0 })),
    ];
    for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0] {
        all.push((format!("{poison} everywhere"), changed(&|x| x.fill(T::from_f64(poison)))));
        all.push((format!("{poison} in one place"), changed(&|x| x[0] = T::from_f64(poison))));
    }
    for scale in if T::EPSILON < 1e-10 { [1e-305, 1e300] } else { [1e-35, 1e34] } {
        all.push((
            format!("times {scale:e}"),
            changed(&|x| x.iter_mut().for_each(|x| *x = T::from_f64(x.to_f64() * scale))),
        ));
    }
    all
}

/// Whether there is a value of all items.
fn exists<T: Element>(f: Formula<T>, items: &[Tensor<T>]) -> bool {
    let tape = Tape::<T>::of();
    let items: Vec<_> = items.iter().map(|x| tape.data(x)).collect();
    std::panic::catch_unwind(AssertUnwindSafe(|| f(&items))).is_ok()
}

/// Whether there are tangents of all items, and theirs.
fn moves<T: Element>(f: Formula<T>, kind: Leaves, items: &[Tensor<T>]) -> bool {
    let tape = Tape::<T>::of();
    let leaves: Vec<_> = kind.of(items).iter().map(|x| tape.var(x)).collect();
    let items: Vec<_> = items.iter().map(|x| tape.data(x)).collect();
    let along: Vec<_> = leaves.iter().map(|&x| (x, tape.data(kind.tangent::<T>(x.shape().dims())))).collect();
    let tangent = tape.try_record_jvp(kind.result(f, &leaves, &items), &along);
    tangent.and_then(|tangent| tape.try_record_jvp(tangent, &along)).is_ok()
}

const CASES: [(Leaves, Way); 5] = [
    (Leaves::Items, Way::Swept),
    (Leaves::Items, Way::Forward),
    (Leaves::ItemsThatMove, Way::Forward),
    (Leaves::Shared, Way::Swept),
    (Leaves::Shared, Way::Forward),
];

/// An unoptimised build takes a part of the poisons in each case, other ones in the next, as all of them take half a minute there.
const PART: usize = if cfg!(debug_assertions) { 4 } else { 1 };

/// What does not hold of an op.
fn broken<T: Element>(name: &str, alone: &[Tensor<T>], f: Formula<T>, case: (Leaves, Way)) -> Vec<String> {
    let mut broken = Vec::new();
    let kind = case.0;
    let wanted = computed(f, case, alone);
    let inputs: Vec<_> = kind.of(alone).into_iter().chain(alone.to_vec()).collect();
    let compiled = Program::compile(&inputs, |x| {
        let tape = x[0].tape();
        let (leaves, items) = x.split_at(x.len() - alone.len());
        recorded(tape, case, kind.result(f, leaves, items), leaves).into_iter().flat_map(|(_, x)| x).collect()
    });
    let mut compiled = compiled.unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut poisons = 0;
    let first = CASES.iter().position(|known| *known == case).unwrap_or(0) + name.len();
    let taken = poisoned(alone).into_iter().filter(|(_, items)| exists(f, items)).skip(first % PART).step_by(PART);
    for (poison, items) in taken {
        poisons += 1;
        let what = format!("{name}, {case:?}, {poison}");
        // Tangents of matrices that have none, and move: programs refuse them, selected or not, and so do spectral decompositions.
        let may_refuse = case.1 == Way::Forward && !moves(f, kind, &items);
        let Ok(found) = std::panic::catch_unwind(AssertUnwindSafe(|| computed(f, case, &items))) else {
            if !(may_refuse && (name.contains("eigh") || name.contains("svd"))) {
                broken.push(format!("{what}: refused"));
            }
            continue;
        };
        let leaves = kind.of(&items);
        let inputs: Vec<&Tensor<T>> = leaves.iter().chain(&items).collect();
        let run = compiled.run(&inputs);
        if let Err(error) = &run
            && !may_refuse
        {
            broken.push(format!("{what}, program: {error}"));
        }
        let mut compare = |route: &str, name: &str, found: &Tensor<T>, wanted: &Tensor<T>| {
            broken.extend(differs(kind, found, wanted).map(|how| format!("{what}, {route}, {name}: {how}")));
        };
        let mut output = 0;
        for ((name, found), (_, wanted)) in found[0].iter().zip(&wanted[0]) {
            for (found, wanted) in found.iter().zip(wanted) {
                compare("recorded", name, found, wanted);
                if run.is_ok() {
                    compare("program", name, &compiled.tensor(output), wanted);
                }
                output += 1;
            }
        }
        for ((name, found), (_, wanted)) in found[1].iter().zip(&wanted[1]) {
            found.iter().zip(wanted).for_each(|(found, wanted)| compare("at once", name, found, wanted));
        }
    }
    assert!(poisons > 0 || PART > 1, "{name}: no poison has a value");
    broken
}

fn every_op_keeps_zeros<T: Element>() {
    let mut all_broken = Vec::new();
    for (name, shapes, f) in formulas::<T>() {
        let alone: Vec<Tensor<T>> = shapes.iter().enumerate().map(|(k, shape)| ordinary(shape, k)).collect();
        CASES.into_iter().for_each(|case| all_broken.extend(broken(name, &alone, f, case)));
    }
    assert!(all_broken.is_empty(), "{} are broken:\n{}", all_broken.len(), all_broken.join("\n"));
}

#[test]
fn a_zero_upstream_stays_zero_in_every_op_on_whole_tensors_in_double_precision() {
    every_op_keeps_zeros::<f64>();
}

#[test]
fn a_zero_upstream_stays_zero_in_every_op_on_whole_tensors_in_single_precision() {
    every_op_keeps_zeros::<f32>();
}

/// The functions of closures take the same ways: rows of the second matrix are zeros, and the rest is what one matrix has.
#[test]
fn hessians_and_their_products_know_nothing_of_a_matrix_that_is_not_selected() {
    let good = [2.0, 1.0, 0.5, 3.0];
    let ways: [(&str, for<'t> fn(Var<'t, f64>) -> Var<'t, f64>); 4] = [
        ("slogdet", |a| a.slogdet().1.slice(0..1).sum(())),
        ("solve", |a| a.solve(a.matmul(a).square()).slice(0..1).square().sum(())),
        ("solve_triangular", |a| a.solve_triangular(a.matmul(a), Triangle::Upper).slice(0..1).square().sum(())),
        ("qr", |a| a.qr().1.slice(0..1).square().sum(()) + a.qr().0.slice(0..1).powi(3).sum(())),
    ];
    for (name, f) in ways {
        let alone = Tensor::new([1, 2, 2], good.to_vec()).unwrap();
        let (wanted, product) = (hessian(f, &alone), hvp(f, &alone, &Tensor::ones([1, 2, 2])));
        for poison in [f64::NAN, f64::INFINITY] {
            let x = Tensor::new([2, 2, 2], [good, [poison; 4]].concat()).unwrap();
            let found = hessian(f, &x);
            let close = |x: f64, y: f64| (x - y).abs() <= 1e-12 * y.abs().max(1.0);
            for (i, row) in found.as_slice().chunks_exact(8).enumerate() {
                let (first, second) = row.split_at(4);
                assert!(second.iter().all(|&x| x == 0.0), "{name}, {poison}, row {i}: {row:?}");
                let wanted = if i < 4 { &wanted.as_slice()[4 * i..4 * i + 4] } else { &[0.0; 4] };
                assert!(
                    first.iter().zip(wanted).all(|(&x, &y)| close(x, y)),
                    "{name}, {poison}, row {i}: {row:?}, {wanted:?}"
                );
            }
            let found = hvp(f, &x, &Tensor::ones([2, 2, 2])).to_vec();
            let wanted = product.iter().copied().chain([0.0; 4]);
            assert!(found.iter().zip(wanted).all(|(&x, y)| close(x, y)), "{name}, {poison}: {found:?}");
        }
    }
}

struct Of<S>(S);
impl<S: Number> UnaryVisitor for Of<S> {
    type Output = S;
    fn visit<O: BuiltinUnary>(self, op: O) -> S {
        self.0.unary(op)
    }
}
struct OfTwo<S>(S, S);
impl<S: Number> BinaryVisitor for OfTwo<S> {
    type Output = S;
    fn visit<O: BuiltinBinary>(self, op: O) -> S {
        self.0.binary(op, self.1)
    }
}

const SPECIAL: [f64; 12] =
    [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-200, -1e200, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.5];

/// What an elementwise op makes of numbers, of either kind.
#[derive(Clone, Copy, Debug)]
enum Op {
    One(UnaryOp),
    Two(BinaryOp),
}

impl Op {
    fn all() -> impl Iterator<Item = Self> {
        UnaryOp::all().into_iter().map(Op::One).chain(BinaryOp::all().into_iter().map(Op::Two))
    }
    fn of<S: Number>(self, x: S, y: S) -> S {
        match self {
            Op::One(op) => op.with(Of(x)),
            Op::Two(op) => op.with(OfTwo(x, y)),
        }
    }
}

/// Gradients of first to third order of what is not selected, and of its tangents.
#[test]
fn a_zero_upstream_stays_zero_in_every_elementwise_op_at_special_values_to_third_order() {
    let mut broken = Vec::new();
    for op in Op::all() {
        for x in SPECIAL {
            for y in SPECIAL.into_iter().filter(|_| matches!(op, Op::Two(_)) || x.to_bits() == 0) {
                let tape = Tape::new();
                let at = [tape.var([x, 0.25]), tape.var([y, 0.75])];
                let mut total = tape.data([0.0, 1.0]).select(op.of(at[0], at[1]), 0.0).sum(());
                for order in 1..=3 {
                    let slopes = tape.grad(total, &at);
                    if slopes.iter().any(|slope| slope.value().as_slice()[0] != 0.0) {
                        broken.push(format!("{op:?} at ({x}, {y}), order {order}, recorded"));
                    }
                    let swept = total.backward();
                    if at.iter().any(|&at| swept.wrt(at).as_slice()[0] != 0.0) {
                        broken.push(format!("{op:?} at ({x}, {y}), order {order}, swept"));
                    }
                    total = (slopes[0] + slopes[1] * 0.5).square().sum(());
                }
                // Forward, where nothing moves: once, and over a tangent that does not move either.
                type D = Dual<Dual<f64>>;
                let still = op.of(D::constant(Dual::constant(x)), D::constant(Dual::constant(y)));
                let numbers = [still.tangent.value, still.tangent.tangent, still.value.tangent];
                if numbers.iter().any(|&x| x != 0.0) {
                    broken.push(format!("{op:?} at ({x}, {y}), dual numbers: {numbers:?}"));
                }
                let still = tape.jvp(op.of(at[0], at[1]), &at.map(|at| (at, Tensor::from([0.0, 1.0]).into()))).unwrap();
                if still.as_slice()[0] != 0.0 {
                    broken.push(format!("{op:?} at ({x}, {y}), forward"));
                }
                // Numbers, whose gradient is stopped by a factor of 0.
                let at = tape.vars(&[x, y]);
                let stopped = op.of(at[0], at[1]) * 0.0;
                let swept = stopped.backward().items(&at);
                if swept.iter().any(|&x| x != 0.0) {
                    broken.push(format!("{op:?} at ({x}, {y}), numbers: {swept:?}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{} are broken:\n{}", broken.len(), broken.join("\n"));
}

/// The one that loses is not there, at any order and by every route: 1/x at 0 is infinite, and so are its derivatives.
#[test]
fn an_infinite_loser_of_max_and_min_has_no_derivative_of_second_order() {
    let losers: [(&str, for<'t> fn(Var<'t, f64>) -> Var<'t, f64>); 6] = [
        ("minimum", |x| x.reciprocal().minimum(3.0)),
        ("minimum, other side", |x| x.tape().data(3.0).minimum(x.reciprocal())),
        ("maximum", |x| (-x.reciprocal()).maximum(3.0)),
        ("maximum, other side", |x| x.tape().data(3.0).maximum(-x.reciprocal())),
        ("min", |x| Var::concat(&[x.reciprocal().reshape([1]), x.tape().data(3.0).reshape([1])], 0).min(())),
        ("max", |x| Var::concat(&[(-x.reciprocal()).reshape([1]), x.tape().data(3.0).reshape([1])], 0).max(())),
    ];
    for (name, f) in losers {
        let tape = Tape::new();
        for x in [tape.var(0.0), tape.var([0.0])] {
            let y = f(x).square().sum(());
            let slope = tape.grad(y, &[x])[0];
            let swept = tape.grad(slope.sum(()), &[x])[0].value();
            let one = Tensor::full(x.shape(), 1.0);
            let forward = tape.jvp(slope, &[(x, one.clone().into())]).unwrap().into_tensor();
            let tangent = tape.try_record_jvp(y, &[(x, tape.data(one))]).unwrap();
            let over = tape.grad(tangent.sum(()), &[x])[0].value();
            let moved = tape.jvp(y, &[(x, Tensor::full(x.shape(), 1.0).into())]).unwrap().into_tensor();
            for (route, found) in [
                ("slope", slope.value()),
                ("tangent", moved),
                ("recorded tangent", tangent.value()),
                ("swept", swept),
                ("forward", forward),
                ("over a tangent", over),
            ] {
                assert_eq!(found.as_slice(), [0.0], "{name} of {}, {route}", x.shape());
            }
        }
        assert_eq!(hvp(|x| f(x).square(), 0.0, 1.0), 0.0, "{name}");
        assert_eq!(hessian(|x| f(x).square(), 0.0).as_slice(), [0.0], "{name}");
    }
}
