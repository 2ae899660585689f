//! Errors of ops on tensors: a `try_` twin returns one that names op, shapes and rule; the method without `try_` panics
//! with the same words, at its caller's line.

use retrograd::{Conv, Error, Pooling, Tape, Tensor, Triangle, Var, keep};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Where this thread's last panic came from, while it waits for one.
    static LAST: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
    static WAITING: Cell<bool> = const { Cell::new(false) };
}

/// Runs what must panic; returns the message, and the file and line that it blames.
fn panic_of<R>(work: impl FnOnce() -> R) -> (String, String, u32) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !WAITING.get() {
                return usual(info);
            }
            let place = info.location().map(|l| (l.file().to_string(), l.line()));
            LAST.with(|last| *last.borrow_mut() = place);
        }));
    });
    WAITING.set(true);
    let caught = catch_unwind(AssertUnwindSafe(work));
    WAITING.set(false);
    let payload = caught.err().expect("no panic");
    let message = payload.downcast_ref::<String>().expect("a message with values in it").clone();
    let (file, line) = LAST.with(|last| last.borrow_mut().take()).expect("the hook ran");
    (message, file, line)
}

#[track_caller]
fn refused<T>(expected: &str, twin: Result<T, Error>, method: impl FnOnce()) {
    let error = twin.err().unwrap_or_else(|| panic!("accepted: {expected}"));
    assert_eq!(error.to_string(), expected);
    let (message, file, _) = panic_of(method);
    assert_eq!(message, expected, "the method's panic");
    assert_eq!(file, file!(), "{expected}: blames another file");
}

/// The message, the twin's call and the method's call.
macro_rules! refuse {
    ($($expected:expr; $twin:expr, $method:expr;)*) => {$(
        refused($expected, $twin, || { $method; });
    )*};
}

#[test]
fn reductions_refuse_axes_that_are_not_there() {
    let tape = Tape::new();
    let x = tape.var(Tensor::ones([2, 3]));
    const MAPS: [&str; 7] = ["softmax", "log_softmax", "cumsum", "cumprod", "cumlogsumexp", "flip", "squeeze"];
    macro_rules! axis_errors {
        ($($name:literal $try_method:ident $method:ident ($($extra:expr)?),)*) => {$(
            let expected = concat!($name, ": axis 2 is out of range for shape [2, 3] (valid: -2..=1)");
            refuse!(expected; x.$try_method(2 $(, $extra)?), x.$method(2 $(, $extra)?););
            let expected = concat!($name, ": axis -2 is given twice");
            refuse!(expected; x.$try_method([0, -2] $(, $extra)?), x.$method([0, -2] $(, $extra)?););
            // As above with the axes kept, where there are any to keep.
            let kept = concat!($name, ": keep is for axes that are reduced; give the axes alone");
            let expected = if MAPS.contains(&$name) { kept } else { expected };
            refuse!(expected; x.$try_method(keep([0, -2]) $(, $extra)?), x.$method(keep([0, -2]) $(, $extra)?););
        )*};
    }
    axis_errors!(
        "sum" try_sum sum(), "mean" try_mean mean(), "prod" try_prod prod(), "max" try_max max(), "min" try_min min(),
        "var" try_var var(0), "var" try_var var(1), "std" try_std std(0), "std" try_std std(1), "norm1" try_norm1 norm1(),
        "norm2" try_norm2 norm2(), "norm_inf" try_norm_inf norm_inf(), "logsumexp" try_logsumexp logsumexp(),
        "softmax" try_softmax softmax(), "log_softmax" try_log_softmax log_softmax(), "cumsum" try_cumsum cumsum(),
        "cumprod" try_cumprod cumprod(), "cumlogsumexp" try_cumlogsumexp cumlogsumexp(), "flip" try_flip flip(), "squeeze" try_squeeze squeeze(),
    );
    let s = tape.var(1.0);
    refuse!("sum: axis 0 is out of range for shape [] (a scalar has none)"; s.try_sum(0), s.sum(0););
}

