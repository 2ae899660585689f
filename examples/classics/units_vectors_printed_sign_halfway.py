# D. The same in vectors.
# Wrong: dL/da is y - a; the delta beside it is right.
import numpy as np

x = np.array([0.05, 0.10])
y = np.array([0.01, 0.99])
w1 = np.array([[0.15, 0.25], [0.20, 0.30]])
b1 = np.array([0.35, 0.35])
w2 = np.array([[0.40, 0.50], [0.45, 0.55]])
b2 = np.array([0.60, 0.60])

z1 = x @ w1 + b1
a1 = sigmoid(z1)
z2 = a1 @ w2 + b2
a2 = sigmoid(z2)
L = 0.5 * np.sum((y - a2) ** 2)

# backward
dL_da2 = y - a2  # <- wrong
delta2 = (a2 - y) * a2 * (1 - a2)
dL_dw2 = np.outer(a1, delta2)
dL_db2 = delta2
delta1 = np.dot(w2, delta2) * a1 * (1 - a1)
dL_dw1 = np.outer(x, delta1)
dL_db1 = delta1
