//! Random shapes, axes, indices and expression graphs: against naive code, and every way of differentiating against the
//! others.

use crate::tensor_ops::naive::{self, T, at, build};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use retrograd::{Axes, Dual, Number, Tape, Tensor, Value, Var, keep};

fn shape(max_rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..4, 0..=max_rank)
}

/// Numbers that differ from place to place.
fn filled(shape: &[usize], salt: usize) -> T {
    let n: usize = shape.iter().product();
    Tensor::new(shape, (0..n).map(|k| ((k * 37 + salt * 11) % 23) as f64 / 7.0 - 1.6).collect()).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-10 * a.abs().max(b.abs()).max(1.0)
}

fn all_close(a: &T, b: &T) -> bool {
    a.shape() == b.shape() && a.iter().zip(b.iter()).all(|(&a, &b)| close(a, b))
}

fn dot(a: &T, b: &T) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(128) })]

    #[test]
    fn broadcasting_follows_the_naive_rule(x in shape(4), y in shape(4)) {
        let tape = Tape::new();
        let (a, b) = (filled(&x, 1), filled(&y, 2));
        let (u, v) = (tape.var(&a), tape.var(&b));
        let rank = x.len().max(y.len());
        let padded = |s: &[usize]| [vec![1; rank - s.len()], s.to_vec()].concat();
        let fits = padded(&x).iter().zip(padded(&y)).all(|(&a, b)| a == b || a == 1 || b == 1);
        match u.try_mul(v) {
            Ok(product) => {
                prop_assert!(fits);
                prop_assert!(all_close(&product.value(), &naive::zip(&a, &b, |x, y| x * y)));
                // Sum w (x y): each gradient is the other factor, summed over the axes that stretched.
                let w = filled(&product.shape(), 3);
                let grads = product.backward_with(&w);
                let mut expected = [Tensor::zeros(&x), Tensor::zeros(&y)];
                for index in naive::indices(w.shape()) {
                    let factors = [naive::stretched(&a, &index), naive::stretched(&b, &index)];
                    for (i, own) in [&x, &y].into_iter().enumerate() {
                        let place = index[index.len() - own.len()..].iter().zip(own.iter());
                        let offset = place.fold(0, |offset, (&k, &n)| offset * n + if n == 1 { 0 } else { k });
                        expected[i].as_mut_slice()[offset] += at(&w, &index) * factors[1 - i];
                    }
                }
                prop_assert!(all_close(&grads.wrt(u), &expected[0]) && all_close(&grads.wrt(v), &expected[1]));
            }
            Err(error) => {
                prop_assert!(!fits);
                prop_assert!(error.is_shape() && error.to_string().contains("do not broadcast"));
            }
        }
    }

    #[test]
    fn reductions_over_random_axes_equal_naive_ones(x in shape(4), chosen in prop::collection::vec(any::<bool>(), 4), kept: bool) {
        let axes: Vec<isize> = (0..x.len()).filter(|&i| chosen[i]).map(|i| i as isize - if i % 2 == 0 { x.len() as isize } else { 0 }).collect();
        let tape = Tape::new();
        let data = filled(&x, 4);
        let v = tape.var(&data);
        let at_axes = || Axes::from(&axes[..]);
        let reduced = || if kept { keep(at_axes()) } else { at_axes() };
        let sum = v.sum(reduced());
        prop_assert!(all_close(&sum.value(), &naive::reduce(&data, Some(&axes), kept, naive::sum)));
        let product = v.prod(reduced());
        prop_assert!(all_close(&product.value(), &naive::reduce(&data, Some(&axes), kept, naive::prod)));
        prop_assert!(all_close(&v.cumsum(at_axes()).value(), &naive::map(&data, Some(&axes), naive::cumsum)));
        if !data.is_empty() {
            prop_assert!(all_close(&v.max(at_axes()).value(), &naive::reduce(&data, Some(&axes), false, naive::max)));
            prop_assert!(all_close(&v.norm2(at_axes()).value(), &naive::reduce(&data, Some(&axes), false, naive::norm2)));
            prop_assert!(all_close(&v.softmax(at_axes()).value(), &naive::map(&data, Some(&axes), naive::softmax)));
        }
        // The gradient of a sum is its weight at every element that went in.
        let w = filled(&sum.shape(), 5);
        let spread = sum.backward_with(&w).wrt(v);
        let full = w.reshape(naive::reduce(&data, Some(&axes), true, naive::sum).shape());
        prop_assert!(all_close(&spread, &build(&x, |index| naive::stretched(&full, index))));
    }

    #[test]
    fn permutations_slices_and_gathers_equal_naive_ones(
        lengths in prop::collection::vec(1usize..5, 3),
        order in Just(vec![0usize, 1, 2]).prop_shuffle(),
        ends in prop::collection::vec((0usize..5, 0usize..5), 3),
        picked in prop::collection::vec(0usize..60, 0..6),
        axis in 0usize..3,
    ) {
        let tape = Tape::new();
        let data = filled(&lengths, 6);
        let x = tape.var(&data);
        let permuted = x.permute(&order);
        prop_assert!(all_close(&permuted.value(), &naive::permute(&data, &order)));

        let spans: Vec<(usize, usize)> = ends.iter().zip(&lengths).map(|(&(a, b), &n)| (a.min(b).min(n), a.max(b).min(n))).collect();
        let range = |i: usize| spans[i].0 as isize..spans[i].1 as isize;
        let part = x.slice((range(0), range(1), range(2)));
        let out: Vec<usize> = spans.iter().map(|(a, b)| b - a).collect();
        let moved = |index: &[usize]| index.iter().zip(&spans).map(|(i, span)| i + span.0).collect::<Vec<_>>();
        prop_assert!(all_close(&part.value(), &build(&out, |index| at(&data, &moved(index)))));

        let picked: Vec<usize> = picked.iter().map(|i| i % lengths[axis]).collect();
        let gathered = x.gather(axis as isize, &picked);
        let mut out = lengths.clone();
        out[axis] = picked.len();
        let source = |index: &[usize]| {
            let mut source = index.to_vec();
            source[axis] = picked[index[axis]];
            source
        };
        prop_assert!(all_close(&gathered.value(), &build(&out, |index| at(&data, &source(index)))));
        // Each is linear, and its gradient the transpose: <w, A x> = <A' w, x>.
        for y in [permuted, part, gathered] {
            let w = filled(&y.shape(), 7);
            prop_assert!(close(dot(&w, &y.value()), dot(&y.backward_with(&w).wrt(x), &data)));
        }
    }

    #[test]
    fn matrix_products_of_random_sizes_equal_naive_ones(m in 0usize..7, k in 0usize..7, n in 0usize..7, batch in 1usize..3) {
        let (a, b) = (filled(&[batch, m, k], 8), filled(&[k, n], 9));
        let tape = Tape::new();
        let (x, y) = (tape.var(&a), tape.var(&b));
        let product = x.matmul(y);
        prop_assert!(all_close(&product.value(), &naive::matmul(&a, &b)));
        let w = filled(&[batch, m, n], 10);
        let grads = product.backward_with(&w);
        prop_assert!(all_close(&grads.wrt(x), &naive::matmul(&w, &naive::transpose(&b))));
        let by_block = naive::matmul(&naive::transpose(&a), &w);
        prop_assert!(all_close(&grads.wrt(y), &naive::reduce(&by_block, Some(&[0]), false, naive::sum)));
    }
}

