//! Programs in print: the steps of a run, fused ones with their ops.
//!
//! In compiler terms: the disassembler.

use super::Program;
use super::body::{Body, BodyOp, Sink};
use super::lower::{Schedule, StepKind};
use super::products::Way;
use crate::graph::ssa::{Ir, IrOp, NodeKey};
use crate::num::Element;
use crate::ops::structural::{MatMul, TensorRule};
use crate::tensor::kernels::elementwise::Side;
use slotmap::SecondaryMap;
use std::fmt;

impl<T: Element> fmt::Display for Program<T> {
    #[inline(never)]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule { graph: ir, steps } = &self.schedule;
        let names = Names::new(ir, steps.iter().flat_map(|step| step.writes.iter().copied()));
        let (inputs, outputs) = (self.inputs.len(), self.outputs.len());
        writeln!(f, "program: {inputs} inputs, {outputs} outputs, {} nodes in {} steps", self.nodes(), steps.len())?;
        for (k, &input) in ir.inputs.iter().enumerate() {
            let kept = if self.kept[k].is_some() { ", carried" } else { "" };
            writeln!(f, "  {} = input {}{kept}", names.of(input), ir.shape(input))?;
        }
        for step in steps {
            let reads: Vec<String> = step.reads.iter().map(|&key| names.of(ir.root(key))).collect();
            let writes: Vec<String> = step.writes.iter().map(|&key| names.of(key)).collect();
            write!(f, "  {} = ", writes.join(", "))?;
            match &step.run {
                StepKind::FusedGroup(block) => {
                    writeln!(f, "fused over {} lanes of {}", block.lanes, reads.join(", "))?;
                    write!(f, "{}", block.body)?;
                }
                StepKind::Batch(body) => {
                    writeln!(f, "numbers of {}", reads.join(", "))?;
                    write!(f, "{body}")?;
                }
                StepKind::Tensor { op, .. } => {
                    writeln!(f, "{}({}) {}", op.name(), reads.join(", "), ir.shape(step.writes[0]))?;
                }
                StepKind::Product { accumulate, way, .. } => {
                    let how = match way {
                        _ if *accumulate => ", added in place",
                        Way::Panels { .. } => ", by panels",
                        _ => "",
                    };
                    writeln!(f, "{}({}){how} {}", MatMul::NAME, reads.join(", "), ir.shape(step.writes[0]))?;
                }
                StepKind::Call { op, shape, .. } => writeln!(f, "{}({}) {shape}", op.name(), reads.join(", "))?,
                StepKind::Copy => writeln!(f, "{}", reads.join(", "))?,
            }
        }
        let outputs: Vec<String> = ir.outputs.iter().map(|&key| names.of(ir.root(key))).collect();
        writeln!(f, "  outputs {}", outputs.join(", "))?;
        write!(f, "  {}", self.memory)
    }
}

/// Numbers for nodes, in order of appearance; literals go by their value.
struct Names<'a, T> {
    ir: &'a Ir<T>,
    numbers: SecondaryMap<NodeKey, usize>,
}

impl<'a, T: Element> Names<'a, T> {
    fn new(ir: &'a Ir<T>, written: impl Iterator<Item = NodeKey>) -> Self {
        let constants = ir.order.iter().copied().filter(|&key| matches!(ir.node(key).op, IrOp::Constant(_)));
        let mut numbers = SecondaryMap::new();
        for (number, key) in ir.inputs.iter().copied().chain(constants).chain(written).enumerate() {
            numbers.insert(key, number);
        }
        Self { ir, numbers }
    }
    fn of(&self, key: NodeKey) -> String {
        match self.ir.literal_of(key) {
            Some(x) => x.to_string(),
            None => format!("%{}", self.numbers.get(key).copied().unwrap_or_default()),
        }
    }
}

/// An op a line, `s3 = mul(s1, s2)`.
impl<T: Element> fmt::Display for Body<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (slot, op) in self.ops.iter().enumerate() {
            write!(f, "    s{slot} = ")?;
            let name = match op {
                BodyOp::Input(k) => format!("input {k}"),
                BodyOp::Shared(k) => format!("number {k}"),
                BodyOp::Literal(x) => x.to_string(),
                BodyOp::Unary(op, _) => op.name().to_owned(),
                BodyOp::Binary(op, ..) => op.name().to_owned(),
                BodyOp::UnaryVjp(op, _) => format!("{}'", op.name()),
                BodyOp::BinaryVjp(op, Side::X, _) => format!("{}'x", op.name()),
                BodyOp::BinaryVjp(op, Side::Y, _) => format!("{}'y", op.name()),
                BodyOp::Select(_) => "select".to_owned(),
            };
            let args: Vec<String> = op.reads().map(|slot| format!("s{slot}")).collect();
            if args.is_empty() { writeln!(f, "{name}")? } else { writeln!(f, "{name}({})", args.join(", "))? }
        }
        for sink in &self.sinks {
            match sink {
                Sink::Store(slot) => writeln!(f, "    store s{slot}")?,
                Sink::Sum(slot) => writeln!(f, "    sum s{slot}")?,
            }
        }
        Ok(())
    }
}
