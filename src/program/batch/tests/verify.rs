//! Instructions that reach beyond the values, or read what they overwrite.

use super::super::code::*;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::program::body::BodyOp;
use std::panic::catch_unwind;

/// What the check says of one instruction among 64 values.
fn refusal(form: ArgumentLayout, [n, out]: [u32; 2], chain: Chain, operand: ArgumentPlace) -> Option<String> {
    let exp = BodyOp::<f64>::Unary(UnaryOp::Exp(ops::Exp), 0);
    let others =
        [KernelBatch { op: exp, operands: [operand, ArgumentPlace::None, ArgumentPlace::None, ArgumentPlace::None] }];
    let instruction = Instruction { form, pair: Pair::Add, n, out, x: 0, y: 0 };
    let code =
        Bytecode { instructions: vec![instruction], singles: Vec::new(), chains: vec![chain], lists: vec![0, 1, 2] };
    let panic = catch_unwind(|| code.verify(64, &others)).err()?;
    panic.downcast_ref::<&str>().map(|text| text.to_string()).or_else(|| panic.downcast_ref::<String>().cloned())
}

/// Eight steps in eight lanes over a row of terms.
fn chain() -> Chain {
    let row = |base: u32| ChainStride { base, lane: 1, step: 1 };
    Chain {
        link: ChainOp::Add,
        term: ChainTerm::Plain,
        lanes: 8,
        steps: 8,
        init: ChainStride { base: 0, lane: 0, step: 0 },
        a: row(8),
        b: row(8),
        list: None,
        out: 40,
        out_step: 0,
    }
}

fn of_chain(chain: Chain) -> Option<String> {
    refusal(ArgumentLayout::Chain, [chain.lanes, chain.out], chain, ArgumentPlace::None)
}

#[test]
fn a_chain_may_not_begin_before_the_first_value_or_end_behind_the_last() {
    assert_eq!(of_chain(chain()), None);
    let walks = [
        // One before the first, one behind the last, back by steps, back by lanes.
        ChainStride { base: 6, lane: -1, step: 0 },
        ChainStride { base: 50, lane: 1, step: 1 },
        ChainStride { base: 6, lane: 0, step: -1 },
        ChainStride { base: 7, lane: -2, step: 1 },
    ];
    for walk in walks {
        for wrong in [Chain { a: walk, ..chain() }, Chain { b: walk, ..chain() }] {
            let message = of_chain(wrong).unwrap_or_else(|| panic!("{walk:?} is let through"));
            assert!(message.contains("reaches beyond the values"), "{message}");
        }
    }
    assert!(of_chain(Chain { out: 6, out_step: -1, ..chain() }).is_some());
}

#[test]
fn results_of_kernels_lie_apart_from_rows_that_they_read() {
    let of = |out: u32, start: u32| refusal(ArgumentLayout::KernelBatch, [8, out], chain(), ArgumentPlace::Row(start));
    for (out, start) in [(8, 0), (0, 8), (40, 8), (56, 48)] {
        assert_eq!(of(out, start), None);
    }
    for (out, start) in [(8, 8), (8, 1), (1, 8), (15, 8)] {
        let message = of(out, start).unwrap_or_else(|| panic!("{out} from {start} is let through"));
        assert!(message.contains("overwrites what it reads"), "{message}");
    }
    assert!(of(57, 0).is_some() && of(0, 57).is_some());
}

#[test]
fn a_binary_kernel_checks_every_argument() {
    let add = BodyOp::<f64>::Binary(BinaryOp::Add(ops::Add), 0, 1);
    let rows = [ArgumentPlace::Row(0), ArgumentPlace::Row(12), ArgumentPlace::None, ArgumentPlace::None];
    let instruction = Instruction { form: ArgumentLayout::KernelBatch, pair: Pair::Add, n: 8, out: 16, x: 0, y: 0 };
    let code = Bytecode { instructions: vec![instruction], ..Default::default() };
    assert!(catch_unwind(|| code.verify(64, &[KernelBatch { op: add, operands: rows }])).is_err());
}
