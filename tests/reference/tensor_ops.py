"""Writes tensor_ops.json: ops on whole tensors at points, in the format of ops.json with an mpmath block alone.

Each op is its definition in a few lines over arrays of mpmath numbers, at 700 digits; derivatives are differences of step 1e-150. Where jax
is installed, its value and gradients of the same op by its own name are held against that, to 1e-11: python3 tensor_ops.py.
"""

import itertools
import json
import os

import mpmath as mp
import numpy as np

mp.mp.dps = 700
STEP = mp.mpf(10) ** -150


def array(shape, f):
    out = np.empty(shape, dtype=object)
    for at in np.ndindex(*shape):
        out[at] = f(at)
    return out


def windows(x, size, stride, padding, dilation):
    """The elements of every window over the last axes, by window; none where there is padding."""
    axes = x.shape[-len(size):]
    counts = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(axes, size, stride, padding, dilation)]
    for window in np.ndindex(*counts):
        places = []
        for k in np.ndindex(*size):
            at = [w * s + i * d - p for w, s, i, d, p in zip(window, stride, k, dilation, padding)]
            places.append((k, tuple(at) if all(0 <= i < n for i, n in zip(at, axes)) else None))
        yield window, places


def numbers(params, rank):
    each = lambda key, default: (lambda n: n if isinstance(n, list) else [n] * rank)(params.get(key, default))
    return each("stride", 1), each("padding", 0), each("dilation", 1)


