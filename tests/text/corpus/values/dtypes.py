i = np.array([1, 2, 3])
f = np.array([1.0, 2, 3])
b = np.array([True, False, True])
m = np.array([1, True, 2.5])
n = np.array([True, 2])
# ---
a = np.array([1, 2, 3])
b = a / 2
c = a // 2
d = a % 2
e1 = a ** 2
f = a * 1.0
g = a + True
h = -a
i = a - 5
j = a ** 2.0
k = 2 ** a
l = a ** a
m = a / a
n = a * a
# ---
a = np.array([-7, 7, -8, 8])
b = a // 3
c = a % 3
d = a // -3
e1 = a % -3
f = a // 3.0
g = a % 3.0
h = a / -3
# ---
a = np.array([-7.5, 7.5, 0.0, -0.0])
b = a // 2
c = a % 2
d = a // -2
e1 = a % -2
g = np.floor(a)
h = np.ceil(a)
# ---
a = np.array([True, False, True, False])
b = np.array([True, True, False, False])
c = a + b
d = a * b
e1 = a & b
f = a | b
g = a ^ b
h = ~a
i = a == b
j = a != b
k = a < b
l = a >= b
m = a / np.array([True, True, True, True])
# ---
a = np.array([True, False, True])
b = a * 2
c = a * 1.5
d = a + 1
e1 = 1 - a
f = a.sum()
g = a.mean()
h = np.sum(a)
i = 2.0 * a - 1
j = a.astype(float)
k = a.astype(int)
l = a * True
m = a + True
n = a.any()
o = a.all()
# ---
x = np.array([0.5, -1.0, 2.0])
mask = x > 0
y = x * mask
z = (x > 0) * 1
w = (x > 0) * 1.0
v = (x > 0) + (x < 1)
u = (x > 0).astype(float)
t = 1 * (x > 0) - 1 * (x < 0)
s = (x > 0) & (x < 1)
r = ~(x > 0)
# ---
a = np.array([1, 2, 3])
b = a.mean()
c = a.sum()
d = a.max()
e1 = a.prod()
f = a.std()
g = a.var()
h = a.cumsum()
i = np.argmax(a)
j = np.sqrt(a)
k = np.exp(a)
l = np.abs(-a)
m = np.sign(-a)
n = np.square(a)
o = np.maximum(a, 2)
p = np.maximum(a, 2.0)
q = np.clip(a, 1, 2)
r = np.where(a > 1, a, 0)
s = np.where(a > 1, a, 0.0)
t = np.power(a, 2)
u = np.dot(a, a)
v = np.outer(a, a)
w = a @ a
# ---
a = np.zeros(2)
b = np.ones((2, 2))
c = np.zeros((2,), dtype=int)
d = np.ones(3, dtype=bool)
e1 = np.zeros_like(np.array([1, 2]))
f = np.ones_like(np.array([1.5, 2]))
g = np.zeros_like(np.array([1, 2]), dtype=float)
h = np.full(2, 3)
i = np.full((2, 1), 3.0)
j = np.eye(2)
k = np.arange(3)
l = np.arange(1, 4)
m = np.arange(0, 1, 0.25)
n = np.arange(5, 0, -2)
o = np.arange(3.0)
p = np.linspace(0, 1, 5)
q = np.identity(2)
r = np.full_like(np.array([1, 2]), 7)
s = np.array([1, 2], dtype=float)
t = np.array([1.7, 2.2], dtype=int)
u = np.empty((2, 3)).shape
v = np.array([[1, 2], [3, 4]], dtype=np.float64)
# ---
a = np.array([1, 2, 3])
a += 1
a -= 2
a *= 3
a //= 2
a %= 2
b = np.array([1.0, 2.0])
b += np.array([1, 2])
b /= 2
b **= 2
b //= 1
c = np.array([True, False])
c &= True
c |= np.array([False, True])
# ---
a = np.array([1, 2]) / 0
b = np.array([0.0, -1.0]) / 0
e1 = np.array([5.0, -5.0]) // 0
f = np.array([5.0]) % 0
g = np.log(np.array([0.0, -1.0]))
h = np.sqrt(np.array([-1.0, 4.0]))
i = np.array([-8.0, 8.0]) ** (1 / 3)
j = np.array([0.0, 2.0]) ** -1
# ---
a = np.array(3)
b = np.array(3.5) + 1
c = a.shape
d = a.ndim
e1 = np.array([[1, 2], [3, 4]]).ndim
f = np.array([[1, 2], [3, 4]]).size
g = len(np.array([[1, 2], [3, 4], [5, 6]]))
h = np.array([1.0]).item()
i = float(np.array([2.5])[0])
j = int(np.array([2.5])[0])
# ---
c = np.array([1, 2]).astype(np.float64) / 4
d = np.array([0, 1, 2]).astype(bool)
e1 = np.array([1.9, -1.9]).astype(int)
# ---
a = np.add(np.array([1, 2]), 1)
b = np.subtract(1, np.array([1, 2]))
c = np.multiply(np.array([1, 2]), 0.5)
d = np.divide(np.array([1, 2]), 2)
e1 = np.negative(np.array([1, 2]))
f = np.power(2.0, np.array([1, 2]))
g = np.greater(np.array([1, 2]), 1)
h = np.less_equal(np.array([1, 2]), 1)
i = np.equal(np.array([1, 2]), 1)
j = np.not_equal(np.array([1, 2]), 1)
k = np.logical_and(np.array([1, 0]), np.array([1, 1]))
l = np.logical_or(np.array([1, 0]), False)
m = np.logical_not(np.array([1, 0]))
p = np.reciprocal(np.array([2.0, 4.0]))