#[test]
fn reductions_refuse_to_average_or_choose_from_nothing() {
    let tape = Tape::new();
    let x = tape.var(Tensor::zeros([2, 0]));
    let y = tape.var(Tensor::ones([2, 3]));
    refuse!(
        "mean: no elements along the axes of shape [2, 0]"; x.try_mean(1), x.mean(1);
        "mean: no elements along the axes of shape [2, 0]"; x.try_mean(keep(())), x.mean(keep(()));
        "max: no elements along the axes of shape [2, 0]"; x.try_max(1), x.max(1);
        "min: no elements along the axes of shape [2, 0]"; x.try_min(keep(1)), x.min(keep(1));
        "var: 3 elements along the axes of shape [2, 3], needs more than ddof = 3"; y.try_var(1, 3), y.var(1, 3);
        "std: 2 elements along the axes of shape [2, 3], needs more than ddof = 2"; y.try_std(0, 2), y.std(0, 2);
    );
}

#[test]
fn argmax_and_argmin_refuse_axes_that_are_not_there_or_empty() {
    let tape = Tape::new();
    let (x, empty) = (tape.var(Tensor::ones([2, 3])), tape.var(Tensor::zeros([2, 0])));
    refuse! {
        "argmax: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_argmax(2), x.argmax(2);
        "argmin: no elements along axis 1 of shape [2, 0]"; empty.try_argmin(1), empty.argmin(1);
    }
}

#[test]
fn shaping_refuses_what_does_not_fit() {
    let tape = Tape::new();
    let x = tape.var(Tensor::ones([2, 3]));
    let s = tape.var(1.0);
    refuse!(
        "reshape: [2, 3] holds 6 elements, [4, 2] would hold 8"; x.try_reshape([4, 2]), x.reshape([4, 2]);
        "reshape: a scalar holds 1 element, [2] would hold 2"; s.try_reshape([2]), s.reshape([2]);
        "broadcast_to: shape [2, 3] does not stretch to [4, 3]"; x.try_broadcast_to([4, 3]), x.broadcast_to([4, 3]);
        "broadcast_to: shape [2, 3] does not stretch to [3]"; x.try_broadcast_to([3]), x.broadcast_to([3]);
        "permute: [0, 0] is not an order of the 2 axes of shape [2, 3]"; x.try_permute(&[0, 0]), x.permute(&[0, 0]);
        "permute: [0] is not an order of the 2 axes of shape [2, 3]"; x.try_permute(&[0]), x.permute(&[0]);
        "swap_axes: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_swap_axes(0, 2), x.swap_axes(0, 2);
        "squeeze: axis 5 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_squeeze(5), x.squeeze(5);
        "flip: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_flip(2), x.flip(2);
        "roll: axis -3 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_roll(1, -3), x.roll(1, -3);
        "pad: 1 pairs of widths for the 2 axes of shape [2, 3]"; x.try_pad(&[(1, 1)]), x.pad(&[(1, 1)]);
        "trace: needs a matrix, got shape []"; s.try_trace(), s.trace();
        "diag: needs a vector or a matrix, got shape []"; s.try_diag(), s.diag();
        "tril: needs matrices, got shape []"; s.try_tril(0), s.tril(0);
        "triu: needs matrices, got shape []"; s.try_triu(0), s.triu(0);
    );
    let error = x.try_unsqueeze(4).expect_err("no such place").to_string();
    assert!(error.starts_with("unsqueeze: axis 4 is out of range"), "{error}");
    assert_eq!(panic_of(|| x.unsqueeze(4)).0, error);
    refuse!(
        "t: needs at least two axes, got shape []"; s.try_t(), s.t();
        "t: needs at least two axes, got shape []"; s.try_transpose(), s.transpose();
    );
    // A vector stretched to more axes than it repeats along: nothing to refuse but a sum that overflows no shape.
    assert_eq!(x.try_tile(&[]).unwrap().value(), x.value());
}

