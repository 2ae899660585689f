//! Initialisers by their moments and exact laws.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use retrograd::nn::Init;
use retrograd::{IntoShape, Tensor};

fn draw(init: Init, shape: impl IntoShape, seed: u64) -> Tensor<f64> {
    init.tensor(shape, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
}

/// Mean, variance, and the largest magnitude.
fn moments(x: &Tensor<f64>) -> (f64, f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, variance, x.iter().fold(0.0, |most, x| x.abs().max(most)))
}

#[test]
fn each_law_has_its_variance_and_its_bound() {
    let (n_in, n_out) = (300.0, 200.0);
    // Variance, and the bound of a uniform law, whose variance is bound^2 / 3.
    let laws = [
        (Init::GlorotUniform, 2.0 / (n_in + n_out), Some(6.0 / (n_in + n_out))),
        (Init::GlorotNormal, 2.0 / (n_in + n_out), None),
        (Init::HeUniform, 2.0 / n_in, Some(6.0 / n_in)),
        (Init::HeNormal, 2.0 / n_in, None),
        (Init::LecunUniform, 1.0 / n_in, Some(3.0 / n_in)),
        (Init::LecunNormal, 1.0 / n_in, None),
        (Init::Torch, 1.0 / (3.0 * n_in), Some(1.0 / n_in)),
        (Init::NIELSEN, 1.0 / n_in, None),
        (Init::NIELSEN_LARGE, 1.0, None),
        (Init::normal(0.0, 0.3), 0.09, None),
        (Init::uniform(-0.6, 0.6), 0.12, Some(0.36)),
    ];
    for (init, variance, bound) in laws {
        let (mean, measured, most) = moments(&draw(init, [300, 200], 3));
        // 60,000 draws: five standard errors of the mean, and of the variance of a normal law.
        assert!(mean.abs() < 5.0 * (variance / 6e4_f64).sqrt(), "{init:?}: mean {mean}");
        assert!((measured / variance - 1.0).abs() < 5.0 * (2.0 / 6e4_f64).sqrt(), "{init:?}: variance {measured}");
        match bound {
            Some(square) => assert!(most <= square.sqrt() && most > 0.999 * square.sqrt(), "{init:?}: {most}"),
            // A normal law goes beyond 3.5 standard deviations, a uniform one with this variance does not.
            None => assert!(most > 3.5 * variance.sqrt(), "{init:?}: {most}"),
        }
    }
    assert_eq!(moments(&draw(Init::normal(5.0, 0.0), [10], 0)), (5.0, 0.0, 5.0));
    assert!(draw(Init::Zeros, [7], 0).iter().all(|&x| x == 0.0));
    assert!(draw(Init::Constant(0.25), [2, 2], 0).iter().all(|&x| x == 0.25));
}

#[test]
fn an_orthogonal_matrix_is_orthogonal_either_way() {
    for [rows, columns] in [[60, 60], [70, 40], [40, 70], [1, 5], [5, 1]] {
        let q = draw(Init::Orthogonal { gain: 2.0 }, [rows, columns], 5);
        let gram = if rows >= columns { q.t().matmul(&q) } else { q.matmul(q.t()) };
        let off = (gram - Tensor::eye(rows.min(columns)) * 4.0).abs().max(()).item();
        assert!(off < 1e-13, "[{rows}, {columns}]: {off}");
    }
}

#[test]
fn orthogonal_matrices_have_no_preferred_signs() {
    // Uniform among orthogonal matrices: every element is as often positive as negative, the diagonal too.
    let positive = (0..400).filter(|&seed| draw(Init::orthogonal(), [3, 3], seed)[[2, 2]] > 0.0).count();
    assert!((140..=260).contains(&positive), "{positive} of 400");
}

#[test]
fn a_seed_gives_the_same_weights_in_both_precisions() {
    for init in [Init::HeNormal, Init::GlorotUniform, Init::orthogonal()] {
        let double = draw(init, [8, 6], 9);
        assert_eq!(double, draw(init, [8, 6], 9));
        assert_ne!(double, draw(init, [8, 6], 10));
        let single: Tensor<f32> = init.tensor([8, 6], &mut ChaCha8Rng::seed_from_u64(9)).unwrap();
        assert_eq!(single.shape(), double.shape());
        assert!(single.iter().zip(&double).all(|(&a, &b)| a == b as f32));
    }
}

#[test]
fn laws_that_make_no_sense_are_refused() {
    let refusal = |init: Init, shape: &[usize]| {
        init.tensor::<f64>(shape, &mut ChaCha8Rng::seed_from_u64(0)).err().map(|error| error.to_string()).unwrap()
    };
    assert_eq!(
        refusal(Init::normal(0.0, -1.0), &[2]),
        "init: normal needs a finite mean and a deviation of 0 or more, got 0 and -1"
    );
    assert_eq!(refusal(Init::uniform(1.0, 0.0), &[2]), "init: uniform needs finite lo <= hi, got 1 and 0");
    assert_eq!(refusal(Init::Constant(f64::NAN), &[2]), "init: a constant is finite, got NaN");
    assert_eq!(refusal(Init::orthogonal(), &[2, 3, 4]), "init: orthogonal makes matrices, not the shape [2, 3, 4]");
}
