"""PyTorch, eager or with the modes `compile` and `max-autotune` under torch.compile. Arguments: workload, mode."""

import os
import sys

import numpy as np
import torch
from torch.nn import functional as F
from workloads import BATCHES, Network, Unsupported, chain_x, hessian_x, norm, say, serve

WORKLOAD, MODE = sys.argv[1], (sys.argv[2:] or [""])[0]


def compiled(f):
    if not MODE:
        return f
    return torch.compile(f, mode="max-autotune" if MODE == "max-autotune" else "default", dynamic=False)


def model_of(n):
    modules = []
    for layer in range(n.layers):
        linear = torch.nn.Linear(n.sizes[layer], n.sizes[layer + 1])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(n.parameters[2 * layer]).T)
            linear.bias.copy_(torch.from_numpy(n.parameters[2 * layer + 1]))
        modules.append(linear)
        if n.activates(layer):
            modules.append(torch.nn.Sigmoid() if n.hidden == "sigmoid" else torch.nn.ReLU())
    return torch.nn.Sequential(*modules)


def train():
    n = Network(WORKLOAD)
    x, y = [[torch.from_numpy(b.copy()) for b in batches] for batches in (n.x, n.y)]
    if n.loss == "softmax_ce":
        y = [labels.long() for labels in y]
    criterion = {
        "squared": F.mse_loss,
        "sigmoid_ce": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum") / n.batch,
        "softmax_ce": F.cross_entropy,
    }[n.loss]
    model = model_of(n)
    # Eager steps are fastest with the fused optimisers; a compiled one fuses for itself.
    optimizer = (torch.optim.Adam if n.adam else torch.optim.SGD)(
        model.parameters(), lr=n.rate, **({"foreach": True} if MODE else {"fused": True})
    )
    forward = compiled(lambda x, y: criterion(model(x), y))
    update = compiled(lambda: optimizer.step()) if MODE else optimizer.step

    def step(i):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x[i % BATCHES], y[i % BATCHES])
        loss.backward()
        update()
        return loss

    serve(step, lambda loss: [loss.detach()])


def chain():
    x = torch.from_numpy(chain_x()).requires_grad_()
    f = compiled(
        lambda x: (torch.tanh(torch.sin(x) * torch.exp(-x * x)) + torch.sigmoid(x * 0.5) * torch.log(1 + x * x)).sum()
    )

    def step(_):
        x.grad = None
        y = f(x)
        y.backward()
        return y

    serve(step, lambda y: [y.detach(), norm([x.grad])])


def hessian():
    x = torch.from_numpy(hessian_x())
    h = compiled(torch.func.hessian(lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()))
    serve(lambda _: h(x), lambda h: [norm([h])])


def hvp():
    n = Network("mlp_small", np.float64)
    x, y = torch.from_numpy(n.x[0]), torch.from_numpy(n.y[0]).long()
    direction = tuple(map(torch.from_numpy, n.direction()))
    p = tuple(torch.from_numpy(a).requires_grad_(not MODE) for a in n.parameters)

    def loss(*p):
        h = x
        for layer in range(n.layers):
            h = torch.addmm(p[2 * layer + 1], h, p[2 * layer])
            h = torch.relu(h) if n.activates(layer) else h
        return F.cross_entropy(h, y)

    check = lambda h: [norm(a.detach() for a in h)]  # noqa: E731
    if MODE:
        gradient = torch.func.grad(loss, argnums=tuple(range(len(p))))
        f = compiled(lambda p, d: torch.func.jvp(gradient, p, d)[1])
        serve(lambda _: f(p, direction), check)
        return

    def step(_):
        gradient = torch.autograd.grad(loss(*p), p, create_graph=True)
        return torch.autograd.grad(gradient, p, direction)

    serve(step, check)


torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))
try:
    {"chain": chain, "hessian": hessian, "hvp": hvp}.get(WORKLOAD, train)()
except Unsupported as why:
    say(unsupported=str(why))
