//! What users write: formulas over any number, literals and assignments, integers of any type as axes and indices, tensors
//! without a tape.

use retrograd::*;

/// Every form that a formula over `Real` may use.
fn formula<S: Real>(x: &[S]) -> S {
    let mut sum: S = x.iter().copied().sum();
    let product = x.iter().map(|&v| v * 2.0).product::<S>();
    for &v in x {
        if v > 0.0 && v <= x[0] {
            sum *= v;
            sum -= 1.0;
            sum /= 2.0;
            sum += v;
        }
    }
    if sum == 0.0 { sum } else { sum + product }
}

fn single<S: Real<f32>>(x: &[S]) -> S {
    let mut y = x[0];
    if y > 0.5 {
        y *= 2.0;
    }
    S::lit(1.0) - y
}

#[test]
fn one_formula_runs_on_numbers_duals_and_variables() {
    // ((x + y) x - 1) / 2 + x + 4 x y for 0 < x < y, so d/dx = x + y/2 + 1 + 4 y and d/dy = x/2 + 4 x.
    let x = [1.0, 2.0];
    assert_eq!(formula(&x), 10.0);
    assert_eq!(grad_slice(|x| formula(x), &x), [11.0, 4.5]);
    let dual = formula(&[Dual::variable(1.0), Dual::constant(2.0)]);
    assert_eq!((dual.value, dual.tangent), (10.0, 11.0));
    let twice = formula(&[Dual::variable(Dual::variable(1.0)), Dual::constant(Dual::constant(2.0))]);
    assert_eq!(twice.tangent.tangent, 1.0);
    assert_eq!(hessian_slice(|x| formula(x), &x).to_vec(), [1.0, 4.5, 4.5, 0.0]);
}

#[test]
fn one_formula_runs_in_single_precision() {
    assert_eq!(single(&[1.0_f32]), -1.0);
    assert_eq!(single(&[Dual::variable(1.0_f32)]).tangent, -2.0);
    assert_eq!(functional::grad_slice(|x| single(x), &[1.0_f32]), [-2.0]);
    assert_eq!(functional::grad(|x| 1.0 - x * x, 3.0_f32), -6.0);
}

#[test]
fn comparisons_with_literals_are_guards() {
    let tape = Tape::new();
    let x = tape.vars(&[1.0, 2.0]);
    formula(&x);
    // Of each element: above 0 and not above the first; then the sum against 0.
    let guards = tape.guards();
    assert_eq!(guards.len(), 5);
    assert_eq!(guards[3].values(), (2.0, 1.0));
    assert_eq!(guards[3].ids(), (x[1].id(), x[0].id()));
}

#[test]
fn axes_and_spans_take_any_integers() {
    let tape = Tape::new();
    let m = tape.var([[1.0, 2.0], [3.0, 4.0]]);
    let rows: Vec<Vec<f64>> = (0..m.shape()[0]).map(|i| m.slice(i).value().to_vec()).collect();
    assert_eq!(rows, [[1.0, 2.0], [3.0, 4.0]]);
    let n = m.rank();
    assert_eq!(m.slice((.., n - 1)).value().to_vec(), [2.0, 4.0]);
    assert_eq!(m.slice((-1, ..n - 1)).value().to_vec(), [3.0]);
    assert_eq!(m.sum(n - 1).value().to_vec(), [3.0, 7.0]);
    assert_eq!(m.sum(-1).value().to_vec(), [3.0, 7.0]);
    assert_eq!(m.sum([0, 1]).item(), 10.0);
}

#[test]
fn tensors_calculate_without_a_tape() {
    let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let row = Tensor::from([10.0, 20.0]);
    assert_eq!(&a + &row, Tensor::from([[11.0, 22.0], [13.0, 24.0]]));
    assert_eq!(a.clone() * 2.0, Tensor::from([[2.0, 4.0], [6.0, 8.0]]));
    assert_eq!(1.0 - &row, Tensor::from([-9.0, -19.0]));
    assert_eq!(-&row / row.clone(), Tensor::from([-1.0, -1.0]));
    let mut b = row.clone();
    b += &row;
    b -= 1.0;
    b *= row.clone();
    b /= 10.0;
    assert_eq!(b, Tensor::from([19.0, 78.0]));
    assert_eq!(Tensor::scalar(2.0) + Tensor::scalar(3.0), Tensor::scalar(5.0));
    assert_eq!(2.0_f32 * Tensor::from([1.5_f32]), Tensor::from([3.0_f32]));
    assert_eq!(a.sum(0), Tensor::from([4.0, 6.0]));
    assert_eq!(a.mean(()), Tensor::scalar(2.5));
    assert_eq!(a.max(1), Tensor::from([2.0, 4.0]));
    assert_eq!(a.min(()).item(), 1.0);
    assert_eq!((a.argmax(-1), a.argmin(0)), (vec![1, 1], vec![0, 0]));
    assert_eq!(a.t(), Tensor::from([[1.0, 3.0], [2.0, 4.0]]));
    assert_eq!(a.matmul(&row), Tensor::from([50.0, 110.0]));
    assert_eq!(a.square().sqrt().maximum(2.5), Tensor::from([[2.5, 2.5], [3.0, 4.0]]));
    assert_eq!(a.greater(row.map(|x| x / 10.0)), Tensor::from([[0.0, 0.0], [1.0, 1.0]]));
}

