//! Products by letters: against loops over all indices, with derivatives, and what is refused.

use retrograd::{Program, Tape, Tensor, Var, gradcheck, gradgradcheck};

type T = Tensor<f64>;

fn some(shape: &[usize], salt: usize) -> T {
    Tensor::from_fn(shape, |at| ((at.iter().fold(salt + 1, |all, i| all * 13 + i) * 37) % 53) as f64 / 26.0 - 1.0)
}

/// The sum over all indices of the letters, without dots.
fn naive(letters: &str, operands: &[T]) -> T {
    let (inputs, output) = letters.split_once("->").unwrap();
    let inputs: Vec<Vec<char>> = inputs.split(',').map(|list| list.chars().collect()).collect();
    let output: Vec<char> = output.chars().collect();
    let mut lengths: Vec<(char, usize)> = Vec::new();
    for (list, operand) in inputs.iter().zip(operands) {
        for (&letter, &n) in list.iter().zip(operand.shape().iter()) {
            if !lengths.iter().any(|&(known, _)| known == letter) {
                lengths.push((letter, n));
            }
        }
    }
    let length = |letter: char| lengths.iter().find(|&&(known, _)| known == letter).unwrap().1;
    let out: Vec<usize> = output.iter().map(|&letter| length(letter)).collect();
    let summed: Vec<char> =
        lengths.iter().map(|&(letter, _)| letter).filter(|letter| !output.contains(letter)).collect();
    Tensor::from_fn(&out[..], |at| {
        let mut sum = 0.0;
        let count: usize = summed.iter().map(|&letter| length(letter)).product();
        for mut k in 0..count {
            let mut index: Vec<(char, usize)> = output.iter().copied().zip(at.iter().copied()).collect();
            for &letter in &summed {
                index.push((letter, k % length(letter)));
                k /= length(letter);
            }
            let of = |letter: char| index.iter().find(|&&(known, _)| known == letter).unwrap().1;
            let element = |(list, operand): (&Vec<char>, &T)| {
                operand.get(&list.iter().map(|&letter| of(letter)).collect::<Vec<_>>()).unwrap()
            };
            sum += inputs.iter().zip(operands).map(element).product::<f64>();
        }
        sum
    })
}

const CASES: &[(&str, &[&[usize]])] = &[
    ("ij,jk->ik", &[&[2, 3], &[3, 4]]),
    ("ij,jk->ki", &[&[2, 3], &[3, 4]]),
    ("ji,jk->ik", &[&[3, 2], &[3, 4]]),
    ("ij,kj->ik", &[&[2, 3], &[4, 3]]),
    ("ji,kj->ik", &[&[3, 2], &[4, 3]]),
    ("bij,bjk->bik", &[&[2, 2, 3], &[2, 3, 4]]),
    ("bij,bkj->bki", &[&[2, 2, 3], &[2, 4, 3]]),
    ("ibj,bjk->bik", &[&[2, 3, 4], &[3, 4, 2]]),
    ("bhqd,bhkd->bhqk", &[&[2, 2, 3, 2], &[2, 2, 4, 2]]),
    ("bij,jk->bik", &[&[2, 3, 2], &[2, 4]]),
    ("abcd,cd->ab", &[&[2, 3, 2, 2], &[2, 2]]),
    ("abcd,dc->ab", &[&[2, 3, 2, 3], &[3, 2]]),
    ("ij,ij->", &[&[3, 4], &[3, 4]]),
    ("ij,ij->ij", &[&[3, 4], &[3, 4]]),
    ("ij,ji->ij", &[&[3, 3], &[3, 3]]),
    ("i,j->ij", &[&[3], &[4]]),
    ("i,j->ji", &[&[3], &[4]]),
    ("i,i->", &[&[5], &[5]]),
    ("ij,j->i", &[&[3, 4], &[4]]),
    ("i,ij->j", &[&[3], &[3, 4]]),
    ("ii->", &[&[4, 4]]),
    ("ii->i", &[&[4, 4]]),
    ("iij->ji", &[&[3, 3, 2]]),
    ("ij->ji", &[&[3, 2]]),
    ("ij->", &[&[3, 2]]),
    ("ij->j", &[&[3, 2]]),
    ("ijk->ki", &[&[2, 3, 4]]),
    ("ii,ij->j", &[&[3, 3], &[3, 2]]),
    ("ik,jk,kl->ijl", &[&[2, 3], &[2, 3], &[3, 4]]),
    ("ij,jk,kl,l->i", &[&[2, 3], &[3, 4], &[4, 3], &[3]]),
    ("a,b,c->abc", &[&[2], &[3], &[2]]),
    ("ij,jk,ik->", &[&[2, 3], &[3, 4], &[2, 4]]),
    ("ij,kl->", &[&[2, 3], &[2, 2]]),
    ("ijk,k,j->i", &[&[2, 3, 4], &[4], &[3]]),
    (",ij->ij", &[&[], &[2, 3]]),
    ("ij,jk->ik", &[&[2, 0], &[0, 4]]),
    (
        "ab,bc,cd,de,ef,fg,gh,hi,ia->",
        &[&[2, 2], &[2, 2], &[2, 2], &[2, 2], &[2, 2], &[2, 2], &[2, 2], &[2, 2], &[2, 2]],
    ),
];

