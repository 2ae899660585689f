//! What a tape does: sweeps again and again, seeds, constants, hooks, kept gradients, guards, sums, text, long chains.

use retrograd::{Algebra, CustomOp, Element, Error, NumericOp, Program, Result, Tape, Tensor, Var, functional, jvp};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::rc::Rc;

#[test]
fn backward_runs_again_and_again_on_one_tape_and_from_any_node() {
    let tape = Tape::new();
    let (x, w) = (tape.var(3.0), tape.var([1.0, -2.0]));
    let y = x * x;
    let z = (w * y).sum(());
    let later = z.sin() * x;
    for _ in 0..3 {
        assert_eq!(y.backward().item(x), 6.0);
        assert_eq!(z.backward().item(x), -6.0);
        assert_eq!(z.backward().wrt(w).to_vec(), [9.0, 9.0]);
        assert_eq!(x.backward().item(x), 1.0);
        assert_eq!(later.backward().item(z), z.item().cos() * 3.0);
    }
    // What is recorded after a sweep is differentiated by the next.
    let more = z * y;
    assert_eq!(more.backward().item(y), 2.0 * z.item());
    // A node that comes after the output has gradient 0, and so has one the output does not need.
    assert_eq!(y.backward().item(more), 0.0);
    assert_eq!(y.backward().wrt(w).to_vec(), [0.0, 0.0]);
}

#[test]
fn a_sweep_with_a_seed_is_the_vector_jacobian_product() {
    let tape = Tape::new();
    let x = tape.var([[1.0, 2.0], [3.0, 4.0]]);
    let y = x.square();
    assert_eq!(y.backward_with([[1.0, 0.0], [-1.0, 0.5]]).wrt(x).to_vec(), [2.0, 0.0, -6.0, 4.0]);
    let s = tape.var(3.0);
    assert_eq!((s * s).backward_with(2.0).item(s), 12.0);
    let error = y.try_backward().err().expect("a tensor has no gradient without a seed");
    assert!(error.is_shape());
    let expected =
        "backward: output must be a scalar, got shape [2, 2]; reduce it with sum() or mean(), or pass a seed";
    assert_eq!(error.to_string(), expected);
    let error = y.try_backward_with([1.0, 2.0]).err().expect("the seed's shape is wrong");
    assert_eq!(error.to_string(), "backward: seed has shape [2], the output [2, 2]");
}

#[test]
fn a_seed_leaves_the_callers_tensor_as_it_was() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    let seed = Tensor::from([10.0, 20.0]);
    let grads = (x * 3.0).sin().backward_with(&seed);
    assert_eq!(seed.to_vec(), [10.0, 20.0]);
    assert!((grads.wrt(x)[[0]] - 30.0 * 3f64.cos()).abs() < 1e-13);
    // Nor does a sweep write to the variable, or to a gradient given out earlier.
    let first = x.square().sum(()).backward().wrt(x);
    let second = (x + x).sum(()).backward().wrt(x);
    assert_eq!((first.to_vec(), second.to_vec(), x.value().to_vec()), (vec![2.0, 4.0], vec![2.0, 2.0], vec![1.0, 2.0]));
}

#[test]
fn detach_and_data_stop_gradients() {
    let tape = Tape::new();
    let (s, t) = (tape.var(2.0), tape.var([2.0, 3.0]));
    assert_eq!((s.detach() * s).backward().item(s), 2.0);
    let total = (t.detach() * t).sum(());
    assert_eq!(total.backward().wrt(t).to_vec(), [2.0, 3.0]);
    assert_eq!(tape.grad(total, &[t])[0].value().to_vec(), [2.0, 3.0]);
    let d = tape.data([5.0, 7.0]);
    let grads = (d * t).sum(()).backward();
    let error = grads.try_wrt(d).expect_err("data has no gradient");
    assert!(error.is_argument());
    let expected = "gradient: leaf of shape [2] is data, for which none is computed; make a variable with tape.var";
    assert_eq!(error.to_string(), expected);
    let error = grads.try_wrt(tape.data(1.0)).expect_err("nor has a constant");
    assert_eq!(error.to_string(), "gradient: a constant has none; make a variable with tape.var");
}

