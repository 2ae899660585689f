a = np.ones((3, 1)) * np.arange(4)
b = np.arange(3)[:, None] + np.arange(2)
c = np.ones((2, 3)) + np.array([10, 20, 30])
d = np.ones((2, 3)) + np.array([[10], [20]])
e1 = np.ones((2, 1, 3)) * np.ones((4, 1))
f = np.arange(3)[np.newaxis, :] * 2
g = 5 - np.ones(2)
# ---
a = np.ones((1,)) + np.ones((3, 1))
b = np.zeros((0, 3)) + np.ones(3)
c = np.zeros((0,)).sum()
d = np.zeros((2, 0)).sum(axis=1)
e1 = np.ones((1, 1)) * 3
f = np.array([[2.0]]) * np.array([1, 2, 3])
# ---
x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
mu = x.mean(axis=0)
c = x - mu
v = (c ** 2).mean(axis=0)
z = c / np.sqrt(v + 1e-5)
r = x / x.sum(axis=1, keepdims=True)
s = x - x.max(axis=1)[:, None]
# ---
a = np.arange(6.0).reshape(2, 3)
a += np.array([1, 2, 3])
a *= np.array([[2], [3]])
a -= 1
a[:, 0] = 0
a[1] = np.array([7, 8, 9])
a[:, 1:] = np.array([[1], [2]])
a[...] = a + 1
# ---
a = np.broadcast_to(np.array([1, 2]), (3, 2))
b = a + 1
c = np.tile(np.array([1, 2]), 2)
d = np.tile(np.array([[1, 2]]), (2, 1))
e1 = np.repeat(np.array([1, 2]), 2)
f = np.repeat(np.array([[1, 2], [3, 4]]), 2, axis=0)
g = np.repeat(np.array([[1, 2], [3, 4]]), 2, axis=1)
h = np.repeat(np.array([[1, 2], [3, 4]]), 2)
i = np.repeat(3, 4)
j = np.array([1, 2]).repeat(3)
# ---
a = np.array([1, 2, 3]) == np.array([[1], [3]])
b = np.maximum(np.array([1, 5]), np.array([[2], [6]]))
c = np.where(np.array([[True], [False]]), np.array([1, 2]), 0)
d = np.minimum(1, np.array([0.5, 2]))
e1 = np.power(np.array([1, 2, 3]), np.array([[1], [2]]))
