//! What variables can do, tensors can: held by the source, and by values.

use retrograd::{Tape, Tensor, Triangle, keep};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Methods of variables that need a tape or are about a node of one, and two that tensors have as `len` and `shape().rank()`.
const OF_VARIABLES_ALONE: &[&str] = &[
    "backward",
    "backward_with",
    "constant",
    "detach",
    "get_tape",
    "id",
    "is_constant",
    "named",
    "numel",
    "on_gradient",
    "rank",
    "retain_gradient",
    "tape",
    "try_backward",
    "try_backward_with",
    "value",
];

/// Public methods that are written in an `impl` of this type, not made by a macro: that makes them for both types.
fn written_by_hand(owner: &str) -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = ["tape", "sweep", "tensor"].map(|folder| fs::read_dir(source.join(folder)).expect("a folder"));
    let mut found = BTreeSet::new();
    for path in files.into_iter().flatten().map(|entry| entry.expect("an entry").path()) {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let mut inside = false;
        for line in fs::read_to_string(path).expect("a source").lines().map(str::trim) {
            if line.starts_with("impl") {
                inside = line.contains(&format!("> {owner}<")) && !line.contains(" for ");
            }
            if let (true, Some(rest)) = (inside, line.strip_prefix("pub fn ")) {
                found.insert(rest.split(['(', '<']).next().unwrap_or(rest).to_owned());
            }
        }
    }
    found.retain(|name| !name.starts_with('$'));
    found
}

#[test]
fn every_method_of_variables_that_needs_no_tape_is_one_of_tensors() {
    let (variables, tensors) = (written_by_hand("Var"), written_by_hand("Tensor"));
    let missing: Vec<_> = variables
        .iter()
        .filter(|name| !OF_VARIABLES_ALONE.contains(&name.as_str()) && !tensors.contains(*name))
        .collect();
    assert!(missing.is_empty(), "not on tensors: {missing:?}; write them with `methods!`");
    // The search finds what is there: if it did not, nothing would be missing.
    for name in OF_VARIABLES_ALONE.iter().chain(&["apply", "try_apply2", "item", "shape"]) {
        assert!(variables.contains(*name), "{name} is no method of variables: found {variables:?}");
    }
}

/// Calls on tensors and on variables, which must agree to the bit.
macro_rules! agree {
    ($tape:ident; $($x:ident.$method:ident/$try_method:ident($(&$same:ident),* $(= $given:expr),* $(; $($arg:expr),+)?);)*) => {$(
        let expected = $tape.data(&$x).$method($($tape.data(&$same),)* $($tape.data(&$given),)* $($($arg),+)?).value();
        assert_eq!($x.$method($(&$same,)* $(&$given,)* $($($arg),+)?), expected, stringify!($method));
        assert_eq!($x.$try_method($(&$same,)* $(&$given,)* $($($arg),+)?).unwrap(), expected, stringify!($try_method));
    )*};
}

