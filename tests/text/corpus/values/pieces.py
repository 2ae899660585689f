import numpy as np
z = np.arange(24.0).reshape(2, 12)
i, f, o, g = np.split(z, 4, axis=1)
i[0, 0] = 100.0
a, b, c = np.split(np.arange(7), [2, 5])
d = np.split(z, 2)
rows = d[0]
rows *= 2
n = len(d)
# ---
import numpy as np
x = np.arange(24.0).reshape(2, 3, 4)
a = np.moveaxis(x, 0, 2)
b = np.moveaxis(x, -1, 0)
a[0, 0, 0] = 50.0
s = a.shape
# ---
import numpy as np
x = np.array([3.0, -1.0, 2.0, 2.0])
order = np.argsort(x)
ranked = x[order]
back = x.argsort()[::-1]
# ---
import numpy as np
x = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
rows, columns = np.where(x > 0)
values = x[rows, columns]
first = np.where(x[0])[0]
# ---
import numpy as np
x = np.array([7.5, -7.5, 3.0, -0.5])
a = np.mod(x, 2)
b = np.remainder(np.array([7, -7, 5]), 3)
c = np.isclose(x, x + 1e-9)
d = np.isclose(x, x + 1e-3)
e = np.array_equal(x, x.copy())
f = np.array_equal(x, x[:3])
# ---
import numpy as np
a = np.array([1.0, 2.0])
b = np.array([0.5, -1.0])
s = sum([a, b, a * b])
t = np.sum([a, b])
u = sum([1, 2, 3])
v = sum([a.sum(), b.sum()])
# ---
import numpy as np
a = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
b = np.einsum('ij->ji', a)
b[0, 1] = 10.0
c = np.einsum('ij->j', a)
same = [1, 2] == (1, 2)
also = [1, 2] == [1, 2]
# ---
import numpy as np
def f(x, by=2):
    return x ** by
y = f(np.array([1.0, 3.0]))
z = f(2.0, by=3)
