total = 0
for i in range(5):
    total += i
last = i
# ---
l = []
for i in range(2, 8, 2):
    l.append(i)
m = []
for i in reversed(range(3)):
    m.append(i * 1.5)
k = []
for i in range(3, -1, -1):
    k.append(i)
for i in range(0):
    never = 1
# ---
l = []
for x in [1, 2.5, True]:
    l.append(x)
for i, x in enumerate([10, 20]):
    l.append(i + x)
for a, b in zip([1, 2], [3, 4]):
    l.append(a * b)
for i, (a, b) in enumerate(zip([1, 2], [3, 4, 5])):
    l.append(i * a * b)
for x in reversed([1, 2]):
    l.append(x)
for x, y in [(1, 2), (3, 4)]:
    l.append(x - y)
# ---
s = 0
for i in range(3):
    for j in range(i):
        s += i * j
        if j == 1:
            s += 100
    s -= 1
# ---
x = 3
if x > 5:
    y = 1
elif x > 2:
    y = 2
else:
    y = 3
if x == 3: z = 1
if not x == 3: z = 2
else: z = 3
if x > 1 and x < 5:
    w = 1
if x < 1 or x == 3:
    w += 1
if 1 < x < 5:
    w += 10
if x:
    w += 100
if x and 0:
    w += 1000
# ---
for i in range(3): last = i
total = 0
for i in range(10):
    if i == 2:
        continue
    if i == 5:
        break
    total += i
# ---
def f(x):
    return x ** 2 + 1

a = f(3)
b = f(2.0)
c = f(np.array([1, 2]))
d = f(f(1))
# ---
def f(x, y=2, z=3):
    return x + 10 * y + 100 * z

a = f(1)
b = f(1, 5)
c = f(1, z=7)
d = f(z=1, x=2)
e1 = f(1, 2, 3)
# ---
def sign_of(x):
    if x > 0:
        return 1
    elif x < 0:
        return -1
    return 0

a = sign_of(5)
b = sign_of(-2.5)
c = sign_of(0)
# ---
def two(x):
    return x, 2 * x

a, b = two(3)
c = two(4)
d = two(5)[1]
def nothing(x):
    y = x
e1 = nothing(1) is None
# ---
scale = 2.0
def g(x):
    return scale * x

a = g(3)
scale = 5.0
b = g(3)
# ---
def f(x):
    local = x + 1
    return local

local = 100
a = f(1)
# ---
def layer(x, w, b, act=np.tanh):
    return act(x @ w + b)

y = layer(np.ones((1, 2)), np.full((2, 3), 0.1), np.zeros(3))
z = layer(np.ones((1, 2)), np.full((2, 3), 0.1), np.zeros(3), sigmoid)
# ---
def fact(n):
    if n <= 1:
        return 1
    return n * fact(n - 1)

a = fact(5)
# ---
def nonlin(x, deriv=False):
    if(deriv==True):
        return x*(1-x)
    return 1/(1+np.exp(-x))

a = nonlin(0.3)
b = nonlin(0.3, True)
c = nonlin(np.array([0.1, 0.9]), deriv=True)
# ---
def f(x):
    """Documented."""
    total = 0
    for v in x:
        total += v
        if total > 5:
            return total
    return -total

a = f([1, 2, 3, 4])
b = f([1])
c = f(np.array([3, 3, 3]))
# ---
l = []
l.append(1)
l.append([2, 3])
l.append(np.ones(2))
a = len(l)
b = l[-1]
c = l[1][0]
l[0] = 5
l[-1] = 0
m = l + [1]
k = [0] * 3
n = [1, 2] * 2
p = l.pop()
l.insert(0, 7)
l.extend([8, 9])
l.reverse()
# ---
squares = [i ** 2 for i in range(4)]
evens = [i for i in range(6) if i % 2 == 0]
pairs = [(a, b) for a, b in zip([1, 2], [3, 4])]
arrays = [np.ones(n) for n in [1, 2]]
total = sum([x.sum() for x in arrays])
i = 7
more = [i for i in range(2)]
# ---
W = [np.ones((2, 3)), np.ones((1, 2))]
a = np.array([1.0, 2.0, 3.0])
acts = [a]
for w in W:
    a = np.tanh(w @ a)
    acts.append(a)
n = len(acts)
deltas = [None] * 2
d = acts[-1] - 1
for l in reversed(range(2)):
    d = d * (1 - acts[l + 1] ** 2)
    deltas[l] = np.outer(d, acts[l])
    d = W[l].T @ d
# ---
a = [[0] * 2 for i in range(2)]
a[0][1] = 5
b = [[0] * 2] * 2
b[0][1] = 5
# ---
n = 0
for x in np.array([[1, 2], [3, 4]]):
    n += x[0] * x[1]
s = 0.0
for v in np.array([0.5, 1.5]):
    s += v
k = len(np.zeros((4, 2)))
# ---
x = 1.0
lr = 0.1
for step in range(50):
    grad = 2 * (x - 3)
    x -= lr * grad
# ---
h = np.zeros(2)
hs = []
Wh = np.array([[0.5, -0.1], [0.2, 0.3]])
for t in range(3):
    h = np.tanh(Wh @ h + t)
    hs.append(h)
dh = np.zeros(2)
dW = np.zeros_like(Wh)
for t in reversed(range(3)):
    dh = dh + hs[t]
    dz = dh * (1 - hs[t] ** 2)
    if t > 0:
        dW += np.outer(dz, hs[t - 1])
    dh = Wh.T @ dz
# ---
a, b = np.array([1, 2])
(m, n), k = np.ones((2, 3)).shape, 1
x, y = np.array([[1, 2], [3, 4]])
c, d = [5, 6]
# ---
x = 0
def f():
    x = 5
    return x

a = f()
# ---
pass
for i in range(2):
    pass
if True:
    pass
else:
    pass
a = i
# ---
a = list(range(3))
b = tuple([1, 2])
c = list((1, 2))
d = len(range(5))
f = list(zip([1, 2], [3, 4]))
g = list(enumerate([5, 6]))
# ---
	
if 1:
	a = 1
	if 1:
		b = 2
c = 3
