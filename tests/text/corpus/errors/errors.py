a = np.ones(2)
b = a + np.ones(3)
# ---
a = np.ones((2, 3))
b = a @ np.ones((2, 3))
# ---
a = np.ones((2, 3)).dot(np.ones(2))
# ---
a = b + 1
# ---
a = 1
c = a * (2 + q)
# ---
a = np.ones(3)
b = a[3]
# ---
a = np.ones(3)
b = a[-4]
# ---
a = np.ones((2, 2))
b = a[0, 2]
# ---
a = np.ones((2, 2))
b = a[0, 0, 0]
# ---
a = np.array([1, 2])
a += 0.5
# ---
a = np.array([1, 2])
a /= 2
# ---
a = np.array([1, 2])
a -= np.array([0.5, 1])
# ---
a = np.array([True, False])
a += 1
# ---
a = np.ones(2)
a += np.ones((3, 2))
# ---
a = np.ones((2, 1))
a *= np.ones((2, 3))
# ---
a = np.ones(2)
a[:] = [1, 2, 3]
# ---
a = np.ones(2)
a[0] = [1, 2]
# ---
a = np.ones((2, 2))
a[:, 0] = np.ones(3)
# ---
a = np.ones(3)
a[a > 0] = [1, 2]
# ---
a = np.ones(3)
b = a[np.array([True, False])]
# ---
a = np.ones(3)
a[5] = 1
# ---
a = np.ones(3)
b = a[1.0]
# ---
a = np.ones(3)
b = a[0.5:2]
# ---
a = [1, 2]
b = a[2]
# ---
a = [1, 2]
a[2] = 3
# ---
a = [1, 2]
b = a[1.0]
# ---
a = [1, 2, 3]
b = a[[0, 1]]
# ---
a = (1, 2)
a[0] = 3
# ---
a = 1 / 0
# ---
a = 1.0 / 0
# ---
a = 1 // 0
# ---
a = 1 % 0
# ---
a = 0 ** -1
# ---
a = 0.0 ** -1
# ---
a = 10.0 ** 400
# ---
a = np.array([1, 2]) ** -1
# ---
a = np.array([True]) - np.array([True])
# ---
a = -np.array([True])
# ---
a = np.ones(2)
if a > 0:
    b = 1
# ---
a = np.ones(2)
b = a and 1
# ---
a = np.ones(2)
b = not a
# ---
a = np.ones(2)
b = 0 < a < 2
# ---
a, b = 1, 2, 3
# ---
a, b = np.ones(3)
# ---
a, b = 5
# ---
def f(x):
    return x + 1

a = f()
# ---
def f(x):
    return x + 1

a = f(1, 2)
# ---
def f(x):
    return x + 1

a = f(1, y=2)
# ---
def f(x):
    return x + 1

a = f(1, x=2)
# ---
def f(x):
    return x + missing

a = f(1)
# ---
a = f(1)
def f(x):
    return x
# ---
def f():
    x = y + 1
    y = 2
    return x

y = 5
a = f()
# ---
x = 1
def f():
    x += 1
    return x

a = f()
# ---
a = np.sum(np.ones(2), axis=1)
# ---
a = np.sum(np.ones(2), axis=-2)
# ---
a = np.ones((2, 3)).reshape(4, 2)
# ---
a = np.ones((2, 3)).reshape(4, -1)
# ---
a = np.concatenate((np.ones(2), np.ones((1, 2))))
# ---
a = np.concatenate((np.ones((2, 1)), np.ones((3, 1))), axis=1)
# ---
a = np.stack((np.ones(2), np.ones(3)))
# ---
a = np.array([[1, 2], [3]])
# ---
a = np.linalg.inv(np.ones((2, 3)))
# ---
a = np.linalg.inv(np.zeros((2, 2)))
# ---
a = np.linalg.solve(np.eye(2), np.ones(3))
# ---
a = np.einsum('ij,jk->ik', np.ones((2, 3)), np.ones((2, 3)))
# ---
a = np.einsum('ij->ik', np.ones((2, 3)))
# ---
a = np.einsum('ij,jk->ik', np.ones((2, 3)))
# ---
a = np.einsum('ijk->i', np.ones((2, 3)))
# ---
a = np.nosuch(1)
# ---
a = np.ones(2).nosuch()
# ---
a = np.ones(2).nosuch
# ---
a = np.ones(2)(0)
# ---
a = 5(3)
# ---
a = [1] - [1]
# ---
a = [1] * 1.5
# ---
a = None + 1
# ---
a = np.exp(None)
# ---
a = np.exp()
# ---
a = np.exp(1, 2, 3)
# ---
a = np.sum(np.ones(2), nosuch=1)
# ---
a = np.dot(np.ones(2))
# ---
for i in 5:
    a = i
# ---
for i in range(1.5):
    a = i
# ---
a = range(2, 5, 0)
# ---
a = np.zeros(-1)
# ---
a = np.argmax(np.zeros(0))
# ---
a = np.max(np.zeros(0))
# ---
a = len(5)
# ---
a = len(np.float64(3))
# ---
a = np.float64(3)[0]
# ---
x = 3.0
x[0] = 1
# ---
l = []
a = l[-1]
# ---
l = []
a = l.pop()
# ---
a = np.outer()
# ---
a = np.zeros(2)
np.add.at(a, [0, 2], 1.0)
# ---
a = np.zeros((2, 2))
np.add.at(a, (0, 2), 1.0)
# ---
a = np.array([1, 2])
a @= np.array([1, 2])
# ---
a = 2 @ 3
# ---
a = np.ones(2) @ 3
# ---
a = np.broadcast_to(np.ones(3), (3, 2))
# ---
a = np.ones((2, 3)).transpose(0, 0)
# ---
a = np.squeeze(np.ones((2, 1)), axis=0)
# ---
a = np.where(np.array([True, False]), np.ones(3), 0)
# ---
a = np.ones((2, 2))[[0, 1], [0, 1, 0]]
# ---
a = np.ones((2, 2))[np.array([[True, False]])]
# ---
p = np.ones((2, 2))
p[np.arange(2), [0, 2]] -= 1
# ---
a = [x for x in 3]
# ---
def f(n):
    return f(n + 1)

a = f(0)
# ---
a = zip(1, 2)
# ---
a = int([1])
# ---
a = float(np.ones(2))
# ---
a = np.ones(2).item()
# ---
a = 1.5 & 2
# ---
a = ~1.5
# ---
a = np.array([1.0]) & np.array([1.0])
# ---
a = sigmoid(1, 2, 3)
# ---
a = huber(1.0)
# ---
a = pick(np.ones((2, 2)), [0, 2])
# ---
a = softmax(np.ones(2), 1)
# ---
a = np.ones(3)
b = a[:, 0]
# ---
a = np.ones(3)
b = a[..., ...]
# ---
a = np.ones(3)
b = a[::0]
# ---
a = [1, 2][::0]
# ---
a = np.arange(3.0)
a.T[3] = 1
# ---
w = np.ones((3, 2))
x = np.ones(3)
y = w @ x
# ---
a = 1
a.b = 2
# ---
a = np.ones(2)
a.append(1)
# ---
a = [1, 2]
b = a + 1
# ---
a = [1, 2]
b = -a
# ---
a = [1, 2] > 1
# ---
a = 3 in 5
# ---
a = np.array([[1.0, 2.0]])
a[0] += a * 2
# ---
a = np.ones(3)
a[a > 5] += np.ones((1, 1))
# ---
a = np.ones(2)
a[[0]] += np.ones((1, 1))
# ---
a = logsumexp(np.ones(2)[:, 0])
