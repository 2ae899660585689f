# H. Softmax by its Jacobian: dS_i/dz_j = S_i (delta_ij - S_j).
# Wrong: the diagonal of the Jacobian alone.
import numpy as np

X = np.array([[-0.87, -0.62, 0.36, 0.0], [0.1, -0.09, -0.45, -0.02], [0.84, -0.6, 0.47, -0.5], [-0.61, -0.35, -0.81, 0.87], [-0.27, -0.65, -1.0, -0.88]])
Y = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 0, 1]])
W = np.array([[-0.57, -0.16, 0.2], [0.96, 0.78, -0.52], [0.22, 0.84, -0.8], [0.71, -0.21, 0.56]])
b = np.array([-0.35, 0.25, 0.01])
m = X.shape[0]
K = Y.shape[1]

Z = X @ W + b
expZ = np.exp(Z - np.max(Z, axis=1, keepdims=True))
S = expZ / np.sum(expZ, axis=1, keepdims=True)
L = -np.sum(Y * np.log(S)) / m

# backward
dS = -(Y / S) / m
dZ = np.zeros(Z.shape)
for i in range(m):
    J = np.diag(S[i] * (1 - S[i]))  # <- wrong
    dZ[i] = J @ dS[i]
dW = X.T @ dZ
db = np.sum(dZ, axis=0)
