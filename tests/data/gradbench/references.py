#!/usr/bin/env python3
"""Writes samples.jsonl: small requests of GradBench's evals with their answers, in 60 digits, rounded once.

Values follow the evals' formulas; derivatives are central differences of them with a step of 1e-20, whose error is below 1e-30
here. No autodiff has a part in them. Needs mpmath: python3 references.py > samples.jsonl
"""
import json
import random

from mpmath import mp, mpf, exp, log, tanh, sqrt, sin, cos, pi, loggamma

mp.dps = 60
STEP = mpf(10) ** -20
rng = random.Random(12)


def number(lo=-1.0, hi=1.0):
    return round(rng.uniform(lo, hi), 6)


def vector(n, lo=-1.0, hi=1.0):
    return [number(lo, hi) for _ in range(n)]


def matrix(n, m, lo=-1.0, hi=1.0):
    return [vector(m, lo, hi) for _ in range(n)]


def derivatives(f, x):
    """Rows of derivatives of f, which gives a list, by each number of x."""
    columns = []
    for i in range(len(x)):
        ends = []
        for sign in (1, -1):
            moved = [mpf(v) for v in x]
            moved[i] += sign * STEP
            ends.append(f(moved))
        columns.append([(a - b) / (2 * STEP) for a, b in zip(*ends)])
    return [list(row) for row in zip(*columns)]


def gradient(f, x):
    return derivatives(lambda x: [f(x)], x)[0] if x else []


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    # What is smaller is the error of a difference that is 0.
    return (float(x) if abs(x) > 1e-30 else 0.0) if isinstance(x, mpf) else x


def write(name, function, given, output):
    print(json.dumps({"eval": name, "function": function, "input": plain(given), "output": plain(output)}))


def rows(flat, width):
    return [flat[i:i + width] for i in range(0, len(flat), width)]


def mpfs(x):
    return [mpfs(v) for v in x] if isinstance(x, list) else mpf(x)


def lse(x):
    return log(sum(exp(v) for v in x))


# llsq
for m, n in [(5, 6), (1, 2), (7, 20), (0, 3), (3, 0)]:
    x = vector(m, 0, 1)

    def f(x):
        total = mpf(0)
        for i in range(n):
            t = -1 + mpf(2 * i) / (n - 1)
            sign = (t > 0) - (t < 0)
            total += (sign - sum((c * t ** j if j else c) for j, c in enumerate(x))) ** 2
        return total / 2

    write("llsq", "primal", {"x": x, "n": n}, f(mpfs(x)))
    write("llsq", "gradient", {"x": x, "n": n}, gradient(f, x))

# lse
for x in [vector(7, 0, 1), [0.5], [-700.0, 700.25, 699.5, 3.0], [2.0, 2.0, -1.0]]:
    write("lse", "primal", {"x": x}, lse(mpfs(x)))
    write("lse", "gradient", {"x": x}, gradient(lse, x))


# det
def det(a):
    if not a:
        return mpf(1)
    minors = [[row[:j] + row[j + 1:] for row in a[1:]] for j in range(len(a))]
    return sum((-1) ** j * a[0][j] * det(minor) for j, minor in enumerate(minors))


for ell in [0, 1, 2, 3, 4, 5]:
    a = vector(ell * ell)
    write("det", "primal", {"A": a, "ell": ell}, det(rows(mpfs(a), ell)) if ell else mpf(1))
    write("det", "gradient", {"A": a, "ell": ell}, gradient(lambda a: det(rows(a, ell)), a))
# Larger than one run of the program expands: by elimination.
ell = 9
a = vector(ell * ell)
as_matrix = mp.matrix(rows(mpfs(a), ell))
value = mp.det(as_matrix)
write("det", "primal", {"A": a, "ell": ell}, value)
cofactors = (as_matrix ** -1).T * value
write("det", "gradient", {"A": a, "ell": ell}, [cofactors[i, j] for i in range(ell) for j in range(ell)])

