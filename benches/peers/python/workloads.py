"""The workloads and their data, number for number those of ../rust/common/src/lib.rs, and the conversation with `run`."""

import json
import sys
import time

import numpy as np

BATCHES = 8

# Sizes, batch, hidden activation, loss, rate, Adam.
NETWORKS = {
    "xor": ([2, 4, 1], 4, "sigmoid", "squared", 1.0, False),
    "nielsen": ([784, 30, 10], 10, "sigmoid", "sigmoid_ce", 0.5, False),
    "mlp_small": ([784, 128, 64, 10], 64, "relu", "softmax_ce", 1e-4, True),
    "mlp_wide": ([784, 1024, 1024, 10], 256, "relu", "softmax_ce", 1e-4, True),
    "mlp_big": ([1024, 2048, 2048, 2048, 10], 512, "relu", "softmax_ce", 1e-2, False),
}


class Unsupported(Exception):
    pass


def uniform(seed, shape, lo, hi):
    """Numbers in lo..hi: number i of a stream is splitmix64's output for seed + (i + 1) * gamma."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (lo + (hi - lo) * ((z >> np.uint64(11)).astype(np.float64) / 2.0**53)).reshape(shape)


class Network:
    def __init__(self, workload, dtype=np.float32):
        if workload not in NETWORKS:
            raise Unsupported(f"no network {workload}")
        self.sizes, self.batch, self.hidden, self.loss, self.rate, self.adam = NETWORKS[workload]
        self.layers, self.outputs = len(self.sizes) - 1, self.sizes[-1]
        if self.loss == "squared":
            self.x = np.tile(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype), (BATCHES, 1, 1))
            self.y = np.tile(np.array([[0], [1], [1], [0]], dtype), (BATCHES, 1, 1))
        else:
            shape = (BATCHES, self.batch, self.sizes[0])
            self.x = np.where(uniform(2, shape, 0, 1) < 0.19, uniform(1, shape, 0, 1), 0).astype(dtype)
            labels = uniform(3, (BATCHES, self.batch), 0, self.outputs).astype(np.int32)
            self.y = np.eye(self.outputs, dtype=dtype)[labels] if self.loss == "sigmoid_ce" else labels
        self.parameters = []
        gain = 6.0 if self.hidden == "relu" else 3.0
        for layer, (i, o) in enumerate(zip(self.sizes, self.sizes[1:])):
            scale = np.sqrt(gain / i)
            self.parameters += [uniform(10 + layer, (i, o), -scale, scale).astype(dtype), np.zeros(o, dtype)]

    def activates(self, layer):
        """Whether the activation follows this layer: not the last one, unless the loss is of squares."""
        return layer < self.layers - 1 or self.loss == "squared"

    def direction(self):
        return [uniform(30 + k, p.shape, -1, 1) for k, p in enumerate(self.parameters)]


def chain_x():
    return uniform(20, 1_000_000, -2, 2).astype(np.float32)


def hessian_x():
    return uniform(21, 100, -1.5, 1.5)


def norm(arrays):
    return float(np.sqrt(sum(np.sum(np.square(np.asarray(a, np.float64))) for a in arrays)))


def say(**line):
    print(json.dumps(line), flush=True)


def serve(step, check, sync=lambda result: None, steps=None):
    """Runs five steps, reports `check` of the fifth, then times further ones for as many seconds as each line says.

    `step(i)` is one step; `steps(n)`, where given, runs n of them in one call, from the start of the batches.
    """
    if steps:
        result = steps(5)
    else:
        for i in range(5):
            result = step(i)
    sync(result)
    say(check=[float(x) for x in check(result)])
    clock, i, inner = time.perf_counter, 5, 0

    def run(n):
        nonlocal i
        begin = clock()
        if steps:
            sync(steps(n))
        else:
            for _ in range(n):
                result = step(i)
                sync(result)
                i += 1
        return clock() - begin

    for line in sys.stdin:
        if not inner:
            # A loop inside one call is to last 20 ms, a sample of single steps 100 microseconds. This also warms up.
            begin, n, took = clock(), 1, 0.0
            while took < 0.01 if steps else clock() - begin < 0.2:
                took = run(n)
                n = n * 4 if steps and took < 0.01 else n
            inner = max(1, round((0.02 if steps else 100e-6) / (took / n) + 0.5))
        samples, begin = [], clock()
        while len(samples) < 3 or clock() - begin < float(line):
            samples.append(run(inner) / inner * 1e6)
        say(min=min(samples), median=float(np.median(samples)), steps=len(samples) * inner)
