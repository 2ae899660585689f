a = np.array(3.0)
b = a
b += 1
# ---
a = np.where(True, 1.0, 2.0)
b = a
b += 1
# ---
a = np.array(3.0)
a[()] = 4
b = a[()]
# ---
a = np.array(3.0)
b = a[...]
b += 1
# ---
a = np.zeros(2)
b = a[0, ...]
b += 1
# ---
a = np.arange(6.0)
b = a[::2].reshape(3, 1)
b[0] = 10
c = a.reshape(2, 3)[:, ::2].reshape(2, 2)
c[0, 0] = -1
# ---
a = np.arange(12.0).reshape(2, 2, 3)
b = a[:, :, ::2].reshape(4, 2)
b[0, 0] = 100
c = a.transpose(1, 0, 2).reshape(2, 6)
c[0, 1] = 200
d = a[:, :1].reshape(2, 3)
d[1, 1] = 300
# ---
a = np.arange(6.0).reshape(2, 3)
b = a.T
c = b.T.ravel()
c[0] = 5
d = b.ravel()
d[0] = 7
e1 = np.ravel(a[0])
e1[1] = 9
f = a[:, 0].ravel()
f[0] = 11
# ---
a = np.zeros(3)
b = np.broadcast_to(a, (2, 3))
a[0] = 5
# ---
a = np.arange(3.0)
b = np.repeat(a, 1)
b[0] = 9
c = np.concatenate([a])
c[1] = 9
d = np.atleast_1d(a) if 0 else a
d[2] = 9
# ---
a = np.eye(3)
d = np.diag(a)
a[0, 0] = 5
# ---
a = np.arange(4)
b = np.split(a, 2)
b[0][0] = 9
# ---
a = np.arange(4.0)
b = a.astype(float)
b[0] = 9
c = a.astype(float, copy=False)
c[1] = 9
# ---
a = np.arange(4.0)
b = np.array(a, copy=False) if 0 else np.asarray(a)
b[0] = 9
c = np.asarray(a, dtype=int)
c[1] = 9
# ---
a = np.arange(4.0)
b = np.where(a > 1, a, a)
b[0] = 9
c = np.maximum(a, a)
c[1] = 9
d = +a
d[2] = 9
# ---
a = np.arange(4.0)
b = a.squeeze()
b[0] = 9
c = a.real
c[1] = 9
# ---
a = np.arange(3.0)
l = a.tolist()
l[0] = 9
# ---
a = np.arange(6).reshape(2, 3)
a.shape = (3, 2)
# ---
a = np.arange(4).reshape(2, 2)
for i, row in enumerate(a):
    row[0] = i + 10
for x in a.flat:
    last = x
# ---
def f(x, acc=[]):
    acc.append(x)
    return len(acc)

a = f(1)
b = f(2)
# ---
def f(x, acc=np.zeros(2)):
    acc += x
    return acc

a = f(1)
b = f(2)
# ---
k = 2
def f(x, y=k):
    return x + y

k = 10
a = f(1)
# ---
l = [1, 2, 3]
for x in l:
    if x == 1:
        l.append(4)
# ---
l = [1, 2, 3]
for x in l:
    x += 10
for i in range(3):
    i = 7
# ---
a = np.arange(3)
for v in a:
    a[2] = 50
    last = v
# ---
x = 5
r = [x for x in range(3)]
# ---
a = [1, 2]
b = a
b *= 2
c = (1, 2)
d = c
d += (3,)
# ---
l = [1]
l += np.array([2, 3])
# ---
l = [1, 2]
m = l + np.array([1, 1])
# ---
a = np.array([1, 2]) + [1, 1]
b = (1, 2) + np.array([1, 1])
# ---
a = np.array([1.0, 2.0]) == None
# ---
a = np.array([1, 2]) == [1, 3]
b = np.array([1, 2]) == 1
# ---
a = 1 in np.array([1, 2])
# ---
a = bool(np.array([1.0]))
b = 5 if np.array([[0]]) else 6
# ---
a = np.array([[1.0]])
if a > 0:
    b = 1
