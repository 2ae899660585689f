//! Penalties on parameters, as part of the graph.

use super::{Param, ParamKey, Params, Pass, Role, matches};
use crate::{Element, Error, Result, Var};
use serde::{Deserialize, Serialize};

/// A term that is added to the loss: lambda / (2 m) sum w^2, or lambda / m sum |w|, over weights; m is the number of training
/// examples, which the caller knows. Gradients lambda w / m, and lambda sign(w) / m with 0 at 0.
///
/// Weights alone unless told otherwise: biases, scales and statistics are spared. Source: Ng's J(Theta); Nielsen, Neural
/// Networks and Deep Learning, chapter 3, equations 85 and 95.
///
/// # Examples
/// ```
/// use retrograd::nn::{Init, Mlp, Pass, Penalty};
/// use retrograd::Tape;
/// let model = Mlp::new(2).dense(3).init(Init::Constant(2.0)).build::<f64>(0)?;
/// let tape = Tape::new();
/// let pass = Pass::eval(&tape, model.params());
/// let term = Penalty::l2(0.5).value(&pass, 10).unwrap();
/// assert_eq!(term.item(), 0.5 / 20.0 * 6.0 * 4.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Penalty {
    norm: Norm,
    lambda: f64,
    roles: Option<Vec<Role>>,
    pattern: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Norm {
    L1,
    L2,
}

impl Penalty {
    /// lambda / (2 m) sum w^2.
    pub fn l2(lambda: f64) -> Self {
        Self { norm: Norm::L2, lambda, roles: None, pattern: None }
    }
    /// lambda / m sum |w|.
    pub fn l1(lambda: f64) -> Self {
        Self { norm: Norm::L1, lambda, roles: None, pattern: None }
    }
    /// Sets the roles of the parameters that count.
    pub fn roles(mut self, roles: &[Role]) -> Self {
        self.roles = Some(roles.to_vec());
        self
    }
    /// Counts parameters of this name (or start of names and `*`) alone: of any role, unless roles are given.
    pub fn only(mut self, pattern: impl Into<String>) -> Self {
        self.pattern = Some(pattern.into());
        self
    }

    /// An error if the factor makes no sense, or no parameter is meant.
    ///
    /// # Errors
    /// A lambda that is negative or not finite; a name that no parameter has.
    pub fn validate<T: Element>(&self, params: &Params<T>) -> Result<()> {
        if !(self.lambda >= 0.0 && self.lambda.is_finite()) {
            return Err(Error::argument(format!("penalty: lambda is 0 or more, got {}", self.lambda)));
        }
        match &self.pattern {
            Some(pattern) if !params.iter().any(|(_, param)| matches(pattern, param.name())) => {
                Err(params.no_such(pattern).within("penalty"))
            }
            _ => Ok(()),
        }
    }

    /// The term for m training examples; none where it is 0 because no parameter is meant or lambda is 0.
    ///
    /// # Panics
    /// m is 0.
    pub fn value<'t, T: Element>(&self, pass: &Pass<'t, T>, m: usize) -> Option<Var<'t, T>> {
        assert!(m > 0, "penalty: m is the number of training examples, got 0");
        if self.lambda == 0.0 {
            return None;
        }
        let size = |key: ParamKey| {
            let w = pass.param(key);
            match self.norm {
                Norm::L1 => w.abs().sum(()),
                Norm::L2 => w.square().sum(()),
            }
        };
        let meant = pass.params().iter().filter(|(_, param)| self.covers(param));
        let total = meant.map(|(key, _)| size(key)).reduce(|sum, next| sum + next)?;
        let parts = if self.norm == Norm::L2 { 2.0 } else { 1.0 };
        Some(total * T::from_f64(self.lambda / (parts * m as f64)))
    }

    fn covers<T: Element>(&self, param: &Param<T>) -> bool {
        let named = self.pattern.as_ref().is_none_or(|pattern| matches(pattern, param.name()));
        let of_role = match (&self.roles, &self.pattern) {
            (Some(roles), _) => roles.contains(&param.role()),
            (None, Some(_)) => param.role() != Role::Statistic,
            (None, None) => param.role() == Role::Weight,
        };
        named && of_role
    }
}
