//! Determinants have derivatives to any order, of any matrix, by every route.

use retrograd::{Element, Program, Tape, Tensor, Var, compile, grad, hessian};

fn slope<T: Element>(a: &Tensor<T>) -> Vec<f64> {
    let tape = Tape::<T>::of();
    let x = tape.var(a);
    x.det().sum(()).backward().wrt(x).iter().map(|x| x.to_f64()).collect()
}

fn diagonal<T: Element>(x: &[f64]) -> Tensor<T> {
    let n = x.len();
    Tensor::from_fn([n, n], |at| T::from_f64(if at[0] == at[1] { x[at[0]] } else { 0.0 }))
}

#[track_caller]
fn assert_close(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(f64::MIN_POSITIVE, |largest: f64, x| largest.max(x.abs()));
    for (k, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() <= tolerance * largest, "element {k}: {a:e}, wanted {b:e}");
    }
}

#[test]
fn cofactors_of_diagonal_matrices_are_the_products_of_the_others_at_any_scale() {
    let cases: [&[f64]; 9] = [
        &[1e7, 0.3],
        &[1e-9, 1e-9, 1e9],
        &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1e17],
        &[3.0, 0.0, 2.0],
        &[0.0, 0.0, 2.0],
        &[0.0, 0.0],
        &[1e-310, 1e-310, 1e-310],
        &[1e150, 1e-100, 1e-20, 1e5],
        &[5e-324],
    ];
    for x in cases {
        let found = slope(&diagonal::<f64>(x));
        let n = x.len();
        for (k, &found) in found.iter().enumerate() {
            let others: f64 = (0..n).filter(|&i| i != k / n).map(|i| x[i]).product();
            let wanted = if k / n == k % n { others } else { 0.0 };
            assert!((found - wanted).abs() <= 1e-14 * wanted.abs(), "{x:?}, element {k}: {found:e}, wanted {wanted:e}");
        }
    }
    let single = |x: &[f64]| slope(&diagonal::<f32>(x));
    assert_close(&single(&[1e7, 0.3]), &[0.3f32 as f64, 0.0, 0.0, 1e7], 1e-7);
    assert_eq!(single(&[1e-40]), [1.0]);
    assert_close(&single(&[1e13; 3]), &slope(&diagonal::<f64>(&[1e13; 3])), 1e-6);
    assert_close(&single(&[1e-16; 3]), &slope(&diagonal::<f64>(&[1e-16; 3])), 1e-6);
}

/// Rows of sizes 1, 1e-8 and 1e-16: no element of the inverse is lost beside the largest.
#[test]
fn graded_matrices_have_each_cofactor_to_rounding() {
    let tape = Tape::<f64>::of();
    let a = tape.var([[1.0, 2.0, 3.0], [0.0, 1e-8, 2e-8], [0.0, 0.0, 1e-16]]);
    let found = a.det().backward().wrt(a);
    let wanted = [1e-24, 0.0, 0.0, -2e-16, 1e-16, 0.0, 1e-8, -2e-8, 1e-8];
    for (k, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert!((found - wanted).abs() <= 1e-14 * f64::abs(wanted), "element {k}: {found:e}, wanted {wanted:e}");
    }
    assert!((a.det().ln().backward().wrt(a).as_slice()[0] - 1.0).abs() < 1e-14);
}

/// A matrix of two equal rows.
fn singular(n: usize) -> Tensor<f64> {
    let number = |i: usize, j: usize| ((i * 7 + j * 13) % 17) as f64 / 17.0 + if i == j { 1.0 } else { 0.0 };
    Tensor::from_fn([n, n], |at| number(if at[0] == 1 { 0 } else { at[0] }, at[1]))
}

#[test]
fn cofactors_of_large_singular_matrices_are_those_of_differences_and_beside_regular_ones_too() {
    for n in [2, 3, 8, 9, 20, 40] {
        let a = singular(n);
        let found = slope(&a);
        // A determinant is linear in each element.
        let change = |k: usize, by: f64| {
            let mut moved = a.clone();
            moved.as_mut_slice()[k] += by;
            moved.det().item()
        };
        let wanted: Vec<f64> = (0..n * n).map(|k| (change(k, 1.0) - change(k, -1.0)) / 2.0).collect();
        assert_close(&found, &wanted, 1e-11);
        let regular = &a + &Tensor::eye(n);
        let both = slope(&Tensor::stack(&[regular.clone(), a.clone()], 0));
        assert_eq!(both[..n * n], slope(&regular)[..]);
        assert_eq!(both[n * n..], found[..]);
    }
}

