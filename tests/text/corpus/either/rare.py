f = round(3.14159, 2)
# ---
z = 6
z &= 3
z |= 8
z ^= 1
# ---
g = float("inf") > 1
# ---
a = np.float64(3) / 2
d = np.float64(-8) ** (1 / 3)
f = np.float64(0) / 0
# ---
a = 5 & 3
b = 5 | 3
c = 5 ^ 3
d = ~5
e1 = True & False
f = True | False
g = True ^ True
h = 1 | 2 & 3
i = 6 ^ 2 | 1
# ---
def outer_f(x):
    def inner_f(y):
        return y * k
    k = 3
    return inner_f(x) + 1

a = outer_f(2)
# ---
e1 = range(2, 9, 3)[1]
# ---
a = np.array([-7.5, 7.5, 0.0, -0.0])
f = np.mod(a, 2)
# ---
q = np.float64(True) + 1
# ---
a = np.array([1, 2, 3])
a[0] = 2.9
b = np.array([1.0, 2.0])
b[1] = 7
c = np.zeros(3, dtype=int)
c[:] = [1.5, 2.5, -3.5]
d = np.array([True, False])
d[1] = 3
e1 = np.array([1, 2])
e1[0] = True
# ---
c = np.array([5, -5]) // 0
d = np.array([5, 0]) % 0
# ---
a = np.array([1, 2]).dtype == int
b = np.array([1.0, 2]).dtype == float
f = np.int64(3) + 0.5
g = np.float64(3)
# ---
o = np.mod(np.array([-1, 5]), 3)
# ---
x = np.array([0.2, 1.7, -3.0])
e1 = np.where(x > 0)
h = np.nonzero(x > 0)
# ---
x = np.arange(6).reshape(2, 3)
y = np.moveaxis(x.reshape(1, 2, 3), 0, -1)
# ---
j = np.split(np.arange(6), 3)
# ---
x = [1, 2, 3, 4, 5]
a = x[1:4]
x[1:3] = [9, 9]
b = x[-1]
c = x[:2] + x[3:]
x[0] += 10
# ---
A = np.array([[2.0, 1], [1, 3]])
b = np.array([1.0, 2])
i = inv(A)
j = solve(A, b)
k = det(A)
# ---
g = np.einsum('ii->i', np.arange(9.0).reshape(3, 3))
h = np.einsum('ii->', np.arange(9.0).reshape(3, 3))
# ---
a = np.tensordot(np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2), axes=1)
# ---
l = np.argsort(np.array([3.0, 1.0, 2.0]))
m = np.sort(np.array([3.0, 1.0, 2.0]))
n = np.diff(np.array([1, 4, 9]))
# ---
x = np.array([3.0, 1.0, 2.0])
c = np.median(x)
# ---
a = np.arange(6.0)
b = a[::2].reshape(3, 1)
b[0] = 10
c = a[::2].ravel()
c[1] = 20
d = a[::-1].reshape(2, 3)
d[0, 0] = 30
# ---
u = np.float64(2.0)
v = u
v += 1
# ---
x = np.array([0.2, 1.7, -3.0])
k = np.isclose(x, x + 1e-12)
# ---
x = np.array([0.2, 1.7, -3.0])
m = np.array_equal(x, x)
# ---
x = np.array([0.2, 1.75, -3.0])
n = np.round(x, 1)
# ---
import numpy as np
a = np.square(np.array([2 ** 40, 3]))
# ---
import numpy as np
a = np.outer(np.array([2 ** 30, 3]), np.array([2 ** 30, 1]))
# ---
import numpy as np
a = np.arange(1, 30).prod()
# ---
import numpy as np
a = np.cumprod(np.arange(1, 30))
