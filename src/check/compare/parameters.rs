//! What a function is handed: its parameters, by position and by name.

use crate::error::{Error, Result};
use crate::tape::Var;
use std::fmt;
use std::ops::{Deref, Index, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

/// The parameters of a comparison, in order, each with its name: variables in the function, tensors in a gradient that is
/// coded by hand as a closure.
///
/// `p["w"]` is the parameter named w, `p[0]` the first one. It is a slice in all else: `p.len()`, `p.iter()`, `&p[1..]`, and
/// a function of `&[Var]` takes it as it is. [`get`](Self::get) and [`names`](Self::names) ask rather than insist.
///
/// A name that none has ends the function; [`Compare::run`](super::Compare::run) returns the error, which says which
/// name, where it was asked for, and which there are.
///
/// # Examples
/// ```
/// use retrograd::{Var, check::{Compare, compare::Parameters}};
/// fn loss<'t>(p: &Parameters<Var<'t, f64>>) -> Var<'t, f64> {
///     (p["w"] * p["x"]).sum(()).square()
/// }
/// let compare = || Compare::new(loss).parameter("w", [3.0, 1.0]).parameter("x", [1.0, -2.0]);
/// compare().hand("w", [2.0, -4.0]).run()?.assert();
/// // (w x)^2 by w is 2 (w x) x, wherever w and x are.
/// compare().hand_fn("w", |p| 2.0 * (&p["w"] * &p["x"]).sum(()).item() * &p["x"]).run()?.assert();
///
/// let unknown = Compare::new(|p| p["W"].sum(())).parameter("w", 1.0).hand("w", 1.0).run().unwrap_err();
/// assert!(unknown.to_string().starts_with("compare: no parameter is named \"W\"; there is \"w\""));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Parameters<V> {
    values: Vec<V>,
    names: Arc<[String]>,
}

impl<V> Parameters<V> {
    pub(super) fn new(values: Vec<V>, names: Arc<[String]>) -> Self {
        Self { values, names }
    }
    /// The parameter of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.names.iter().zip(&self.values).find(|(known, _)| *known == name).map(|(_, value)| value)
    }
    /// The names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl<V> Deref for Parameters<V> {
    type Target = [V];
    fn deref(&self) -> &[V] {
        &self.values
    }
}

impl<V> Index<&str> for Parameters<V> {
    type Output = V;
    #[track_caller]
    fn index(&self, name: &str) -> &V {
        let site = Location::caller();
        self.get(name).unwrap_or_else(|| {
            let missing = Missing { name: name.into(), known: self.names.clone(), site };
            if cfg!(panic = "abort") {
                panic!("{}", missing.error());
            }
            // Nothing is printed: whoever called the function makes an error of it.
            resume_unwind(Box::new(missing))
        })
    }
}

macro_rules! positions {
    ($($index:ty => $output:ty),*) => {$(
        impl<V> Index<$index> for Parameters<V> {
            type Output = $output;
            #[track_caller]
            fn index(&self, index: $index) -> &$output {
                &self.values[index]
            }
        }
    )*};
}
positions!(
    usize => V, Range<usize> => [V], RangeFrom<usize> => [V], RangeTo<usize> => [V], RangeInclusive<usize> => [V],
    RangeToInclusive<usize> => [V], RangeFull => [V]
);

impl<'p, V> IntoIterator for &'p Parameters<V> {
    type Item = &'p V;
    type IntoIter = std::slice::Iter<'p, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}

impl<V> fmt::Debug for Parameters<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parameters").field(&self.names).finish()
    }
}

/// A name that was asked for in vain, on its way out of the function.
struct Missing {
    name: String,
    known: Arc<[String]>,
    site: &'static Location<'static>,
}

impl Missing {
    fn error(&self) -> Error {
        let known: Vec<String> = self.known.iter().map(|name| format!("{name:?}")).collect();
        let (there, site) = (if known.len() == 1 { "there is" } else { "there are" }, self.site);
        let (name, known) = (&self.name, known.join(", "));
        Error::argument(format!(
            "compare: no parameter is named {name:?}; {there} {known} (asked for at {}:{})",
            site.file(),
            site.line()
        ))
    }
}

/// Runs a function of parameters; a name that it asked for in vain is an error.
pub(super) fn with_names<R>(f: impl FnOnce() -> R) -> Result<R> {
    // What the function has borrowed is given back as it unwinds, and nothing of it is looked at afterwards.
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| match panic.downcast::<Missing>() {
        Ok(missing) => missing.error(),
        Err(panic) => resume_unwind(panic),
    })
}

/// The function itself: rustc takes a closure that is written here as one of variables of any tape, which it does not where
/// a closure is first kept in a variable.
///
/// # Examples
/// ```
/// use retrograd::check::{Compare, compare};
/// let f = compare::function(|p| p["x"].square().sum(()));
/// Compare::new(&f).parameter("x", [1.0, 2.0]).hand("x", [2.0, 4.0]).run()?.assert();
/// Compare::new(f).parameter("x", 3.0).hand("x", 6.0).run()?.assert();
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn function<F>(f: F) -> F
where
    F: for<'t> Fn(&Parameters<Var<'t, f64>>) -> Var<'t, f64>,
{
    f
}
