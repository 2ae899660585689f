//! Which way a product is run, below, at and above each threshold; and that it is the way of the step, with the tape's numbers.

use super::products::{FACTOR, LARGE, Way, rows_of_a_panel};
use crate::ops::structural::MatMul;
use crate::tensor::Shape;
use crate::tensor::kernels::matmul::{PART, is_small};
use crate::{Program, Tensor};

/// Numbers that look random and are not.
fn sample(shape: &[usize], seed: usize) -> Tensor<f64> {
    let n: usize = shape.iter().product();
    let elements = (0..n).map(|i| (((i + 1) * (2 * seed + 3) * 7919) % 1000) as f64 / 500.0 - 0.999);
    Tensor::new(shape, elements.collect()).unwrap()
}

/// A layer of this shape runs its product by panels, or it does not; either way its elements are the tape's.
fn check([m, k, n]: [usize; 3], by_panels: bool) {
    let inputs = [sample(&[m, k], 1), sample(&[k, n], 2)];
    let mut program = Program::compile(&inputs, |v| vec![(v[0].matmul(v[1]) * 0.1).tanh()]).unwrap();
    assert_eq!(program.panels(), by_panels as usize, "[{m}, {k}] x [{k}, {n}]: {program}");
    let wanted = {
        let tape = crate::Tape::new();
        (tape.var(&inputs[0]).matmul(tape.var(&inputs[1])) * 0.1).tanh().value()
    };
    for threads in [1, 2] {
        program.machine.set_threads(threads);
        program.run(&[&inputs[0], &inputs[1]]).unwrap();
        for (a, b) in program.output(0).iter().zip(wanted.iter()) {
            assert!((a - b).abs() <= 1e-13, "[{m}, {k}] x [{k}, {n}], {threads} threads: {a} for {b}");
        }
    }
}

fn way([m, k, n]: [usize; 3]) -> Way {
    Way::alone(&MatMul::plain(false, false), [&Shape::from([m, k]), &Shape::from([k, n])], false)
}

#[test]
fn a_product_is_one_threads_up_to_so_much_work() {
    for (m, small) in [(1249, true), (1250, false), (1251, false)] {
        assert_eq!(is_small([m, 64, 50]), small);
        assert_eq!(way([m, 50, 64]), if small { Way::Bound } else { Way::Whole });
        check([m, 50, 64], !small);
    }
}

#[test]
fn an_empty_product_is_not_bound() {
    for shape in [[0, 3, 3], [3, 0, 3], [3, 3, 0], [0, 0, 0], [70_000, 0, 8]] {
        assert_eq!(way(shape), Way::Whole, "{shape:?}");
        check(shape, false);
    }
    assert_eq!(way([1, 1, 1]), Way::Bound);
}

#[test]
fn a_product_runs_by_panels_where_it_is_larger_than_a_cache() {
    let (k, n) = (128, 64);
    let m = LARGE / n / size_of::<f64>();
    assert!(!is_small([m - 1, n, k]), "it is not for want of work");
    for (m, by_panels) in [(m - 1, false), (m, false), (m + 1, true)] {
        check([m, k, n], by_panels);
    }
}

#[test]
fn a_product_runs_by_panels_where_its_right_factor_is_small() {
    let n = 64;
    let k = FACTOR / n / size_of::<f64>();
    for (k, by_panels) in [(k - 1, true), (k, true), (k + 1, false)] {
        check([600, k, n], by_panels);
    }
}

#[test]
fn panels_need_a_step_and_a_column_to_cut_along() {
    check([62_500, 1, 64], false);
    check([31_250, 2, 64], true);
    check([67_000, 60, 1], false);
    check([67_000, 30, 2], true);
}

#[test]
fn there_are_two_panels_at_least_and_each_is_a_part() {
    // As the thresholds stand, what is work enough has two panels: were that not so, `fits_panels` would see to it.
    for n in [2, 3, 17, 64, 500, 1000, 4000] {
        for k in [2, 3, 8, 60] {
            for m in [PART, 2 * PART - 1, 2 * PART, 300, 1250, 40_000] {
                if Way::fits_panels::<f32>([m, n, k]) {
                    assert!(m >= 2 * rows_of_a_panel::<f32>(n), "{m} {n} {k}");
                }
            }
        }
    }
}

#[test]
fn only_one_reader_that_sums_nothing_takes_panels() {
    let inputs = [sample(&[1300, 60], 1), sample(&[60, 64], 2), sample(&[64], 3)];
    let panels = |build: &dyn for<'t> Fn(&[crate::Var<'t, f64>]) -> Vec<crate::Var<'t, f64>>| {
        let program = Program::compile(&inputs, |v| build(v)).unwrap();
        program.panels()
    };
    assert_eq!(panels(&|v| vec![(v[0].matmul(v[1]) + v[2]).tanh()]), 1);
    assert_eq!(panels(&|v| vec![v[0].matmul(v[1]).tanh().reshape([64, 1300])]), 1);
    // It leaves the program itself; it is read by two steps; it is summed by column.
    assert_eq!(panels(&|v| vec![v[0].matmul(v[1]).tanh(), v[0].matmul(v[1])]), 0);
    assert_eq!(panels(&|v| vec![v[0].matmul(v[1]).tanh(), v[0].matmul(v[1]).matmul(v[1].t())]), 0);
    assert_eq!(panels(&|v| vec![v[0].matmul(v[1]).tanh().sum(0)]), 0);
}
