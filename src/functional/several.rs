//! Functions of several tensors: gradients in parts, Jacobians and Hessians in blocks, by name or position; and closures mapped over
//! examples.

use super::jacobian_rows;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::sweep::scalar_to_differentiate;
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};
use std::fmt::Display;
use std::ops::Index;

/// Several tensors, with names or without: a slice, an array or a `Vec` of tensors, references to tensors, or pairs of a name and either.
/// Names are of the results; the closure's variables go by position. Inside another closure, at variables, the same is
/// [`Tape::grad`], [`Tape::jacobian`] and [`Tape::hessian`].
///
/// # Examples
/// ```
/// use retrograd::{Tensor, grad_tensors};
/// let (w, b) = (Tensor::from([[1.0, 2.0]]), Tensor::from([0.5]));
/// let by_position = grad_tensors(|v| (v[0].sum(()) * v[1]).sum(()), [&w, &b]);
/// let by_name = grad_tensors(|v| (v[0].sum(()) * v[1]).sum(()), [("w", &w), ("b", &b)]);
/// assert_eq!(by_position[1], by_name["b"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of tensors",
    label = "expected a slice, an array or a `Vec` of `Tensor`, `&Tensor`, or pairs of a name and one"
)]
pub trait Tensors {
    /// The element type.
    type Element: Element;
    /// Each tensor with its name, where it has one.
    fn list(&self) -> Vec<(Option<String>, Tensor<Self::Element>)>;
}

/// One of several tensors, with or without a name.
#[doc(hidden)]
pub trait NamedTensor {
    /// The element type.
    type Element: Element;
    /// Its name and the tensor.
    fn named(&self) -> (Option<String>, Tensor<Self::Element>);
}
impl<T: Element> NamedTensor for Tensor<T> {
    type Element = T;
    fn named(&self) -> (Option<String>, Tensor<T>) {
        (None, self.clone())
    }
}
impl<T: Element> NamedTensor for &Tensor<T> {
    type Element = T;
    fn named(&self) -> (Option<String>, Tensor<T>) {
        (None, Tensor::clone(self))
    }
}
impl<N: AsRef<str>, I: NamedTensor> NamedTensor for (N, I) {
    type Element = I::Element;
    fn named(&self) -> (Option<String>, Tensor<I::Element>) {
        (Some(self.0.as_ref().to_owned()), self.1.named().1)
    }
}

impl<I: NamedTensor> Tensors for [I] {
    type Element = I::Element;
    fn list(&self) -> Vec<(Option<String>, Tensor<I::Element>)> {
        self.iter().map(I::named).collect()
    }
}
impl<I: NamedTensor, const N: usize> Tensors for [I; N] {
    type Element = I::Element;
    fn list(&self) -> Vec<(Option<String>, Tensor<I::Element>)> {
        self[..].list()
    }
}
impl<I: NamedTensor> Tensors for Vec<I> {
    type Element = I::Element;
    fn list(&self) -> Vec<(Option<String>, Tensor<I::Element>)> {
        self[..].list()
    }
}
impl<S: Tensors + ?Sized> Tensors for &S {
    type Element = S::Element;
    fn list(&self) -> Vec<(Option<String>, Tensor<S::Element>)> {
        (**self).list()
    }
}

/// What names a part: its position, or its name.
///
/// # Examples
/// ```
/// use retrograd::functional::Part;
/// assert_eq!(1.position(&["a", "b"].map(String::from)), Some(1));
/// assert_eq!("b".position(&["a", "b"].map(String::from)), Some(1));
/// assert_eq!("c".position(&["a", "b"].map(String::from)), None);
/// ```
pub trait Part: Display + Copy {
    /// The position among these names.
    fn position(self, names: &[String]) -> Option<usize>;
}
impl Part for usize {
    fn position(self, names: &[String]) -> Option<usize> {
        Some(self).filter(|&k| k < names.len())
    }
}
impl Part for &str {
    fn position(self, names: &[String]) -> Option<usize> {
        names.iter().position(|name| name == self)
    }
}

#[track_caller]
fn found(what: &str, part: impl Part, names: &[String]) -> usize {
    match part.position(names) {
        Some(k) => k,
        None => panic!("{what}: there is no {part}; there are {}", names.join(", ")),
    }
}

/// A gradient by several tensors, each part in its tensor's shape; `gradient[0]`, `gradient["w"]`.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, grad_tensors};
/// let gradient = grad_tensors(|v| (v[0] * v[1]).sum(()), [("x", Tensor::from([1.0, 2.0])), ("y", Tensor::from([3.0, 4.0]))]);
/// assert_eq!(gradient["x"].to_vec(), [3.0, 4.0]);
/// assert_eq!(gradient[1].to_vec(), [1.0, 2.0]);
/// assert_eq!(gradient.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["x", "y"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Parts<T: Element> {
    names: Vec<String>,
    parts: Vec<Tensor<T>>,
}

