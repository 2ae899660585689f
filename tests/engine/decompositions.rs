//! Cholesky, triangular systems, slogdet, QR, eigenvalues and singular values: what they are, and their derivatives to the second
//! order by differences and forward mode, in every engine.

use retrograd::{Element, Error, Program, Tape, Tensor, Triangle, Var, gradcheck, gradgradcheck};

/// Some numbers; another seed gives others. Squares, as sines in equal steps are of rank 2.
fn some<T: Element>(shape: &[usize], seed: usize) -> Tensor<T> {
    let n = shape.iter().product::<usize>();
    let x = (0..n).map(|i| T::from_f64((((i * i + 3 * i) * 7 + seed * 13) as f64 * 0.731 + 0.2).sin() * 1.5)).collect();
    Tensor::new(shape, x).unwrap()
}

/// X X^T / n + 1: positive definite, with distinct eigenvalues.
fn definite<T: Element>(n: usize, seed: usize) -> Tensor<T> {
    let x: Tensor<T> = some(&[n, n], seed);
    x.matmul(x.t()) * T::from_f64(1.0 / n as f64) + Tensor::eye(n)
}

fn largest<T: Element>(x: &Tensor<T>) -> f64 {
    x.iter().fold(0.0, |largest, x| largest.max(x.to_f64().abs()))
}

/// A matrix times its parts is the matrix, orthonormal columns are, triangles are, and orders and signs are as documented.
fn they_are_what_they_say<T: Element>(tolerance: f64) {
    let close = |what: &str, x: &Tensor<T>, y: &Tensor<T>| {
        let off = largest(&(x - y));
        assert!(off <= tolerance * largest(y).max(1.0), "{what} of {}: off by {off:e}", y.shape());
    };
    let orthonormal = |what: &str, x: &Tensor<T>| close(what, &x.t().matmul(x), &Tensor::eye(x.shape()[1]));
    for n in [1, 2, 3, 17, 100] {
        let a = definite::<T>(n, n);
        let l = a.cholesky();
        close("cholesky", &l.matmul(l.t()), &a);
        let at = |x: &Tensor<T>, i: usize, j: usize| x.as_slice()[i * x.shape()[1] + j].to_f64();
        assert!((0..n).all(|i| at(&l, i, i) > 0.0 && (i + 1..n).all(|j| at(&l, i, j) == 0.0)));
        let b = some::<T>(&[n, 5], 3);
        close("a lower system", &l.matmul(l.solve_triangular(&b, Triangle::Lower)), &b);
        close("an upper system", &l.t().matmul(l.t().solve_triangular(&b, Triangle::Upper)), &b);
        let (values, vectors) = a.eigh();
        close("eigh", &(&vectors * &values).matmul(vectors.t()), &a);
        orthonormal("eigh", &vectors);
        assert!(values.as_slice().windows(2).all(|pair| pair[0] <= pair[1]));
        let (sign, log) = a.slogdet();
        let by_eigenvalues = values.ln().sum(()).item().to_f64();
        assert!(
            sign.item().to_f64() == 1.0
                && (log.item().to_f64() - by_eigenvalues).abs() <= tolerance * by_eigenvalues.abs().max(1.0)
        );
    }
    for shape in [[1, 1], [4, 3], [3, 4], [17, 5], [5, 17], [60, 60]] {
        let a = some::<T>(&shape, 1);
        let k = shape[0].min(shape[1]);
        let (q, r) = a.qr();
        assert_eq!((&q.shape()[..], &r.shape()[..]), (&[shape[0], k][..], &[k, shape[1]][..]));
        close("qr", &q.matmul(&r), &a);
        orthonormal("qr", &q);
        let (u, s, vt) = a.svd();
        close("svd", &(&u * &s).matmul(&vt), &a);
        orthonormal("u of svd", &u);
        orthonormal("v of svd", &vt.t());
        assert!(s.as_slice().windows(2).all(|pair| pair[0] >= pair[1]));
    }
}

