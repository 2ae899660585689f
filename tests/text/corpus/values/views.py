a = np.array([1.0, 2.0, 3.0])
b = a
b += 1
c = a
c = c + 1
d = a
d[0] = 100
# ---
a = np.arange(5.0)
c = a[1:]
c[0] = 50
c += 1
d = c[1:3]
d[:] = 0
# ---
a = np.arange(6.0).reshape(2, 3)
t = a.T
t[0, 1] = 100
t += 1
a[0, 0] = -5
# ---
a = np.arange(6.0)
b = a.reshape(2, 3)
b[1] = 0
c = b.ravel()
c[0] = 9
d = b.flatten()
d[1] = 77
e1 = b.reshape(-1)
e1[2] = 33
# ---
a = np.arange(6.0).reshape(2, 3)
b = a.T.reshape(-1)
b[0] = 100
c = a.T.ravel()
c[1] = 50
d = a[:, 1:].reshape(-1)
d[0] = 70
e1 = a[:1, 1:].reshape(2, 1)
e1[0, 0] = 60
# ---
a = np.arange(5.0)
b = a[[0, 1]]
b[0] = 100
c = a[a > 2]
c += 1
d = a[:2].copy()
d[0] = 7
e1 = a + 0
e1[0] = 9
# ---
a = np.zeros((2, 2))
row = a[0]
row += 1
col = a[:, 1]
col *= 5
x = a[0, 0]
x += 1
# ---
def bump(v):
    v += 1
    return v

a = np.zeros(2)
b = bump(a)
b[0] = 10
n = 3
k = bump(n)
# ---
def change(v):
    v[0] = 5
    v = v * 2
    v[1] = 100
    return v

a = np.ones(3)
b = change(a)
# ---
a = np.ones(2)
l = [a, a]
l[0] += 1
m = [a.copy(), a]
m[0][0] = 50
m[1][1] = 60
k = l
k.append(a)
k[2][0] = -1
# ---
l = [1, 2]
m = l
m += [3]
k = l
k = k + [4]
m.append(5)
n = l[:]
n[0] = 100
# ---
w = np.ones((2, 2))
g = np.full((2, 2), 0.5)
old = w
w -= 0.1 * g
kept = old.copy()
w = w - 0.1 * g
# ---
a = np.arange(4.0)
b = a[1:]
c = b[1:]
c[0] = 9
a[3] = 8
b[:] = b * 2
# ---
a = np.arange(3.0)
b = a[:, None]
b[0, 0] = 7
c = a[None]
c += 1
d = np.expand_dims(a, 0)
d[0, 1] = 70
e1 = a.reshape(1, 3).T
e1[2, 0] = 700
# ---
a = np.zeros(3)
b = np.asarray(a)
b[0] = 1
c = np.array(a)
c[1] = 1
d = np.copy(a)
d[2] = 1
# ---
a = np.arange(8.0).reshape(2, 2, 2)
b = a.transpose(2, 0, 1)
b[0, 0, 1] = 100
c = a[:, 0]
c[1] = -1
d = np.swapaxes(a, 0, 2)
d[1, 1, 1] = 55
# ---
a = np.zeros((3, 3))
for row in a:
    row += 1
for i in range(3):
    a[i] *= i
b = np.arange(3)
for v in b:
    v += 1
# ---
a = np.ones(3)
def f(x, out=None):
    if out is None:
        out = x
    out[0] = 2
    return out

b = f(a)
c = np.zeros(3)
d = f(a, c)
# ---
a = np.ones(2)
pair = (a, 3)
b, c = pair
b += 1
c += 1
# ---
a = np.arange(3.0)
b = a
a = a * 2
b[0] = 100
# ---
s = 1.5
t = s
t += 1
# ---
a = np.broadcast_to(np.arange(3.0), (2, 3)).copy()
a[0, 0] = 9
b = np.squeeze(a[:1])
b[1] = 99
# ---
a = np.array(3.0)
b = a
b += 1
c = a + 1
# ---
a = np.arange(4.0)
a[:] = a[::-1]
b = np.arange(4.0)
b += b[::-1]
c = np.arange(4.0)
c[1:] = c[:-1] * 2
# ---
layers = [np.ones((2, 2)), np.zeros(2)]
for p in layers:
    p += 1
W, b = layers
W[0, 0] = 5
layers[1] = np.ones(2) * 9
# ---
a = np.eye(2)
d = np.diag(a).copy()
d[0] = 7
e1 = np.diag(np.array([1.0, 2.0]))
e1[0, 1] = 3
# ---
a = np.arange(4)
b = a.astype(float)
b[0] = 9.5
c = a.astype(int)
c[1] = 9
d = a.clip(0, 9)
d[2] = 99