#[test]
fn constant_numbers_are_not_nodes() {
    let tape = Tape::new();
    let x = tape.var(2.0);
    assert_eq!(tape.len(), 1);
    let c = tape.data(3.0);
    let computed = (c * 2.0 + c.sin()).exp().maximum(c);
    assert!(computed.item().is_finite());
    assert_eq!(tape.len(), 1, "numbers computed from constants are constants");
    let _ = x * 3.0;
    assert_eq!(tape.len(), 2, "a literal operand is no node");
    let _ = x.detach() + 1.0;
    assert_eq!(tape.len(), 2);
    let _: Var<'_, f64> = Var::constant(1.0) + 2.0;
    assert_eq!(tape.len(), 2);
    // A reduction of data is a constant again.
    let total = tape.data([1.0, 2.0]).sum(());
    let before = tape.len();
    let _ = total * 2.0;
    assert_eq!(tape.len(), before);
}

#[test]
fn data_takes_part_and_its_path_is_not_swept() {
    let tape = Tape::new();
    let (x, d) = (tape.var([1.0, 2.0]), tape.data([3.0, 4.0]));
    let features = d.exp().square();
    let grads = (features * x).sum(()).backward();
    assert_eq!(grads.wrt(x), features.value());
    assert!(grads.get(features.id()).is_none());
    assert!(grads.get(d.id()).is_none());
}

#[test]
fn a_hook_sees_the_complete_gradient_of_a_tensor_and_may_change_it() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let h = (x * x).on_gradient({
        let seen = seen.clone();
        move |g| {
            seen.borrow_mut().push(g.to_vec());
            Some(g.map(|g| g * 10.0))
        }
    });
    // h feeds two places: its gradient is complete only after both.
    let y = (h * 3.0 + h.square()).sum(());
    let grads = y.backward();
    assert_eq!(*seen.borrow(), [vec![5.0, 11.0]]);
    assert_eq!(grads.wrt(x).to_vec(), [100.0, 440.0]);
    y.backward();
    assert_eq!(seen.borrow().len(), 2, "every sweep calls the hook once");
}

#[test]
fn a_hook_sees_and_changes_the_gradient_of_a_scalar() {
    let tape = Tape::new();
    let x = tape.var(2.0);
    let calls = Rc::new(Cell::new(0));
    let h = (x * x).on_gradient({
        let calls = calls.clone();
        move |g| {
            calls.set(calls.get() + 1);
            assert_eq!(g.item(), 11.0);
            Some(Tensor::scalar(-1.0))
        }
    });
    let grads = (h * 3.0 + h.square()).backward();
    assert_eq!((calls.get(), grads.item(h), grads.item(x)), (1, -1.0, -4.0));
}

#[test]
fn a_hook_on_a_number_that_a_tensor_op_made_changes_what_goes_on() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    let total = x.square().sum(()).on_gradient(|g| Some(g.map(|g| g * 10.0)));
    let grads = (total * 3.0).backward();
    assert_eq!(grads.item(total), 30.0);
    assert_eq!(grads.wrt(x).to_vec(), [60.0, 120.0]);
    // Also where the number itself is the output, and with more tensors after it.
    assert_eq!(total.backward().wrt(x).to_vec(), [20.0, 40.0]);
    let spread = (x * total).sum(());
    assert_eq!(spread.backward().wrt(x).to_vec(), [5.0 + 3.0 * 20.0, 5.0 + 3.0 * 40.0]);
}

#[test]
fn hooks_on_variables_and_several_hooks_on_one_run_in_order() {
    let tape = Tape::new();
    let (s, t) = (tape.var(1.5), tape.var([1.5, 2.5]));
    for v in [s, t] {
        v.on_gradient(|g| Some(g.map(|g| g + 1.0))).on_gradient(|g| Some(g.map(|g| g * 10.0)));
        v.on_gradient(|_| None);
    }
    let grads = (s * 3.0 + (t * 2.0).sum(())).backward();
    assert_eq!(grads.item(s), 40.0);
    assert_eq!(grads.wrt(t).to_vec(), [30.0, 30.0]);
}

