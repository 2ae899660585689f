"""Names that retrograd's formulas know without a prefix, for running the same text in Python.

    python3 -c 'from retrograd_prelude import *; exec(open("network.py").read())'

A file for `retrograd check` is Python but for these names: functions that NumPy does not have (`sigmoid`, `softmax`, `pick`),
functions that it has under a prefix (`exp`, `dot`), and `load`. Some names of Python's own are NumPy's here: `sum(x, axis, keepdims)`,
`max`, `min`, `abs`, `round`. Needs nothing but NumPy.
"""

import builtins as _builtins
import math as _math
import statistics as _statistics

import numpy as np
from numpy import (
    abs, add, all, allclose, any, arange, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, argmax, argmin, argsort, array,
    array_equal, asarray, broadcast_to, cbrt, ceil, clip, concatenate, copy, cos, cosh, count_nonzero, cross, cumprod, cumsum, diag,
    diff, divide, dot, e, einsum, empty_like, equal, exp, exp2, expand_dims, expm1, eye, flip, floor, full, full_like, greater,
    greater_equal, hstack, hypot, identity, inf, inner, isclose, isfinite, isinf, isnan, less, less_equal, linalg, linspace, log, log10,
    log1p, log2, logaddexp, logical_and, logical_not, logical_or, matmul, maximum, median, minimum, mod, moveaxis,
    multiply, nan, nan_to_num, negative, newaxis, nonzero, not_equal, ones, ones_like, outer, pad, pi, power, ravel, reciprocal,
    repeat, reshape, roll, round, sign, sin, sinc, sinh, size, sort, split, sqrt, square, squeeze, stack, subtract, swapaxes,
    take, take_along_axis, tan, tanh, tensordot, tile, trace, transpose, tril, triu, vstack, where, zeros, zeros_like,
)

asin, acos, atan, asinh, acosh, atanh, atan2 = arcsin, arccos, arctan, arcsinh, arccosh, arctanh, arctan2
ln, pow, powf, powi, clamp, det, inv, solve, norm = log, power, power, power, clip, linalg.det, linalg.inv, linalg.solve, linalg.norm


def _reduction(of):
    def reduced(x, axis=None, keepdims=False):
        return of(x, axis=axis, keepdims=keepdims)

    return reduced


# NumPy's own take a dtype in third place.
sum, mean, max, min, prod, var, std = map(_reduction, (np.sum, np.mean, np.max, np.min, np.prod, np.var, np.std))

_sum_of_all = sum


def sum(x, axis=None, keepdims=False):
    """As Python has it for a list of arrays, which are added up; else of all elements, or along an axis."""
    if axis is None and not keepdims and isinstance(x, (list, tuple)):
        if _builtins.any(isinstance(part, np.ndarray) and part.ndim for part in x):
            return _builtins.sum(x)
    return _sum_of_all(x, axis, keepdims)


erf = np.vectorize(_math.erf, otypes=[float])
erfc = np.vectorize(_math.erfc, otypes=[float])
lgamma = np.vectorize(_math.lgamma, otypes=[float])


def erfinv(x):
    """The y with erf(y) = x, for x strictly between -1 and 1."""
    y = np.vectorize(lambda x: _statistics.NormalDist().inv_cdf((x + 1) / 2) / _math.sqrt(2), otypes=[float])(x)
    return y - (erf(y) - x) * exp(square(y)) * _math.sqrt(pi) / 2


def normal_pdf(x):
    return exp(-square(x) / 2) / _math.sqrt(2 * pi)


def normal_cdf(x):
    return erfc(-np.asarray(x) / _math.sqrt(2)) / 2


def log_normal_cdf(x):
    return log(normal_cdf(x))


def sigmoid(x):
    """1 / (1 + e^-x), without overflow."""
    small = exp(-np.abs(x))
    return where(np.greater_equal(x, 0), 1.0, small) / (1.0 + small)


def logit(x):
    return log(x) - log1p(-np.asarray(x))


def softplus(x):
    return logaddexp(x, 0.0)


def log_sigmoid(x):
    return -softplus(-np.asarray(x))


def relu(x):
    return maximum(x, 0.0)


def leaky_relu(x, slope):
    return where(np.greater(x, 0), x, slope * np.asarray(x))


def elu(x, alpha):
    return where(np.greater(x, 0), x, alpha * expm1(minimum(x, 0.0)))


def celu(x, alpha):
    return where(np.greater(x, 0), x, alpha * expm1(minimum(x, 0.0) / alpha))


def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def relu6(x):
    return clip(x, 0.0, 6.0)


def gelu(x):
    return x * normal_cdf(x)


def gelu_tanh(x):
    return 0.5 * np.asarray(x) * (1 + tanh(_math.sqrt(2 / pi) * (x + 0.044715 * np.asarray(x) ** 3)))


def silu(x):
    return x * sigmoid(x)


def mish(x):
    return x * tanh(softplus(x))


def softsign(x):
    return x / (1.0 + np.abs(x))


def hard_tanh(x):
    return clip(x, -1.0, 1.0)


def hard_sigmoid(x):
    return clip(np.asarray(x) + 3.0, 0.0, 6.0) / 6


def log_cosh(x):
    return logaddexp(x, -np.asarray(x)) - _math.log(2)


def rsqrt(x):
    return 1.0 / sqrt(x)


def huber(x, delta):
    """x^2 / 2 where |x| <= delta, else delta (|x| - delta / 2)."""
    return where(np.abs(x) <= delta, 0.5 * square(x), delta * (np.abs(x) - 0.5 * delta))


def xlogy(x, y):
    """x ln(y), and 0 where x = 0."""
    return x * log(where(np.equal(x, 0), 1.0, y))


def bce_with_logits(x, y):
    return maximum(x, 0.0) - x * np.asarray(y) + log1p(exp(-np.abs(x)))


def logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True)
    total = log(sum(exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)[()]


def log_softmax(x, axis=-1):
    return x - logsumexp(x, axis, True)


def softmax(x, axis=-1):
    return exp(log_softmax(x, axis))


def pick(x, columns):
    """One element of each row."""
    return np.asarray(x)[arange(len(x)), columns]


def concat(arrays, axis=0):
    return np.concatenate(arrays, axis)


def load(path, name=None):
    """A .npy file, an array of an .npz file by its name, or the numbers of a CSV file with a header line or without."""
    if path.endswith((".npy", ".npz")):
        loaded = np.load(path)
        return loaded if name is None else loaded[name]
    with open(path) as file:
        lines = [line.split(",") for line in file.read().split("\n") if line.strip()]
    try:
        return array([[float(cell) for cell in line] for line in lines])
    except ValueError:
        return array([[float(cell) for cell in line] for line in lines[1:]])
