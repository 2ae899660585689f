"""Makes the files of this folder, with numpy and safetensors; versions are in the README."""
import json
import numpy as np
from safetensors.numpy import save_file

rng = np.random.default_rng(16)
X = rng.standard_normal((5, 3))
w = rng.standard_normal((3, 2)).astype(np.float32)
b = np.array(0.25)
t = np.asfortranarray(rng.integers(-3, 4, (5, 2)))
mask = rng.integers(0, 2, (5, 2)).astype(bool)
# C = 1/2 sum (mask (X w + b - t))^2
e = mask * (X @ w.astype(np.float64) + b - t)
dw, db = X.T @ e, e.sum()
arrays = dict(X=X, w=w, b=b, t=t, mask=mask, dw=np.asfortranarray(dw), db=db)
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **{**arrays, "t": t.astype(">i4"), "X": X.astype(">f8"), "mask": mask.astype(np.uint8)})
save_file(dict(X=X, w=w, b=b, t=t.astype(np.float64).copy(order="C"), mask=mask.astype(np.float32), dw=dw, db=np.array(db)), "arrays.safetensors")
np.savez("odd.npz", text=np.array(["a", "b"]), record=np.zeros(2, [("x", "f8"), ("y", "i4")]), wide=np.zeros(2, np.complex128), empty=np.zeros((0, 3)))
nodes = [
    dict(name="p", op="matmul", args=["X", "w"], line=1),
    dict(name="z", op="add", args=["p", "b"], line=1),
    dict(name="d", op="sub", args=["z", "t"], line=2),
    dict(name="e", op="mul", args=["mask", "d"], line=2),
    dict(name="q", op="square", args=["e"], line=3),
    dict(name="s", op="sum", args=["q"], axes=None, keep=False, line=3),
    dict(name="C", op="mul", args=[0.5, "s"], line=3),
]
for name, file in [("stored", "stored.npz"), ("deflated", "deflated.npz"), ("safetensors", "arrays.safetensors")]:
    problem = dict(arrays=file, params=dict(w="w", b="b"), data=dict(X="X", t="t", mask="mask"), nodes=nodes, output="C",
                   hand=dict(w="dw", b="db"), intermediates={"e": e.tolist()}, value=float((e * e).sum() / 2))
    json.dump(problem, open(f"{name}.json", "w"), indent=1)
