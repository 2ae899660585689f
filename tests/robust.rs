//! Safe code is safe: no shape whose product wraps, no loop over the axes of a tensor without elements that does not end, and
//! errors in place of both. In f32 and f64, on tapes and in programs.
//!
//! The inputs are shapes near the limits; tensors of no elements have them without memory. Meant to run in release mode as
//! well, where arithmetic wraps, and under AddressSanitizer.
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use retrograd::program::Options;
use retrograd::*;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Lengths whose products wrap, or leave too few addresses for numbers of 8 bytes; those of 0 are no excuse.
const TOO_LARGE: [&[usize]; 12] = [
    &[(1 << 63) + 1, 2],
    &[2, (1 << 63) + 1],
    &[1 << 32, 1 << 32],
    &[1 << 33, 1 << 31],
    &[1 << 62, 2, 2],
    &[usize::MAX],
    &[usize::MAX, usize::MAX],
    &[1 << 60],
    &[1 << 60, 0],
    &[0, usize::MAX, 1],
    &[1 << 32, 0, 1 << 32],
    &[3, 1 << 40, 0, 1, 1 << 40],
];

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// The message of the panic, if there is one. Nothing is printed about it: hundreds of backtraces take a minute.
fn panic_of<R>(f: impl FnOnce() -> R) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info)
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(false);
    let payload = result.err()?;
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string()))
}

/// That it is refused as a shape mistake, by a message that begins with the op.
#[track_caller]
fn refused<R>(op: &str, result: Result<R>) {
    let Err(error) = result else { panic!("{op}: made a shape that wraps") };
    assert!(error.is_shape() && error.to_string().starts_with(&format!("{op}: ")), "{op}: {error}");
}

fn constructors_refuse<T: Element>() {
    let one = T::from_f64(1.0);
    for lengths in TOO_LARGE {
        refused("shape", Shape::new(lengths));
        refused("tensor", Tensor::new(lengths, vec![one; 2]));
        refused("tensor", Tensor::<T>::new(lengths.to_vec(), Vec::new()));
        refused("reshape", Tensor::from(vec![one; 2]).try_reshape(lengths));
        refused("reshape", Tensor::<T>::zeros([0]).try_reshape(lengths));
        let makers: [(&str, &dyn Fn()); 8] = [
            ("from", &|| _ = Shape::from(lengths)),
            ("collect", &|| _ = lengths.iter().copied().collect::<Shape>()),
            ("zeros", &|| _ = Tensor::<T>::zeros(lengths)),
            ("full", &|| _ = Tensor::full(lengths, one)),
            ("from_fn", &|| _ = Tensor::from_fn(lengths, |_| one)),
            ("tape", &|| _ = Tape::<T>::of().tensor(lengths, |_| ())),
            ("uniform", &|| _ = Tensor::<T>::uniform(lengths, 0.0, 1.0, &mut ChaCha8Rng::seed_from_u64(1))),
            ("normal", &|| _ = Tensor::<T>::normal(lengths, 0.0, 1.0, &mut ChaCha8Rng::seed_from_u64(1))),
        ];
        for (name, make) in makers {
            let message = panic_of(make).unwrap_or_else(|| panic!("{name}: {lengths:?} was made"));
            assert!(message.contains("too large") && message.contains(&format!("{lengths:?}")), "{name}: {message}");
        }
    }
    assert!(panic_of(|| Tensor::<T>::eye(1 << 32)).is_some_and(|message| message.contains("too large")));
    assert!(
        panic_of(|| Tensor::<T>::one_hot(&[1, 2], usize::MAX)).is_some_and(|message| message.contains("too large"))
    );
}

#[test]
fn no_constructor_makes_a_shape_whose_product_wraps() {
    constructors_refuse::<f32>();
    constructors_refuse::<f64>();
}

