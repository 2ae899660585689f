//! Losses as methods of variables and tensors.

use super::methods::methods;
use super::{Var, same_tape};
use crate::error::{Error, Named, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{CrossEntropy, SquaredError, TensorOp};
use crate::tensor::Tensor;

methods! {
    /// Losses.
    errors "Shapes that do not fit; an empty prediction."

    /// The squared error, summed: sum (x - t)^2 over equal shapes. dL/dx = 2 (x - t).
    squared_error try_squared_error(x, into target) -> Self {
        same_tape("squared_error", x.tape, target.tape)?;
        if !x.is_tensor() && !target.is_tensor() {
            return Ok((x - target).square());
        }
        Var::record_tensor_op(TensorOp::SquaredError(SquaredError), &[x, target])
    }

    /// The mean squared error of n elements.
    ///
    /// L = 1/n sum (x - t)^2. dL/dx = 2 (x - t) / n. Shapes: prediction and target equal, of any rank -> [].
    mean_squared_error try_mean_squared_error(x, into target) -> Self {
        let n = x.elements("mean_squared_error")?;
        Ok(x.try_squared_error(target).named("mean_squared_error")? * T::from_f64(1.0 / n as f64))
    }

    /// The mean absolute error of n elements.
    ///
    /// L = 1/n sum |x - t|. dL/dx = sign(x - t) / n, 0 where x = t. Shapes: prediction and target broadcast -> [].
    mean_absolute_error try_mean_absolute_error(x, into target) -> Self {
        x.elements("mean_absolute_error")?;
        x.try_sub(target).named("mean_absolute_error")?.abs().try_mean(())
    }

    /// The mean Huber error of n elements.
    ///
    /// L = 1/n sum h(x - t), h(r) = r^2/2 where |r| <= delta, else delta (|r| - delta/2).
    /// dL/dx = clamp(x - t, -delta, delta) / n. Shapes: prediction and target broadcast -> [].
    ///
    /// Source: Huber, Robust Estimation of a Location Parameter (1964).
    huber_error try_huber_error(x, into target; delta: f64) -> Self,
        errors "A delta that is not above 0."
    {
        x.elements("huber_error")?;
        if delta.is_nan() || delta <= 0.0 {
            return Err(Error::argument(format!("huber_error: delta is {delta}; it must be above 0")));
        }
        x.try_sub(target).named("huber_error")?.huber(delta).try_mean(())
    }

    /// Mean binary cross-entropy of n probabilities.
    ///
    /// L = -1/n sum( t ln p + (1 - t) ln(1 - p) ), in nats. dL/dp = (p - t) / (p (1 - p) n).
    /// Shapes: probabilities and targets broadcast -> []. Domain: p and t in [0, 1].
    ///
    /// Probabilities of exactly 0 or 1 are fine where the target agrees. From logits, `binary_cross_entropy_with_logits` is stable.
    binary_cross_entropy try_binary_cross_entropy(x, into target) -> Self {
        x.elements("binary_cross_entropy")?;
        let one = Var::constant(T::from_f64(1.0));
        let hit = target.try_xlogy(x).named("binary_cross_entropy")?;
        let miss = (one - target).try_xlogy(one - x)?;
        Ok(-hit.try_add(miss)?.try_mean(())?)
    }

    /// Mean binary cross-entropy of n logits.
    ///
    /// L = 1/n sum( max(x, 0) - x t + ln(1 + e^-|x|) ), in nats. dL/dx = (sigmoid(x) - t) / n.
    /// Shapes: logits and targets broadcast -> []. Stable for any x.
    binary_cross_entropy_with_logits try_binary_cross_entropy_with_logits(x, into target) -> Self {
        x.elements("binary_cross_entropy_with_logits")?;
        x.try_bce_with_logits(target).named("binary_cross_entropy_with_logits")?.try_mean(())
    }

    /// Mean cross-entropy of integer labels, computed from logits.
    ///
    /// `L = mean_i( logsumexp(z_i) - z_i[t_i] )`, in nats. dL/dz = (softmax(z) - onehot(t)) / n.
    /// Shapes: logits `[n, c]`, labels `[n]` -> `[]`. Stable: subtracts each row's maximum first.
    ///
    /// Source: Goodfellow, Bengio & Courville, Deep Learning, section 6.2.2.3.
    cross_entropy try_cross_entropy(x; labels: &[usize]) -> Self,
        errors "Logits that are no matrix; as many labels as rows are needed, and at least one; a label out of range."
    {
        let Some(tape) = x.tape.filter(|_| x.is_tensor()) else {
            return Err(Error::shape("cross_entropy: logits must be [rows, classes], got a number"));
        };
        let labels = tape.pool.indices(labels);
        Var::record_tensor_op(TensorOp::CrossEntropy(CrossEntropy { labels }), &[x])
    }

    /// Mean cross-entropy of soft labels (rows of probabilities), computed from logits.
    ///
    /// L = -1/n sum_i sum_c t_ic log_softmax(z_i)_c, in nats. dL/dz = (softmax(z) - t) / n where rows of t add up to 1.
    /// Shapes: logits [n, c], labels [n, c] -> []. Stable: subtracts each row's maximum first.
    cross_entropy_soft try_cross_entropy_soft(x, into target) -> Self {
        let shape = x.shape();
        if shape.rank() != 2 || shape[0] == 0 {
            return Err(Error::shape(format!(
                "cross_entropy_soft: logits must be [rows, classes] with at least one row, got shape {shape}"
            )));
        }
        let weighted = x.try_log_softmax(-1)?.try_mul(target).named("cross_entropy_soft")?;
        Ok(weighted.try_sum(())? * T::from_f64(-1.0 / shape[0] as f64))
    }

    /// Mean negative log-likelihood of integer labels, from rows of log-probabilities: `-mean_i x_i[t_i]`.
    nll try_nll(x; labels: &[usize]) -> Self,
        errors "A matrix is needed, with as many rows as labels, and labels below the number of columns."
    {
        Ok(-x.try_pick(labels).named("nll")?.try_mean(()).named("nll")?)
    }

    /// Kullback-Leibler divergence from `q` to this distribution p, both probabilities.
    ///
    /// D = sum p (ln p - ln q), in nats, summed, not averaged; terms with p = 0 are 0.
    /// dD/dp = ln p + 1 - ln q, dD/dq = -p / q. Shapes: p and q broadcast -> [].
    kl_divergence try_kl_divergence(x, into q) -> Self {
        x.try_xlogy(x)?.try_sub(x.try_xlogy(q).named("kl_divergence")?)?.try_sum(())
    }

    /// Mean hinge loss of n scores against targets of -1 or 1.
    ///
    /// L = 1/n sum max(0, 1 - t x). dL/dx = -t / n where t x < 1, else 0. Shapes: scores and targets broadcast -> [].
    hinge try_hinge(x, into target) -> Self {
        x.elements("hinge")?;
        (Var::constant(T::from_f64(1.0)) - x.try_mul(target).named("hinge")?).relu().try_mean(())
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