# ---
a = np.array([5])
b = range(3)[a[0] - 3]
# ---
a = [1, 2, 3][np.argmax(np.array([0, 1, 0]))]
b = [1, 2, 3][True]
# ---
a = np.arange(4)[True]
# ---
a = np.arange(4)[np.array([], dtype=int)]
# ---
a = np.arange(4)[[]]
# ---
a = np.zeros((2, 2))[np.array([[True, False], [False, True]])]
# ---
a = np.zeros((3, 3))
a[1:, [0, 1]] = [[1, 2], [3, 4]]
a[[0, 2], :2] += 1
b = a[np.ix_([0, 2], [0, 2])]
# ---
a = np.zeros((2, 3))
a[a == 0] = np.arange(6)
# ---
a = np.arange(3.0)
a[[True, False, True]] *= 10
# ---
a = np.zeros((2, 2, 2))
a[np.array([True, False]), 0] = 5
a[..., 1] = 3
a[0][0][0] = 9
# ---
a = np.zeros((2, 2))
b = a[[0]][0]
b[0] = 5
a[[0]][0] = 7
a[:1][0][1] = 9
# ---
x = y = np.zeros(2)
x += 1
# ---
x, y = np.zeros(2), 1
a = b = c = 0
a += 1
# ---
a = np.arange(3)
i = 0
i, a[i] = 1, 9
# ---
a = [0, 0]
i = 0
i = a[i] = 1
# ---
a = np.zeros(3)
def f():
    a[0] = 5

f()
# ---
n = 0
def f():
    return n + 1

n = f()
n = f()
# ---
def f(x):
    def g():
        return x
    x = x + 1
    return g()

a = f(1)
# ---
def f(a, b):
    return a - b

x = f(b=1, a=5)
# ---
def f(*args):
    return len(args)

a = f(1, 2)
# ---
def f(x: float, y=1) -> float:
    return x + y