#[test]
fn the_limits_are_where_they_are_said_to_be() {
    assert_eq!(Shape::MAX_NUMEL, isize::MAX as usize / 8);
    assert_eq!(Shape::new(&[Shape::MAX_NUMEL]).unwrap().numel(), Shape::MAX_NUMEL);
    assert_eq!(Shape::new(&[Shape::MAX_NUMEL, 0]).unwrap().numel(), 0);
    assert!(Shape::new(&[Shape::MAX_NUMEL + 1]).is_err());
    assert_eq!(Shape::new(&[1; Shape::MAX_RANK]).unwrap().numel(), 1);
    assert!(Shape::new(&[1; Shape::MAX_RANK + 1]).unwrap_err().to_string().contains("at most 32"));
}

/// What an op makes of some variables.
type Build<T> = for<'t> fn(&[Var<'t, T>]) -> Result<Var<'t, T>>;

/// Ops whose result would wrap: a name, the shapes of the inputs, of which all are without elements, and the op.
fn growing_ops<T: Element>() -> Vec<(&'static str, Vec<Vec<usize>>, Build<T>)> {
    const HALF: usize = 1 << 59;
    let many = vec![vec![HALF, 0]; 33];
    vec![
        ("reshape", vec![vec![0]], |v| v[0].try_reshape([1 << 32, 0, 1 << 32])),
        ("broadcast_to", vec![vec![1, 0]], |v| v[0].try_broadcast_to([usize::MAX, 0])),
        ("broadcast_to", vec![vec![0]], |v| v[0].try_broadcast_to([1 << 32, 1 << 32, 0])),
        ("matmul", vec![vec![HALF, 0], vec![0, HALF]], |v| v[0].try_matmul(v[1])),
        ("matmul", vec![vec![0, HALF], vec![0, HALF]], |v| v[0].try_matmul_tn(v[1])),
        ("matmul", vec![vec![HALF, 0], vec![HALF, 0]], |v| v[0].try_matmul_nt(v[1])),
        ("matmul", vec![vec![1 << 40, 1, 3, 0], vec![1 << 40, 0, 3]], |v| v[0].try_matmul(v[1])),
        ("matmul", vec![vec![1 << 30, 1 << 20, 0], vec![1 << 30, 0, 1 << 20]], |v| v[0].try_matmul(v[1])),
        ("add", vec![vec![1 << 40, 1, 0], vec![0, 1 << 40, 1]], |v| v[0].try_add(v[1])),
        ("sub", vec![vec![1 << 40, 1, 0], vec![0, 1 << 40, 1]], |v| v[0].try_sub(v[1])),
        ("mul", vec![vec![1 << 40, 0, 1], vec![0, 1 << 40]], |v| v[0].try_mul(v[1])),
        ("div", vec![vec![1 << 40, 0, 1], vec![0, 1 << 40]], |v| v[0].try_div(v[1])),
        ("pow", vec![vec![1 << 40, 0, 1], vec![0, 1 << 40]], |v| v[0].try_pow(v[1])),
        ("maximum", vec![vec![1 << 40, 0, 1], vec![0, 1 << 40]], |v| v[0].try_maximum(v[1])),
        ("gather", vec![vec![1, 0, HALF]], |v| v[0].try_gather(0, &[0, 0, 0])),
        ("scatter_add", vec![vec![2, 0]], |v| v[0].try_scatter_add(0, &[1, 2], usize::MAX)),
        ("scatter_add", vec![vec![2, 0, 1 << 30]], |v| v[0].try_scatter_add(0, &[1, 2], 1 << 30)),
        ("concat", vec![vec![HALF, 0]; 2], |v| Var::try_concat(v, 0)),
        // The lengths alone wrap.
        ("concat", many, |v| Var::try_concat(v, 0)),
        ("stack", vec![vec![HALF, 0]; 2], |v| Var::try_stack(v, 0)),
        ("pad", vec![vec![1, 0]], |v| v[0].try_pad(&[(0, usize::MAX), (0, 0)])),
        ("pad", vec![vec![1, 0]], |v| v[0].try_pad(&[(usize::MAX, usize::MAX), (0, 0)])),
        ("pad", vec![vec![1 << 30, 0]], |v| v[0].try_pad(&[(0, 0), (1 << 40, 0)])),
        ("tile", vec![vec![2, 0]], |v| v[0].try_tile(&[(1 << 63) + 1, 1])),
        ("tile", vec![vec![1 << 30, 0]], |v| v[0].try_tile(&[1 << 32, 1 << 32, 1])),
    ]
}