/// Only variables of a tape that lives as long as the program can be in such a closure.
#[test]
fn a_hook_may_add_hooks_which_are_called_from_the_next_sweep_on() {
    // A hook that has variables in it outlives any borrow of the tape.
    let place = Box::into_raw(Box::new(Tape::new()));
    // SAFETY: it is there until the end of the test, and nothing of it is used behind that.
    let tape: &'static Tape<f64> = unsafe { &*place };
    let (s, t) = (tape.var(1.5), tape.var([1.5, 2.5]));
    for v in [s, t] {
        let doubled = v * 2.0;
        // On a variable that this sweep has yet to reach, and on the one that it is at.
        doubled.on_gradient(move |_| {
            v.on_gradient(|g| Some(g.map(|g| g * 10.0)));
            doubled.on_gradient(|g| Some(g.map(|g| g + 1.0)));
            None
        });
        let total = doubled.sum(());
        assert_eq!(total.backward().wrt(v).to_vec()[0], 2.0);
        assert_eq!(total.backward().wrt(v).to_vec()[0], 2.0 * 2.0 * 10.0);
    }
    // SAFETY: of the box that was taken apart, once; the hooks that go with it do not look at their variables.
    drop(unsafe { Box::from_raw(place) });
}

#[test]
fn a_hook_that_changes_the_shape_panics_with_both_shapes() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    let h = x.square().on_gradient(|_| Some(Tensor::zeros([3])));
    let y = h.sum(());
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.backward())).err().expect("panics");
    let message = payload.downcast_ref::<String>().expect("a message");
    assert_eq!(message, "hook: the gradient has shape [2], its replacement [3]");
}

#[test]
fn an_intermediate_gradient_is_kept_where_asked_for_and_else_an_error() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    let h = x.square();
    let y = h.sin().sum(());
    let error = y.backward().try_wrt(h).expect_err("was not kept");
    assert!(error.is_argument());
    let expected = "gradient: that of the intermediate square of shape [2] was not kept; call retain_gradient() on it \
                    before the sweep";
    assert_eq!(error.to_string(), expected);
    let h = h.retain_gradient();
    assert_eq!(y.backward().wrt(h).to_vec(), [1f64.cos(), 4f64.cos()]);
    // Of scalars every gradient is kept.
    let s = tape.var(2.0);
    let m = s * s;
    assert_eq!(m.sin().backward().item(m), 4f64.cos());
    assert_eq!(m.retain_gradient().sin().backward().wrt(m).item(), 4f64.cos());
}

#[test]
fn gradients_outlive_the_tape_and_are_found_by_id() {
    let mut tape = Tape::new();
    let (x, s) = (tape.var([1.0, 2.0]), tape.var(3.0));
    let ids = (x.id(), s.id());
    let grads = (x * s).sum(()).backward();
    tape.clear();
    assert_eq!(grads.get(ids.0).unwrap().to_vec(), [3.0, 3.0]);
    assert_eq!(grads.get_item(ids.1), Some(3.0));
    assert!(grads.get(ids.1).is_none() && grads.get_item(ids.0).is_none());
    assert!(tape.is_empty() && tape.guards().is_empty());
}

/// The message of a panic.
fn refusal<R>(f: impl FnOnce() -> R) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err().expect("refused");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn gradients_of_what_a_tape_held_before_it_was_cleared_are_refused_and_other_tapes_too() {
    let mut tape = Tape::new();
    let (old, ids) = {
        let (x, s) = (tape.var([1.0, 2.0]), tape.var(3.0));
        ((x.square().sum(()) * s).backward(), [x.id(), s.id()])
    };
    tape.clear();
    let (x, s) = (tape.var([10.0, 20.0, 30.0]), tape.var(1.0));
    let before = "before clear()";
    assert!(old.try_wrt(x).unwrap_err().to_string().contains(before));
    assert!(old.try_wrt(s).unwrap_err().to_string().contains(before));
    for message in [refusal(|| old.item(s)), refusal(|| old.items(&[s])), refusal(|| old.get(x.id()).is_some())] {
        assert!(message.contains(before), "{message}");
    }
    // What was swept is still there under its own numbers, and nothing else is.
    assert_eq!((old.get(ids[0]).unwrap().to_vec(), old.get_item(ids[1])), (vec![6.0, 12.0], Some(5.0)));
    let now = (x.sum(()) * s).backward();
    assert!(refusal(|| now.get_item(ids[1])).contains(before));
    let other = Tape::new();
    let y = other.var(2.0);
    assert!(refusal(|| now.get_item(y.id())).contains("another tape"));
    assert!(now.try_wrt(y).unwrap_err().to_string().contains("another tape"));
    // A tape of its own at the same address as an earlier one.
    let mut stale = None;
    for _ in 0..2 {
        let tape = Box::new(Tape::new());
        let x = tape.var(2.0);
        if let Some(id) = stale {
            assert!(refusal(|| (x * x).backward().get_item(id)).contains("another tape"));
        }
        stale = Some(x.id());
    }
}