# ode
for n, s in [(1, 1), (3, 1), (6, 4), (9, 2)]:
    x = vector(n, 0, 1)

    def f(x):
        y, h = [mpf(0)] * n, mpf(2) / s
        slope = lambda y: [x[0]] + [x[i] * y[i - 1] for i in range(1, n)]
        at = lambda k, t: [a + t * b for a, b in zip(y, k)]
        for _ in range(s):
            k1 = slope(y)
            k2 = slope(at(k1, h / 2))
            k3 = slope(at(k2, h / 2))
            k4 = slope(at(k3, h))
            y = [v + h / 6 * (a + 2 * b + 2 * c + d) for v, a, b, c, d in zip(y, k1, k2, k3, k4)]
        return y

    write("ode", "primal", {"x": x, "s": s}, f(mpfs(x)))
    write("ode", "gradient", {"x": x, "s": s}, gradient(lambda x: f(x)[-1], x))

# gmm
for d, k, n, m, gamma in [(1, 2, 3, 1, 0.7), (3, 2, 4, 2, 1.7), (2, 3, 5, 0, 1.0), (12, 1, 3, 0, 1.0), (2, 1, 1, -1, 0.5)]:
    below = d * (d - 1) // 2
    x = matrix(n, d)
    alpha, mu, q, l = vector(k), vector(k * d, 0, 1), vector(k * d), vector(k * below)

    def f(p):
        alpha, p = p[:k], p[k:]
        mu, p = rows(p[:k * d], d), p[k * d:]
        q, p = rows(p[:k * d], d), p[k * d:]
        l = rows(p, below) if below else [[]] * k
        factors = []
        for c in range(k):
            full = [[mpf(0)] * d for _ in range(d)]
            entries = iter(l[c])
            for column in range(d):
                full[column][column] = exp(q[c][column])
                for row in range(column + 1, d):
                    full[row][column] = next(entries)
            factors.append(full)
        total = -mpf(n * d) / 2 * log(2 * pi) - n * lse(alpha)
        for point in x:
            terms = []
            for c in range(k):
                z = [mpf(v) - m for v, m in zip(point, mu[c])]
                norm = sum(sum(a * b for a, b in zip(row, z)) ** 2 for row in factors[c])
                terms.append(alpha[c] + sum(q[c]) - norm / 2)
            total += lse(terms)
        nu, g = mpf(d + m + 1), mpf(gamma)
        log_gamma = mpf(d * (d - 1)) / 4 * log(pi) + sum(loggamma(nu / 2 + mpf(1 - j) / 2) for j in range(1, d + 1))
        total += k * (nu * d * (log(g) - log(2) / 2) - log_gamma)
        for c in range(k):
            squares = sum(v * v for row in factors[c] for v in row)
            total -= g * g / 2 * squares - m * sum(q[c])
        return total

    p = alpha + mu + q + l
    given = {"d": d, "k": k, "n": n, "x": x, "m": m, "gamma": gamma, "alpha": alpha, "mu": rows(mu, d),
             "q": rows(q, d), "l": rows(l, below) if below else [[]] * k}
    g = gradient(f, p)
    write("gmm", "objective", given, f(mpfs(p)))
    write("gmm", "jacobian", given, {
        "alpha": g[:k], "mu": rows(g[k:k + k * d], d), "q": rows(g[k + k * d:k + 2 * k * d], d),
        "l": rows(g[k + 2 * k * d:], below) if below else [[]] * k})

# kmeans
for n, k, d in [(9, 2, 3), (5, 5, 2), (40, 3, 1), (4, 1, 2)]:
    points = matrix(n, d, 0, 1)
    # Far from the origin as well.
    if d == 3:
        points = [[round(v + 4096, 6) for v in p] for p in points]
    centroids = points[n - k:]
    distance = lambda p, c: sum((mpf(a) - mpf(b)) ** 2 for a, b in zip(p, c))
    nearest = [min(range(k), key=lambda j: distance(p, centroids[j])) for p in points]
    write("kmeans", "cost", {"points": points, "centroids": centroids},
          sum(distance(p, centroids[j]) for p, j in zip(points, nearest)))
    members = [[p for p, at in zip(points, nearest) if at == j] for j in range(k)]
    write("kmeans", "dir", {"points": points, "centroids": centroids},
          [[mpf(c) - sum(mpf(p[i]) for p in own) / len(own) for i, c in enumerate(centroids[j])]
           for j, own in enumerate(members)])


# lstm
def sigma(x):
    return 1 / (1 + exp(-x))