fn ops_refuse<T: Element>() {
    for (op, shapes, build) in growing_ops::<T>() {
        let inputs: Vec<Tensor<T>> = shapes.iter().map(Tensor::zeros).collect();
        let tape = Tape::of();
        let vars: Vec<Var<'_, T>> = inputs.iter().map(|input| tape.var(input)).collect();
        refused(op, build(&vars));
        // The closure of a program has its ops refused in the same way.
        let mut refusal = None;
        let compiled = Program::compile(&inputs, |v| {
            refusal = Some(build(v).map(|_| ()));
            vec![v[0]]
        });
        refused(op, refusal.expect("the closure ran"));
        assert!(compiled.is_ok(), "{op}");
    }
    let tape = Tape::<T>::of();
    let [x, y] = [[1 << 40, 1, 0], [1, 1 << 40, 0]].map(|shape| tape.var(Tensor::zeros(shape)));
    refused("select", x.try_select(x, y));
    assert!(panic_of(|| x + y).is_some_and(|message| message.contains("too large")));
    assert!(panic_of(|| x.reshape([1 << 61, 0])).is_some_and(|message| message.contains("too large")));
}

#[test]
fn no_op_makes_a_shape_whose_product_wraps() {
    ops_refuse::<f32>();
    ops_refuse::<f64>();
}

