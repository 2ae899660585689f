//! The gradient of each example, in one call: of a clip before the mean, of noise for privacy, of which example pulls where.

use super::{Model, ParamGrads, ParamKey, Pass};
use crate::{Element, Error, Result, Tape, Tensor, Var};

/// Losses and gradients of examples one by one.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::Mlp};
/// let model = Mlp::new(1).dense(1).build::<f64>(0)?;
/// let each = model.per_example(&[&Tensor::from([[1.0], [2.0]])], |output, _| output.sum(()))?;
/// let weight = model.params().find("dense1.weight").unwrap();
/// assert_eq!(each.gradients.get(weight).unwrap().to_vec(), [1.0, 2.0]);
/// assert_eq!(each.losses.shape().dims(), [2]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct PerExample<T: Element> {
    /// The loss of each, `[n]`.
    pub losses: Tensor<T>,
    /// The gradient of each by every trainable parameter: an axis of examples before the parameter's own.
    pub gradients: ParamGrads<T>,
}

impl<T: Element> Model<T> {
    /// The gradient of each example's loss by every parameter that is trained, all in one pass over the batch: the first tensor has the
    /// inputs, the others what else the loss reads of an example (targets, weights), each with an axis of examples in front. The closure is
    /// given the output for one example and the rest of it, and gives a number. The model is in use, not in training: dropout is off,
    /// batch norms use what they observed.
    ///
    /// The closure is mapped over the examples ([`Tape::vmap`]), and so is what it may not do. Memory: the gradients of n examples are n
    /// times the parameters.
    ///
    /// # Errors
    /// Inputs that do not fit the model; other tensors of another number of examples; a loss that is no number; what
    /// [`Tape::try_vmap`] refuses.
    ///
    /// A class's label is a number of the example: of logits o, `-o.log_softmax(0).take_along(rest[0], 0).sum(())` with labels of shape
    /// `[n, 1]`; or a row of 0 and 1, by `cross_entropy_soft`.
    ///
    /// # Examples
    /// Each example's gradient clipped to a length of 1, and their mean:
    /// ```
    /// use retrograd::Tensor;
    /// use retrograd::nn::Mlp;
    /// let model = Mlp::new(2).dense(3).tanh().dense(1).build::<f64>(0)?;
    /// let (x, y) = (Tensor::from([[0.5, -1.0], [2.0, 0.0], [1.0, 1.0]]), Tensor::from([[1.0], [0.0], [-1.0]]));
    /// let each = model.per_example(&[&x, &y], |output, rest| output.squared_error(rest[0]))?;
    /// assert_eq!(each.losses.shape().dims(), [3]);
    /// let key = model.params().find("dense1.weight").unwrap();
    /// let gradients = each.gradients.get(key).unwrap();
    /// assert_eq!(gradients.shape().dims(), [3, 2, 3]);
    /// let lengths = gradients.norm2([1, 2]).reshape([3, 1, 1]);
    /// let clipped = (gradients / lengths.maximum(1.0)).mean(0);
    /// assert_eq!(clipped.shape().dims(), [2, 3]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn per_example(
        &self,
        examples: &[&Tensor<T>],
        loss: impl for<'t> FnOnce(Var<'t, T>, &[Var<'t, T>]) -> Var<'t, T>,
    ) -> Result<PerExample<T>> {
        let Some((inputs, _)) = examples.split_first() else {
            return Err(Error::argument("per_example: no inputs; give them first, and after them what the loss reads"));
        };
        self.check_batch(inputs.shape())?;
        let tape = Tape::of();
        let trained = self.params().iter().filter(|(_, param)| param.is_trainable());
        let params: Vec<(ParamKey, Var<'_, T>)> = trained.map(|(key, param)| (key, tape.var(param.value()))).collect();
        let by: Vec<Var<'_, T>> = params.iter().map(|&(_, var)| var).collect();
        let pass = params.iter().fold(Pass::eval(&tape, self.params()), |pass, &(key, var)| pass.with(key, var));
        let pass = pass.forgiving();
        let stacks: Vec<Var<'_, T>> = examples.iter().map(|&x| tape.data(x)).collect();
        let found = tape.try_vmap(&stacks, |example| {
            let output = self.forward(example[0].try_unsqueeze(0)?, &pass).try_squeeze(0)?;
            pass.check()?;
            let loss = loss(output, &example[1..]);
            let gradients = tape.try_grad(loss, &by)?;
            Ok(std::iter::once(loss).chain(gradients).collect())
        })?;
        let mut gradients = ParamGrads::with_room(params.len());
        for ((key, _), gradient) in params.iter().zip(&found[1..]) {
            gradients.insert(*key, gradient.value());
        }
        Ok(PerExample { losses: found[0].value(), gradients })
    }
}