impl<T: Element> Parts<T> {
    /// A part, if there is one of this name or at this position.
    pub fn get(&self, part: impl Part) -> Option<&Tensor<T>> {
        Some(&self.parts[part.position(&self.names)?])
    }
    /// Names and parts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor<T>)> {
        self.names.iter().map(String::as_str).zip(&self.parts)
    }
    /// The parts alone, in order.
    pub fn into_vec(self) -> Vec<Tensor<T>> {
        self.parts
    }
}

/// # Panics
/// There is no such part.
impl<T: Element, P: Part> Index<P> for Parts<T> {
    type Output = Tensor<T>;
    #[track_caller]
    fn index(&self, part: P) -> &Tensor<T> {
        &self.parts[found("gradient", part, &self.names)]
    }
}

/// A Jacobian or Hessian in blocks: row i is of output i, or of tensor i, and column j by tensor j. A block has the shape of its row's
/// tensor followed by that of its column's.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, hessian_tensors};
/// let (a, b) = (Tensor::from([1.0, 2.0]), Tensor::scalar(3.0));
/// let h = hessian_tensors(|v| v[0].square().sum(()) * v[1], [("a", a), ("b", b)]);
/// assert_eq!(h.block("a", "a").to_vec(), [6.0, 0.0, 0.0, 6.0]);
/// assert_eq!(h.block("a", "b"), h.block(1, 0));
/// assert_eq!(h.matrix(), Tensor::from([[6.0, 0.0, 2.0], [0.0, 6.0, 4.0], [2.0, 4.0, 0.0]]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Blocks<T: Element> {
    rows: Vec<String>,
    columns: Vec<String>,
    /// Elements of each row's and column's tensor.
    sizes: [Vec<usize>; 2],
    blocks: Vec<Vec<Tensor<T>>>,
}

impl<T: Element> Blocks<T> {
    /// A block.
    ///
    /// # Panics
    /// There is no such row or column.
    #[track_caller]
    pub fn block(&self, row: impl Part, column: impl Part) -> &Tensor<T> {
        &self.blocks[found("row", row, &self.rows)][found("column", column, &self.columns)]
    }
    /// As [`Blocks::block`], if there is one.
    pub fn get(&self, row: impl Part, column: impl Part) -> Option<&Tensor<T>> {
        Some(&self.blocks[row.position(&self.rows)?][column.position(&self.columns)?])
    }
    /// The names of the rows; their positions, where they have none.
    pub fn rows(&self) -> &[String] {
        &self.rows
    }
    /// The names of the columns; their positions, where they have none.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
    /// All blocks as one matrix, a row for each element of the rows' tensors.
    pub fn matrix(&self) -> Tensor<T> {
        let [heights, widths] = &self.sizes;
        let [m, n] = [heights, widths].map(|sizes| sizes.iter().sum::<usize>());
        let mut elements = Vec::with_capacity(m * n);
        for (blocks, &height) in self.blocks.iter().zip(heights) {
            for i in 0..height {
                for (block, &width) in blocks.iter().zip(widths) {
                    elements.extend_from_slice(&block.as_slice()[i * width..(i + 1) * width]);
                }
            }
        }
        Tensor::new([m, n], elements).expect("the blocks fill it")
    }
}

/// Names, by position where there is none.
fn names_of<T>(list: &[(Option<String>, Tensor<T>)]) -> Result<Vec<String>> {
    let name = |(k, (name, _)): (usize, &(Option<String>, Tensor<T>))| name.clone().unwrap_or_else(|| k.to_string());
    let names: Vec<String> = list.iter().enumerate().map(name).collect();
    match names.iter().enumerate().find(|(k, name)| names[..*k].contains(name)) {
        Some((_, name)) => {
            Err(Error::argument(format!("grad: two tensors are named {name:?}; give each a name of its own")))
        }
        None => Ok(names),
    }
}

/// Each function twice: `x`, which panics on a caller's mistake, and `try_x`, which returns it.
macro_rules! functions_of_tensors {
    ($(
        $(#[$doc:meta])*
        $name:ident $try_name:ident ($f:ident -> $closure:ty, $xs:ident) -> $Out:ty, errors $errors:literal $body:block
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        #[doc = $errors]
        #[track_caller]
        pub fn $name<S: Tensors, F>($f: F, $xs: S) -> $Out
        where
            F: for<'t> FnOnce(&[Var<'t, S::Element>]) -> $closure,
        {
            $try_name($f, $xs).or_panic()
        }
        #[doc = concat!("As [`", stringify!($name), "`].")]
        ///
        /// # Errors
        #[doc = $errors]
        #[track_caller]
        pub fn $try_name<S: Tensors, F>($f: F, $xs: S) -> Result<$Out>
        where
            F: for<'t> FnOnce(&[Var<'t, S::Element>]) -> $closure,
        $body
    )*};
}

