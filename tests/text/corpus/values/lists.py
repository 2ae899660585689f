l = [1, 2.5, True, None]
n = len(l)
m = [np.array([1, 2]), 3]
t = (1, (2, 3))
e1 = []
s = (5,)
u = ()
v = 1,
# ---
a = [1, 2] == [1, 2]
b = (1, 2) == (1, 3)
c = [1, 2] + [3]
d = (1,) + (2,)
e1 = [1] * 3
f = 2 in [1, 2]
# ---
l = [3, 1, 2]
a = max(l)
b = min(l)
c = sum(l)
d = np.array(l)
e1 = np.array(l) * 2
f = l * 2
g = np.sum(l) / len(l)
h = np.array(l) + [1, 1, 1]
i = [10, 20, 30] - np.array(l)
j = np.array([1, 2]) * (3, 4)
k = np.ones(2) @ [1, 2]
# ---
params = [np.ones(2), np.zeros(1)]
grads = [np.full(2, 0.5), np.full(1, 2.0)]
for p, g in zip(params, grads):
    p -= 0.1 * g
new = [p - 0.1 * g for p, g in zip(params, grads)]
norm2 = 0
for g in grads:
    norm2 += np.sum(g ** 2)
# ---
a = [np.ones(2)]
b = a.copy()
b[0][0] = 5
b.append(1)
c = a[:]
c[0] = 0
# ---
W1, b1, W2, b2 = [np.ones(1) * i for i in range(4)]
params = [W1, b1]
params += [W2, b2]
total = sum([np.sum(p) for p in params])
# ---
zs = [0.5, -0.5]
a = [sigmoid(z) for z in zs]
b = np.array([np.exp(z) for z in zs])
c = [z > 0 for z in zs]
d = sum(a)
# ---
L = 3
sizes = [2, 3, 1]
shapes = [(y, x) for x, y in zip(sizes[:-1], sizes[1:])]
W = [np.zeros((y, x)) for x, y in zip(sizes[:-1], sizes[1:])]
last = W[-1].shape
n = sum([w.size for w in W])
