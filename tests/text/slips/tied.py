import numpy as np
X = np.array([[0.4, -0.7, 0.2], [0.9, 0.2, -0.5], [-0.3, 0.5, 0.8], [0.6, -0.1, 0.3]])
labels = np.array([0, 2, 1, 1])
W = np.array([[0.3, -0.5, 0.1], [0.6, 0.1, -0.4], [-0.2, 0.4, 0.7]])
b = np.array([0.1, -0.2, 0.05])
U = np.array([[0.2, 0.1, -0.6], [-0.4, 0.5, 0.3], [0.3, -0.2, 0.8]])
lam = 0.03
m = 4
z1 = X @ W + b
g1 = sigmoid(z1)
r1 = X + z1 * g1
z2 = r1 @ W + b
g2 = sigmoid(z2)
r2 = r1 + z2 * g2
logits = r2 @ U
M = np.max(logits, axis=1, keepdims=True)
ex = np.exp(logits - M)
P = ex / np.sum(ex, axis=1, keepdims=True)
nll = -np.mean(np.log(P[np.arange(m), labels]))
cost = nll + 0.5 * lam * (np.sum(W ** 2) + np.sum(U ** 2))
# backward
dlogits = P.copy()
dlogits[np.arange(m), labels] -= 1
dlogits /= m
dU = r2.T @ dlogits + lam * U
dr2 = dlogits @ U.T
slope2 = g2 + z2 * g2 * (1 - g2)
dz2 = dr2 * slope2
dr1 = dr2 + dz2 @ W.T
slope1 = g1 + z1 * g1 * (1 - g1)
dz1 = dr1 * slope1
dW = r1.T @ dz2 + X.T @ dz1 + lam * W
db = np.sum(dz1 + dz2, axis=0)
