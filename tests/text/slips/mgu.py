import numpy as np
x1 = np.array([[0.4, -0.7], [0.9, 0.2], [-0.3, 0.5]])
x2 = np.array([[-0.2, 0.6], [0.1, -0.8], [0.7, 0.3]])
h0 = np.array([[0.1, -0.2, 0.3], [0.0, 0.4, -0.1], [0.2, 0.1, -0.3]])
y = np.array([0.5, -0.1, 0.3])
Wf = np.array([[0.3, -0.5, 0.2], [0.6, 0.1, -0.4]])
Uf = np.array([[0.2, 0.1, -0.3], [-0.4, 0.5, 0.2], [0.3, -0.2, 0.6]])
bf = np.array([0.05, -0.1, 0.2])
Wh = np.array([[-0.4, 0.35, 0.25], [0.15, -0.6, 0.5]])
Uh = np.array([[0.5, -0.15, 0.35], [0.1, 0.45, -0.25], [-0.55, 0.3, 0.2]])
bh = np.array([-0.15, 0.1, 0.3])
v = np.array([0.7, -0.4, 0.9])
f1 = sigmoid(x1 @ Wf + h0 @ Uf + bf)
k1 = f1 * h0
c1 = np.tanh(x1 @ Wh + k1 @ Uh + bh)
h1 = (1 - f1) * h0 + f1 * c1
f2 = sigmoid(x2 @ Wf + h1 @ Uf + bf)
k2 = f2 * h1
c2 = np.tanh(x2 @ Wh + k2 @ Uh + bh)
h2 = (1 - f2) * h1 + f2 * c2
p = h2 @ v
loss = np.mean((p - y) ** 2)
# backward
dp = 2 * (p - y) / 3
dv = h2.T @ dp
dh2 = np.outer(dp, v)
dc2 = dh2 * f2
uc2 = dc2 * (1 - c2 ** 2)
df2 = dh2 * (c2 - h1)
dk2 = uc2 @ Uh.T
df2 += dk2 * h1
uf2 = df2 * f2 * (1 - f2)
dh1 = dh2 * (1 - f2) + dk2 * f2 + uf2 @ Uf.T
dWh = x2.T @ uc2
dUh = k2.T @ uc2
dbh = uc2.sum(axis=0)
dWf = x2.T @ uf2
dUf = h1.T @ uf2
dbf = uf2.sum(axis=0)
dc1 = dh1 * f1
uc1 = dc1 * (1 - c1 ** 2)
df1 = dh1 * (c1 - h0)
dk1 = uc1 @ Uh.T
df1 += dk1 * h0
uf1 = df1 * f1 * (1 - f1)
dWh += x1.T @ uc1
dUh += k1.T @ uc1
dbh += uc1.sum(axis=0)
dWf += x1.T @ uf1
dUf += h0.T @ uf1
dbf += uf1.sum(axis=0)