#[test]
fn tensor_arithmetic_says_what_does_not_fit() {
    let (a, b) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 2.0, 3.0]));
    let message = "add: shapes [2] and [3] do not broadcast: axis 0 is 2 vs 3";
    assert_eq!(a.try_add(&b).unwrap_err().to_string(), message);
    let panic = std::panic::catch_unwind(|| &a + &b).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), message);
    let error = Tensor::from([[1.0, 2.0]]).try_matmul(Tensor::from([[1.0, 2.0]])).unwrap_err();
    assert_eq!(error.to_string(), "matmul: inner dimensions differ: lhs [1, 2] has 2 columns, rhs [1, 2] has 1 rows");
    assert!(a.try_sum(1).unwrap_err().is_argument());
}

#[test]
fn very_small_and_large_numbers_print_with_exponents() {
    assert_eq!(Tensor::from([1e-200, 0.5, -3e20, 0.0, f64::NAN]).to_string(), "[1e-200, 0.5, -3e20, 0, NaN]");
    let tape = Tape::new();
    let x = tape.var(1e-200);
    assert_eq!((format!("{x}"), format!("{x:?}")), ("1e-200".into(), "Var(scalar #0 = 1e-200)".into()));
    assert_eq!(format!("{:.2} {:>5}", tape.var(0.126), tape.var(0.5)), "0.13   0.5");
}

#[test]
fn gradients_refuse_variables_of_another_tape() {
    let (tape, other) = (Tape::new(), Tape::new());
    let (x, y) = (tape.var(2.0), other.var(3.0));
    let (v, w) = (tape.var([1.0]), other.var([1.0]));
    let grads = (x * x * v.sum(())).backward();
    assert_eq!(grads.item(x), 4.0);
    assert_eq!(
        grads.try_wrt(y).unwrap_err().to_string(),
        "gradient: the variable is of another tape than the gradients"
    );
    assert!(grads.try_wrt(w).unwrap_err().is_tape());
    assert_eq!(grads.try_wrt(v).unwrap(), Tensor::from([4.0]));
    for look in [|g: &Gradients<f64>, y| g.item(y), |g: &Gradients<f64>, y| g.items(&[y])[0]] {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(&grads, y))).is_err());
    }
}

#[test]
fn tensors_and_gradients_may_go_to_other_threads() {
    fn sendable<T: Send + Sync + 'static>() {}
    sendable::<Tensor<f64>>();
    sendable::<Tensor<f32>>();
    sendable::<Gradients<f64>>();
    sendable::<Error>();
}