#[test]
fn decompositions_are_what_they_say_in_both_precisions() {
    they_are_what_they_say::<f64>(1e-13);
    they_are_what_they_say::<f32>(1e-5);
}

type Formula = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;

/// The same weights for every element of a result, so that each counts.
fn weighed(x: Var<'_, f64>) -> Var<'_, f64> {
    (x * some::<f64>(&x.shape(), 5)).sum(()) + (x.square() * 0.3).sum(())
}

/// Every decomposition, of tall, wide and square matrices and of batches, each with inputs at which it is smooth.
fn formulas() -> Vec<(&'static str, Vec<Tensor<f64>>, Formula)> {
    let batch = |parts: &[Tensor<f64>]| {
        let elements = parts.iter().flat_map(|x| x.as_slice().to_vec()).collect();
        Tensor::new([&[parts.len()][..], &parts[0].shape()[..]].concat(), elements).unwrap()
    };
    let pair = batch(&[definite(3, 1), definite(3, 2)]);
    vec![
        ("cholesky", vec![pair.clone()], |v| weighed(v[0].cholesky())),
        ("solve_triangular", vec![pair.clone(), some(&[2, 3, 2], 4)], |v| {
            weighed(v[0].solve_triangular(v[1], Triangle::Lower))
        }),
        ("solve_triangular of a vector", vec![definite(3, 1), some(&[3], 4)], |v| {
            weighed(v[0].solve_triangular(v[1], Triangle::Upper))
        }),
        (
            "slogdet",
            vec![batch(&[&some(&[3, 3], 1) + Tensor::eye(3) * 2.0, &some(&[3, 3], 2) - Tensor::eye(3)])],
            |v| weighed(v[0].slogdet().1),
        ),
        ("qr, tall", vec![some(&[2, 4, 3], 1)], |v| {
            let (q, r) = v[0].qr();
            weighed(q) + weighed(r)
        }),
        ("qr, wide", vec![some(&[2, 4], 1)], |v| {
            let (q, r) = v[0].qr();
            weighed(q) + weighed(r)
        }),
        ("eigh", vec![pair], |v| {
            let (values, vectors) = v[0].eigh();
            weighed(values) + weighed(vectors)
        }),
        ("svd, square", vec![some(&[3, 3], 1)], |v| {
            let (u, s, vt) = v[0].svd();
            weighed(u) + weighed(s) + weighed(vt)
        }),
        ("svd, tall", vec![some(&[2, 4, 2], 1)], |v| {
            let (u, s, vt) = v[0].svd();
            weighed(u) + weighed(s) + weighed(vt)
        }),
        ("svd, wide", vec![some(&[2, 3], 1)], |v| {
            let (u, s, vt) = v[0].svd();
            weighed(u) + weighed(s) + weighed(vt)
        }),
    ]
}

#[test]
fn derivatives_to_the_second_order_are_those_of_differences_and_of_forward_mode() {
    for (name, inputs, formula) in formulas() {
        let named: Vec<(&str, Tensor<f64>)> = ["a", "b"].into_iter().zip(inputs).collect();
        let first = gradcheck(&named, formula);
        assert!(first.passed(), "{name}: {first}");
        let second = gradgradcheck(&named, formula);
        assert!(second.passed(), "{name}, second order: {second}");
    }
}

#[test]
fn singular_vectors_of_matrices_of_lower_rank_are_orthonormal() {
    for n in [2, 3, 4, 8, 9, 20] {
        let mut a = some::<f64>(&[n, n], 3);
        let first = a.as_slice()[..n].to_vec();
        a.as_mut_slice()[n * (n - 1)..].copy_from_slice(&first);
        let (u, s, vt) = a.svd();
        assert!(largest(&(&u.t().matmul(&u) - &Tensor::eye(n))) < 1e-13, "{n}");
        assert!(largest(&(&(&u * &s).matmul(&vt) - &a)) < 1e-13 * largest(&a), "{n}");
    }
}

#[test]
fn singular_values_have_derivatives_at_any_scale() {
    let a = Tensor::from([[2.0, 1.0], [1.0, 3.0]]);
    let of = |scale: f64| gradient(&(&a * scale), |x| x.svd().1.at([0])).unwrap();
    let wanted = of(1.0);
    for scale in [1e-300, 1e-200, 1e-20, 1e20, 1e155, 1e300] {
        assert!(largest(&(&of(scale) - &wanted)) < 1e-14, "{scale:e}");
    }
    let vector = |scale: f64| gradient(&(&a * scale), |x| x.svd().0.at([0, 0])).unwrap();
    let wanted = vector(1.0);
    for scale in [1e-100, 1e100] {
        assert!(largest(&(&(vector(scale) * scale) - &wanted)) < 1e-14 * largest(&wanted), "{scale:e}");
    }
}

#[test]
fn singular_values_that_are_zero_twice_have_no_tangent() {
    let tape = Tape::new();
    let x = tape.var(Tensor::<f64>::zeros([2, 2]));
    let (_, s, _) = x.svd();
    let error = tape.jvp(s, &[(x, Tensor::from([[1.0, 2.0], [3.0, -1.0]]).into())]).unwrap_err().to_string();
    assert!(error.contains("singular values 0 and 1 of matrix 0 are equal (0)"), "{error}");
}

#[test]
fn the_rule_of_cholesky_by_blocks_is_the_transpose_of_its_tangent() {
    // Sizes below, at and above the one from which the rule's product goes by blocks, whole and with a rest.
    for n in [127, 128, 131, 150] {
        let (a, seed, direction) = (definite::<f64>(n, 2), some::<f64>(&[n, n], 5), some::<f64>(&[n, n], 9));
        let tape = Tape::new();
        let x = tape.var(&a);
        let y = x.cholesky();
        let gradient = y.backward_with(seed.clone()).wrt(x);
        let tangent = tape.jvp(y, &[(x, direction.clone().into())]).unwrap();
        let along = (&gradient * &direction).sum(()).item();
        let seen = (&seed * &tangent.into_tensor()).sum(()).item();
        assert!((along - seen).abs() <= 1e-11 * seen.abs().max(1.0), "{n}: {along} and {seen}");
    }
}

#[test]
fn programs_give_the_values_and_gradients_of_the_tape() {
    for (name, inputs, formula) in formulas() {
        let all: Vec<usize> = (0..inputs.len()).collect();
        let mut program = Program::compile_gradient(&inputs, &all, formula).unwrap();
        let given: Vec<&Tensor<f64>> = inputs.iter().collect();
        program.run(&given).unwrap();
        let tape = Tape::new();
        let vars: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();
        let y = formula(&vars);
        let gradients = y.backward();
        assert!((program.item(0) - y.item()).abs() <= 1e-12 * y.item().abs().max(1.0), "{name}");
        for (k, &var) in vars.iter().enumerate() {
            let size = largest(&gradients.wrt(var)).max(1.0);
            for (a, b) in program.output(k + 1).iter().zip(gradients.wrt(var).iter()) {
                assert!((a - b).abs() <= 1e-12 * size, "{name}: {a} for {b}");
            }
        }
    }
}

/// The gradient of a formula, or why there is none.
fn gradient<T: Element>(a: &Tensor<T>, f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>) -> Result<Tensor<T>, Error> {
    let tape = Tape::of();
    let a = tape.var(a);
    let y = f(a);
    let recorded = tape.try_grad(y, &[a]);
    let found = y.try_backward().map(|gradients| gradients.wrt(a));
    assert_eq!(recorded.is_err(), found.is_err(), "recorded and not");
    found
}

fn check(found: Result<Tensor<f64>, Error>, wanted: &Tensor<f64>) {
    let found = found.unwrap();
    assert!(largest(&(&found - wanted)) <= 1e-13 * largest(wanted).max(1.0), "{found} for {wanted}");
}

#[test]
fn equal_eigenvalues_have_derivatives_of_what_treats_them_alike() {
    let turn = some::<f64>(&[4, 4], 2).qr().0;
    let a = (&turn * &Tensor::from([2.0, 2.0, 2.0, 5.0])).matmul(turn.t());
    check(gradient(&a, |a| a.eigh().0.sum(())), &Tensor::eye(4));
    check(gradient(&a, |a| a.eigh().0.powi(3).sum(())), &(a.matmul(&a) * 3.0));
    check(gradient(&a, |a| a.eigh().0.ln().sum(())), &a.inv_by_eigh());
    check(gradient(&a, |a| a.svd().1.square().sum(())), &(&a * 2.0));
    let unit = Tensor::<f64>::eye(3);
    check(gradient(&unit, |a| a.svd().1.sum(())), &unit);
    // The nearest orthogonal matrix U V^T: of a symmetric change nothing, of a skew one all.
    let weights = some::<f64>(&[3, 3], 4);
    let nearest = gradient(&unit, |a| {
        let (u, _, vt) = a.svd();
        (u.matmul(vt) * a.tape().data(&weights)).sum(())
    });
    check(nearest, &((&weights - &weights.t()) * 0.5));
    check(
        gradient(&(&turn * 3.0), |a| {
            let (u, _, vt) = a.svd();
            u.matmul(vt).sum(())
        }),
        &{
            let ones = Tensor::<f64>::ones([4, 4]);
            (&ones - &turn.matmul(ones.t()).matmul(&turn)) * (0.5 / 3.0)
        },
    );
    // Rank 1 of 3: two singular values are 0, and the matrix is not square.
    let flat = some::<f64>(&[4, 1], 1).matmul(some(&[1, 3], 2));
    check(gradient(&flat, |a| a.svd().1.square().sum(())), &(&flat * 2.0));
}

trait Inverse {
    fn inv_by_eigh(&self) -> Self;
}
impl Inverse for Tensor<f64> {
    fn inv_by_eigh(&self) -> Self {
        let (values, vectors) = self.eigh();
        (&vectors / &values).matmul(vectors.t())
    }
}

#[test]
fn equal_eigenvalues_refuse_what_tells_their_vectors_apart() {
    let unit = Tensor::<f64>::eye(3);
    let refused = |found: Result<Tensor<f64>, Error>, op: &str| {
        let error = found.unwrap_err().to_string();
        assert!(error.contains(op) && error.contains("0 and 1 of matrix 0 are equal (1)"), "{error}");
    };
    refused(gradient(&unit, |a| a.eigh().0.at([0])), "eigh");
    refused(gradient(&unit, |a| a.eigh().1.at([0, 1])), "eigh");
    refused(gradient(&unit, |a| a.svd().0.at([0, 1])), "svd");
    // An element on the diagonal of a basis stands still where the basis turns.
    refused(gradient(&unit, |a| a.eigh().1.at([0, 0])), "eigh");
    refused(gradient(&unit, |a| a.svd().0.at([0, 0])), "svd");
    refused(gradient(&unit, |a| a.svd().2.at([0, 0])), "svd");
    // A function of the matrix, but through vectors: which one choice of them does not determine.
    refused(
        gradient(&unit, |a| {
            let (values, vectors) = a.eigh();
            (vectors * values.exp()).matmul(vectors.t()).at([0, 1])
        }),
        "eigh",
    );
}

/// The limit that the documentation of `eigh` states: of V (L - 1) V^T at the identity, which is A - 1, nothing tells that a pair of
/// equal eigenvalues has a part in the gradient. The true one is 1/2 in both places.
#[test]
fn a_function_that_is_zero_at_equal_eigenvalues_lacks_its_pairs() {
    let found = gradient(&Tensor::eye(2), |a| {
        let (values, vectors) = a.eigh();
        (vectors * (values - 1.0)).matmul(vectors.t()).at([0, 1])
    });
    check(found, &Tensor::zeros([2, 2]));
}

/// The gaps are 1e-6 of the largest eigenvalue: more than the rounding of what decomposes in f64.
#[test]
fn small_eigenvalues_that_differ_are_told_apart_in_f32() {
    let a = Tensor::<f32>::from_fn([3, 3], |at| if at[0] == at[1] { [1e-6, 2e-6, 1.0][at[0]] } else { 0.0 });
    let found = gradient(&a, |a| {
        let v = a.eigh().1;
        v.at([0, 1]) * 1e-5 + v.at([0, 2])
    });
    // d v_01 = d a_01 / (2e-6 - 1e-6), half of it from each of the two elements.
    let found = found.unwrap();
    assert!((found.as_slice()[1] - 5.0).abs() < 1e-4, "{found}");
    let found = gradient(&a, |a| a.eigh().0.ln().sum(())).unwrap();
    for (k, x) in found.iter().enumerate() {
        let wanted = if k % 4 == 0 { 1.0 / a.as_slice()[k] } else { 0.0 };
        assert!((x - wanted).abs() <= 1e-5 * wanted.abs(), "element {k} of {found}");
    }
}

#[test]
fn numbers_near_the_end_of_the_range_have_decompositions() {
    let big = 1.2e308;
    let (values, vectors) = Tensor::<f64>::from([[big, 0.0], [0.0, -big]]).eigh();
    assert_eq!((values.as_slice(), vectors.abs().as_slice()), (&[-big, big][..], &[0.0, 1.0, 1.0, 0.0][..]));
    let (q, r) = Tensor::<f64>::from([[big], [big / 2.0]]).qr();
    assert!(r.as_slice()[0].is_finite() && (q.as_slice()[0] - 0.8f64.sqrt()).abs() < 1e-15, "{q} {r}");
}

/// The second column is off by 5e-13 of its length: small, and not rounding.
#[test]
fn nearly_dependent_columns_keep_what_tells_them_apart() {
    let a = Tensor::<f64>::from_fn([1000, 2], |at| match (at[0], at[1]) {
        (0, _) => 1.0,
        (1, 1) => 5e-13,
        _ => 0.0,
    });
    assert_eq!(a.qr().1.as_slice(), [1.0, 1.0, 0.0, 5e-13]);
    // One third of another is dependent, but for the rounding of its elements.
    let a = Tensor::<f64>::from_fn([1000, 2], |at| (at[0] as f64 + 1.0).sin() * [1.0, 1.0 / 3.0][at[1]]);
    assert_eq!(a.qr().1.as_slice()[3], 0.0);
}

#[test]
fn matrices_without_elements_have_decompositions_and_gradients() {
    for shape in [&[0, 0][..], &[2, 0, 0], &[0, 3, 3]] {
        let tape = Tape::new();
        let a = tape.var(Tensor::<f64>::zeros(shape));
        let (q, r) = a.qr();
        let (values, vectors) = a.eigh();
        let (u, s, vt) = a.svd();
        let (sign, log) = a.slogdet();
        let parts = [a.cholesky(), a.solve_triangular(a, Triangle::Upper), q, r, values, vectors, u, s, vt, sign, log];
        let total = parts.into_iter().map(|part| part.sum(())).sum::<Var<'_, f64>>();
        // The determinant of a matrix without elements is 1.
        assert_eq!(
            total.item(),
            if shape == [2, 0, 0] {
                2.0
            } else if shape == [0, 0] {
                1.0
            } else {
                0.0
            }
        );
        assert_eq!(&total.backward().wrt(a).shape()[..], shape);
    }
}

#[test]
fn what_has_no_derivative_says_so_and_where() {
    let singular = Tensor::from([[1.0, 2.0], [2.0, 4.0]]);
    let (sign, log) = singular.slogdet();
    assert_eq!((sign.item(), log.item()), (0.0, f64::NEG_INFINITY));
    let error = gradient(&singular, |a| a.slogdet().1).unwrap_err().to_string();
    assert!(
        error.contains("slogdet: no derivative") && error.contains("matrix 0 of shape [2, 2] is singular"),
        "{error}"
    );
    let error = gradient(&singular, |a| a.qr().1.sum(())).unwrap_err().to_string();
    assert!(error.contains("qr: no derivative") && error.contains("[1, 1] is 0"), "{error}");
    let error = Tensor::from([[1.0, 2.0], [2.0, 1.0]]).try_cholesky().unwrap_err().to_string();
    assert!(error.contains("matrix 0 of shape [2, 2] is not positive definite: pivot 1"), "{error}");
    let error = Tensor::<f64>::zeros([3]).try_svd().unwrap_err().to_string();
    assert!(error.contains("needs matrices") && error.contains("[3]"), "{error}");
    let flat: Tensor<f64> = Tensor::from([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]]);
    let error = gradient(&flat, |a| a.svd().0.at([2, 1])).unwrap_err().to_string();
    assert!(error.contains("svd: no derivative"), "{error}");
    for not_a_number in [f64::NAN, f64::INFINITY] {
        let a = Tensor::from([[1.0, not_a_number], [not_a_number, 1.0]]);
        assert!(a.try_cholesky().is_err());
        assert!(a.eigh().0.iter().all(|x| x.is_nan()) && a.svd().1.iter().all(|x| x.is_nan()));
    }
}