struct Crooked(Vec<usize>);
impl NumericOp<f64> for Crooked {
    fn name(&self) -> &str {
        "crooked"
    }
    fn value(&self, x: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(x[0].clone())
    }
    fn vjp(&self, _: &[Tensor<f64>], _: &Tensor<f64>, _: &Tensor<f64>) -> Vec<Tensor<f64>> {
        vec![Tensor::ones(self.0.clone())]
    }
}
impl CustomOp for Crooked {
    const NAME: &'static str = "crooked";
    fn value<T: Element>(&self, x: &[Tensor<T>]) -> Result<Tensor<T>> {
        Ok(x[0].clone())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, _: &[A::V], _: &A::V, _: &A::V) -> Vec<A::V> {
        vec![a.constant(Tensor::ones(self.0.clone()))]
    }
}

#[test]
fn a_users_rule_of_a_wrong_shape_is_an_error_that_names_the_op_by_every_route() {
    let tape = Tape::new();
    let x = tape.var([3.0, 4.0]);
    let expected = "crooked: its rule gave a gradient of shape [3] for input 0 of shape [2]";
    let says = |error: Error| assert!(error.to_string().starts_with(expected), "{error}");
    says(tape.numeric(Crooked(vec![3]), &[x]).sum(()).try_backward().err().unwrap());
    let y = tape.custom(Crooked(vec![3]), &[x]).sum(());
    says(y.try_backward().err().unwrap());
    says(tape.try_grad(y, &[x]).unwrap_err());
    let compiled = Program::compile_gradient(&[Tensor::from([3.0, 4.0])], &[0], |v| {
        let tape = v[0].tape();
        tape.custom(Crooked(vec![3]), &[v[0]]).sum(())
    });
    let ran = compiled.and_then(|mut program| program.run(&[&Tensor::from([3.0, 4.0])]).map(|_| ()));
    says(ran.unwrap_err());
    // What stretches is stretched, or summed.
    for shape in [vec![1], vec![], vec![3, 2]] {
        let found = tape.custom(Crooked(shape.clone()), &[x]).sum(()).backward().wrt(x);
        assert_eq!(found.to_vec(), if shape.len() == 2 { [3.0; 2] } else { [1.0; 2] });
    }
}

#[test]
fn buffers_of_lengths_that_are_not_met_again_go_back_to_the_system() {
    let mut tape = Tape::new();
    let mut step = |length: usize| {
        let x = tape.var(Tensor::ones([length]));
        let grads = x.exp().square().sum(()).backward();
        assert!((grads.wrt(x).as_slice()[length - 1] - 2.0 * 2f64.exp()).abs() < 1e-12);
        tape.recycle(grads);
        tape.clear();
        tape.bytes()
    };
    let most = (0..100).map(|k| step(5000 + k)).last().unwrap();
    assert!(most > 100 * 5000 * 8, "{most}");
    let rest = (0..2100).map(|_| step(10)).last().unwrap();
    assert!(rest < 100_000, "{rest}");
}

#[test]
fn clearing_forgets_hooks_and_guards_and_a_reused_tape_computes_the_same() {
    let mut tape = Tape::new();
    let mut first = None;
    for _ in 0..4 {
        let x = tape.var([0.5, -1.5]);
        let y = x.tanh().sum(());
        assert!(y < 10.0);
        x.on_gradient(|g| Some(g.map(|g| g * 2.0)));
        let found = (y.item(), y.backward().wrt(x).to_vec(), tape.len(), tape.guards().len());
        assert_eq!(*first.get_or_insert(found.clone()), found);
        tape.clear();
    }
}