functions_of_tensors! {
    /// The gradient of a scalar function of several tensors, in parts.
    grad_tensors try_grad_tensors (f -> Var<'t, S::Element>, xs) -> Parts<S::Element>,
        errors "The closure returns a tensor; two tensors of one name."
    { Ok(try_value_and_grad_tensors(f, xs)?.1) }

    /// The value and the gradient of a scalar function of several tensors.
    value_and_grad_tensors try_value_and_grad_tensors (f -> Var<'t, S::Element>, xs) -> (S::Element, Parts<S::Element>),
        errors "The closure returns a tensor; two tensors of one name."
    {
        let (list, tape) = (xs.list(), Tape::of());
        let names = names_of(&list)?;
        let vars: Vec<Var<'_, S::Element>> = list.into_iter().map(|(_, x)| tape.var(x)).collect();
        let y = scalar_to_differentiate(f(&vars))?;
        let gradients = y.try_backward()?;
        let parts = vars.iter().map(|&x| gradients.try_wrt(x)).collect::<Result<_>>()?;
        Ok((y.item(), Parts { names, parts }))
    }

    /// The Jacobians of several outputs by several tensors, in blocks: one sweep for each output, over all its elements at once
    /// ([`Tape::vmap`]).
    jacobian_tensors try_jacobian_tensors (f -> Vec<Var<'t, S::Element>>, xs) -> Blocks<S::Element>,
        errors "Two tensors of one name; more memory than there is; a rule on the way meets what has no derivative."
    {
        let (list, tape) = (xs.list(), Tape::of());
        let names = names_of(&list)?;
        let vars: Vec<Var<'_, S::Element>> = list.into_iter().map(|(_, x)| tape.var(x)).collect();
        let outputs = f(&vars);
        blocks(&tape, &outputs, (0..outputs.len()).map(|k| k.to_string()).collect(), &vars, names)
    }

    /// The Hessian of a scalar function of several tensors, in blocks.
    hessian_tensors try_hessian_tensors (f -> Var<'t, S::Element>, xs) -> Blocks<S::Element>,
        errors "The closure returns a tensor; two tensors of one name; more memory than there is."
    {
        let (list, tape) = (xs.list(), Tape::of());
        let names = names_of(&list)?;
        let vars: Vec<Var<'_, S::Element>> = list.into_iter().map(|(_, x)| tape.var(x)).collect();
        let y = scalar_to_differentiate(f(&vars))?;
        let gradients = tape.try_grad(y, &vars)?;
        blocks(&tape, &gradients, names.clone(), &vars, names)
    }

    /// What a closure makes of each example, for all examples at once: the tensors are stacks, whose first axes count the examples, and so
    /// are the outputs. What all examples share, the closure captures as tensors (`v[0].tape().data(..)`), or as variables by
    /// [`Tape::vmap`], which this is with a tape of its own.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, vmap};
    /// // The gradient of |x|^3 at each row.
    /// let rows = Tensor::from([[3.0, 4.0], [0.6, 0.8]]);
    /// let slopes = vmap(|v| v[0].tape().grad(v[0].norm2(()).powi(3), v), [&rows]);
    /// let wanted = [45.0, 60.0, 1.8, 2.4];
    /// assert!(slopes[0].iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-14));
    /// ```
    vmap try_vmap (f -> Vec<Var<'t, S::Element>>, xs) -> Vec<Tensor<S::Element>>,
        errors "As of [`Tape::try_vmap`]."
    {
        let tape = Tape::of();
        let vars: Vec<Var<'_, S::Element>> = xs.list().into_iter().map(|(_, x)| tape.var(x)).collect();
        Ok(tape.try_vmap(&vars, |example| Ok(f(example)))?.into_iter().map(Var::value).collect())
    }
}

/// The Jacobians of all outputs by all variables.
#[inline(never)]
fn blocks<'t, T: Element>(
    tape: &'t Tape<T>,
    outputs: &[Var<'t, T>],
    rows: Vec<String>,
    xs: &[Var<'t, T>],
    columns: Vec<String>,
) -> Result<Blocks<T>> {
    let of_output = |&y: &Var<'t, T>| match tape.try_jacobian(y.on(tape), xs) {
        Ok(blocks) => Ok(blocks.into_iter().map(Var::value).collect()),
        // A rule of numbers alone is not recorded, and not mapped: an element after another.
        Err(error) if error.is_not_differentiable() => {
            let block = |&x: &Var<'t, T>| {
                let lengths: Vec<usize> = y.shape().iter().chain(x.shape().iter()).copied().collect();
                jacobian_rows(tape, y, x)?.try_reshape(Shape::of("jacobian", &lengths)?)
            };
            xs.iter().map(block).collect::<Result<Vec<Tensor<T>>>>()
        }
        Err(error) => Err(error),
    };
    let blocks = outputs.iter().map(of_output).collect::<Result<Vec<_>>>()?;
    let sizes = [outputs, xs].map(|vars| vars.iter().map(|x| x.numel()).collect());
    Ok(Blocks { rows, columns, sizes, blocks })
}
