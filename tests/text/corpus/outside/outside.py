import os
# ---
import scipy.special
# ---
from os import path
# ---
import torch as t
# ---
class Net:
    pass
# ---
try:
    a = 1
except ValueError:
    a = 2
# ---
with open("x") as f:
    a = 1
# ---
a = open("file.txt")
# ---
n = 0
def f():
    global n
    n = 1
# ---
def f():
    x = 1
    def g():
        nonlocal x
        x = 2
    g()
# ---
a = {"W1": 3}
# ---
a = {1, 2}
# ---
a = {}
# ---
a = dict()
# ---
a = {k: 1 for k in range(3)}
# ---
a = f"loss {3}"
# ---
a = b"bytes"
# ---
a = "a" + "b"
# ---
a = "a" * 3
# ---
a = "abc"[0]
# ---
a = "x".upper()
# ---
a = 3j
# ---
a = 1 + 2j
# ---
raise ValueError("no")
# ---
def f():
    yield 1
# ---
async def f():
    return 1
# ---
@decorated
def f():
    return 1
# ---
a = eval("1 + 1")
# ---
exec("a = 1")
# ---
a = __import__("os")
# ---
a = (1).__class__
# ---
a = np.__name__
# ---
np.save("x.npy", np.ones(2))
# ---
a = np.load("x.npy")
# ---
a = np.loadtxt("x.csv")
# ---
a = np.random.randn(2, 3)
# ---
np.random.seed(0)
# ---
a = input("x")
# ---
a = load("x.npy")
# ---
x = np.ones(2)
x.name = 3
# ---
a = 1 << 2
# ---
a = 8 >> 1
# ---
a = lambda *x: x
# ---
def f(**kwargs):
    return 1
# ---
a = f(*[1, 2])
# ---
a = np.exp(**{})
# ---
a = set([1, 2])
# ---
a = type(3)
# ---
match 3:
    case 3:
        a = 1
# ---
a = np.array(["a", "b"])
# ---
a = np.array([1, "b"])
# ---
a = "%d" % 3
# ---
a = "x={}".format(3)
# ---
a = str(3)
# ---
a = globals()
# ---
a = np.array([1, 2], dtype=complex)
# ---
a = np.linalg.eig(np.ones((2, 2)))
# ---
np.exp = 3
# ---
a = object()
# ---
a = np.fromfile("x")
# ---
a = np.memmap("x")
# ---
a = getattr(np, "exp")
# ---
a = np.lib.format
# ---
a = np.ctypeslib
# ---
a = np.f2py