#[test]
fn a_failed_step_leaves_what_it_carries() {
    use retrograd::program::Options;
    let start = Tensor::from([[4.0, 0.0], [0.0, 4.0]]);
    let ops: [(&str, Formula); 4] = [
        ("inv", |v| v[0].inv()),
        ("solve", |v| v[0].solve(v[0])),
        ("cholesky", |v| v[0].cholesky()),
        ("solve_triangular", |v| v[0].solve_triangular(v[0], Triangle::Lower)),
    ];
    for (name, op) in ops {
        let mut step = Options::new()
            .carry(0, 1)
            .compile(&[start.clone(), start.clone()], |v| vec![op(&v[1..]).sum(()), v[0] * 0.5 + v[1]])
            .unwrap();
        step.set_carried(0, &start).unwrap();
        step.run(&[&start]).unwrap();
        let kept = step.carried(0).to_vec();
        let error = step.run(&[&Tensor::zeros([2, 2])]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert_eq!(step.carried(0), kept, "{name}");
    }
}

#[test]
fn the_check_for_finite_numbers_names_slogdet_where_a_determinant_leaves_the_range() {
    for scale in [1e-3f32, 1e3] {
        for shape in [&[20, 20][..], &[2, 20, 20]] {
            let ways: [for<'t> fn(Var<'t, f32>) -> Var<'t, f32>; 4] =
                [|det| det.ln(), |det| det.abs().ln(), |det| (det * det).ln(), |det| (det.abs() * 2.0).log2()];
            for of in ways {
                let tape = Tape::<f32>::of();
                let a = tape.var(scale * Tensor::<f32>::eye(20)).broadcast_to(shape);
                let _ = of(a.det());
                let text = tape.check_finite().unwrap_err().to_string();
                assert!(text.contains("slogdet"), "{text}");
            }
        }
    }
}

#[test]
fn determinants_out_of_range_have_logarithms() {
    let tape = Tape::<f32>::of();
    let a = tape.var(0.01f32 * Tensor::<f32>::eye(20));
    let (sign, log) = a.slogdet();
    assert_eq!(sign.item(), 1.0);
    let found = log.backward().wrt(a);
    assert!(largest(&(found * 0.01 - Tensor::eye(20))) < 1e-6);
}
