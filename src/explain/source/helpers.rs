//! The functions that generated source calls, each with those that it needs itself. They stand with the ops.

use crate::num::elementwise::{Rust, RustFunction, RustPair};
use crate::ops::structural::{SHARED, TensorOp};
use crate::ops::{BinaryOp, UnaryOp};
use std::collections::BTreeSet;

/// All of them, in the order in which they are printed.
fn all() -> impl Iterator<Item = &'static RustFunction> {
    let of_one = UnaryOp::all().into_iter().filter_map(|op| match op.rust() {
        Rust::Function(function, _) => Some(function),
        _ => None,
    });
    let of_two = BinaryOp::all().into_iter().filter_map(|op| match op.rust() {
        RustPair::Function(function) | RustPair::Guarded { function, .. } => Some(function),
        _ => None,
    });
    of_two.chain(of_one).chain(SHARED).chain(TensorOp::rust_functions())
}

/// Every name that a generated function may call.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|helper| helper.name)
}

/// The texts of these helpers and of those that they call.
pub(super) fn texts(used: &BTreeSet<&'static str>, number: &str) -> String {
    let helpers: Vec<&RustFunction> = all().collect();
    let mut needed = used.clone();
    loop {
        let calls = helpers.iter().filter(|helper| needed.contains(helper.name)).flat_map(|helper| helper.calls);
        let more: Vec<&'static str> = calls.copied().filter(|name| !needed.contains(name)).collect();
        if more.is_empty() {
            break;
        }
        needed.extend(more);
    }
    let used = helpers.iter().filter(|helper| needed.contains(helper.name));
    used.map(|helper| format!("\n{}", helper.text.replace("f64", number))).collect()
}
