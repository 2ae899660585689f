import numpy as np
x1 = np.array([[0.4, -0.7], [0.9, 0.2], [-0.3, 0.5]])
x2 = np.array([[-0.2, 0.6], [0.1, -0.8], [0.7, 0.3]])
x3 = np.array([[0.5, 0.1], [-0.6, 0.4], [0.2, -0.9]])
h0 = np.array([[0.1, -0.2, 0.3], [0.0, 0.4, -0.1], [0.2, 0.1, -0.3]])
Y = np.array([[0.5, -0.1], [0.2, 0.3], [-0.4, 0.6]])
Wx = np.array([[0.3, -0.5, 0.2], [0.6, 0.1, -0.4]])
Wh = np.array([[0.2, 0.1, -0.3], [-0.4, 0.5, 0.2], [0.3, -0.2, 0.6]])
b = np.array([0.05, -0.1, 0.2])
V = np.array([[0.7, -0.3], [0.2, 0.5], [-0.6, 0.4]])
c = np.array([0.1, -0.2])
n = 3
a1 = x1 @ Wx + h0 @ Wh + b
h1 = np.tanh(a1)
a2 = x2 @ Wx + h1 @ Wh + b
h2 = np.tanh(a2)
a3 = x3 @ Wx + h2 @ Wh + b
h3 = np.tanh(a3)
o = h3 @ V + c
L = np.sum((o - Y) ** 2) / (2 * n)
# backward
do = (o - Y) / n
dV = h3.T @ do
dc = np.sum(do, axis=0)
dh3 = do @ V.T
da3 = dh3 * (1 - h3 ** 2)
dWx = x3.T @ da3
dWh = h2.T @ da3
db = np.sum(da3, axis=0)
dh2 = da3 @ Wh.T
da2 = dh2 * (1 - h2 ** 2)
dWx += x2.T @ da2
dWh += h1.T @ da2
db += np.sum(da2, axis=0)
dh1 = da2 @ Wh.T
da1 = dh1 * (1 - h1 ** 2)
dWx += x1.T @ da1
dWh += h0.T @ da1
db += np.sum(da1, axis=0)
