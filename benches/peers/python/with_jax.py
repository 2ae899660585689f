"""JAX: one jitted step a call, or with the mode `loop` the steps of a loop inside one jitted call. Arguments: workload, mode."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn
from workloads import BATCHES, Network, Unsupported, chain_x, hessian_x, norm, say, serve


def loss_of(n):
    def loss(parameters, x, y):
        h = x
        for layer in range(n.layers):
            h = h @ parameters[2 * layer] + parameters[2 * layer + 1]
            if n.activates(layer):
                h = nn.sigmoid(h) if n.hidden == "sigmoid" else jnp.maximum(h, 0)
        if n.loss == "squared":
            return jnp.mean((h - y) ** 2)
        if n.loss == "sigmoid_ce":
            return jnp.sum(jnp.maximum(h, 0) - h * y + jnp.log1p(jnp.exp(-jnp.abs(h)))) / n.batch
        return -jnp.mean(jnp.take_along_axis(nn.log_softmax(h), y[:, None], 1))

    return loss


def update_of(n):
    value_and_grad = jax.value_and_grad(loss_of(n))

    def update(state, x, y):
        p, m, v, t = state
        loss, g = value_and_grad(p, x, y)
        if not n.adam:
            return (tuple(a - n.rate * d for a, d in zip(p, g)), m, v, t), loss
        t = t + 1
        m = tuple(0.9 * a + 0.1 * d for a, d in zip(m, g))
        v = tuple(0.999 * a + 0.001 * d * d for a, d in zip(v, g))
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        p = tuple(a - n.rate * (b / c1) / (jnp.sqrt(c / c2) + 1e-8) for a, b, c in zip(p, m, v))
        return (p, m, v, t), loss

    return update


def train(workload, loop):
    n = Network(workload)
    update = update_of(n)
    p = tuple(map(jnp.asarray, n.parameters))
    zeros = [tuple(jnp.zeros_like(a) for a in p) if n.adam else () for _ in range(2)]
    state = (p, *zeros, jnp.float32(0))
    if loop:
        x, y = jnp.asarray(n.x), jnp.asarray(n.y)

        @jax.jit
        def many(state, count):
            def body(i, carried):
                at = lambda a: lax.dynamic_index_in_dim(a, i % BATCHES, 0, False)  # noqa: E731
                return update(carried[0], at(x), at(y))

            return lax.fori_loop(0, count, body, (state, jnp.float32(0)))

        def steps(count):
            nonlocal state
            state, loss = many(state, count)
            return loss

        serve(None, lambda loss: [loss], jax.block_until_ready, steps)
        return
    x, y = [list(map(jnp.asarray, batches)) for batches in (n.x, n.y)]
    jitted = jax.jit(update, donate_argnums=0)

    def step(i):
        nonlocal state
        state, loss = jitted(state, x[i % BATCHES], y[i % BATCHES])
        return loss

    serve(step, lambda loss: [loss], jax.block_until_ready)


def chain():
    x = jnp.asarray(chain_x())
    f = jax.jit(
        jax.value_and_grad(
            lambda x: jnp.sum(jnp.tanh(jnp.sin(x) * jnp.exp(-x * x)) + nn.sigmoid(x * 0.5) * jnp.log(1 + x * x))
        )
    )
    serve(lambda _: f(x), lambda r: [r[0], norm([r[1]])], jax.block_until_ready)


def hessian():
    jax.config.update("jax_enable_x64", True)
    x = jnp.asarray(hessian_x())
    f = jax.jit(jax.hessian(lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)))
    serve(lambda _: f(x), lambda h: [norm([h])], jax.block_until_ready)


def hvp():
    jax.config.update("jax_enable_x64", True)
    n = Network("mlp_small", np.float64)
    p, d = tuple(map(jnp.asarray, n.parameters)), tuple(map(jnp.asarray, n.direction()))
    x, y = jnp.asarray(n.x[0]), jnp.asarray(n.y[0])
    loss = loss_of(n)
    f = jax.jit(lambda p, d, x, y: jax.jvp(lambda p: jax.grad(loss)(p, x, y), (p,), (d,))[1])
    serve(lambda _: f(p, d, x, y), lambda h: [norm(h)], jax.block_until_ready)


def main(workload, mode=""):
    others = {"chain": chain, "hessian": hessian, "hvp": hvp}
    if workload not in others:
        train(workload, mode == "loop")
    elif mode == "loop":
        raise Unsupported("no state to carry through a loop")
    else:
        others[workload]()


try:
    main(*sys.argv[1:])
except Unsupported as why:
    say(unsupported=str(why))
