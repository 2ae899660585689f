"""What is compared: a peer is a row here and a program that answers `serve`'s lines (../python/workloads.py, ../rust/common)."""

from dataclasses import dataclass

NETWORKS = ("xor", "nielsen", "mlp_small", "mlp_wide", "mlp_big")
TENSORS = (*NETWORKS, "chain", "hessian", "hvp")
SCALARS = {"rosenbrock": 8 * 999, "scalar_mlp": 100 * (16 * 5 + 16 * 33 + 2 * 16 + 3), "speelpenning": 999}
"""Elementary operations, as the published comparisons count them."""
WORKLOADS = (*TENSORS, *SCALARS)


@dataclass(frozen=True)
class Peer:
    name: str
    program: str
    """A folder of ../rust, or a file of ../python."""
    package: str
    """Whose version is reported."""
    mode: str = ""
    workloads: tuple = TENSORS
    ours: bool = False
    by_hand: bool = False

    @property
    def is_rust(self):
        return not self.program.endswith(".py")


SCALAR = tuple(SCALARS)
PEERS = (
    Peer("hand", "hand", "private-gemm-x86", by_hand=True),
    Peer("hand", "scalars", "peer-scalars", "hand", SCALAR, by_hand=True),
    Peer("ours-tape", "ours", "retrograd", "tape", WORKLOADS, ours=True),
    Peer("ours-program", "ours", "retrograd", "program", WORKLOADS, ours=True),
    Peer("ours-layers", "ours", "retrograd", "layers", NETWORKS, ours=True),
    Peer("jax", "with_jax.py", "jax"),
    Peer("jax-loop", "with_jax.py", "jax", "loop", NETWORKS),
    Peer("torch", "with_torch.py", "torch"),
    Peer("torch-compiled", "with_torch.py", "torch", "compile"),
    Peer("torch-max-autotune", "with_torch.py", "torch", "max-autotune"),
    Peer("numpy", "with_numpy.py", "numpy", workloads=(*NETWORKS, "chain")),
    Peer("candle", "candle", "candle-core", workloads=(*NETWORKS, "chain")),
    Peer("burn", "burn", "burn", workloads=(*NETWORKS, "chain")),
    Peer("dfdx", "dfdx", "dfdx", workloads=(*NETWORKS, "chain")),
    Peer("plain-tape", "scalars", "peer-scalars", "plain", SCALAR),
    Peer("RustQuant", "scalars", "RustQuant_autodiff", "rustquant", SCALAR),
    Peer("xad-rs", "xad", "xad-rs", workloads=SCALAR),
    Peer("reverse", "scalars", "reverse", "reverse", SCALAR),
    Peer("echidna", "scalars", "echidna", "echidna", SCALAR),
    Peer("echidna-replay", "scalars", "echidna", "echidna-replay", SCALAR),
)