#[test]
fn errors_name_the_op_that_was_called() {
    let tape = Tape::new();
    let (x, y) = (tape.var([1.0, 2.0, 3.0]), tape.var([1.0, 2.0]));
    let two_by_three = "shapes [3] and [2] do not broadcast: axis 0 is 3 vs 2";
    let cases = [
        (x.try_mean_absolute_error(y), format!("mean_absolute_error: {two_by_three}")),
        (x.try_huber_error(y, 1.0), format!("huber_error: {two_by_three}")),
        (x.try_huber_error(x, -1.0), "huber_error: delta is -1; it must be above 0".into()),
        (x.try_hinge(y), format!("hinge: {two_by_three}")),
        (x.try_kl_divergence(y), format!("kl_divergence: {two_by_three}")),
        (x.try_mean_squared_error(y), "mean_squared_error: prediction [3] and target [2] differ in shape".into()),
        (x.try_nll(&[0]), "nll: needs a matrix, got shape [3]".into()),
        (x.try_t(), "t: needs at least two axes, got shape [3]".into()),
        (x.try_at([3]), "at: 3 is out of range for axis 0 of length 3".into()),
        (tape.var(Tensor::zeros([2, 0])).try_max(1), "max: no elements along the axes of shape [2, 0]".into()),
    ];
    for (result, message) in cases {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
}

#[test]
fn vectors_become_tensors_and_come_back_without_a_copy() {
    let numbers = vec![1.0, 2.0, 3.0];
    let place = numbers.as_ptr();
    let tape = Tape::new();
    let x = tape.var(numbers);
    assert_eq!(x.value().as_slice().as_ptr(), place);
    let tensor = x.value();
    drop(tape);
    let back: Vec<f64> = tensor.into();
    assert_eq!(back.as_ptr(), place);
    let rows = vec![[1.0, 2.0], [3.0, 4.0]];
    let place = rows.as_ptr().cast();
    let rows = Tensor::from(rows);
    assert_eq!((rows.as_slice().as_ptr(), rows.shape().dims()), (place, &[2, 2][..]));
    assert_eq!(Tensor::from([[[[1.0, 2.0]]]]).shape().dims(), [1, 1, 1, 2]);
    assert_eq!(Tape::new().data(&[[1.0, 2.0]][..]).shape().dims(), [1, 2]);
    let doubled: Tensor<f64> = (&rows).into_iter().map(|x| x * 2.0).collect();
    assert_eq!(doubled.as_ref(), [2.0, 4.0, 6.0, 8.0]);
}

#[test]
fn tensors_stand_beside_variables_on_either_side_of_an_operator() {
    fn check<T: Element>() {
        let tape = Tape::<T>::of();
        let numbers = |x: [f64; 2]| -> Tensor<T> { x.iter().map(|&x| T::from_f64(x)).collect() };
        let (x, t) = (tape.var(numbers([3.0, -2.0])), numbers([2.0, 4.0]));
        let data = tape.data(&t);
        let pairs = [
            (x + &t, x + data),
            (x - t.clone(), x - data),
            (&t * x, data * x),
            (t.clone() / x, data / x),
            (&t - x, data - x),
            (x / &t, x / data),
        ];
        for (k, (beside, on_tape)) in pairs.into_iter().enumerate() {
            assert_eq!(beside.value(), on_tape.value(), "{k}");
            let slopes = [beside, on_tape].map(|y| y.sum(()).backward().wrt(x));
            assert_eq!(slopes[0], slopes[1], "{k}");
        }
        let (mut y, mut z) = (x, x);
        y *= &t;
        y -= t;
        z *= data;
        z -= data;
        assert_eq!(y.value(), z.value());
        // A number that is a variable is stretched, as everywhere.
        let n = tape.var(T::from_f64(0.5));
        assert_eq!((numbers([1.0, 2.0]) * n).sum(()).backward().item(n), T::from_f64(3.0));
    }
    check::<f32>();
    check::<f64>();
    let alone = std::panic::catch_unwind(|| Var::constant(2.0) * Tensor::from([1.0]));
    assert!(alone.unwrap_err().downcast_ref::<String>().unwrap().contains("are on no tape"));
}

#[test]
fn methods_take_variables_numbers_tensors_and_arrays() {
    let tape = Tape::new();
    let x = tape.var([[1.0, 2.0], [3.0, 4.0]]);
    let t = Tensor::from([[0.5, -1.0], [2.0, 0.25]]);
    let data = tape.data(&t);
    assert_eq!(x.matmul(&t).value(), x.matmul(data).value());
    assert_eq!(x.matmul(t.clone()).sum(()).backward().wrt(x), x.matmul(data).sum(()).backward().wrt(x));
    assert_eq!(x.solve([[1.0, 0.0], [0.0, 1.0]]).value(), x.solve(tape.data(Tensor::eye(2))).value());
    assert_eq!(x.maximum(&t).value(), x.maximum(data).value());
    assert_eq!(x.try_hypot(2.0).unwrap().value(), x.hypot(tape.data(2.0)).value());
    assert_eq!(x.mean_squared_error(&t).item(), x.mean_squared_error(data).item());
    assert_eq!(data.greater(0.0).select(x, &t).value(), data.greater(0.0).select(x, data).value());
    // Tensors among themselves, by value or by reference.
    assert_eq!(t.matmul(&t), t.matmul(t.clone()));
    let error = Var::constant(1.0).try_maximum(&t).unwrap_err();
    assert!(error.is_tape() && error.to_string().contains("are on no tape"), "{error}");
}

#[test]
fn code_over_elements_has_one_arithmetic() {
    fn norm<T: Element>(x: &[T]) -> T {
        x.iter().map(|&x| x * x).sum::<T>().sqrt()
    }
    fn bent<T: Element>(x: T) -> T {
        (T::lit(1.0) - x.tanh()).maximum(T::lit(0.25)).ln() + x.gelu() + x.powi(2).sigmoid()
    }
    assert_eq!((norm(&[3.0_f32, 4.0]), norm(&[3.0_f64, 4.0])), (5.0, 5.0));
    assert_eq!(
        bent(0.5_f64),
        (1.0 - 0.5_f64.tanh()).max(0.25).ln() + Number::gelu(0.5_f64) + Number::sigmoid(0.25_f64)
    );
}
