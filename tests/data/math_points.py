#!/usr/bin/env python3
"""Writes reference points for tests/engine/math_accuracy.rs: python3 tests/data/math_points.py [N [FUNCTION...]]

Needs mpmath (pip install mpmath). N points per function (default 110), or of the functions named. A line is the
arguments, the value rounded to f64, all as the bits of an f64 in hex, and what rounding left out, in thousandths of
the value's last place. The checked-in math_points.txt is a run with N = 110, to which the points with the largest
errors in a run with N = 40000 were added. To try the functions on many more points:

    python3 tests/data/math_points.py 40000 > /tmp/points.txt
    MATH_POINTS=/tmp/points.txt MATH_STRIDE=61 cargo test --release --test engine math_accuracy:: -- --nocapture
"""
import random
import struct
import sys
from mpmath import mp, mpf

mp.dps = 60
N = int(sys.argv[1]) if len(sys.argv) > 1 else 110
ONLY = sys.argv[2:]
random.seed(20240607)


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def from_bits(b):
    return struct.unpack("<d", struct.pack("<Q", b))[0]


def rounded(v):
    """The nearest f64 (subnormal, too) and the rest in thousandths of its last place."""
    if v == 0:
        return 0.0, 0
    if mp.isinf(v):
        return float(v), 0
    _, e = mp.frexp(v)
    unit = max(e - 53, -1074)
    n = mp.nint(mp.ldexp(v, -unit))
    rest = int(mp.nint((mp.ldexp(v, -unit) - n) * 1000))
    try:
        f = float(mp.ldexp(n, unit))
    except OverflowError:
        f = float("inf") if v > 0 else -float("inf")
    if f in (float("inf"), -float("inf")):
        rest = 0
    return f, rest


def uniform(a, b):
    return lambda: random.uniform(a, b)


def spread(low, high, signs=(1, -1)):
    """Uniform in the exponent, between 2^low and 2^high."""
    return lambda: random.choice(signs) * random.uniform(1, 2) * 2.0 ** random.randint(low, high)


def around(points, spreads=(1e-15, 1e-12, 1e-8, 1e-4, 1e-2)):
    return lambda: (lambda p: p + random.choice((1, -1)) * random.random() * random.choice(spreads) * max(abs(p), 1e-3))(random.choice(points))


def multiples(limit):
    """Next to multiples of pi/2, where sine or cosine cancels."""
    def f():
        k = int(2 ** random.uniform(0, limit)) * random.choice((1, -1))
        return from_bits(bits(float(k * mp.pi / 2)) + random.randint(-1, 1))
    return f


def any_positive():
    return from_bits(random.randint(1, bits(sys.float_info.max)))


tiny = spread(-1070, -20)
exps = [uniform(-1, 1), uniform(-40, 40), uniform(-745, 709.7), spread(-60, 4)]
hyper = [uniform(-1, 1), uniform(-3, 3), uniform(-30, 30), uniform(-710, 710), spread(-60, 4), tiny]
logs = [any_positive, uniform(0.3, 3), around([1.0]), uniform(0, 100), lambda: random.uniform(1, 2) * 2.0 ** random.randint(-1070, -1020)]
trigs = [uniform(-0.8, 0.8), uniform(-10, 10), uniform(-1e4, 1e4), uniform(-4e6, 4e6), spread(-40, 20), multiples(21)]
large = [spread(22, 49), multiples(49)]
huge = [spread(50, 1023), multiples(1000)]


def polygamma(n, x):
    if x > 0:
        return mp.psi(int(n), x)
    mp.dps += 20
    try:
        return mp.psi(int(n), x)
    finally:
        mp.dps -= 20


def pow_pair():
    x = random.choice([lambda: abs(any_positive()), uniform(0, 10), around([1.0]), uniform(0.5, 2)])()
    x = abs(x) or 1.5
    l = float(mp.log(x)) or 1e-16
    y = random.choice([random.uniform(-745, 709) / l, random.uniform(-5, 5), random.uniform(-5, 5) / l, float(random.randint(-40, 40)), random.uniform(-1100, -1000) * 0.6931 / l])
    return x, max(min(y, 1e300), -1e300)


def powi_pair():
    n = random.choice([random.randint(-9, 9), random.randint(-1000, 1000), random.randint(-2**31, 2**31 - 1)])
    x = float(mp.exp(random.uniform(-740, 709) / max(abs(n), 2))) * random.choice((1, -1)) if random.random() < 0.7 else random.uniform(-10, 10)
    return x, float(n)


def two(makers):
    return lambda: (random.choice(makers)(), random.choice(makers)())


plane = [uniform(-1, 1), uniform(-1, 1), spread(-8, 8), spread(-1070, 1020)]


def near_pair():
    x = random.choice(plane)()
    return x, x * random.choice((1, -1)) * random.uniform(0.01, 3)


cubes = [lambda: random.choice((1, -1)) * any_positive(), uniform(-30, 30), lambda: random.choice((1, -1)) * random.uniform(1, 2) * 2.0 ** random.randint(-1074, -1020)]

