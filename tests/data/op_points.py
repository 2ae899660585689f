#!/usr/bin/env python3
"""Writes reference points for tests/engine/op_accuracy.rs: python3 tests/data/op_points.py > tests/data/op_points.txt

Needs mpmath (pip install mpmath). A block begins with the op and its parameter. A line is the argument, the value, and three
derivatives, each rounded to f64, as bits in hex, and at its end what rounding the value left out, in thousandths of its last
place. Every other argument is an f32. Values are mpmath's at 60 digits and more, derivatives closed forms of them.
"""
import random
import struct
from mpmath import mp, mpf
from math_points import bits, rounded, from_bits

random.seed(20261129)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def log_cosh(x):
    t = mp.tanh(x)
    return mp.log(mp.cosh(x)), t, 1 - t * t, -2 * t * (1 - t * t)


def logit(x):
    return mp.log(x / (1 - x)), 1 / x + 1 / (1 - x), 1 / (1 - x) ** 2 - 1 / x**2, 2 / (1 - x) ** 3 + 2 / x**3


def erfinv(x):
    y = mp.erfinv(x)
    first = mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
    return y, first, 2 * y * first**2, first**3 * (2 + 8 * y * y)


def erfcx(n):
    def derivatives(x):
        found = [mp.exp(x * x) * mp.erfc(x)]
        found.append(2 * x * found[0] - 2 / mp.sqrt(mp.pi))
        while len(found) < n + 4:
            k = len(found)
            found.append(2 * x * found[k - 1] + 2 * (k - 1) * found[k - 2])
        return found[n : n + 4]

    return derivatives


def normal_cdf(x):
    density = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
    return mp.erfc(-x / mp.sqrt(2)) / 2, density, -x * density, (x * x - 1) * density


def normal_pdf(x):
    y = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
    return y, -x * y, (x * x - 1) * y, (3 * x - x**3) * y


def log_normal_cdf(x):
    value = mp.erfc(-x / mp.sqrt(2)) / 2
    first = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / value
    second = -first * (x + first)
    return mp.log(value), first, second, -second * (x + first) - first * (1 + second)


def uniform(a, b):
    return lambda: random.uniform(a, b)


def powers(low, high, signs=(1, -1)):
    return lambda: random.choice(signs) * random.uniform(1, 2) * 2.0 ** random.randint(low, high)


def beside(end, low, high):
    """As near to the end as 2^low, on this side of it."""
    return lambda: end - (1 if end > 0 else -1) * random.uniform(1, 2) * 2.0 ** random.randint(low, high)


scaled = [uniform(-5, 0), uniform(-26, 0), uniform(0, 1), uniform(0, 4), uniform(0, 40), powers(-60, -3), powers(3, 24, (1,))]
OPS = [
    ("log_cosh", 0, log_cosh, [uniform(-1, 1), uniform(-5, 5), uniform(-25, 25), powers(-60, -2), powers(4, 100), lambda: 20.0 + random.uniform(-1, 1)]),
    ("logit", 0, logit, [uniform(0, 1), uniform(0.2, 0.3), powers(-300, -2, (1,)), powers(-100, -2, (1,)), beside(1.0, -52, -2), lambda: 0.5 + random.uniform(-1, 1) * 2.0 ** random.randint(-40, -3)]),
    ("erfinv", 0, erfinv, [uniform(-1, 1), uniform(0.65, 0.75), powers(-100, -2), beside(1.0, -52, -2), beside(-1.0, -52, -2), beside(1.0, -24, -2)]),
    ("erfcx", 0, erfcx(0), scaled),
    ("erfcx_derivative", 1, erfcx(1), scaled),
    ("normal_pdf", 0, normal_pdf, [uniform(-1, 1), uniform(-5, 5), uniform(-12, 12), uniform(-37, 37), powers(-60, -2)]),
    ("normal_cdf", 0, normal_cdf, [uniform(-1, 1), uniform(-5, 5), uniform(-12, 0), uniform(-37, 0), uniform(0, 9), powers(-60, -2)]),
    ("log_normal_cdf", 0, log_normal_cdf, [uniform(-1, 1), uniform(-5, 5), uniform(-40, 0), uniform(0, 9), powers(-60, -2), powers(3, 20, (-1,)), lambda: -1e3]),
]

for name, parameter, f, makers in OPS:
    print("op", name, parameter)
    for i in range(96):
        x = makers[i % len(makers)]()
        x = single(x) if i // len(makers) % 2 else x
        # Differences of numbers that agree in as many digits as four powers of x have.
        mp.dps = 80 + 8 * abs(int(mp.log10(abs(x)))) if x else 80
        if name in ("logit", "erfinv") and abs(x) >= 1 or x == 0:
            continue
        found = f(mpf(x))
        value, rest = rounded(found[0])
        print(*(f"{bits(y):x}" for y in (x, value, *(rounded(y)[0] for y in found[1:]))), rest)