def conv(params, x, w):
    rank = x.ndim - 2
    stride, padding, dilation = numbers(params, rank)
    groups = params.get("groups", 1)
    outputs, channels = w.shape[0] // groups, w.shape[1]
    all_windows = list(windows(x, w.shape[2:], stride, padding, dilation))
    counts = tuple(max(window[a] for window, _ in all_windows) + 1 for a in range(rank))
    out = array((x.shape[0], w.shape[0]) + counts, lambda _: mp.mpf(0))
    for n, o, (window, places) in itertools.product(range(x.shape[0]), range(w.shape[0]), all_windows):
        for c, (k, at) in itertools.product(range(channels), places):
            if at is not None:
                out[(n, o) + window] += x[(n, o // outputs * channels + c) + at] * w[(o, c) + k]
    return out


def pool(params, x, of):
    size = params["size"]
    rank = len(size)
    stride, padding, dilation = numbers({"stride": size, **params}, rank)
    all_windows = list(windows(x, size, stride, padding, dilation))
    counts = tuple(max(window[a] for window, _ in all_windows) + 1 for a in range(rank))
    front = x.shape[:-rank]
    out = np.empty(front + counts, dtype=object)
    for lead, (window, places) in itertools.product(np.ndindex(*front), all_windows):
        out[lead + window] = of([x[lead + at] for _, at in places if at is not None], len(places))
    return out


def along(x, axis, f):
    return np.apply_along_axis(lambda row: np.array(f(list(row)), dtype=object), axis, x)


def einsum(params, *x):
    inputs, output = params["letters"].split("->")
    lengths = {}
    for letters, operand in zip(inputs.split(","), x):
        lengths.update(zip(letters, operand.shape))
    summed = [letter for letter in lengths if letter not in output]

    def element(at):
        known = dict(zip(output, at))
        total = mp.mpf(0)
        for rest in np.ndindex(*[lengths[letter] for letter in summed]):
            index = {**known, **dict(zip(summed, rest))}
            term = mp.mpf(1)
            for letters, operand in zip(inputs.split(","), x):
                term *= operand[tuple(index[letter] for letter in letters)]
            total += term
        return total

    return array(tuple(lengths[letter] for letter in output), element)


def each_matrix(f, *x):
    lead = x[0].shape[:-2]
    parts = [f(*[operand[at] for operand in x]) for at in np.ndindex(*lead)]
    return np.array(parts, dtype=object).reshape(lead + np.asarray(parts[0], dtype=object).shape)


def solved(a, b):
    return mp.inverse(mp.matrix(a.tolist())) * mp.matrix(b.tolist())


def as_array(m):
    return np.array(m.tolist(), dtype=object)


def lstsq(a, b):
    m = mp.matrix(a.tolist())
    y = mp.matrix(b.tolist())
    if m.rows >= m.cols:
        return as_array(mp.inverse(m.T * m) * (m.T * y))
    return as_array(m.T * (mp.inverse(m * m.T) * y))


def expm(a):
    m = mp.matrix(a.tolist())
    scale = 40
    m = m / mp.mpf(2) ** scale
    term = mp.eye(m.rows)
    total = mp.eye(m.rows)
    for k in range(1, 80):
        term = term * m / k
        total += term
        if mp.mnorm(term, 1) < mp.mpf(10) ** -730:
            break
    for _ in range(scale):
        total = total * total
    return as_array(total)


def take_along(x, positions, axis):
    return np.take_along_axis(x, np.array(positions), axis)


def put_along(x, positions, axis, length):
    shape = list(x.shape)
    shape[axis] = length
    out = array(shape, lambda _: mp.mpf(0))
    for at in np.ndindex(*x.shape):
        to = list(at)
        to[axis] = np.array(positions)[at]
        out[tuple(to)] += x[at]
    return out


OPS = {
    "einsum": einsum,
    "kron": lambda p, a, b: np.kron(a, b),
    "lstsq": lambda p, a, b: each_matrix(lstsq, a, b),
    "expm": lambda p, a: each_matrix(expm, a),
    "sort": lambda p, x: along(x, p["axis"], sorted),
    "topk": lambda p, x: along(x, p["axis"], lambda row: sorted(row, reverse=True)[: p["k"]]),
    "take_along": lambda p, x: take_along(x, p["positions"], p["axis"]),
    "put_along": lambda p, x: put_along(x, p["positions"], p["axis"], p["length"]),
    "cummax": lambda p, x: along(x, p["axis"], lambda row: list(itertools.accumulate(row, max))),
    "cummin": lambda p, x: along(x, p["axis"], lambda row: list(itertools.accumulate(row, min))),
    "cumlogsumexp": lambda p, x: along(
        x, p["axis"], lambda row: [mp.log(total) for total in itertools.accumulate(mp.exp(v) for v in row)]
    ),
    "conv": conv,
    "max_pool": lambda p, x: pool(p, x, lambda inside, n: max(inside)),
    "avg_pool": lambda p, x: pool(p, x, lambda inside, n: mp.fsum(inside) / n),
    "inv": lambda p, a: each_matrix(lambda a: as_array(mp.inverse(mp.matrix(a.tolist()))), a),
    "det": lambda p, a: each_matrix(lambda a: mp.det(mp.matrix(a.tolist())), a),
    "solve": lambda p, a, b: each_matrix(lambda a, b: as_array(solved(a, b)), a, b),
}


def with_jax(op, params, inputs):
    """Value and gradients by jax's own functions, for what has one; a check of the definitions above."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def conv_of(x, w):
        rank = x.ndim - 2
        stride, padding, dilation = numbers(params, rank)
        return jax.lax.conv_general_dilated(
            x, w, stride, [(p, p) for p in padding], rhs_dilation=dilation, feature_group_count=params.get("groups", 1)
        )

    def pool_of(x, start, combine):
        rank = len(params["size"])
        stride, padding, _ = numbers({"stride": params["size"], **params}, rank)
        front = x.ndim - rank
        return jax.lax.reduce_window(
            x, start, combine, (1,) * front + tuple(params["size"]), (1,) * front + tuple(stride),
            ((0, 0),) * front + tuple((p, p) for p in padding),
        )

    axis = params.get("axis")
    functions = {
        "einsum": lambda *x: jnp.einsum(params["letters"], *x),
        "kron": jnp.kron,
        "expm": jax.scipy.linalg.expm,
        "sort": lambda x: jnp.sort(x, axis),
        "take_along": lambda x: jnp.take_along_axis(x, jnp.array(params["positions"]), axis),
        "cummax": lambda x: jax.lax.cummax(x, axis % x.ndim),
        "cummin": lambda x: jax.lax.cummin(x, axis % x.ndim),
        "cumlogsumexp": lambda x: jax.lax.cumlogsumexp(x, axis % x.ndim),
        "conv": conv_of,
        "max_pool": lambda x: pool_of(x, -jnp.inf, jax.lax.max),
        "avg_pool": lambda x: pool_of(x, 0.0, jax.lax.add) / np.prod(params["size"]),
        "inv": jnp.linalg.inv,
        "det": jnp.linalg.det,
        "solve": jnp.linalg.solve,
    }
    if op not in functions:
        return None
    return jax.vjp(functions[op], *[jnp.array(x) for x in inputs])


def drawn(rng, shape):
    return np.round(rng.normal(size=shape), 4)


def points():
    rng = np.random.default_rng(19)
    n = lambda *shape: drawn(rng, shape)
    distinct = lambda *shape: np.round(rng.permutation(int(np.prod(shape))).reshape(shape) * 0.37 - 1.1, 4)
    regular = lambda *shape: n(*shape) * 0.4 + 2.0 * np.eye(shape[-2], shape[-1])
    yield "einsum", {"letters": "ij,jk->ik"}, [n(2, 3), n(3, 2)]
    yield "einsum", {"letters": "bij,bkj->bki"}, [n(2, 2, 3), n(2, 2, 3)]
    yield "einsum", {"letters": "ij,jk,ik->"}, [n(2, 3), n(3, 2), n(2, 2)]
    yield "einsum", {"letters": "iij->j"}, [n(3, 3, 2)]
    yield "einsum", {"letters": "a,b,c->cab"}, [n(2), n(2), n(2)]
    yield "kron", {}, [n(2, 2), n(2, 3)]
    yield "kron", {}, [n(3), n(2)]
    yield "lstsq", {}, [regular(4, 2), n(4, 2)]
    yield "lstsq", {}, [regular(2, 4), n(2, 1)]
    yield "lstsq", {}, [regular(2, 3, 2), n(2, 3, 1)]
    yield "expm", {}, [n(2, 2)]
    yield "expm", {}, [n(3, 3)]
    yield "expm", {}, [n(2, 2, 2)]
    yield "expm", {}, [n(2, 2) * 20]
    yield "expm", {}, [np.array([[-40.0, 3.0], [0.5, -30.0]])]
    yield "expm", {}, [np.array([[1.0, 1.0], [0.0, 1.0]])]
    yield "sort", {"axis": 0}, [distinct(4, 2)]
    yield "sort", {"axis": -1}, [distinct(2, 5)]
    yield "topk", {"axis": 1, "k": 2}, [distinct(2, 4)]
    yield "take_along", {"axis": 1, "positions": [[2, 0, 2], [1, 1, 0]]}, [n(2, 3)]
    yield "take_along", {"axis": 0, "positions": [[1, 0, 2]]}, [n(3, 3)]
    yield "put_along", {"axis": 1, "positions": [[2, 0, 2], [1, 1, 0]], "length": 4}, [n(2, 3)]
    yield "cummax", {"axis": 1}, [distinct(2, 5)]
    yield "cummin", {"axis": 0}, [distinct(5, 2)]
    yield "cumlogsumexp", {"axis": -1}, [n(2, 5)]
    yield "cumlogsumexp", {"axis": 0}, [np.array([700.0, -3.0, 710.5, 710.25, -750.0])]
    yield "conv", {}, [n(2, 2, 5), n(3, 2, 2)]
    yield "conv", {"stride": 2, "padding": 1}, [n(1, 2, 6), n(2, 2, 3)]
    yield "conv", {"stride": 2, "padding": 2, "dilation": 2, "groups": 2}, [n(1, 4, 5), n(2, 2, 3)]
    yield "conv", {}, [n(1, 2, 4, 3), n(2, 2, 2, 2)]
    yield "conv", {"stride": [2, 1], "padding": [1, 0], "dilation": [1, 2]}, [n(1, 1, 4, 5), n(2, 1, 3, 2)]
    yield "conv", {"padding": 1, "groups": 2}, [n(1, 2, 3, 3), n(2, 1, 3, 3)]
    yield "max_pool", {"size": [2]}, [distinct(2, 6)]
    yield "max_pool", {"size": [3], "stride": 2, "padding": 1}, [distinct(1, 2, 5)]
    yield "max_pool", {"size": [2, 3], "stride": [2, 1], "padding": [1, 1]}, [distinct(4, 4)]
    yield "avg_pool", {"size": [2], "padding": 1}, [n(2, 5)]
    yield "avg_pool", {"size": [2, 2], "stride": [1, 2]}, [n(1, 3, 4)]
    yield "inv", {}, [regular(2, 3, 3)]
    yield "inv", {}, [regular(2, 2, 2, 2)]
    yield "det", {}, [n(3, 2, 2)]
    yield "det", {}, [n(2, 3, 3)]
    yield "solve", {}, [regular(2, 3, 3), n(2, 3, 2)]


def case(number, op, params, inputs, rng):
    f = lambda x: OPS[op](params, *x)
    exact = [np.vectorize(mp.mpf, otypes=[object])(x) for x in inputs]
    value = np.asarray(f(exact), dtype=object)
    cotangent = drawn(rng, value.shape)
    tangents = [drawn(rng, x.shape) for x in inputs]
    total = lambda x: mp.fsum(c * y for c, y in zip(map(mp.mpf, cotangent.ravel().tolist()), np.asarray(f(x), dtype=object).ravel()))
    moved = lambda x, h, t: [a + h * np.vectorize(mp.mpf, otypes=[object])(u) for a, u in zip(x, t)]

    def bumped(x, which, at, h):
        out = [a.copy() for a in x]
        out[which][at] += h
        return out

    up, down = moved(exact, STEP, tangents), moved(exact, -STEP, tangents)
    jvp = np.asarray((np.asarray(f(up), dtype=object) - np.asarray(f(down), dtype=object)) / (2 * STEP), dtype=object)
    vjp, hvp = [], []
    for which, x in enumerate(exact):
        first, second = [], []
        for at in np.ndindex(*x.shape):
            slope = lambda x: (total(bumped(x, which, at, STEP)) - total(bumped(x, which, at, -STEP))) / (2 * STEP)
            first.append(float(slope(exact)))
            second.append(float((slope(up) - slope(down)) / (2 * STEP)))
        vjp.append(first)
        hvp.append(second)
    try:
        theirs = with_jax(op, params, inputs)
    except ImportError:
        theirs = None
    if theirs is not None:
        y, pull = theirs
        pairs = [(np.asarray(y).ravel(), [float(v) for v in value.ravel()])]
        pairs += [(np.asarray(g).ravel(), v) for g, v in zip(pull(np.asarray(cotangent).reshape(np.shape(y))), vjp)]
        for a, b in pairs:
            scale = max(1.0, np.max(np.abs(b)))
            assert np.allclose(a, b, rtol=1e-11, atol=1e-11 * scale), (op, params, a, b)
    as_json = lambda x: {"shape": list(np.shape(x)), "data": [float(v) for v in np.ravel(x)]}
    return {
        "id": f"{op}/{number:02}", "op": op, "formula": op, "params": params, "tags": ["normal"], "note": None,
        "inputs": [as_json(x) for x in inputs], "cotangent": as_json(cotangent), "tangents": [as_json(t) for t in tangents],
        "mpmath": {
            "output": [float(v) for v in value.ravel()], "vjp": vjp, "jvp": [float(v) for v in jvp.ravel()], "hvp": hvp,
        },
    }


def main():
    rng = np.random.default_rng(7)
    counts = {}
    cases = []
    for op, params, inputs in points():
        number = counts[op] = counts.get(op, -1) + 1
        cases.append(case(number, op, params, inputs, rng))
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tensor_ops.json")
    with open(path, "w") as file:
        file.write('{\n"format": "ops/1",\n"n": %d,\n"cases": [\n%s\n]\n}\n' % (len(cases), lines))
    print(len(cases), "cases")


main()