for l, b, c in [(1, 2, 2), (2, 3, 5), (4, 1, 3), (3, 2, 9)]:
    main, extra = vector(8 * l * b, 0, 1), vector(3 * b, 0, 1)
    state = matrix(2 * l, b)
    sequence = [[rng.randint(0, 1) for _ in range(b)] for _ in range(c)]

    def f(p):
        main, extra = rows(p[:8 * l * b], 4 * b), rows(p[8 * l * b:], b)
        h, z = mpfs(state[0::2]), mpfs(state[1::2])
        total = mpf(0)
        for t in range(c - 1):
            v = [s * w for s, w in zip(sequence[t], extra[0])]
            for i in range(l):
                w, bias = main[2 * i], main[2 * i + 1]
                gate = lambda x, k, j: x[j] * w[k * b + j] + bias[k * b + j]
                for j in range(b):
                    forget, ingate = sigma(gate(v, 0, j)), sigma(gate(h[i], 1, j))
                    outgate, change = sigma(gate(v, 2, j)), tanh(gate(h[i], 3, j))
                    z[i][j] = z[i][j] * forget + ingate * change
                    h[i][j] = outgate * tanh(z[i][j])
                v = h[i]
            y = [a * w + o for a, w, o in zip(v, extra[1], extra[2])]
            r = log(2 + sum(exp(a) for a in y))
            total += sum(s * (a - r) for s, a in zip(sequence[t + 1], y))
        return -total / ((c - 1) * b)

    given = {"main_params": rows(main, 4 * b), "extra_params": rows(extra, b), "state": state, "sequence": sequence}
    write("lstm", "objective", given, f(mpfs(main + extra)))
    write("lstm", "jacobian", given, gradient(f, main + extra))