/// Ops on tensors without elements that have an axis of any length, and the shape that they give.
fn empty_ops<T: Element>() -> Vec<(&'static str, Vec<Vec<usize>>, Build<T>, Vec<usize>)> {
    const LONG: usize = Shape::MAX_NUMEL;
    const SIDE: usize = 1 << 29;
    vec![
        ("exp", vec![vec![LONG, 0]], |v| Ok(v[0].exp()), vec![LONG, 0]),
        ("add", vec![vec![LONG, 0], vec![1]], |v| v[0].try_add(v[1]), vec![LONG, 0]),
        ("mul", vec![vec![SIDE, 1, 0], vec![SIDE, 0]], |v| v[0].try_mul(v[1]), vec![SIDE, SIDE, 0]),
        ("sum", vec![vec![LONG, 0]], |v| v[0].try_sum(()), vec![]),
        ("sum 0", vec![vec![LONG, 0]], |v| v[0].try_sum(0), vec![0]),
        ("sum of nothing", vec![vec![0, LONG / 3, 3]], |v| v[0].try_sum(&[1usize, 2][..]), vec![0]),
        ("transpose", vec![vec![LONG, 0]], |v| v[0].try_t(), vec![0, LONG]),
        ("transpose back", vec![vec![0, LONG]], |v| v[0].try_t(), vec![LONG, 0]),
        ("permute", vec![vec![SIDE, 0, SIDE]], |v| v[0].try_permute(&[1, 2, 0]), vec![0, SIDE, SIDE]),
        ("slice", vec![vec![LONG, 0]], |v| v[0].try_slice((1..LONG, ..)), vec![LONG - 1, 0]),
        ("flip", vec![vec![LONG, 0]], |v| v[0].try_flip(()), vec![LONG, 0]),
        ("roll", vec![vec![LONG, 0]], |v| v[0].try_roll(5, 0), vec![LONG, 0]),
        ("gather", vec![vec![LONG, 0]], |v| v[0].try_gather(0, &[LONG - 1]), vec![1, 0]),
        ("scatter_add", vec![vec![1, 0]], |v| v[0].try_scatter_add(0, &[LONG - 1], LONG), vec![LONG, 0]),
        ("concat", vec![vec![SIDE, 0]; 2], |v| Var::try_concat(v, 0), vec![2 * SIDE, 0]),
        ("pad", vec![vec![SIDE, 0]], |v| v[0].try_pad(&[(SIDE, SIDE), (0, 0)]), vec![3 * SIDE, 0]),
        ("tile", vec![vec![2, 0]], |v| v[0].try_tile(&[SIDE, 1]), vec![2 * SIDE, 0]),
        ("softmax of nothing", vec![vec![1000, 0]], |v| v[0].try_softmax(1), vec![1000, 0]),
        ("softmax 0", vec![vec![LONG, 0]], |v| v[0].try_softmax(0), vec![LONG, 0]),
        ("cumsum", vec![vec![LONG, 0]], |v| v[0].try_cumsum(0), vec![LONG, 0]),
        ("cumprod", vec![vec![LONG, 0]], |v| v[0].try_cumprod(0), vec![LONG, 0]),
        ("prod", vec![vec![LONG, 0]], |v| v[0].try_prod(0), vec![0]),
        ("max", vec![vec![LONG, 0]], |v| v[0].try_max(0), vec![0]),
        ("logsumexp", vec![vec![LONG, 0]], |v| v[0].try_logsumexp(0), vec![0]),
        ("matmul", vec![vec![0, LONG], vec![LONG, 0]], |v| v[0].try_matmul(v[1]), vec![0, 0]),
        ("matmul of rows", vec![vec![LONG, 0], vec![0, 0]], |v| v[0].try_matmul(v[1]), vec![LONG, 0]),
        ("matmul of many", vec![vec![SIDE, 3, 0], vec![SIDE, 0, 0]], |v| v[0].try_matmul(v[1]), vec![SIDE, 3, 0]),
        ("inv", vec![vec![0, SIDE, SIDE]], |v| v[0].try_inv(), vec![0, SIDE, SIDE]),
        ("inv of nothing", vec![vec![SIDE, 0, 0]], |v| v[0].try_inv(), vec![SIDE, 0, 0]),
        ("det", vec![vec![0, SIDE, SIDE]], |v| v[0].try_det(), vec![0]),
        ("solve", vec![vec![0, 0], vec![0, LONG]], |v| v[0].try_solve(v[1]), vec![0, LONG]),
        ("tril", vec![vec![0, SIDE, SIDE]], |v| v[0].try_tril(0), vec![0, SIDE, SIDE]),
    ]
}

fn empty_tensors_are_quick<T: Element>() {
    for (op, shapes, build, expected) in empty_ops::<T>() {
        let inputs: Vec<Tensor<T>> = shapes.iter().map(Tensor::zeros).collect();
        let tape = Tape::of();
        let vars: Vec<Var<'_, T>> = inputs.iter().map(|input| tape.var(input)).collect();
        let y = build(&vars).unwrap_or_else(|error| panic!("{op}: {error}"));
        assert_eq!(y.shape().dims(), expected, "{op}");
        let gradients = y.sum(()).backward();
        for (var, input) in vars.iter().zip(&inputs) {
            assert_eq!(gradients.wrt(*var).shape(), input.shape(), "{op}");
        }
        assert!(y.value().to_string().len() < 100, "{op}: {}", y.value());
        let mut program = Program::compile(&inputs, |v| {
            let y = build(v).unwrap();
            let mut outputs = vec![y];
            // A program refuses the gradient of a determinant.
            outputs.extend(if op == "det" { v.to_vec() } else { tape_gradients(y, v) });
            outputs
        })
        .unwrap_or_else(|error| panic!("{op}: {error}"));
        program.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(program.tensor(0).shape().dims(), expected, "{op}");
        for (k, input) in inputs.iter().enumerate() {
            assert_eq!(program.tensor(k + 1).shape(), input.shape(), "{op}");
        }
    }
}

