"""Steps written by hand with NumPy. Arguments: workload."""

import sys

import numpy as np
from workloads import BATCHES, Network, Unsupported, chain_x, norm, say, serve

F32 = np.float32


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def descent(parameters, rate):
    def update(gradients):
        for p, g in zip(parameters, gradients):
            p -= F32(rate) * g

    return update


def adam(parameters, rate):
    m, v = ([np.zeros_like(p) for p in parameters] for _ in range(2))
    t = 0

    def update(gradients):
        nonlocal t
        t += 1
        c1, c2 = F32(1 - 0.9**t), F32(1 - 0.999**t)
        for p, m_, v_, g in zip(parameters, m, v, gradients):
            m_ *= F32(0.9)
            m_ += F32(0.1) * g
            v_ *= F32(0.999)
            v_ += F32(0.001) * (g * g)
            p -= F32(rate) * (m_ / c1) / (np.sqrt(v_ / c2) + F32(1e-8))

    return update


def loss_and_delta(n, z, y):
    """The loss, and its gradient by the last layer's output before the activation."""
    if n.loss == "squared":
        a = sigmoid(z)
        return np.mean((a - y) ** 2), F32(2 / y.size) * (a - y) * a * (1 - a)
    if n.loss == "sigmoid_ce":
        loss = np.sum(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))) / n.batch
        return loss, (sigmoid(z) - y) / F32(n.batch)
    shifted = z - z.max(1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(1, keepdims=True)
    rows = np.arange(n.batch)
    loss = -np.mean(shifted[rows, y] - np.log(total[:, 0]))
    delta = e / total
    delta[rows, y] -= 1
    delta /= F32(n.batch)
    return loss, delta


def train(workload):
    n = Network(workload)
    p, last = n.parameters, n.layers - 1
    update = (adam if n.adam else descent)(p, n.rate)

    def step(i):
        outputs = [n.x[i % BATCHES]]
        for layer in range(n.layers):
            z = outputs[-1] @ p[2 * layer] + p[2 * layer + 1]
            if layer < last:
                outputs.append(sigmoid(z) if n.hidden == "sigmoid" else np.maximum(z, 0))
        loss, delta = loss_and_delta(n, z, n.y[i % BATCHES])
        gradients = [None] * len(p)
        for layer in reversed(range(n.layers)):
            h = outputs[layer]
            gradients[2 * layer], gradients[2 * layer + 1] = h.T @ delta, delta.sum(0)
            if layer:
                delta = delta @ p[2 * layer].T
                delta *= h * (1 - h) if n.hidden == "sigmoid" else h > 0
        update(gradients)
        return loss

    serve(step, lambda loss: [loss])


def chain():
    x = chain_x()

    def step(_):
        s, c, e = np.sin(x), np.cos(x), np.exp(-x * x)
        th = np.tanh(s * e)
        q = sigmoid(x * F32(0.5))
        r = 1 + x * x
        log = np.log(r)
        y = np.sum(th + q * log)
        return y, (1 - th * th) * e * (c - 2 * x * s) + F32(0.5) * q * (1 - q) * log + q * (2 * x) / r

    serve(step, lambda result: [result[0], norm([result[1]])])


def main(workload):
    if workload == "chain":
        chain()
    elif workload in ("hessian", "hvp"):
        raise Unsupported("not written by hand")
    else:
        train(workload)


try:
    main(sys.argv[1])
except Unsupported as why:
    say(unsupported=str(why))
