//! What the registry's lines become: an enum of ops with its dispatch, and codes for the scalar lane.

use super::registry::{for_each_binary, for_each_unary};
use super::{Arguments, Binary, Formula, Rust, RustPair, Saves, Singular, Unary};
use crate::num::Number;

/// A one-argument op of the registry.
#[doc(hidden)]
pub trait BuiltinUnary: Unary {
    /// Its code in the scalar lane.
    const CODE: u8;
    /// Its parameters, if any.
    const PARAMETERS: usize;
    /// The op as an enum.
    fn wrap(self) -> UnaryOp;
    /// Its parameters as numbers.
    fn pack(self) -> [f64; 2];
}

/// A two-argument op of the registry.
#[doc(hidden)]
pub trait BuiltinBinary: Binary {
    /// Its code in the scalar lane.
    const CODE: u8;
    /// The op as an enum.
    fn wrap(self) -> BinaryOp;
}

/// Something generic to do with a one-argument op.
#[doc(hidden)]
pub trait UnaryVisitor {
    /// What comes of it.
    type Output;
    /// Does it.
    fn visit<O: BuiltinUnary>(self, op: O) -> Self::Output;
}

/// Something generic to do with a two-argument op.
#[doc(hidden)]
pub trait BinaryVisitor {
    /// What comes of it.
    type Output;
    /// Does it.
    fn visit<O: BuiltinBinary>(self, op: O) -> Self::Output;
}

/// Applies whichever op to a number.
pub(crate) struct Apply<S>(pub S);
impl<S: Number> UnaryVisitor for Apply<S> {
    type Output = S;
    fn visit<O: BuiltinUnary>(self, op: O) -> S {
        self.0.unary(op)
    }
}

/// Applies whichever op to two numbers.
pub(crate) struct Apply2<S>(pub S, pub S);
impl<S: Number> BinaryVisitor for Apply2<S> {
    type Output = S;
    fn visit<O: BuiltinBinary>(self, op: O) -> S {
        self.0.binary(op, self.1)
    }
}

macro_rules! unary_enum {
    ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
        /// Any one-argument op of the registry.
        #[doc(hidden)]
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)]
        pub enum UnaryOp {
            $($Op(super::$Op),)*
        }

        #[repr(u8)]
        enum UnaryCode { $($Op),* }

        /// How many one-argument ops there are; the codes of two-argument ops follow.
        pub(crate) const N_UNARY: u8 = [$(UnaryCode::$Op as u8),*].len() as u8;

        impl UnaryOp {
            /// The op's name.
            pub fn name(self) -> &'static str {
                match self { $(UnaryOp::$Op(_) => <super::$Op as Unary>::NAME,)* }
            }
            /// Whether no gradient goes through.
            pub fn is_flat(self) -> bool {
                match self { $(UnaryOp::$Op(_) => <super::$Op as Unary>::FLAT,)* }
            }
            /// What the rule reads.
            pub(crate) fn saves(self) -> Saves {
                match self { $(UnaryOp::$Op(_) => <super::$Op as Unary>::SAVES,)* }
            }
            /// Where its derivatives are not finite.
            pub fn singular(self) -> Singular {
                match self { $(UnaryOp::$Op(_) => <super::$Op as Unary>::SINGULAR,)* }
            }
            /// Whether its value is finite wherever its argument is.
            pub(crate) fn is_tame(self) -> bool {
                match self { $(UnaryOp::$Op(op) => op.is_tame(),)* }
            }
            /// What helps where it is not finite; nothing where no op has this name.
            pub(crate) fn advice(name: &str) -> &'static str {
                $(if name == <super::$Op as Unary>::NAME {
                    return <super::$Op as Unary>::ADVICE;
                })*
                ""
            }
            /// How it is written as a formula.
            pub(crate) fn formula(self, args: &dyn Arguments) -> Formula {
                match self { $(UnaryOp::$Op(op) => op.formula(args),)* }
            }
            /// How it is written in Rust.
            pub(crate) fn rust(self) -> Rust {
                match self { $(UnaryOp::$Op(op) => op.rust(),)* }
            }
            /// Calls the visitor with the concrete op.
            #[inline]
            pub fn with<V: UnaryVisitor>(self, visitor: V) -> V::Output {
                match self { $(UnaryOp::$Op(op) => visitor.visit(op),)* }
            }
            /// The op of a scalar-lane code and its parameters.
            pub(crate) fn unpack(code: u8, parameters: [f64; 2]) -> UnaryOp {
                let mut next = parameters.into_iter();
                $(if code == UnaryCode::$Op as u8 {
                    return UnaryOp::$Op(super::$Op $({ $($arg: next.next().unwrap_or_default() as $ty),+ })?);
                })*
                unreachable!("no one-argument op has code {code}")
            }
            /// The code and the parameters.
            pub(crate) fn code(self) -> (u8, [f64; 2]) {
                match self { $(UnaryOp::$Op(op) => (<super::$Op as BuiltinUnary>::CODE, op.pack()),)* }
            }
            /// How many parameters it has.
            pub fn parameters(self) -> usize {
                match self { $(UnaryOp::$Op(_) => <super::$Op as BuiltinUnary>::PARAMETERS,)* }
            }
            /// The same op with these parameters, as far as it has some.
            pub fn with_parameters(self, parameters: [f64; 2]) -> UnaryOp {
                UnaryOp::unpack(self.code().0, parameters)
            }
            /// Every one-argument op, with sample parameters where it has some.
            pub fn all() -> Vec<UnaryOp> {
                vec![$(UnaryOp::$Op(super::$Op $({ $($arg: SampleParameter::sample(stringify!($arg))),+ })?)),*]
            }
        }

        $(impl BuiltinUnary for super::$Op {
            const CODE: u8 = UnaryCode::$Op as u8;
            const PARAMETERS: usize = { const NAMES: &[&str] = &[$($(stringify!($arg)),+)?]; NAMES.len() };
            #[inline(always)]
            fn wrap(self) -> UnaryOp { UnaryOp::$Op(self) }
            #[inline(always)]
            fn pack(self) -> [f64; 2] {
                let parameters: &[f64] = &[$($(self.$arg as f64),+)?];
                std::array::from_fn(|i| parameters.get(i).copied().unwrap_or_default())
            }
        })*
    };
}
for_each_unary!(unary_enum);

