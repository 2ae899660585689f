//! How cases are written down, and that they leave no method out.

/// A case: name, kind, shapes of the inputs (with a domain where it is not all numbers), the method, the naive code.
///
/// The method's tokens are used twice, for both precisions.
macro_rules! case {
    ($name:expr, $kind:ident, [$($input:expr),+], |$v:ident| $method:expr, |$x:ident| $naive:expr) => {
        $crate::tensor_ops::harness::check(&$crate::tensor_ops::harness::Case {
            name: $name.to_string(),
            inputs: vec![$($crate::tensor_ops::cases::Input::from($input).0),+],
            kind: $crate::tensor_ops::harness::Kind::$kind,
            double: $crate::tensor_ops::harness::apply::<f64>(move |$v| $method),
            single: $crate::tensor_ops::harness::apply::<f32>(move |$v| $method),
            naive: Box::new(move |$x: &[$crate::tensor_ops::naive::T]| $naive),
        })
    };
}
pub(crate) use case;

use crate::tensor_ops::harness::Domain;
use std::collections::HashSet;

/// The shape of an input, and where its elements lie.
pub struct Input(pub (Vec<usize>, Domain));
impl<const N: usize> From<[usize; N]> for Input {
    fn from(shape: [usize; N]) -> Self {
        Self((shape.to_vec(), Domain::Any))
    }
}
impl From<&[usize]> for Input {
    fn from(shape: &[usize]) -> Self {
        Self((shape.to_vec(), Domain::Any))
    }
}
impl From<(&[usize], Domain)> for Input {
    fn from((shape, domain): (&[usize], Domain)) -> Self {
        Self((shape.to_vec(), domain))
    }
}
impl<const N: usize> From<([usize; N], Domain)> for Input {
    fn from((shape, domain): ([usize; N], Domain)) -> Self {
        Self((shape.to_vec(), domain))
    }
}

/// Every method of a source, as the macro that makes it and its fallible twin has it: `name try_name(`.
fn methods(source: &str) -> Vec<(&str, &str)> {
    let heads = source.lines().filter_map(|line| line.trim().split(['(', '<']).next()?.split_once(' '));
    heads.filter(|(name, twin)| twin.strip_prefix("try_") == Some(name)).collect()
}

/// The identifiers of a source: without comments, and without those of the naive module, which has the same names.
fn identifiers(source: &str) -> HashSet<&str> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':'));
    words.filter(|word| !word.starts_with("naive::")).flat_map(|word| word.split(':')).collect()
}

#[test]
fn every_public_method_has_a_case_and_every_fallible_twin_an_error_sample() {
    let sources = [
        include_str!("shaping.rs"),
        include_str!("linear.rs"),
        include_str!("reductions.rs"),
        include_str!("losses.rs"),
        include_str!("order.rs"),
        include_str!("windows.rs"),
        include_str!("../decompositions.rs"),
    ];
    let cases: HashSet<&str> = sources.iter().flat_map(|source| identifiers(source)).collect();
    let errors = [include_str!("errors.rs"), include_str!("../decompositions.rs")];
    let errors: HashSet<&str> = errors.iter().flat_map(|source| identifiers(source)).collect();
    let sources = [
        include_str!("../../../src/tape/shaping.rs"),
        include_str!("../../../src/tape/linear_algebra.rs"),
        include_str!("../../../src/tape/reductions.rs"),
        include_str!("../../../src/tape/losses.rs"),
        include_str!("../../../src/tape/order.rs"),
        include_str!("../../../src/tape/windows.rs"),
    ];
    let mut seen = 0;
    for (method, twin) in sources.iter().flat_map(|source| methods(source)) {
        seen += 1;
        assert!(cases.contains(method), "{method} has no case");
        assert!(errors.contains(twin), "{twin} has no error sample");
    }
    assert!(seen > 60, "found {seen} methods: has their layout changed?");
}
