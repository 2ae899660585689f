//! A method is written down once: its documentation, its two names, its arguments and, over variables, what it does.
//!
//! [`methods!`] makes four of it: `x`, which panics on a caller's mistake, and `try_x`, which returns it, on [`Var`] and on
//! [`Tensor`]. A tensor's method is the variable's, run as data on a tape that is thrown away, so that shapes, axes and
//! messages are the same everywhere.
//!
//! Cost: a tensor's method makes a new tensor, and a tape. A training step belongs on a tape of its own, which uses its buffers
//! again.

use super::{Tape, Var};
use crate::error::Result;
use crate::num::Element;
use crate::tensor::Tensor;

/// What methods of variables return, as tensors return it.
pub(super) trait Values {
    type Tensors;
    fn values(self) -> Self::Tensors;
}
impl<T: Element> Values for Var<'_, T> {
    type Tensors = Tensor<T>;
    fn values(self) -> Tensor<T> {
        self.value()
    }
}
impl<T: Element> Values for (Var<'_, T>, Var<'_, T>) {
    type Tensors = (Tensor<T>, Tensor<T>);
    fn values(self) -> Self::Tensors {
        (self.0.value(), self.1.value())
    }
}
impl<T: Element> Values for (Var<'_, T>, Var<'_, T>, Var<'_, T>) {
    type Tensors = (Tensor<T>, Tensor<T>, Tensor<T>);
    fn values(self) -> Self::Tensors {
        (self.0.value(), self.1.value(), self.2.value())
    }
}
impl Values for Vec<usize> {
    type Tensors = Self;
    fn values(self) -> Self {
        self
    }
}

/// What the closure makes of tensors on a tape that is thrown away.
pub(super) fn at_once<T: Element, R>(f: impl for<'t> FnOnce(&'t Tape<T>) -> Result<R>) -> Result<R> {
    let (mut f, mut found) = (Some(f), None);
    on_new_tape(&mut |tape| found = f.take().map(|f| f(tape)));
    found.expect("the closure is called once")
}

/// Apart from the above, so that a caller compiles neither making a tape nor dropping it.
#[inline(never)]
pub(crate) fn on_new_tape<T: Element>(f: &mut dyn FnMut(&Tape<T>)) {
    f(&Tape::of());
}

/// A tensor on such a tape.
#[inline(never)]
pub(crate) fn as_data<'t, T: Element>(tape: &'t Tape<T>, x: &Tensor<T>) -> Var<'t, T> {
    tape.data(x)
}