#[test]
fn second_and_third_derivatives_of_singular_matrices_are_those_of_the_polynomial() {
    for a in [singular(3), singular(4), diagonal(&[0.0, 0.0, 2.0]), diagonal(&[0.0; 3]), singular(5) * 1e-3] {
        let n = a.shape()[0];
        let h = hessian(|x| x.det(), a.clone());
        let mut wanted = Vec::new();
        for k in 0..n * n {
            let moved = |by: f64| {
                let mut moved = a.clone();
                moved.as_mut_slice()[k] += by;
                slope(&moved)
            };
            wanted.extend(moved(0.5).iter().zip(moved(-0.5)).map(|(x, y)| x - y));
        }
        assert_close(h.as_slice(), &wanted, 1e-12);
        // The third along one direction: that of a cubic polynomial in t, by its differences.
        let direction = Tensor::from_fn([n, n], |at| (at[0] * 5 + at[1] * 3) as f64 % 7.0 - 3.0);
        let tape = Tape::new();
        let x = tape.var(&a);
        let mut f = x.det();
        for _ in 0..3 {
            f = (tape.grad(f, &[x])[0] * tape.data(&direction)).sum(());
        }
        let third = f.item();
        let at = |t: f64| (&a + &(&direction * t)).det().item();
        let (s, mut wanted) = (0.25, 0.0);
        for (k, weight) in [(2.0, 0.5), (1.0, -1.0), (-1.0, 1.0), (-2.0, -0.5)] {
            wanted += weight * at(k * s) / (s * s * s);
        }
        if n == 3 {
            // Of a polynomial of degree 3 the differences are exact.
            assert!((third - wanted).abs() <= 1e-10 * wanted.abs().max(1.0), "{third} and {wanted}");
        }
    }
}

#[test]
fn programs_have_every_derivative_of_a_determinant_and_call_nothing() {
    let inputs = [singular(3), singular(3) + Tensor::eye(3) * 0.5];
    let of = |tape: &Tape<f64>, x: Var<'_, f64>| -> Vec<Tensor<f64>> {
        let g = tape.grad(x.det(), &[x])[0];
        let h = tape.grad(g.square().sum(()), &[x])[0];
        vec![x.det().value(), g.value(), h.value()]
    };
    let mut program = compile(|v| {
        let tape = v[0].tape();
        let y = v[0].det();
        let g = tape.grad(y, &[v[0]])[0];
        let h = tape.grad(g.square().sum(()), &[v[0]])[0];
        vec![y, g, h]
    });
    for input in &inputs {
        let ran = program.call(&[input]).unwrap();
        let tape = Tape::new();
        for (k, wanted) in of(&tape, tape.var(input)).iter().enumerate() {
            assert_close(ran.output(k), wanted.as_slice(), 1e-13);
        }
    }
    assert_eq!(program.recordings(), 1);
    let mut tangent =
        Program::compile(&inputs, |v| vec![v[0].tape().try_record_jvp(v[0].det(), &[(v[0], v[1])]).unwrap()]).unwrap();
    tangent.run(&[&inputs[0], &inputs[1]]).unwrap();
    let wanted: f64 = slope(&inputs[0]).iter().zip(inputs[1].iter()).map(|(g, t)| g * t).sum();
    assert!((tangent.item(0) - wanted).abs() <= 1e-13 * wanted.abs());
}

#[test]
fn what_is_not_finite_has_no_cofactors_and_leaves_a_zero_upstream_alone() {
    let a = Tensor::from([[f64::INFINITY, 1.0], [2.0, 3.0]]);
    assert!(slope(&a).iter().all(|x| x.is_nan()));
    assert_eq!(grad(|x| x.det() * 0.0, a.clone()).to_vec(), [0.0; 4]);
    assert!(grad(|x| x.det(), Tensor::<f64>::zeros([0, 0])).is_empty());
}