macro_rules! binary_enum {
    (operators { $($operators:tt)* } inside { $($inside:tt)* } methods { $($methods:tt)* }) => {
        binary_enum!{ $($operators)* $($inside)* $($methods)* }
    };
    ($($(#[$doc:meta])* $method:ident $($try_method:ident)? => $Op:ident;)*) => {
        /// Any two-argument op of the registry.
        #[doc(hidden)]
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)]
        pub enum BinaryOp {
            $($Op(super::$Op),)*
        }

        #[repr(u8)]
        enum BinaryCode { $($Op),* }

        impl BinaryOp {
            /// The op's name.
            pub fn name(self) -> &'static str {
                match self { $(BinaryOp::$Op(_) => <super::$Op as Binary>::NAME,)* }
            }
            /// Whether no gradient goes through.
            pub fn is_flat(self) -> bool {
                match self { $(BinaryOp::$Op(_) => <super::$Op as Binary>::FLAT,)* }
            }
            /// How it is written as a formula.
            pub(crate) fn formula(self, args: &dyn Arguments) -> Formula {
                match self { $(BinaryOp::$Op(op) => op.formula(args),)* }
            }
            /// How it is written in Rust.
            pub(crate) fn rust(self) -> RustPair {
                match self { $(BinaryOp::$Op(op) => op.rust(),)* }
            }
            /// Where its derivatives are not finite.
            pub fn singular(self) -> Singular {
                match self { $(BinaryOp::$Op(_) => <super::$Op as Binary>::SINGULAR,)* }
            }
            /// Whether its derivatives at the origin are a choice.
            pub(crate) fn bends(self) -> bool {
                match self { $(BinaryOp::$Op(_) => <super::$Op as Binary>::BENDS,)* }
            }
            /// What the rules for both arguments read.
            pub(crate) fn saves(self) -> [Saves; 2] {
                match self { $(BinaryOp::$Op(_) => <super::$Op as Binary>::SAVES,)* }
            }
            /// Calls the visitor with the concrete op.
            #[inline]
            pub fn with<V: BinaryVisitor>(self, visitor: V) -> V::Output {
                match self { $(BinaryOp::$Op(op) => visitor.visit(op),)* }
            }
            /// The op of a scalar-lane code.
            pub(crate) fn unpack(code: u8) -> BinaryOp {
                $(if code == N_UNARY + BinaryCode::$Op as u8 {
                    return BinaryOp::$Op(super::$Op);
                })*
                unreachable!("no two-argument op has code {code}")
            }
            /// The code.
            pub(crate) fn code(self) -> u8 {
                match self { $(BinaryOp::$Op(_) => <super::$Op as BuiltinBinary>::CODE,)* }
            }
            /// Every two-argument op.
            pub fn all() -> Vec<BinaryOp> {
                vec![$(BinaryOp::$Op(super::$Op)),*]
            }
        }

        /// One past the last code of a two-argument op.
        pub(crate) const N_CODES: u8 = N_UNARY + [$(BinaryCode::$Op as u8),*].len() as u8;

        $(impl BuiltinBinary for super::$Op {
            const CODE: u8 = N_UNARY + BinaryCode::$Op as u8;
            #[inline(always)]
            fn wrap(self) -> BinaryOp { BinaryOp::$Op(self) }
        })*
    };
}

for_each_binary!(binary_enum);

/// A parameter for the tests that run over every op.
trait SampleParameter {
    fn sample(name: &str) -> Self;
}
impl SampleParameter for f64 {
    fn sample(name: &str) -> f64 {
        match name {
            "lo" => -1.0,
            "slope" => 0.01,
            "p" => 2.5,
            _ => 1.0,
        }
    }
}
impl SampleParameter for i32 {
    fn sample(_: &str) -> i32 {
        3
    }
}
impl SampleParameter for u32 {
    fn sample(_: &str) -> u32 {
        1
    }
}