a = f(2)
# ---
x: float = 3.0
# ---
f = lambda x: x ** 2
a = f(3)
# ---
act = np.tanh
a = act(0.5)
b = [np.exp, np.log][0](0.0)
# ---
a = sorted([3, 1, 2])
# ---
a = list(map(np.sqrt, [1.0, 4.0]))
# ---
a = any([True, False])
b = all([True, False])
# ---
a = max(3, 5) if 0 else max([3, 5])
# ---
a = divmod(7, 2) if 0 else (7 // 2, 7 % 2)
# ---
a = isinstance(3, int)
# ---
a = pow(2, 3)
# ---
a, *b = [1, 2, 3]
# ---
a = (b := 3) + 1
# ---
i = 0
while i < 3:
    i += 1
# ---
print("hello")
a = 1
# ---
a = 1
print(a, np.array([1, 2]))
# ---
assert 1 == 1
a = 2
# ---
a = 1
del a
b = 2
# ---
a = 0x10
b = 0b11
c = 0o7
# ---
a = 1 if [] else 2
b = 1 if (0,) else 2
c = not []
# ---
a = 2 if None else 3
b = None or 5
# ---
a = "text"
b = 1
# ---
a = [1, 2, 3]
a[0:1] = [7, 8]
# ---
a = [1, 2, 3]
del a[0]
# ---
a = [3, 1]
a.sort()
b = [1, 2].index(2)
c = [1, 1].count(1)
# ---
a = [[1, 2], [3, 4]]
b = [row[0] for row in a]
c = [x for row in a for x in row]
d = [[x * 2 for x in row] for row in a]
# ---
a = tuple(x for x in [1, 2])
b = sum([x for x in range(4)])
# ---
a = [0.1 * i for i in range(3)]
b = np.array(a)
c = np.array([[i * j for j in range(2)] for i in range(2)])
# ---
a = np.array([[1, 2], [3, 4]])
b = [r.sum() for r in a]
c = [x for x in a.T]
# ---
a, b = np.zeros((2, 2))
a += 1
# ---
for i in range(2):
    x = i
else:
    y = 5
# ---
for i in np.arange(3):
    x = i / 2
    k = i // 2
# ---
a = range(3)
b = [i for i in a]
c = len(a)
# ---
a = -7 // 2.0
b = 7.0 // -2
c = -0.0 // 1
d = 0.0 % -1
e1 = np.array([-0.0]) // 1
f = np.array([0.0]) % -1
# ---
a = 5 % 0.3
b = -5 % 0.3
c = np.array([5.0, -5.0]) % 0.3
d = np.array([5.0, -5.0]) // 0.3
# ---
a = np.inf // 1
b = 5 % np.inf
c = -5 % np.inf
d = np.array([np.inf]) // 1
e1 = np.array([-5.0]) % np.inf
f = np.array([-5.0]) // np.inf
# ---
a = 2 ** 0.5 ** 2
b = -1 ** 0.5
c = 2 ** -0.5
# ---
a = 1 < np.array([0, 2])
b = (1 < np.array([0, 2])) == True
# ---
a = True and np.array([1, 2])
b = 0 or np.array([1, 2])
# ---
a = not np.array([0])
# ---
a = ~np.array([1, 2])
b = np.array([5, 6]) & 3
c = np.array([1, 2]) ^ np.array([3, 3])
# ---
a = ~(np.array([1, 2]) > 1)
b = -(np.array([1, 2]) > 1).astype(int)
# ---
a = np.float64(3).shape
b = np.sum(np.ones(2)).ndim
# ---
a = (3).real
# ---
a = np.ones(2).T
b = np.ones((2, 2, 3)).T.shape
# ---
a = np.array([1, 2, 3]).mean(axis=0)
b = np.array([1, 2, 3]).sum(axis=-1)
c = np.array([1, 2, 3]).sum(axis=None)
d = np.sum(np.ones((2, 2)), axis=())
# ---
a = np.ones((2, 3)).max(axis=-1, keepdims=True)
b = np.argmax(np.ones((2, 3)), axis=1, keepdims=True)
# ---
a = np.sum([np.ones(2), np.ones(2)])
b = sum([np.ones(2), np.ones(2)], 0)
# ---
a = np.zeros(2, float)
b = np.zeros((2, 1), np.int64)
c = np.ones(2, 'float64')
d = np.array([1, 2], float)
# ---
a = np.array([1, 2.5, None]) if 0 else 1
# ---
a = np.int64(7) // np.int64(2)
b = np.int64(7) / 2
c = np.int64(2) ** np.int64(3)
# ---
a = np.float64(1.0) / np.array(2)
b = np.array(2) * 3
c = np.array(2.0) * np.ones(1)
# ---
a = round(2.675, 2)
b = round(1234.5, -2)
c = np.round(np.array([0.5, 1.5, -0.5, 2.345]), 2)
# ---
a = int(1e15)
b = int("3") if 0 else 3
c = float("nan")
# ---
a = np.maximum(np.nan, 1.0)
b = np.minimum(np.array([np.nan, 2.0]), 1.0)
c = np.max(np.array([1.0, np.nan]))
d = np.argmax(np.array([1.0, np.nan, 3.0]))
e1 = np.sign(np.nan)
# ---
a = np.argmin(np.array([2.0, 1.0, 1.0]))
b = np.argmax(np.array([[1, 1], [0, 2]]))
c = np.argmax(np.array([False, True, True]))
# ---
a = np.sort(np.array([2.0, np.nan, 1.0]))
b = np.sum(np.array([np.inf, -np.inf]))
# ---
a = np.array([1e308, 1e308]).sum()
b = np.array([1e308, 1e308]).mean()
c = np.float64(1e308) * 10
# ---
a = 0.1 + 0.2 == 0.3
b = 1e16 + 1 == 1e16
c = 10 ** 16 + 1 == 10 ** 16
# ---
a = np.arange(3.0)
b = np.flip(a)
a[0] = 9
# ---
a = np.array([-1.0, 2.0])
c = a[..., 0]
a[0] = 5
# ---
a = np.arange(4).reshape(2, 2)
b = np.broadcast_to(a, (2, 2, 2))
for row in a:
    row += 1
# ---
a = np.zeros(2, dtype=bool)
np.add.at(a, [0, 0], True)