# ba
def reprojection(x, feat):
    r, c, f, u, kappa, point, w = x[:3], x[3:6], x[6], x[7:9], x[9:11], x[11:14], x[14]
    z = [a - b for a, b in zip(point, c)]
    cross = lambda a, b: [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    if any(v != 0 for v in camera[:3]):
        theta = sqrt(sum(v * v for v in r))
        axis = [v / theta for v in r]
        along = sum(a * b for a, b in zip(axis, z)) * (1 - cos(theta))
        y = [a * cos(theta) + b * sin(theta) + n * along for a, b, n in zip(z, cross(axis, z), axis)]
    else:
        y = [a + b for a, b in zip(z, cross(r, z))]
    p = [y[0] / y[2], y[1] / y[2]]
    rho = p[0] ** 2 + p[1] ** 2
    scale = 1 + kappa[0] * rho + kappa[1] * rho ** 2
    return [w * (v * scale * f + o - mpf(s)) for v, o, s in zip(p, u, feat)]


for n, m, p, turned in [(2, 3, 12, True), (1, 1, 10, False), (3, 2, 25, True)]:
    camera, point, w, feat = vector(11), vector(3), number(0.2, 0.9), vector(2)
    camera[5] -= 4
    camera[5] = round(camera[5], 6)
    if not turned:
        camera[:3] = [0.0, 0.0, 0.0]
    x = camera + point + [w]
    given = {"n": n, "m": m, "p": p, "cam": camera, "x": point, "w": w, "feat": feat}
    error = 1 - mpf(w) ** 2
    write("ba", "objective", given, {"reproj_error": {"elements": reprojection(mpfs(x), feat), "repeated": p},
                                     "w_err": {"element": error, "repeated": p}})
    block = derivatives(lambda x: reprojection(x, feat), x)
    starts, columns, values = [0], [], []
    for i in range(p):
        for row in block:
            columns += [11 * (i % n) + j for j in range(11)] + [11 * n + 3 * (i % m) + j for j in range(3)] + [11 * n + 3 * m + i]
            values += row
            starts.append(len(values))
    for i in range(p):
        columns.append(11 * n + 3 * m + i)
        values.append(-2 * mpf(w))
        starts.append(len(values))
    write("ba", "jacobian", given, {name: full[:30] + full[-1:] for name, full in
                                    [("rows", starts), ("cols", columns), ("vals", values)]})

# ht
N_BONES, N_VERTICES = 22, 5


def product(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def affine():
    return matrix(3, 4) + [[0.0, 0.0, 0.0, 1.0]]


parents = [-1] + [0 if (i - 1) % 4 == 0 else i - 1 for i in range(1, 21)] + [0]
model = {
    "bone_count": N_BONES, "bone_names": [f"bone{i}" for i in range(N_BONES)], "parents": parents,
    "base_relatives": [affine() for _ in range(N_BONES)], "inverse_base_absolutes": [affine() for _ in range(N_BONES)],
    "base_positions": [vector(3) + [1.0] for _ in range(N_VERTICES)],
    "weights": [[number(0, 1) if rng.random() < 0.3 else 0.0 for _ in range(N_BONES)] for _ in range(N_VERTICES)],
    "triangles": [[0, 1, 2], [4, 2, 3]], "is_mirrored": False}


def about(angle, a, b):
    turn = [[mpf(int(i == j)) for j in range(4)] for i in range(4)]
    turn[a][a] = turn[b][b] = cos(angle)
    turn[a][b], turn[b][a] = -sin(angle), sin(angle)
    return turn


def hand_errors(x, given, still):
    theta, us = x[:26], x[26:]
    model, data = given["data"]["model"], given["data"]
    absolute = []
    for i in range(N_BONES):
        turn = about(mpf(0), 0, 1)
        finger, joint = (i - 1) // 4, (i - 1) % 4
        if 0 < i < 21 and joint:
            at = 6 + 4 * finger
            a, c = (theta[at], theta[at + 1]) if joint == 1 else (theta[at + joint], mpf(0))
            turn = product(about(c, 0, 1), about(a, 1, 2))
        own = product(mpfs(model["base_relatives"][i]), turn)
        absolute.append(own if parents[i] < 0 else product(absolute[parents[i]], own))
    bones = [product(a, mpfs(b)) for a, b in zip(absolute, model["inverse_base_absolutes"])]
    r = theta[:3]
    vertices = []
    for position, weights in zip(model["base_positions"], model["weights"]):
        at = [sum(mpf(w) * sum(b * mpf(v) for b, v in zip(bone[i], position)) for w, bone in zip(weights, bones))
              for i in range(3)]
        if model["is_mirrored"]:
            at[0] = -at[0]
        if not still:
            norm = sqrt(sum(v * v for v in r))
            x_, y_, z_ = [v / norm for v in r]
            s, c = sin(norm), cos(norm)
            turn = [[x_ * x_ * (1 - c) + c, x_ * y_ * (1 - c) - z_ * s, x_ * z_ * (1 - c) + y_ * s],
                    [x_ * y_ * (1 - c) + z_ * s, y_ * y_ * (1 - c) + c, y_ * z_ * (1 - c) - x_ * s],
                    [x_ * z_ * (1 - c) - y_ * s, y_ * z_ * (1 - c) + x_ * s, z_ * z_ * (1 - c) + c]]
            at = [sum(a * b for a, b in zip(row, at)) for row in turn]
        vertices.append([a + t for a, t in zip(at, theta[3:6])])
    errors = []
    for i, (which, point) in enumerate(zip(data["correspondences"], data["points"])):
        if us:
            u0, u1 = us[2 * i], us[2 * i + 1]
            corners = [vertices[v] for v in model["triangles"][which]]
            place = [u0 * a + u1 * b + (1 - u0 - u1) * c for a, b, c in zip(*corners)]
        else:
            place = vertices[which]
        errors += [mpf(p) - v for p, v in zip(point, place)]
    return errors


for complicated, mirrored, still in [(False, False, False), (True, False, False), (True, True, True)]:
    n = 3
    us = matrix(n, 2, 0, 1) if complicated else []
    theta = vector(26)
    if still:
        theta[:3] = [2e-5, 0.0, -1e-5]
    correspondences = [0, 1, 1] if complicated else [3, 0, 4]
    given = {"theta": theta, "us": us, "data": {"model": {**model, "is_mirrored": mirrored},
                                                "correspondences": correspondences, "points": matrix(n, 3)}}
    flat = [u for pair in us for u in pair]
    write("ht", "objective", given, hand_errors(mpfs(theta + flat), given, still))
    full = derivatives(lambda x: hand_errors(x, given, still), theta + flat)
    found = []
    for row, line in enumerate(full):
        own = line[26 + 2 * (row // 3):28 + 2 * (row // 3)] if complicated else []
        found.append(own + line[:26])
    write("ht", "jacobian", given, found)
