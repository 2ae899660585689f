//! Losses as methods.

use super::{Var, same_tape};
use crate::error::{Error, Named, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{CrossEntropy, SquaredError, TensorOp};

impl<'t, T: Element> Var<'t, T> {
    /// The squared error, summed: sum (x - t)^2 over equal shapes. dL/dx = 2 (x - t).
    ///
    /// # Panics
    /// Where [`Var::try_squared_error`] fails.
    #[track_caller]
    pub fn squared_error(self, target: impl Into<Var<'t, T>>) -> Self {
        self.try_squared_error(target).or_panic()
    }
    /// As [`Var::squared_error`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_squared_error(self, target: impl Into<Var<'t, T>>) -> Result<Self> {
        let target = target.into();
        same_tape("squared_error", self.tape, target.tape)?;
        if !self.is_tensor() && !target.is_tensor() {
            return Ok((self - target).square());
        }
        Var::record_tensor_op(TensorOp::SquaredError(SquaredError), &[self, target])
    }

    /// The mean squared error of n elements.
    ///
    /// L = 1/n sum (x - t)^2. dL/dx = 2 (x - t) / n. Shapes: prediction and target equal, of any rank -> [].
    ///
    /// # Panics
    /// Where [`Var::try_mean_squared_error`] fails.
    #[track_caller]
    pub fn mean_squared_error(self, target: impl Into<Var<'t, T>>) -> Self {
        self.try_mean_squared_error(target).or_panic()
    }
    /// As [`Var::mean_squared_error`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_mean_squared_error(self, target: impl Into<Var<'t, T>>) -> Result<Self> {
        let n = self.elements("mean_squared_error")?;
        Ok(self.try_squared_error(target).named("mean_squared_error")? * T::from_f64(1.0 / n as f64))
    }

    /// The mean absolute error of n elements.
    ///
    /// L = 1/n sum |x - t|. dL/dx = sign(x - t) / n, 0 where x = t. Shapes: prediction and target broadcast -> [].
    ///
    /// # Panics
    /// Where [`Var::try_mean_absolute_error`] fails.
    #[track_caller]
    pub fn mean_absolute_error(self, target: impl Into<Var<'t, T>>) -> Self {
        self.try_mean_absolute_error(target).or_panic()
    }
    /// As [`Var::mean_absolute_error`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_mean_absolute_error(self, target: impl Into<Var<'t, T>>) -> Result<Self> {
        self.elements("mean_absolute_error")?;
        self.try_sub(target).named("mean_absolute_error")?.abs().try_mean(())
    }

    /// The mean Huber error of n elements.
    ///
    /// L = 1/n sum h(x - t), h(r) = r^2/2 where |r| <= delta, else delta (|r| - delta/2).
    /// dL/dx = clamp(x - t, -delta, delta) / n. Shapes: prediction and target broadcast -> [].
    ///
    /// Source: Huber, Robust Estimation of a Location Parameter (1964).
    ///
    /// # Panics
    /// Where [`Var::try_huber_error`] fails.
    #[track_caller]
    pub fn huber_error(self, target: impl Into<Var<'t, T>>, delta: f64) -> Self {
        self.try_huber_error(target, delta).or_panic()
    }
    /// As [`Var::huber_error`].
    ///
    /// # Errors
    /// A delta that is not above 0; shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_huber_error(self, target: impl Into<Var<'t, T>>, delta: f64) -> Result<Self> {
        self.elements("huber_error")?;
        if delta.is_nan() || delta <= 0.0 {
            return Err(Error::argument(format!("huber_error: delta is {delta}; it must be above 0")));
        }
        self.try_sub(target).named("huber_error")?.huber(delta).try_mean(())
    }

    /// Mean binary cross-entropy of n probabilities.
    ///
    /// L = -1/n sum( t ln p + (1 - t) ln(1 - p) ), in nats. dL/dp = (p - t) / (p (1 - p) n).
    /// Shapes: probabilities and targets broadcast -> []. Domain: p and t in [0, 1].
    ///
    /// Probabilities of exactly 0 or 1 are fine where the target agrees. From logits, `binary_cross_entropy_with_logits` is stable.
    ///
    /// # Panics
    /// Where [`Var::try_binary_cross_entropy`] fails.
    #[track_caller]
    pub fn binary_cross_entropy(self, target: impl Into<Var<'t, T>>) -> Self {
        self.try_binary_cross_entropy(target).or_panic()
    }
    /// As [`Var::binary_cross_entropy`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_binary_cross_entropy(self, target: impl Into<Var<'t, T>>) -> Result<Self> {
        self.elements("binary_cross_entropy")?;
        let target = target.into();
        let one = Var::constant(T::from_f64(1.0));
        let hit = target.try_xlogy(self).named("binary_cross_entropy")?;
        let miss = (one - target).try_xlogy(one - self)?;
        Ok(-hit.try_add(miss)?.try_mean(())?)
    }

    /// Mean binary cross-entropy of n logits.
    ///
    /// L = 1/n sum( max(x, 0) - x t + ln(1 + e^-|x|) ), in nats. dL/dx = (sigmoid(x) - t) / n.
    /// Shapes: logits and targets broadcast -> []. Stable for any x.
    ///
    /// # Panics
    /// Where [`Var::try_binary_cross_entropy_with_logits`] fails.
    #[track_caller]
    pub fn binary_cross_entropy_with_logits(self, target: impl Into<Var<'t, T>>) -> Self {
        self.try_binary_cross_entropy_with_logits(target).or_panic()
    }
    /// As [`Var::binary_cross_entropy_with_logits`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_binary_cross_entropy_with_logits(self, target: impl Into<Var<'t, T>>) -> Result<Self> {
        self.elements("binary_cross_entropy_with_logits")?;
        self.try_bce_with_logits(target).named("binary_cross_entropy_with_logits")?.try_mean(())
    }

    /// Mean cross-entropy of integer labels, computed from logits.
    ///
    /// `L = mean_i( logsumexp(z_i) - z_i[t_i] )`, in nats. dL/dz = (softmax(z) - onehot(t)) / n.
    /// Shapes: logits `[n, c]`, labels `[n]` -> `[]`. Stable: subtracts each row's maximum first.
    ///
    /// Source: Goodfellow, Bengio & Courville, Deep Learning, section 6.2.2.3.
    ///
    /// # Panics
    /// Where [`Var::try_cross_entropy`] fails.
    #[track_caller]
    pub fn cross_entropy(self, labels: &[usize]) -> Self {
        self.try_cross_entropy(labels).or_panic()
    }
    /// As [`Var::cross_entropy`].
    ///
    /// # Errors
    /// Logits that are no matrix; as many labels as rows are needed, and at least one; a label out of range.
    #[inline(never)]
    #[track_caller]
    pub fn try_cross_entropy(self, labels: &[usize]) -> Result<Self> {
        let Some(tape) = self.tape.filter(|_| self.is_tensor()) else {
            return Err(Error::shape("cross_entropy: logits must be [rows, classes], got a number"));
        };
        let labels = tape.pool.indices(labels);
        Var::record_tensor_op(TensorOp::CrossEntropy(CrossEntropy { labels }), &[self])
    }

    /// Mean cross-entropy of soft labels (rows of probabilities), computed from logits.
    ///
    /// L = -1/n sum_i sum_c t_ic log_softmax(z_i)_c, in nats. dL/dz = (softmax(z) - t) / n where rows of t add up to 1.
    /// Shapes: logits [n, c], labels [n, c] -> []. Stable: subtracts each row's maximum first.
    ///
    /// # Panics
    /// Where [`Var::try_cross_entropy_soft`] fails.
    #[track_caller]
    pub fn cross_entropy_soft(self, target: impl Into<Var<'t, T>>) -> Self {
        self.try_cross_entropy_soft(target).or_panic()
    }
    /// As [`Var::cross_entropy_soft`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_cross_entropy_soft(self, target: impl Into<Var<'t, T>>) -> Result<Self> {
        let shape = self.shape();
        if shape.rank() != 2 || shape[0] == 0 {
            return Err(Error::shape(format!(
                "cross_entropy_soft: logits must be [rows, classes] with at least one row, got shape {shape}"
            )));
        }
        let weighted = self.try_log_softmax(-1)?.try_mul(target).named("cross_entropy_soft")?;
        Ok(weighted.try_sum(())? * T::from_f64(-1.0 / shape[0] as f64))
    }

    /// Mean negative log-likelihood of integer labels, from rows of log-probabilities: `-mean_i x_i[t_i]`.
    ///
    /// # Panics
    /// Where [`Var::try_nll`] fails.
    #[track_caller]
    pub fn nll(self, labels: &[usize]) -> Self {
        self.try_nll(labels).or_panic()
    }
    /// As [`Var::nll`].
    ///
    /// # Errors
    /// A matrix is needed, with as many rows as labels, and labels below the number of columns.
    #[track_caller]
    pub fn try_nll(self, labels: &[usize]) -> Result<Self> {
        Ok(-self.try_pick(labels).named("nll")?.try_mean(()).named("nll")?)
    }

    /// Kullback-Leibler divergence from `q` to this distribution p, both probabilities.
    ///
    /// D = sum p (ln p - ln q), in nats, summed, not averaged; terms with p = 0 are 0.
    /// dD/dp = ln p + 1 - ln q, dD/dq = -p / q. Shapes: p and q broadcast -> [].
    ///
    /// # Panics
    /// Where [`Var::try_kl_divergence`] fails.
    #[track_caller]
    pub fn kl_divergence(self, q: impl Into<Var<'t, T>>) -> Self {
        self.try_kl_divergence(q).or_panic()
    }
    /// As [`Var::kl_divergence`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_kl_divergence(self, q: impl Into<Var<'t, T>>) -> Result<Self> {
        let q = q.into();
        self.try_xlogy(self)?.try_sub(self.try_xlogy(q).named("kl_divergence")?)?.try_sum(())
    }

    /// Mean hinge loss of n scores against targets of -1 or 1.
    ///
    /// L = 1/n sum max(0, 1 - t x). dL/dx = -t / n where t x < 1, else 0. Shapes: scores and targets broadcast -> [].
    ///
    /// # Panics
    /// Where [`Var::try_hinge`] fails.
    #[track_caller]
    pub fn hinge(self, target: impl Into<Var<'t, T>>) -> Self {
        self.try_hinge(target).or_panic()
    }
    /// As [`Var::hinge`].
    ///
    /// # Errors
    /// Shapes that do not fit; an empty prediction; operands of two tapes.
    #[track_caller]
    pub fn try_hinge(self, target: impl Into<Var<'t, T>>) -> Result<Self> {
        self.elements("hinge")?;
        (Var::constant(T::from_f64(1.0)) - self.try_mul(target).named("hinge")?).relu().try_mean(())
    }
}

impl<T: Element> Var<'_, T> {
    /// The number of elements, of which a mean needs one.
    fn elements(self, loss: &str) -> Result<usize> {
        match self.numel() {
            0 => {
                Err(Error::shape(format!("{loss}: the prediction has shape {}, no elements to average", self.shape())))
            }
            n => Ok(n),
        }
    }
}
