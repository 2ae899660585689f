# I. Attention, softmax(Q K' / sqrt(d)) V.
import numpy as np

Q = np.array([[0.67, -0.29, -0.41], [0.86, -0.39, -0.6], [-0.24, 0.03, 0.23], [-0.2, 0.37, -0.95]])
K = np.array([[0.85, -0.08, -0.1], [-0.11, -0.45, 0.63], [-0.09, -0.81, -0.3], [-0.03, -0.28, -0.79]])
V = np.array([[0.78, -0.7, 0.46], [-0.15, -0.01, 0.35], [-0.97, -0.02, -0.08], [-0.14, -1.0, -0.98]])
dO = np.array([[-0.02, -0.09, -0.33], [-0.77, -0.27, 0.35], [0.64, 0.53, -1.0], [-0.32, -0.02, 0.63]])
d = Q.shape[-1]

S = Q @ K.T / np.sqrt(d)
P = np.exp(S - S.max(axis=-1, keepdims=True))
P = P / P.sum(axis=-1, keepdims=True)
O = P @ V
loss = np.sum(O * dO)

# backward
dV = P.T @ dO
dP = dO @ V.T
dS = P * (dP - np.sum(dP * P, axis=-1, keepdims=True))
dQ = dS @ K / np.sqrt(d)
dK = dS.T @ Q / np.sqrt(d)
