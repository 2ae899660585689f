//! Comparisons as numbers: 1 where they hold, else 0. Their derivative is 0 everywhere.

use super::formula::Between;
use super::{Arguments, Binary, Formula, RustPair, Saves};
use crate::num::{Float, Number, Upstream};

macro_rules! comparison {
    ($($(#[$doc:meta])* $Op:ident $name:literal $operator:tt $sign:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Op;
        impl Binary for $Op {
            const NAME: &'static str = $name;
            const SAVES: [Saves; 2] = [Saves::NOTHING, Saves::NOTHING];
            const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
            const FLAT: bool = true;
            #[inline(always)]
            fn value<F: Float>(self, x: F, y: F) -> F {
                if x $operator y { F::lit(1.0) } else { F::lit(0.0) }
            }
            #[inline(always)]
            fn vjp_x<S: Number>(self, _x: S, _y: S, _out: S, _g: Upstream<S>) -> Upstream<S> {
                Upstream::zero()
            }
            #[inline(always)]
            fn vjp_y<S: Number>(self, _x: S, _y: S, _out: S, _g: Upstream<S>) -> Upstream<S> {
                Upstream::zero()
            }
            fn piece(self, x: f64, y: f64) -> i64 {
                self.value(x, y) as i64
            }
            fn formula(self, args: &dyn Arguments) -> Formula {
                args.relation(Between::$sign)
            }
            fn rust(self) -> RustPair {
                RustPair::Relation(stringify!($operator))
            }
        }
    )*};
}
comparison! {
    /// 1 where x > y.
    Greater "greater" > Greater,
    /// 1 where x >= y.
    GreaterEqual "greater_equal" >= GreaterEqual,
    /// 1 where x < y.
    Less "less" < Less,
    /// 1 where x <= y.
    LessEqual "less_equal" <= LessEqual,
    /// 1 where x = y.
    Equal "equal" == Equal,
    /// 1 where x differs from y.
    NotEqual "not_equal" != NotEqual
}