FUNCTIONS = {
    "exp": (mp.exp, exps),
    "exp2": (lambda x: mpf(2) ** x, [uniform(-1, 1), uniform(-50, 50), uniform(-1075, 1023.99), spread(-60, 4)]),
    "expm1": (mp.expm1, [uniform(-1, 1), uniform(-2, 2), uniform(-40, 40), uniform(0, 709.7), spread(-60, 4), tiny]),
    "ln": (mp.log, logs),
    "log2": (lambda x: mp.log(x) / mp.log(2), logs),
    "log10": (lambda x: mp.log(x) / mp.log(10), logs),
    "log1p": (mp.log1p, [uniform(-1, 1), uniform(-0.5, 0.5), uniform(0, 100), spread(-60, -1), spread(0, 1000, (1,)), tiny, lambda: -1 + 2.0 ** random.randint(-53, -1) * random.uniform(1, 2)]),
    "sin": (mp.sin, trigs),
    "cos": (mp.cos, trigs),
    "tan": (mp.tan, trigs),
    "sin_large": (mp.sin, large),
    "cos_large": (mp.cos, large),
    "tan_large": (mp.tan, large),
    "sin_huge": (mp.sin, huge),
    "cos_huge": (mp.cos, huge),
    "tan_huge": (mp.tan, huge),
    "asin": (mp.asin, [uniform(-1, 1), uniform(-0.6, 0.6), spread(-60, -2), tiny, around([1 - 1e-9, 0.5, -0.5, -1 + 1e-9], (1e-9,)), lambda: 1 - 2.0 ** random.uniform(-52, -1)]),
    "acos": (mp.acos, [uniform(-1, 1), uniform(-0.6, 0.6), spread(-60, -2), around([0.5, -0.5], (1e-9,)), lambda: random.choice((1, -1)) * (1 - 2.0 ** random.uniform(-52, -1))]),
    "atan": (mp.atan, [uniform(-1, 1), uniform(-4, 4), uniform(-0.5, 0.5), spread(-60, 60), tiny, spread(0, 1000)]),
    "sinh": (mp.sinh, hyper),
    "cosh": (mp.cosh, hyper),
    "tanh": (mp.tanh, hyper),
    "asinh": (mp.asinh, [uniform(-1, 1), uniform(-5, 5), spread(-60, 60), tiny, spread(0, 1000)]),
    "acosh": (mp.acosh, [uniform(1, 2), uniform(1, 10), lambda: 1 + 2.0 ** random.uniform(-52, 0), spread(0, 60, (1,)), spread(0, 1000, (1,))]),
    "atanh": (mp.atanh, [uniform(-1, 1), uniform(-0.5, 0.5), spread(-60, -2), tiny, lambda: random.choice((1, -1)) * (1 - 2.0 ** random.uniform(-53, -1))]),
    "cbrt": (lambda x: mp.cbrt(x) if x > 0 else -mp.cbrt(-x), cubes),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x)), [uniform(-1, 1), uniform(-5, 5), uniform(-40, 40), uniform(-745, 0), spread(-60, 4)]),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), [uniform(-1, 1), uniform(-5, 5), uniform(-40, 40), uniform(-745, 0), spread(-60, 4)]),
    "log_sigmoid": (lambda x: -mp.log1p(mp.exp(-x)), [uniform(-1, 1), uniform(-5, 5), uniform(-40, 40), uniform(0, 745)]),
    "erf": (mp.erf, [uniform(-1, 1), uniform(-6, 6), around([0.7], (1e-3,)), uniform(0.6, 1.2), spread(-60, -1), tiny]),
    "erfc": (mp.erfc, [uniform(-1, 1), uniform(-6, 6), around([0.7, -0.7], (1e-3,)), uniform(0, 27.3), spread(-60, -1)]),
    "atan2": (lambda y, x: mp.atan2(y, x), [two(plane), near_pair]),
    "hypot": (lambda x, y: mp.sqrt(x * x + y * y), [two(plane), near_pair]),
    "pow": (lambda x, y: mp.power(x, y), [pow_pair]),
    "powi": (lambda x, n: mp.power(x, int(n)), [powi_pair]),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))) if x < 1e6 else mp.re(mp.loggamma(x)), [uniform(0, 4), uniform(0, 20), around([1.0, 2.0]), spread(-60, 3, (1,)), spread(0, 1000, (1,)), lambda: 1e-3 + random.uniform(-1.9, 0)]),
    "digamma": (mp.digamma, [uniform(0, 4), uniform(0, 20), around([1.4616321449683623]), spread(-60, 3, (1,)), spread(0, 1000, (1,))]),
    "polygamma": (polygamma, [lambda: (float(random.randint(1, 5)), random.choice([uniform(0, 4), uniform(0, 30), spread(-20, 40, (1,))])()), lambda: (float(random.randint(1, 20)), random.uniform(0.1, 60)), lambda: (float(random.choice((1, 3, 5))), random.uniform(-20, 0))]),
}

if __name__ == "__main__":
    for name, (f, makers) in FUNCTIONS.items():
        if ONLY and name not in ONLY:
            continue
        print("fn", name)
        slow = name in ("lgamma", "digamma", "polygamma", "erfc")
        mp.dps = 400 if name.endswith("huge") else 60
        for i in range(min(N, 2000) if slow else N):
            args = makers[i % len(makers)]()
            args = args if isinstance(args, tuple) else (args,)
            if any(a != a or abs(a) == float("inf") for a in args) or args[-1] == 0 and len(args) == 1:
                continue
            v, rest = rounded(f(*map(mpf, args)))
            print(*(f"{bits(a):x}" for a in args), f"{bits(v):x}", rest)