#[test]
fn letters_mean_the_sum_over_all_indices_with_two_derivatives() {
    for &(letters, shapes) in CASES {
        let operands: Vec<T> = shapes.iter().enumerate().map(|(k, shape)| some(shape, k)).collect();
        let found = Tensor::einsum(letters, &operands);
        let wanted = naive(letters, &operands);
        assert_eq!(found.shape(), wanted.shape(), "{letters}");
        let close = |a: &f64, b: &f64| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
        assert!(found.iter().zip(wanted.iter()).all(|(a, b)| close(a, b)), "{letters}: {found} for {wanted}");
        if operands.iter().all(|operand| !operand.is_empty()) {
            let named: Vec<(&str, T)> = operands.iter().map(|x| (letters, x.clone())).collect();
            gradcheck(&named, |x| Var::einsum(letters, x).sin().sum(())).assert();
            if operands.len() <= 3 {
                gradgradcheck(&named, |x| Var::einsum(letters, x).sin().sum(())).assert();
            }
        }
    }
}

#[test]
fn dots_stand_for_axes_that_broadcast_and_an_arrow_may_be_left_out() {
    let (a, b) = (some(&[2, 1, 3, 4], 1), some(&[5, 4, 2], 2));
    assert_eq!(Tensor::einsum("...ij,...jk->...ik", &[a.clone(), b.clone()]), a.matmul(&b));
    assert_eq!(Tensor::einsum("...ij,...jk", &[a.clone(), b.clone()]), a.matmul(&b));
    assert_eq!(Tensor::einsum("...ij->...ji", std::slice::from_ref(&a)), a.t());
    assert_eq!(Tensor::einsum("...ii->...i", &[some(&[2, 3, 3], 1)]).shape().dims(), [2, 3]);
    assert_eq!(Tensor::einsum("i...->...", &[some(&[2, 3], 1)]), some(&[2, 3], 1).sum(0));
    assert_eq!(Tensor::einsum("ba", &[some(&[2, 3], 1)]), some(&[2, 3], 1).t());
    assert_eq!(
        Tensor::einsum(" i j , j k ", &[some(&[2, 3], 1), some(&[3, 2], 2)]),
        some(&[2, 3], 1).matmul(some(&[3, 2], 2))
    );
    assert_eq!(Tensor::einsum("ii", &[some(&[3, 3], 1)]).item(), some(&[3, 3], 1).trace().item());
}

/// What a product of matrices by letters records is that product and nothing else.
#[test]
fn a_product_as_it_lies_is_one_matmul() {
    for (letters, shapes) in [
        ("ij,jk->ik", [[2, 3], [3, 4]]),
        ("ji,jk->ik", [[3, 2], [3, 4]]),
        ("ij,kj->ik", [[2, 3], [4, 3]]),
        ("ij,jk->ki", [[2, 3], [3, 4]]),
    ] {
        let tape = Tape::new();
        let x = shapes.map(|shape| tape.var(some(&shape, 0)));
        let before = tape.len();
        let _ = Var::einsum(letters, &x);
        assert_eq!(tape.len(), before + 1, "{letters}");
    }
}

#[test]
fn programs_and_their_gradients_take_letters() {
    let inputs = [some(&[2, 3, 4], 1), some(&[4, 5], 2), some(&[2, 5], 3)];
    let mut program =
        Program::compile_gradient(&inputs, &[0, 1, 2], |x| Var::einsum("bij,jk,bk->bi", x).sin().sum(())).unwrap();
    program.run(&inputs.each_ref()).unwrap();
    let tape = Tape::new();
    let x = inputs.each_ref().map(|x| tape.var(x));
    let y = Var::einsum("bij,jk,bk->bi", &x).sin().sum(());
    let gradients = y.backward();
    assert!((program.tensor(0).item() - y.item()).abs() < 1e-13);
    for (k, &x) in x.iter().enumerate() {
        let apart = (program.tensor(k + 1) - gradients.wrt(x)).abs().max(()).item();
        assert!(apart < 1e-13, "{k}: {apart}");
    }
}

#[test]
fn what_letters_cannot_mean_is_named() {
    let (a, b) = (some(&[2, 3], 1), some(&[4, 2], 2));
    for (letters, operands, expected) in [
        ("ij,jk->ik", vec![&a, &b], "einsum: letter j has length 4 in operand 1 of shape [4, 2], and 3 before"),
        ("ij->ik", vec![&a], "einsum: letter k of the output \"ik\" is in no operand"),
        ("ij->ii", vec![&a], "einsum: letter i is twice in the output \"ii\""),
        ("ij,jk", vec![&a], "einsum: \"ij,jk\" has letters for 2 operands, got 1"),
        ("ijk->i", vec![&a], "einsum: \"ijk\" names 3 axes, and operand 0 has shape [2, 3]"),
        ("i->i", vec![&a], "einsum: \"i\" names 1 axes, and operand 0 has shape [2, 3]"),
        ("i1->i", vec![&a], "einsum: '1' in \"i1\" is no letter from a to z or A to Z, and no dots (...)"),
        ("i...j...->i", vec![&a], "einsum: dots stand twice in \"i...j...\""),
        ("i...->i", vec![&a], "einsum: the output \"i\" has no dots, and operands have 1 axes there"),
        ("ii->i", vec![&a], "einsum: letter i has length 3 in operand 0 of shape [2, 3], and 2 before"),
    ] {
        let operands: Vec<T> = operands.into_iter().cloned().collect();
        let error = Tensor::try_einsum(letters, &operands).unwrap_err().to_string();
        assert_eq!(error, expected);
    }
}