#[test]
fn tensors_have_the_values_of_variables() {
    let tape = Tape::new();
    let x = Tensor::from([[0.5, 0.25, 0.125], [0.75, 0.5, 0.375], [0.25, 0.5, 0.875]]);
    let y = Tensor::from([[0.25, 0.5, 0.5], [0.5, 0.125, 0.75], [0.5, 0.25, 0.375]]);
    let row = Tensor::from([0.25, 0.5, 0.75]);
    agree! {
        tape;
        x.pow/try_pow(= y); x.atan2/try_atan2(= row); x.hypot/try_hypot(= y); x.maximum/try_maximum(= y);
        x.minimum/try_minimum(= y); x.logaddexp/try_logaddexp(= row); x.xlogy/try_xlogy(= y);
        x.bce_with_logits/try_bce_with_logits(= y); x.greater/try_greater(= y); x.greater_equal/try_greater_equal(= y);
        x.less/try_less(= y); x.less_equal/try_less_equal(= y); x.equal/try_equal(= row); x.not_equal/try_not_equal(= row);
        x.select/try_select(= y, = row);
        x.sum/try_sum(; 0); x.mean/try_mean(; keep(1)); x.prod/try_prod(; ()); x.max/try_max(; [0, 1]); x.min/try_min(; keep(()));
        x.var/try_var(; 1, 1); x.std/try_std(; keep(0), 0); x.norm1/try_norm1(; -1); x.norm2/try_norm2(; ());
        x.norm_inf/try_norm_inf(; 0); x.logsumexp/try_logsumexp(; keep(1)); x.softmax/try_softmax(; 0);
        x.log_softmax/try_log_softmax(; 1); x.cumsum/try_cumsum(; 0); x.cumprod/try_cumprod(; 1);
        x.reshape/try_reshape(; [9]); row.broadcast_to/try_broadcast_to(; [2, 3]); x.permute/try_permute(; &[1, 0]);
        x.swap_axes/try_swap_axes(; 0, 1); x.t/try_t(); x.transpose/try_transpose(); x.slice/try_slice(; (1, 1..));
        x.gather/try_gather(; 1, &[2, 0]); x.pick/try_pick(; &[2, 0, 1]); x.scatter_add/try_scatter_add(; 0, &[3, 1, 3], 4);
        row.pad/try_pad(; &[(1, 2)]); x.flip/try_flip(; 1); x.roll/try_roll(; 1, 0); row.diag/try_diag(); x.trace/try_trace();
        x.tril/try_tril(; 0); x.triu/try_triu(; 1); x.squeeze/try_squeeze(; ()); x.unsqueeze/try_unsqueeze(; 1);
        x.tile/try_tile(; &[2, 1]); x.at/try_at(; [1, 2]);
        x.matmul/try_matmul(&y); x.matmul_tn/try_matmul_tn(&y); x.matmul_nt/try_matmul_nt(&row); row.dot/try_dot(&row);
        row.outer/try_outer(&row); x.det/try_det(); x.inv/try_inv(); x.solve/try_solve(&row);
        x.solve_triangular/try_solve_triangular(&y; Triangle::Upper);
        x.squared_error/try_squared_error(= y); x.mean_squared_error/try_mean_squared_error(= y);
        x.mean_absolute_error/try_mean_absolute_error(= row); x.huber_error/try_huber_error(= y; 0.125);
        x.binary_cross_entropy/try_binary_cross_entropy(= y);
        x.binary_cross_entropy_with_logits/try_binary_cross_entropy_with_logits(= y);
        x.cross_entropy/try_cross_entropy(; &[0, 2, 1]); x.cross_entropy_soft/try_cross_entropy_soft(= y);
        x.nll/try_nll(; &[0, 2, 1]); x.kl_divergence/try_kl_divergence(= y); x.hinge/try_hinge(= y);
    }
    assert_eq!(x.argmax(1), tape.data(&x).argmax(1));
    assert_eq!(x.argmin(0), tape.data(&x).argmin(0));
    for (joined, on_tape) in [
        (Tensor::concat(&[x.clone(), y.clone()], 1), retrograd::Var::concat(&[tape.data(&x), tape.data(&y)], 1)),
        (Tensor::stack(&[x.clone(), y.clone()], 0), retrograd::Var::stack(&[tape.data(&x), tape.data(&y)], 0)),
    ] {
        assert_eq!(joined, on_tape.value());
    }
}

#[test]
fn a_number_counts_as_a_tensor_without_axes() {
    let x = Tensor::from([0.5, 2.0]);
    assert_eq!(x.xlogy(1.0), Tensor::from([0.0, 0.0]));
    assert_eq!(x.greater(1.0).select(&x, 0.0), Tensor::from([0.0, 2.0]));
    assert_eq!(x.mean_squared_error([0.5, 1.0]).item(), 0.5);
    assert_eq!(Tensor::scalar(2.0).reshape([1, 1]), Tensor::from([[2.0]]));
    assert_eq!(Tensor::<f64>::scalar(3.0).sum(()).item(), 3.0);
    assert_eq!(x.reshape([2, 1]).shape().dims(), [2, 1]);
    assert!(x.reshape([2, 1]).shares_buffer_with(&x));
}
