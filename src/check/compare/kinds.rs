//! The kinds of mistakes.

/// What kind of mistake explains a hand-coded gradient.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::Compare, check::compare::Kind};
/// let x = Tensor::from([1.0, -2.0]);
/// let report = Compare::new(|p| (p[0] * &x).sum(()).square())
///     .parameter("w", [3.0, 1.0])
///     .hand("w", [-2.0, 4.0]) // the gradient is [2, -4]
///     .run()?;
/// let found = report.diagnosis.kind().expect("an explanation");
/// assert!(matches!(found, Kind::Factor | Kind::RuleNegated));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The gradient times a constant: a sign, 2, 1/m.
    Factor,
    /// The gradient transposed.
    Transposed,
    /// The right numbers in another shape.
    Reshaped,
    /// The gradient of the regularisation term is missing, or has another factor, or is put on what is not regularised.
    Regularisation,
    /// Rows or columns in another order.
    Permuted,
    /// The gradient by another parameter.
    OtherParameter,
    /// Axes along which a broadcast stretched were not summed over.
    NotSummed,
    /// A wrong shape: factors of the derivative are missing.
    MissingFactors,
    /// One example's contribution instead of that of all.
    OneExample,
    /// The derivative of an op, or a factor of it, left out.
    RuleLeftOut,
    /// The derivative of an op with the other sign.
    RuleNegated,
    /// A path from the output that was forgotten.
    PathForgotten,
    /// The contribution of an op to one of its arguments forgotten.
    ArgumentForgotten,
    /// The derivative of an op applied twice.
    RuleTwice,
    /// A derivative written in terms of the op's output, computed with its input.
    InputForOutput,
    /// A derivative computed at the op's output instead of its input: s'(a) for s'(z).
    OutputForInput,
    /// Another formula for the derivative of an activation: 1 - a for 1 - a^2, or that of another activation.
    OtherDerivative,
    /// Another choice of the derivative at a kink: >= for >.
    Kink,
    /// The diagonal of a Jacobian alone, as for softmax.
    DiagonalAlone,
    /// An operand of a matrix product transposed, or not transposed where it should be.
    TransposedOperand,
    /// A factor of a derivative taken from elsewhere: the wrong layer's activations or weights.
    OtherValue,
    /// An exponent in a derivative off by one: 1/s for 1/s^2.
    WrongExponent,
    /// The derivatives by two arguments exchanged.
    ArgumentsExchanged,
    /// The derivative of one op with a wrong factor.
    RuleScaled,
    /// An op left out of the function.
    OpLeftOut,
    /// An op applied twice.
    OpTwice,
    /// An operand, such as the target, dropped.
    OperandDropped,
    /// An operand with the other sign.
    OperandNegated,
    /// The derivative of another loss.
    OtherLoss,
}