/// The gradients of the sum of `y`, recorded.
fn tape_gradients<'t, T: Element>(y: Var<'t, T>, vars: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    y.tape().grad(y.sum(()), vars)
}

#[test]
fn ops_on_tensors_without_elements_end_however_long_the_other_axes_are() {
    empty_tensors_are_quick::<f32>();
    empty_tensors_are_quick::<f64>();
}

fn memory_is_asked_for<T: Element>() {
    // A petabyte and more: no system has it, but the shapes are good.
    const PETA: usize = 1 << 50;
    let makers: [(&str, &dyn Fn()); 7] = [
        ("zeros", &|| _ = Tensor::<T>::zeros([1 << 20, 1 << 30])),
        ("ones", &|| _ = Tensor::<T>::ones(Shape::MAX_NUMEL)),
        ("from_fn", &|| _ = Tensor::<T>::from_fn(PETA, |_| T::from_f64(0.0))),
        ("arange", &|| _ = Tensor::<T>::arange(PETA)),
        ("eye", &|| _ = Tensor::<T>::eye(1 << 25)),
        ("one_hot", &|| _ = Tensor::<T>::one_hot(&[1, 2], PETA)),
        ("tape", &|| _ = Tape::<T>::of().tensor(PETA, |_| ())),
    ];
    for (name, make) in makers {
        let message = panic_of(make).unwrap_or_else(|| panic!("{name}: has the memory"));
        assert!(message.contains("bytes, which the system does not have"), "{name}: {message}");
    }
    let (tape, one) = (Tape::<T>::of(), Tensor::ones([1, 1]));
    let x = tape.var(one);
    let [tall, wide] = [[1 << 25, 0], [0, 1 << 25]].map(|shape| tape.var(Tensor::zeros(shape)));
    let refused: [(&str, Result<Var<'_, T>>); 6] = [
        ("broadcast_to", x.try_broadcast_to([1 << 20, 1 << 30])),
        ("broadcast_to", x.try_tile(&[1 << 20, 1 << 30])),
        ("pad", x.try_pad(&[(0, PETA), (0, 0)])),
        ("scatter_add", x.try_scatter_add(0, &[3], PETA)),
        ("matmul", tall.try_matmul(wide)),
        ("sum", tall.try_broadcast_to([1 << 25, 0]).and(tape.var(Tensor::zeros([PETA, 0])).try_sum(1))),
    ];
    for (op, result) in refused {
        let Err(error) = result else { panic!("{op}: has the memory") };
        let message = error.to_string();
        assert!(message.starts_with(op) && message.contains("bytes, which the system does not have"), "{message}");
    }
    // Directions without numbers, of numbers or of tensors, and functions of more numbers than a tape holds.
    let (none, tape_of_one) = (Tensor::zeros([PETA, 0]), Tape::<T>::of());
    let number = tape_of_one.var(T::from_f64(1.0));
    let flat = tape.var(Tensor::zeros(1 << 25));
    for (op, error) in [
        ("jvp_many", tape_of_one.jvp_many(&[number], &[], &none).err()),
        ("vjp_many", tape_of_one.vjp_many(&[], &[number], &none).err()),
        ("jvp_many", tape.jvp_many(&[], &[], &Tensor::zeros([1, 1])).err()),
        ("map", Options::new().map_jacobian::<T>(0, 1 << 22, &Vec::from_iter(0..1 << 22), |_, x| vec![x[0]]).err()),
        ("map", Options::new().map::<T>(PETA, PETA, |x, _| vec![x[0]]).err()),
        ("map", Options::new().map::<T>(usize::MAX, 2, |x, _| vec![x[0]]).err()),
    ] {
        let message = error.unwrap_or_else(|| panic!("{op}: has the memory")).to_string();
        assert!(message.starts_with(op), "{op}: {message}");
    }
    let message = panic_of(|| _ = functional::jacobian(|x| x.exp(), flat.value())).expect("it has the memory");
    assert!(message.starts_with("jacobian: ") && message.contains("does not have"), "{message}");
    // And what is left works on.
    assert_eq!(x.broadcast_to([3, 3]).sum(()).item().to_f64(), 9.0);
}

#[test]
fn memory_that_the_system_does_not_have_is_a_clear_error() {
    memory_is_asked_for::<f32>();
    memory_is_asked_for::<f64>();
}

/// The tensor of 6 elements with this many axes, of which the second and the last are longer than 1.
fn of_rank<T: Element>(rank: usize) -> Tensor<T> {
    let mut lengths = vec![1; rank];
    (lengths[1], lengths[rank - 1]) = (2, 3);
    Tensor::new(lengths, (0..6).map(|x| T::from_f64(x as f64)).collect()).unwrap()
}

fn ranks_up_to_the_limit<T: Element>() {
    for rank in [3, 31, 32] {
        let (tape, t) = (Tape::of(), of_rank::<T>(rank));
        let x = tape.var(&t);
        let numbers = |x: Var<'_, T>| x.value().iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
        assert_eq!(x.sum(()).item().to_f64(), 15.0);
        assert_eq!(numbers(x.sum(rank as isize - 1)), [3.0, 12.0]);
        assert_eq!(numbers(x.sum(1)), [3.0, 5.0, 7.0]);
        assert_eq!(numbers(x.max(-1)), [2.0, 5.0]);
        let gradient = x.sum(-1).square().sum(()).backward().wrt(x).to_vec();
        assert_eq!(gradient.iter().map(|g| g.to_f64()).collect::<Vec<_>>(), [6.0, 6.0, 6.0, 24.0, 24.0, 24.0]);
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(1, rank - 1);
        assert_eq!(numbers(x.permute(&order)), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let mut program =
            Program::compile(std::slice::from_ref(&t), |v| vec![v[0].exp().ln().sum(1), v[0].sum(-1)]).unwrap();
        program.run(&[&t]).unwrap();
        assert!(program.output(0).iter().zip([3.0, 5.0, 7.0]).all(|(a, b)| (a.to_f64() - b).abs() < 1e-5));
        assert_eq!(program.output(1).iter().map(|x| x.to_f64()).collect::<Vec<_>>(), [3.0, 12.0]);
    }
}

#[test]
fn ops_are_right_up_to_the_greatest_rank() {
    ranks_up_to_the_limit::<f32>();
    ranks_up_to_the_limit::<f64>();
}

#[test]
fn more_axes_than_the_limit_are_refused_by_constructors_and_ops() {
    for rank in [33, 40, 63, 64, 65, 100, 1000] {
        refused("tensor", Tensor::new(vec![1; rank], vec![1.0]));
        refused("reshape", Tensor::from([1.0]).try_reshape(vec![1; rank]));
        assert!(panic_of(|| Tensor::<f32>::zeros(vec![1; rank])).is_some_and(|message| message.contains("at most 32")));
    }
    let tape = Tape::new();
    let x = tape.var(of_rank(32));
    refused("unsqueeze", x.try_unsqueeze(0));
    refused("stack", Var::try_stack(&[x, x], 0));
    refused("reshape", x.try_reshape(vec![1; 33]));
    refused("broadcast_to", x.try_broadcast_to(vec![1; 33]));
    refused("tile", x.try_tile(&[2; 33]));
    // An empty list of axes keeps all of them, and adds one for the rows.
    refused("max", x.try_max(&[][..] as &[usize]));
    refused("tile", x.try_tile(&[1; 33]));
    assert_eq!(tape.var(of_rank(30)).try_tile(&[2, 2]).unwrap().numel(), 24);
}

#[test]
fn numbers_that_do_not_fit_an_index_are_out_of_range_and_do_not_wrap() {
    let tape = Tape::new();
    let x = tape.var([[1.0, 2.0], [3.0, 4.0]]);
    for axis in [usize::MAX, usize::MAX - 1, 1 << 63] {
        assert!(x.try_sum(axis).unwrap_err().is_argument());
        assert!(x.try_softmax(&[axis][..]).unwrap_err().is_argument());
        assert!(x.try_slice(axis).unwrap_err().is_argument());
        assert!(x.try_slice(axis..).unwrap_err().is_argument());
        assert!(x.try_slice(..axis).unwrap_err().is_argument());
    }
    for i in [isize::MIN, isize::MAX] {
        assert!(
            x.try_sum(i).is_err()
                && x.try_slice(i).is_err()
                && x.try_roll(1, i).is_err()
                && x.try_unsqueeze(i).is_err()
        );
        let rolled = x.try_roll(i, 0).unwrap().value().to_vec();
        assert_eq!(rolled, if i % 2 == 0 { [1.0, 2.0, 3.0, 4.0] } else { [3.0, 4.0, 1.0, 2.0] });
        let step = x.try_slice(Span::from(..).step(i)).unwrap().value().to_vec();
        assert_eq!(step, if i > 0 { [1.0, 2.0] } else { [3.0, 4.0] });
    }
    assert_eq!(x.tril(isize::MAX).value(), x.triu(isize::MIN).value());
    assert_eq!(x.triu(isize::MAX).value().to_vec(), [0.0; 4]);
    assert_eq!(x.tril(isize::MIN).value().to_vec(), [0.0; 4]);
}

#[test]
fn counts_at_the_end_of_their_range_do_not_wrap() {
    let tape = Tape::new();
    let x = tape.var([1.5]);
    let slope = x.polygamma(u32::MAX).sum(()).backward().wrt(x).to_vec()[0];
    assert!(slope.is_nan() || slope.abs() >= 1e300, "{slope}, and digamma's is 0.0365");
    for n in [621, i32::MAX as u32, u32::MAX] {
        let y = x.sinc_derivative(n).sum(());
        assert!(y.item().is_nan() && y.backward().item(y).is_finite() && y.backward().wrt(x)[[0]].is_nan(), "{n}");
    }
    assert!(x.sinc_derivative(600).sum(()).item().is_finite());
    let mut map = program::Map::compile(2, 0, |x, _| vec![x[0] + x[1]]).unwrap();
    let wide = Points::new(0).rows(&[], usize::MAX).rows(&[], 3);
    refused("map", map.run(&wide, &[]));
    let other = Tape::new();
    let y = other.var(0.0).sqrt();
    assert!(tape.check_finite_gradients(y).is_err_and(|error| error.to_string().contains("tape")));
    let point = [("x", Tensor::<f64>::from([1.0]))];
    let report = Gradcheck::new().fast(usize::MAX).gradcheck(&point, |v| v[0].sum(()));
    let message = report.refusal.expect("there is no memory for them").to_string();
    assert_eq!(message, format!("gradcheck: {} directions of 1 numbers for \"x\"; a few are enough", usize::MAX));
    let mut program = Program::compile(&[Tensor::scalar(1.0)], |v| vec![v[0] * 2.0]).unwrap();
    program.run(&[&Tensor::scalar(1.0)]).unwrap();
    let message = panic_of(|| program.items_into(usize::MAX, &mut [7.0])).expect("there is no such output");
    assert!(message.starts_with("program: there are 1 outputs"), "{message}");
}

#[test]
fn a_tensor_without_elements_is_printed_in_a_line() {
    assert_eq!(Tensor::<f64>::zeros([0]).to_string(), "[]");
    assert_eq!(Tensor::<f64>::zeros([2, 0]).to_string(), "[[],\n []]");
    let long = Tensor::<f32>::zeros([1 << 59, 0]).to_string();
    assert_eq!(long.matches("[]").count(), 8, "{long}");
    assert_eq!(Tensor::<f32>::zeros([1 << 20, 1 << 20, 0]).to_string(), "[] of shape [1048576, 1048576, 0]");
}