#[test]
fn comparisons_of_variables_are_recorded_as_guards() {
    let tape = Tape::new();
    let (x, y) = (tape.var(1.0), tape.var(2.0));
    assert!([x < y, y > x, x <= 1.0, x != y, x == 1.0].iter().all(|&holds| holds));
    let outcomes: Vec<_> = tape.guards().iter().map(|guard| guard.outcome).collect();
    let (less, greater, equal) = (Some(Ordering::Less), Some(Ordering::Greater), Some(Ordering::Equal));
    assert_eq!(outcomes, [less, greater, equal, less, equal]);
    assert_eq!(tape.var(f64::NAN).partial_cmp(&x), None);
    assert_eq!(tape.guards().last().unwrap().outcome, None);
    let n = tape.guards().len();
    // Constants alone decide nothing that could change; tensors compare with nothing.
    assert!(tape.data(1.0) < Var::constant(2.0));
    let t = tape.var([1.0]);
    assert!(t.partial_cmp(&t).is_none() && t != t);
    assert_eq!(tape.guards().len(), n);
    // A select of numbers chooses by control flow, so it leaves a guard.
    assert_eq!(x.select(y, x).item(), 2.0);
    assert_eq!(tape.guards().len(), n + 1);
}

#[test]
fn sums_and_products_of_iterators_differentiate_and_are_0_and_1_when_empty() {
    let tape = Tape::new();
    let x = tape.vars(&[2.0, 3.0, 5.0]);
    let sum: Var<'_, f64> = x.iter().sum();
    let product: Var<'_, f64> = x.iter().product();
    assert_eq!((sum.item(), product.item()), (10.0, 30.0));
    assert_eq!(sum.backward().items(&x), [1.0, 1.0, 1.0]);
    assert_eq!(product.backward().items(&x), [15.0, 10.0, 6.0]);
    assert_eq!(x.iter().map(|&x| x * x).sum::<Var<'_, f64>>().backward().items(&x), [4.0, 6.0, 10.0]);
    assert_eq!(x.iter().map(|&x| x * x).product::<Var<'_, f64>>().item(), 900.0);
    let none: [Var<'_, f64>; 0] = [];
    assert_eq!(none.iter().sum::<Var<'_, f64>>().item(), 0.0);
    assert_eq!(none.iter().product::<Var<'_, f64>>().item(), 1.0);
    assert_eq!((none.iter().sum::<Var<'_, f64>>() + x[0]).backward().item(x[0]), 1.0);
    // Tensors sum as well.
    let rows = [tape.var([1.0, 2.0]), tape.var([3.0, 4.0])];
    assert_eq!(rows.iter().sum::<Var<'_, f64>>().value().to_vec(), [4.0, 6.0]);
}

#[test]
fn assigning_operators_replace_the_handle_and_keep_the_history() {
    let tape = Tape::new();
    let x = tape.var(2.0);
    let mut y = x;
    y += x;
    y *= 3.0;
    y -= 1.0;
    y /= x;
    y -= x;
    // (6 x - 1) / x - x: derivative 1 / x^2 - 1.
    assert_eq!(y.item(), 3.5);
    assert_eq!(y.backward().item(x), -0.75);
    let t = tape.var([1.0, 2.0]);
    let mut u = t;
    u *= x;
    u += 1.0;
    u /= t;
    assert_eq!(u.value().to_vec(), [3.0, 2.5]);
    let mut total: Var<'_, f64> = Var::constant(0.0);
    total += u.sum(());
    assert_eq!(total.backward().wrt(t).to_vec(), [-1.0, -0.25]);
}

#[test]
fn plain_numbers_stand_on_either_side_of_an_operator() {
    let tape = Tape::new();
    let (x, t) = (tape.var(2.0), tape.var([2.0, 4.0]));
    assert_eq!([1.0 + x, 1.0 - x, 3.0 * x, 3.0 / x].map(|y| y.item()), [3.0, -1.0, 6.0, 1.5]);
    assert_eq!([1.0 + x, 1.0 - x, 3.0 * x, 3.0 / x].map(|y| y.backward().item(x)), [1.0, -1.0, 3.0, -0.75]);
    assert_eq!((8.0 / t).value().to_vec(), [4.0, 2.0]);
    assert_eq!((8.0 / t).sum(()).backward().wrt(t).to_vec(), [-2.0, -0.5]);
    let tape = Tape::<f32>::of();
    let x = tape.var(2.0f32);
    assert_eq!((1.0f32 - x * 0.5f32).backward().item(x), -0.5);
}

#[test]
fn variables_print_their_value_and_debug_their_node() {
    let tape = Tape::new();
    let (x, t) = (tape.var(1.5), tape.var([[1.0, 2.0], [3.0, 4.5]]));
    assert_eq!(x.to_string(), "1.5");
    assert_eq!(format!("{:.3}", x), "1.500");
    assert_eq!(t.to_string(), "[[  1,   2],\n [  3, 4.5]]");
    assert_eq!(format!("{x:?}"), "Var(scalar #0 = 1.5)");
    assert_eq!(format!("{:?}", tape.var([1.0, 2.0])), "Var(tensor #1 [2] = [1, 2])");
    assert_eq!(format!("{:?}", tape.data(2.5)), "Var(constant = 2.5)");
    assert_eq!((x * x).sin().to_string(), 2.25f64.sin().to_string());
}

#[test]
fn tensors_and_gradients_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Tensor<f32>>();
    crosses::<Tensor<f64>>();
    crosses::<retrograd::Gradients<f32>>();
    crosses::<retrograd::Error>();
    let x = Tensor::from([1.0, 2.0]);
    let sums: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|k| {
                let x = &x;
                scope.spawn(move || {
                    let tape = Tape::new();
                    let v = tape.var(x);
                    (v.square() * k as f64).sum(()).backward().wrt(v).iter().sum()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(sums, [0.0, 6.0]);
}

#[test]
fn variables_of_two_tapes_in_one_op_are_an_error_and_a_panic() {
    let (one, two) = (Tape::new(), Tape::new());
    let (a, b) = (one.var(1.0), two.var(2.0));
    let error = a.try_add(b).expect_err("two tapes");
    assert!(error.is_tape());
    assert_eq!(error.to_string(), "add: operands come from different tapes");
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| a * b)).expect_err("panics");
    let message = payload.downcast_ref::<String>().expect("a message");
    assert_eq!(message, "mul: operands come from different tapes");
    assert!(one.try_grad(a * a, &[b]).expect_err("two tapes").is_tape());
    assert!(one.jvp(b, &[]).expect_err("two tapes").is_tape());
    assert!(one.try_record_jvp(b, &[]).expect_err("two tapes").is_tape());
}

#[test]
fn a_million_scalars_in_a_chain_sweep_record_and_drop_without_recursion() {
    let n = 1_000_000;
    // A small stack would overflow under any recursion over the chain.
    let work = move || {
        let tape = Tape::new();
        let x = tape.var(1.0);
        let mut y = x;
        for _ in 0..n {
            y = y * 1.0 + 0.0;
        }
        assert_eq!(y.backward().item(x), 1.0);
        assert_eq!(tape.jvp(y, &[(x, retrograd::Value::Scalar(2.0))]).unwrap().as_slice(), [2.0]);
        let short = Tape::new();
        let x = short.var(1.0);
        let mut y = x;
        for _ in 0..n / 4 {
            y *= 1.0;
        }
        assert_eq!(short.grad(y, &[x])[0].item(), 1.0);
        assert!(tape.len() > 2 * n);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_million_tensors_in_a_chain_sweep_and_drop_without_recursion() {
    let n = 1_000_000;
    let work = move || {
        let mut tape = Tape::<f32>::of();
        let x = tape.var([1.0f32]);
        let mut y = x;
        for _ in 0..n {
            y = -y;
        }
        let total = y.sum(());
        assert_eq!(total.backward().wrt(x).to_vec(), [1.0]);
        assert!(tape.len() > n);
        tape.clear();
        assert!(tape.is_empty());
        // Dropped without being cleared, at a length whose recursion would still overflow.
        let tape = Tape::<f32>::of();
        let mut y = tape.var([1.0f32]);
        for _ in 0..n / 4 {
            y = -y;
        }
        drop(tape);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn the_check_for_finite_numbers_names_op_operands_and_line() {
    let mut tape = Tape::new();
    tape.keep_source_lines(true);
    let x = tape.var(0.0);
    let _ = x + 1.0;
    let line = line!() + 1;
    let y = x.ln();
    let _ = y * 2.0;
    let error = tape.check_finite().expect_err("ln(0) is infinite");
    assert!(error.is_not_finite());
    let text = error.to_string();
    for part in ["value -inf of ln", "(0)", &format!("tests/engine/tape.rs:{line}"), "keep the argument above 0"] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
    let tape = Tape::new();
    let t = tape.var([4.0, 0.0]);
    let total = t.sqrt().sum(());
    assert!(tape.check_finite().is_ok());
    let text = tape.check_finite_gradients(total).expect_err("the slope at 0 is infinite").to_string();
    assert!(text.contains("element 1") && text.contains("gradient"), "{text}");
}

#[test]
fn forward_mode_reaches_through_both_lanes() {
    // d/dt of sum(tanh(x s)) s at s, along (x', s'), equals the sum of both partial derivatives.
    let tape = Tape::new();
    let (x, s) = (tape.var([0.3, -0.7]), tape.var(1.5));
    let y = (x * s).tanh().sum(()) * s;
    let grads = y.backward();
    let tangent = Tensor::from([0.25, -2.0]);
    let forward = tape.jvp(y, &[(x, tangent.clone().into()), (s, retrograd::Value::Scalar(-0.5))]).unwrap();
    let expected: f64 = grads.wrt(x).iter().zip(tangent.iter()).map(|(g, t)| g * t).sum::<f64>() - 0.5 * grads.item(s);
    assert!((forward.as_slice()[0] - expected).abs() < 1e-15);
    let error = tape.jvp(y, &[(x, retrograd::Value::Scalar(1.0))]).expect_err("the tangent's shape");
    assert_eq!(error.to_string(), "jvp: tangent has shape [], its variable [2]");
    let (_, along) = jvp(|x| x.sin(), 0.3, 2.0);
    assert_eq!(along.item(), 2.0 * 0.3f64.cos());
}

#[test]
fn a_tangent_may_be_given_to_a_number_that_was_made_of_others() {
    let tape = Tape::new();
    let x = tape.var(3.0);
    let y = x * x;
    let z = y * 2.0 + x;
    let one = || Tensor::scalar(1.0).into();
    assert_eq!(tape.jvp(z, &[(y, one())]).unwrap().as_slice(), [2.0]);
    // Beside what comes from before it: dy = 6 + 1.
    assert_eq!(tape.jvp(z, &[(y, one()), (x, one())]).unwrap().as_slice(), [15.0]);
    assert_eq!(tape.jvp_many(&[z], &[y, x], &Tensor::from([[1.0, 1.0], [0.0, 1.0]])).unwrap().to_vec(), [15.0, 13.0]);
    let recorded = tape.try_record_jvp(z, &[(y, tape.var(1.0)), (x, tape.var(1.0))]).unwrap();
    assert_eq!(recorded.item(), 15.0);
}

#[test]
fn a_gradient_of_what_is_no_scalar_is_refused_by_the_name_of_what_was_called() {
    let expected =
        "grad: output must be a scalar, got shape [2]; reduce it with sum() or mean(), or use vjp with a seed";
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    assert_eq!(tape.try_grad(x, &[x]).unwrap_err().to_string(), expected);
    let at = Tensor::from([1.0, 2.0]);
    assert_eq!(functional::try_grad(|x| x.square(), &at).unwrap_err().to_string(), expected);
    assert_eq!(functional::try_value_and_grad(|x| x.square(), &at).unwrap_err().to_string(), expected);
    let error = functional::try_grad_slice(|x| x[0] * x[0].tape().data([1.0, 2.0]), &[1.0]).unwrap_err();
    assert_eq!(error.to_string(), expected);
}