/// A step of a random expression: which function, of which of the nodes so far.
type Step = (usize, usize, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0usize..64, 0usize..64, 0usize..64), 1..14)
}

/// Appends the result of each step. Functions are smooth but for max and select, and keep numbers of moderate size.
fn grow<S: Number>(nodes: &mut Vec<S>, steps: &[Step], more: impl Fn(usize, S, S) -> S) {
    for &(function, a, b) in steps {
        let (x, y) = (nodes[a % nodes.len()], nodes[b % nodes.len()]);
        let one = S::lit(1.0);
        nodes.push(match function % 18 {
            0 => x + y,
            1 => x - y,
            2 => (x * y).tanh(),
            3 => x / (y * y + one),
            4 => x.sin() * y,
            5 => (x.sigmoid() + one).pow(y.atan()),
            6 => x.logaddexp(y),
            7 => x.hypot(y + S::lit(2.0)).ln(),
            8 => x.softplus(),
            9 => (-(x * x)).exp(),
            10 => x.maximum(y),
            11 => x.greater(y).select(x.sin(), y * x).tanh(),
            12 => x.gelu() - y.erf(),
            13 => x.atan2(y * y + one),
            14 => (x * x + one).sqrt().reciprocal(),
            function => more(function, x, y),
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(192) })]

    #[test]
    fn random_expressions_of_scalars_agree_in_reverse_recorded_second_order_and_dual(
        steps in steps(),
        at in prop::collection::vec(-1.5f64..1.5, 3),
    ) {
        let cosine = |_: usize, x: Dual<Dual<f64>>, _: Dual<Dual<f64>>| x.cos();
        let last = |i: usize, j: usize| {
            let mut nodes: Vec<Dual<Dual<f64>>> = (0..3)
                .map(|k| Dual::new(Dual::new(at[k], (k == i) as u8 as f64), Dual::constant((k == j) as u8 as f64)))
                .collect();
            grow(&mut nodes, &steps, cosine);
            *nodes.last().unwrap()
        };
        let tape = Tape::new();
        let x = tape.vars(&at);
        let mut nodes = x.clone();
        grow(&mut nodes, &steps, |_, x, _| Number::cos(x));
        let y = *nodes.last().unwrap();
        prop_assert!(close(y.item(), last(0, 0).value.value));
        let swept = y.backward().items(&x);
        let recorded = tape.grad(y, &x);
        for i in 0..3 {
            prop_assert!(close(swept[i], last(i, 0).value.tangent), "{} vs {:?}", swept[i], last(i, 0));
            prop_assert!(close(swept[i], recorded[i].item()));
            let second = recorded[i].backward().items(&x);
            for (j, &second) in second.iter().enumerate() {
                prop_assert!(close(second, last(i, j).tangent.tangent), "{second} vs {:?}", last(i, j));
            }
        }
    }

    #[test]
    fn random_expressions_of_scalars_and_tensors_agree_in_reverse_recorded_second_order_and_forward(steps in steps()) {
        let tape = Tape::new();
        // Shapes that all broadcast with each other.
        let shapes: [&[usize]; 5] = [&[], &[3], &[2, 3], &[2, 1], &[]];
        let data: Vec<T> = shapes.iter().enumerate().map(|(i, shape)| filled(shape, i)).collect();
        let x: Vec<Var<'_, f64>> = data.iter().map(|x| tape.var(x)).collect();
        let mut nodes = x.clone();
        grow(&mut nodes, &steps, |function, x, y| match function % 18 {
            15 => x.mean(()) * y,
            16 if x.rank() > 0 => x.softmax(-1) + y,
            17 if x.rank() > 0 => x.sum(keep(-1)).tanh(),
            _ => x.cos(),
        });
        let y: Var<'_, f64> = nodes.iter().rev().take(4).map(|node| node.mean(())).sum();
        let grads = y.backward();
        let recorded = tape.grad(y, &x);
        let u: Vec<T> = shapes.iter().enumerate().map(|(i, shape)| filled(shape, i + 20)).collect();
        let tangents: Vec<_> = x.iter().copied().zip(u.iter().map(|u| Value::from(u.clone()))).collect();
        let mut along = 0.0;
        prop_assert_eq!(recorded.len(), x.len());
        for ((x, recorded), u) in x.iter().zip(&recorded).zip(&u) {
            prop_assert!(all_close(&grads.wrt(*x), &recorded.value()));
            along += dot(&grads.wrt(*x), u);
        }
        let forward = tape.jvp(y, &tangents).unwrap();
        prop_assert!(close(along, forward.as_slice()[0]), "{along} vs {forward:?}");

        let second = tape.jvp_all(&recorded, &tangents).unwrap();
        let weighted: Var<'_, f64> = recorded.iter().zip(&u).map(|(g, u)| (*g * tape.data(u)).sum(())).sum();
        let reverse = weighted.backward();
        let directions: Vec<_> = x.iter().copied().zip(u.iter().map(|u| tape.data(u))).collect();
        let over_forward = tape.try_record_jvp(y, &directions).unwrap().backward();
        prop_assert_eq!(second.len(), x.len());
        for (x, second) in x.iter().zip(second) {
            let second = second.into_tensor();
            prop_assert!(all_close(&reverse.wrt(*x), &second), "reverse {} vs forward {second}", reverse.wrt(*x));
            prop_assert!(all_close(&over_forward.wrt(*x), &second), "{} vs {second}", over_forward.wrt(*x));
        }
    }
}