#[test]
fn parts_and_indices_out_of_range_are_refused() {
    let tape = Tape::new();
    let x = tape.var(Tensor::ones([2, 3]));
    refuse!(
        "slice: 3 is out of range for axis 1 of length 3"; x.try_slice((0, 3)), x.slice((0, 3));
        "slice: 4 is out of range for axis 1 of length 3"; x.try_slice((.., 1..4)), x.slice((.., 1..4));
        "slice: -4 is out of range for axis 1 of length 3"; x.try_slice((.., -4..)), x.slice((.., -4..));
        "slice: 3 spans for the 2 axes of shape [2, 3]"; x.try_slice([0, 0, 0]), x.slice([0, 0, 0]);
        "at: 2 is out of range for axis 0 of length 2"; x.try_at([2]), x.at([2]);
        "gather: index 3 at position 1 is out of range for axis 1 of shape [2, 3]";
            x.try_gather(1, &[0, 3]), x.gather(1, &[0, 3]);
        "gather: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_gather(2, &[0]), x.gather(2, &[0]);
        "scatter_add: axis 0 of shape [2, 3] has 2 entries, got 1 indices";
            x.try_scatter_add(0, &[0], 4), x.scatter_add(0, &[0], 4);
        "scatter_add: index 4 at position 1 is out of range for length 4";
            x.try_scatter_add(0, &[0, 4], 4), x.scatter_add(0, &[0, 4], 4);
        "pick: 2 rows, 1 columns to pick"; x.try_pick(&[0]), x.pick(&[0]);
        "pick: column 3 at row 1 is out of range for 3 columns"; x.try_pick(&[0, 3]), x.pick(&[0, 3]);
        "pick: needs a matrix, got shape [3]"; x.slice(0).try_pick(&[0]), x.slice(0).pick(&[0]);
    );
    let none: [Var<'_, f64>; 0] = [];
    let long = tape.var(Tensor::ones([2, 4]));
    refuse!(
        "concat: no parts; give at least one"; Var::try_concat(&none, 0), Var::concat(&none, 0);
        "concat: part 1 has shape [2, 4], part 0 [2, 3]: they may differ along axis 0 only";
            Var::try_concat(&[x, long], 0), Var::concat(&[x, long], 0);
        "concat: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; Var::try_concat(&[x], 2), Var::concat(&[x], 2);
    );
    let error = Var::try_stack(&[x, long], 0).expect_err("two shapes");
    assert!(error.is_shape());
    assert_eq!(panic_of(|| Var::stack(&[x, long], 0)).0, error.to_string());
    let constants = [Var::constant(1.0), Var::constant(2.0)];
    let expected = "stack: constants alone; put one on a tape with tape.data";
    refuse!(expected; Var::try_stack(&constants, 0), Var::stack(&constants, 0););
}

#[test]
fn products_and_systems_refuse_shapes_that_do_not_fit() {
    let tape = Tape::new();
    let (x, y, s) = (tape.var(Tensor::ones([2, 3])), tape.var(Tensor::ones([4, 5])), tape.var(1.0));
    let (v, w) = (tape.var([1.0, 2.0]), tape.var([1.0, 2.0, 3.0]));
    refuse!(
        "matmul: inner dimensions differ: lhs [2, 3] has 3 columns, rhs [4, 5] has 4 rows"; x.try_matmul(y), x.matmul(y);
        "matmul: inner dimensions differ: lhs [2, 3] transposed has 2 columns, rhs [4, 5] has 4 rows";
            x.try_matmul_tn(y), x.matmul_tn(y);
        "matmul: inner dimensions differ: lhs [2, 3] has 3 columns, rhs [4, 5] transposed has 5 rows";
            x.try_matmul_nt(y), x.matmul_nt(y);
        "matmul: needs vectors or matrices, got shapes [2, 3] and []"; x.try_matmul(s), x.matmul(s);
        "dot: needs two vectors of one length, got shapes [2] and [3]"; v.try_dot(w), v.dot(w);
        "outer: needs two vectors, got shapes [2] and [2, 3]"; v.try_outer(x), v.outer(x);
        "det: needs square matrices in the last two axes, got shape [2, 3]"; x.try_det(), x.det();
        "inv: needs square matrices in the last two axes, got shape [2, 3]"; x.try_inv(), x.inv();
        "solve: needs square matrices in the last two axes, got shape [2, 3]"; x.try_solve(v), x.solve(v);
    );
    let (a, b) = (tape.var(Tensor::ones([2, 3, 4])), tape.var(Tensor::ones([3, 4, 5])));
    let expected = "matmul: shapes [2] and [3] do not broadcast: axis 0 is 2 vs 3";
    refuse!(expected; a.try_matmul(b), a.matmul(b););
    refuse!(
        "cholesky: needs square matrices in the last two axes, got shape [2, 3]"; x.try_cholesky(), x.cholesky();
        "solve_triangular: needs square matrices in the last two axes, got shape [2, 3]";
            x.try_solve_triangular(v, Triangle::Lower), x.solve_triangular(v, Triangle::Lower);
        "slogdet: needs square matrices in the last two axes, got shape [2, 3]"; x.try_slogdet(), x.slogdet();
        "eigh: needs square matrices in the last two axes, got shape [2, 3]"; x.try_eigh(), x.eigh();
        "qr: needs matrices in the last two axes, got shape [2]"; v.try_qr(), v.qr();
        "svd: needs matrices in the last two axes, got shape [2]"; v.try_svd(), v.svd();
    );
    let singular = tape.var([[1.0, 2.0], [2.0, 4.0]]);
    refuse!(
        "inv: matrix 0 of shape [2, 2] is singular"; singular.try_inv(), singular.inv();
        "solve: matrix 0 of shape [2, 2] is singular"; singular.try_solve(v), singular.solve(v);
    );
}

#[test]
fn losses_refuse_labels_and_shapes_that_do_not_fit() {
    let tape = Tape::new();
    let (x, y) = (tape.var(Tensor::ones([2, 3])), tape.var(Tensor::ones([4, 3])));
    let none = tape.var(Tensor::zeros([0]));
    let differ = |op: &str| format!("{op}: prediction [2, 3] and target [4, 3] differ in shape");
    let broadcast = |op: &str| format!("{op}: shapes [2, 3] and [4, 3] do not broadcast: axis 0 is 2 vs 4");
    let empty = |loss: &str| format!("{loss}: the prediction has shape [0], no elements to average");
    refuse!(
        &differ("squared_error"); x.try_squared_error(y), x.squared_error(y);
        &differ("mean_squared_error"); x.try_mean_squared_error(y), x.mean_squared_error(y);
        &broadcast("mean_absolute_error"); x.try_mean_absolute_error(y), x.mean_absolute_error(y);
        &broadcast("huber_error"); x.try_huber_error(y, 1.0), x.huber_error(y, 1.0);
        &broadcast("binary_cross_entropy_with_logits"); x.try_binary_cross_entropy_with_logits(y), x.binary_cross_entropy_with_logits(y);
        &broadcast("cross_entropy_soft"); x.try_cross_entropy_soft(y), x.cross_entropy_soft(y);
        &broadcast("hinge"); x.try_hinge(y), x.hinge(y);
        &broadcast("kl_divergence"); x.try_kl_divergence(y), x.kl_divergence(y);
        &empty("mean_squared_error"); none.try_mean_squared_error(none), none.mean_squared_error(none);
        &empty("binary_cross_entropy"); none.try_binary_cross_entropy(none), none.binary_cross_entropy(none);
        &empty("hinge"); none.try_hinge(none), none.hinge(none);
        "cross_entropy: label 3 at row 1 is out of range for 3 classes (valid 0..=2)";
            x.try_cross_entropy(&[0, 3]), x.cross_entropy(&[0, 3]);
        "cross_entropy: 2 rows of logits, 1 labels; they must agree and be at least 1";
            x.try_cross_entropy(&[0]), x.cross_entropy(&[0]);
        "cross_entropy: logits must be [rows, classes], got shape [0]"; none.try_cross_entropy(&[]), none.cross_entropy(&[]);
        "nll: column 9 at row 0 is out of range for 3 columns"; x.try_nll(&[9, 0]), x.nll(&[9, 0]);
    );
}

#[test]
fn operands_of_two_tapes_are_refused_by_every_op_that_takes_several() {
    let (one, two) = (Tape::new(), Tape::new());
    let (x, y) = (one.var(Tensor::ones([2, 2])), two.var(Tensor::ones([2, 2])));
    let refused = [
        ("add", x.try_add(y)),
        ("select", x.try_select(x, y)),
        ("select", x.try_select(y, x)),
        ("select", Var::constant(1.0).try_select(x, y)),
        ("matmul", x.try_matmul(y)),
        ("concat", Var::try_concat(&[x, y], 0)),
        ("stack", Var::try_stack(&[x, y], 0)),
        ("stack", Var::try_stack(&[Var::constant(1.0), one.var(1.0), two.var(2.0)], 0)),
        ("solve", x.try_solve(y)),
        ("squared_error", x.try_squared_error(y)),
        ("cross_entropy_soft", x.try_cross_entropy_soft(y)),
        ("maximum", x.try_maximum(y)),
    ];
    for (op, result) in refused {
        let error = result.expect_err(op);
        assert!(error.is_tape(), "{op}: {error}");
        assert_eq!(error.to_string(), format!("{op}: operands come from different tapes"));
    }
}

#[test]
fn a_panic_blames_the_line_of_the_call() {
    let tape = Tape::new();
    let (x, y) = (tape.var(Tensor::ones([2, 3])), tape.var(Tensor::ones([4, 3])));
    let (message, file, line) = panic_of(|| x + y);
    assert_eq!((file.as_str(), line), (file!(), line!() - 1), "{message}");
    let (_, file, line) = panic_of(|| x.matmul(y));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    let (_, file, line) = panic_of(|| x.mean(7));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    let (_, file, line) = panic_of(|| x.maximum(y));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    let (_, file, line) = panic_of(|| x.backward());
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    let (_, file, line) = panic_of(|| x.cross_entropy(&[9, 9]));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
}

#[test]
fn lists_of_numbers_blame_their_caller() {
    let tape = Tape::<f64>::new();
    let x = tape.var(2.0);
    let wide = tape.var(Tensor::ones([2]));
    let grads = (wide * x).sum(()).backward();
    let mut program = retrograd::Program::compile(&[Tensor::ones([2])], |v| vec![v[0] * 2.0]).unwrap();
    program.run(&[&Tensor::ones([2])]).unwrap();
    let calls: [&dyn Fn(); 3] =
        [&|| drop(grads.items(&[x, wide])), &|| _ = program.item(0), &|| program.items_into(0, &mut [0.0])];
    for (k, call) in calls.iter().enumerate() {
        let (message, file, _) = panic_of(call);
        assert_eq!(file, file!(), "call {k}: {message}");
    }
}

#[test]
fn order_refuses_labels_and_axes_that_are_not_there() {
    let tape = Tape::new();
    let x = tape.var(Tensor::ones([2, 3]));
    let (far, half, other) = (tape.data([[0.0], [3.0]]), tape.data([[0.5], [0.0]]), tape.data([[0.0, 1.0]]));
    refuse!(
        "sort: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_sort(2), x.sort(2);
        "argsort: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_argsort(2), x.argsort(2);
        "cummax: axis 2 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_cummax(2), x.cummax(2);
        "cummin: axis -3 is out of range for shape [2, 3] (valid: -2..=1)"; x.try_cummin(-3), x.cummin(-3);
        "topk: 4 elements asked for along an axis of 3 of shape [2, 3]"; x.try_topk(4, 1), x.topk(4, 1);
        "take_along: label 3 at place 0 of row 1 is no position among 3 (whole numbers from 0 on)";
            x.try_take_along(far, 1), x.take_along(far, 1);
        "take_along: label 0.5 at place 0 of row 0 is no position among 3 (whole numbers from 0 on)";
            x.try_take_along(half, 1), x.take_along(half, 1);
        "take_along: elements of shape [2, 3] and positions of shape [1, 2]: they may differ along the axis of the positions only";
            x.try_take_along(other, 1), x.take_along(other, 1);
        "put_along: elements of shape [2, 3] at positions of shape [2, 1]"; x.try_put_along(far, 1, 4), x.put_along(far, 1, 4);
        "pick_along: 2 labels for the 3 places that shape [2, 3] has beside axis 0";
            x.try_pick_along(0, &[0, 1]), x.pick_along(0, &[0, 1]);
        "pick_along: label 3 at place 1 is out of range for axis 1 of shape [2, 3]";
            x.try_pick_along(1, &[0, 3]), x.pick_along(1, &[0, 3]);
    );
    let single = Tape::<f32>::of();
    let many = single.data(Tensor::zeros([1]).broadcast_to([1 << 25]));
    refuse!(
        "argsort: 33554432 elements along the axis; their positions are exact up to 16777216 in f32";
            many.try_argsort(0), many.argsort(0);
    );
}

#[test]
fn windows_refuse_what_does_not_fit() {
    let tape = Tape::new();
    let (x, line, none) =
        (tape.var(Tensor::ones([1, 4, 5, 5])), tape.var(Tensor::ones([1, 2, 5])), tape.var(Tensor::ones([2, 0])));
    let (w, row) = (tape.var(Tensor::ones([3, 2, 3, 3])), tape.var(Tensor::ones([3, 2, 3])));
    let plain = Conv::new();
    refuse!(
        "conv2d: needs an input [batch, channels, height, width] and kernels [outputs, channels, height, width], got shapes [1, 2, 5] and \
         [3, 2, 3, 3]"; line.try_conv2d(w, plain), line.conv2d(w, plain);
        "conv1d: needs an input [batch, channels, length] and kernels [outputs, channels, length], got shapes [1, 4, 5, 5] and [3, 2, 3]";
            x.try_conv1d(row, plain), x.conv1d(row, plain);
        "conv2d: input [1, 4, 5, 5] has 4 channels for each of 1 groups, kernels [3, 2, 3, 3] have 2";
            x.try_conv2d(w, plain), x.conv2d(w, plain);
        "conv2d: 4 channels and 3 outputs are not as many in each of 2 groups";
            x.try_conv2d(w, plain.groups(2)), x.conv2d(w, plain.groups(2));
        "conv1d: a window reaches over 7 places along axis 2, which has 5 and a padding of 0 on both sides";
            line.try_conv1d(row, plain.dilation(3)), line.conv1d(row, plain.dilation(3));
        "conv1d: a stride of 0 along axis 2; it is at least 1"; line.try_conv1d(row, plain.stride(0)), line.conv1d(row, plain.stride(0));
        "conv1d: the stride is [1, 2], and there is one axis to slide along";
            line.try_conv1d(row, plain.stride([1, 2])), line.conv1d(row, plain.stride([1, 2]));
        "max_pool1d: a padding of 2 along axis 2 holds whole windows of 2";
            line.try_max_pool1d(Pooling::of(2).padding(2)), line.max_pool1d(Pooling::of(2).padding(2));
        "max_pool1d: windows over an axis without elements of shape [2, 0]";
            none.try_max_pool1d(Pooling::of(2).padding(1)), none.max_pool1d(Pooling::of(2).padding(1));
        "max_pool2d: a window reaches over 6 places along axis 2, which has 5 and a padding of 0 on both sides";
            x.try_max_pool2d(Pooling::of(6)), x.max_pool2d(Pooling::of(6));
        "avg_pool1d: a size of 0 along axis 2; it is at least 1"; line.try_avg_pool1d(Pooling::of(0)), line.avg_pool1d(Pooling::of(0));
        "avg_pool2d: a padding of 3 along axis 3 holds whole windows of 2";
            x.try_avg_pool2d(Pooling::of([4, 2]).padding(3)), x.avg_pool2d(Pooling::of([4, 2]).padding(3));
    );
    let number = tape.var(1.0);
    refuse!("avg_pool1d: needs at least 1 axes to slide along, got shape []";
        number.try_avg_pool1d(Pooling::of(1)), number.avg_pool1d(Pooling::of(1)););
}

#[test]
fn kron_lstsq_and_expm_refuse_what_does_not_fit() {
    let tape = Tape::new();
    let (tall, flat) = (tape.var([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), tape.var([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]));
    let (three, two) = (tape.var([1.0, 2.0, 3.0]), tape.var([1.0, 2.0]));
    let many = tape.var(Tensor::zeros([0, 1 << 40]));
    refuse!(
        "expm: needs square matrices in the last two axes, got shape [3, 2]"; tall.try_expm(), tall.expm();
        "lstsq: needs matrices in the last two axes, got shape [3]"; three.try_lstsq(three), three.lstsq(three);
        "lstsq: the matrices have shape [3, 2], the right sides [2]; rows and leading axes must agree";
            tall.try_lstsq(two), tall.lstsq(two);
        "lstsq: the columns of a matrix are dependent, so that no one solution is the best; of its Q R: matrix 0 of shape [2, 2] is \
         singular: element [1, 1] is 0"; tall.try_lstsq(three), tall.lstsq(three);
        "lstsq: the rows of a matrix are dependent, so that no one solution is the best; of its Q R: matrix 0 of shape [2, 2] is \
         singular: element [1, 1] is 0"; flat.try_lstsq(two), flat.lstsq(two);
    );
    let error = many.try_kron(many).expect_err("too large").to_string();
    assert!(error.starts_with("kron: "), "{error}");
    assert_eq!(panic_of(|| many.kron(many)).0, error);
}
