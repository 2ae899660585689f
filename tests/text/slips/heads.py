import numpy as np
X = np.array([[0.4, -0.7, 0.2], [0.9, 0.2, -0.5], [-0.3, 0.5, 0.8], [0.6, -0.1, 0.3]])
T = np.array([[0.1, 0.2], [-0.3, 0.4], [0.5, -0.2], [0.0, 0.3]])
Q1 = np.array([[0.3, -0.5], [0.6, 0.1], [-0.2, 0.4]])
K1 = np.array([[0.2, 0.1], [-0.4, 0.5], [0.3, -0.2]])
V1 = np.array([[-0.4, 0.35], [0.15, -0.6], [0.25, 0.5]])
Q2 = np.array([[0.5, -0.15], [0.1, 0.45], [-0.55, 0.3]])
K2 = np.array([[0.7, -0.3], [0.2, 0.5], [-0.6, 0.4]])
V2 = np.array([[0.15, 0.25], [-0.35, 0.45], [0.55, -0.65]])
Wo = np.array([[0.2, -0.3], [0.4, 0.6], [-0.5, 0.1], [0.3, 0.7]])
s = 0.7071
q1 = X @ Q1
k1 = X @ K1
v1 = X @ V1
A1 = softmax(s * q1 @ k1.T)
H1 = A1 @ v1
q2 = X @ Q2
k2 = X @ K2
v2 = X @ V2
A2 = softmax(s * q2 @ k2.T)
H2 = A2 @ v2
H = np.concatenate([H1, H2], axis=1)
E = H @ Wo - T
J = 0.5 * np.sum(E * E)
# backward
dE = E
dWo = H.T @ dE
dH = dE @ Wo.T
dH1 = dH[:, :2]
dH2 = dH[:, 2:]
dA1 = dH1 @ v1.T
dv1 = A1.T @ dH1
dS1 = A1 * (dA1 - np.sum(dA1 * A1, axis=1, keepdims=True))
dq1 = s * dS1 @ k1
dk1 = s * dS1.T @ q1
dA2 = dH2 @ v2.T
dv2 = A2.T @ dH2
dS2 = A2 * (dA2 - np.sum(dA2 * A2, axis=1, keepdims=True))
dq2 = s * dS2 @ k2
dk2 = s * dS2.T @ q2
dQ1 = X.T @ dq1
dK1 = X.T @ dk1
dV1 = X.T @ dv1
dQ2 = X.T @ dq2
dK2 = X.T @ dk2
dV2 = X.T @ dv2