/// Methods of variables and tensors. In the list of arguments `&y` is one more tensor, `into y` may as well be a number: over variables
/// both are what [`IntoVar`](super::IntoVar) takes. Others follow a semicolon. `errors` says what every method of the list refuses; a method may add to it.
macro_rules! methods {
    (
        $(#[$about:meta])*
        errors $common:literal
        $(
            $(#[$doc:meta])*
            $method:ident $try_method:ident $(<$N:ident>)?
            ($x:ident $(, &$same:ident)* $(, into $given:ident)* $(; $($arg:ident: $Arg:ty),+)?) -> $Out:ty
            $(, errors $own:literal)? $body:block
        )*
    ) => {
        $(#[$about])*
        impl<'t, T: Element> Var<'t, T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                #[doc = concat!("Where [`Var::", stringify!($try_method), "`] fails.")]
                #[track_caller]
                pub fn $method $(<const $N: usize>)? (
                    self $(, $same: impl crate::tape::IntoVar<'t, T>)* $(, $given: impl crate::tape::IntoVar<'t, T>)* $(, $($arg: $Arg),+)?
                ) -> $Out {
                    self.$try_method($($same,)* $($given,)* $($($arg),+)?).or_panic()
                }
                #[doc = concat!("As [`Var::", stringify!($method), "`].")]
                ///
                /// # Errors
                #[doc = $common]
                $(#[doc = $own])?
                $(#[doc = concat!("`", stringify!($same), "` of another tape.")])*
                $(#[doc = concat!("`", stringify!($given), "` of another tape.")])*
                #[inline(never)]
                #[track_caller]
                pub fn $try_method $(<const $N: usize>)? (
                    self $(, $same: impl crate::tape::IntoVar<'t, T>)* $(, $given: impl crate::tape::IntoVar<'t, T>)* $(, $($arg: $Arg),+)?
                ) -> Result<$Out> {
                    let $x = self;
                    $(let $same: Var<'t, T> = $same.into_var(self)?;)*
                    $(let $given: Var<'t, T> = $given.into_var(self)?;)*
                    $body
                }
            )*
        }

        $(#[$about])*
        impl<T: Element> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                #[doc = concat!("Where [`Tensor::", stringify!($try_method), "`] fails.")]
                #[track_caller]
                pub fn $method $(<const $N: usize>)? (
                    &self $(, $same: impl Into<Tensor<T>>)* $(, $given: impl Into<Tensor<T>>)* $(, $($arg: $Arg),+)?
                ) -> $Out {
                    self.$try_method($($same,)* $($given,)* $($($arg),+)?).or_panic()
                }
                #[doc = concat!("As [`Tensor::", stringify!($method), "`].")]
                ///
                /// # Errors
                #[doc = $common]
                $(#[doc = $own])?
                #[inline(never)]
                pub fn $try_method $(<const $N: usize>)? (
                    &self $(, $same: impl Into<Tensor<T>>)* $(, $given: impl Into<Tensor<T>>)* $(, $($arg: $Arg),+)?
                ) -> Result<$Out> {
                    $(let $same: Tensor<T> = $same.into();)*
                    $(let $given: Tensor<T> = $given.into();)*
                    use $crate::tape::methods::{Values, as_data, at_once};
                    at_once(|tape| {
                        let x = as_data(tape, self);
                        let done = x.$try_method(
                            $(as_data(tape, &$same),)* $(as_data(tape, &$given),)* $($($arg),+)?
                        )?;
                        Ok(done.values())
                    })
                }
            )*
        }
    };
}

/// The same for what is made of a list of parts along an axis.
macro_rules! methods_of_parts {
    ($(
        $(#[$doc:meta])*
        $method:ident $try_method:ident($parts:ident, $axis:ident), errors $errors:literal $body:block
    )*) => {
        /// What is made of several.
        impl<T: Element> Var<'_, T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                #[doc = concat!("Where [`Var::", stringify!($try_method), "`] fails.")]
                #[track_caller]
                pub fn $method($parts: &[Self], $axis: isize) -> Self {
                    Self::$try_method($parts, $axis).or_panic()
                }
                #[doc = concat!("As [`Var::", stringify!($method), "`].")]
                ///
                /// # Errors
                #[doc = $errors]
                /// Parts of two tapes.
                #[inline(never)]
                #[track_caller]
                pub fn $try_method($parts: &[Self], $axis: isize) -> Result<Self> $body
            )*
        }

        /// What is made of several.
        impl<T: Element> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                #[doc = concat!("Where [`Tensor::", stringify!($try_method), "`] fails.")]
                #[track_caller]
                pub fn $method($parts: &[Self], $axis: isize) -> Self {
                    Self::$try_method($parts, $axis).or_panic()
                }
                #[doc = concat!("As [`Tensor::", stringify!($method), "`].")]
                ///
                /// # Errors
                #[doc = $errors]
                #[inline(never)]
                pub fn $try_method($parts: &[Self], $axis: isize) -> Result<Self> {
                    use $crate::tape::methods::{as_data, at_once};
                    at_once(|tape| {
                        let parts: Vec<_> = $parts.iter().map(|part| as_data(tape, part)).collect();
                        Ok(Var::$try_method(&parts, $axis)?.value())
                    })
                }
            )*
        }
    };
}
pub(super) use {methods, methods_of_parts};
