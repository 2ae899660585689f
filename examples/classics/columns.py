# B. The vectorised two-layer form, examples in columns; dZ without the 1/m that J has.
import numpy as np

X = np.array([[-0.07, -0.56, 0.28, -0.79, 0.38], [0.27, -0.25, 0.6, -0.61, -0.22], [0.6, -0.24, 0.43, 0.23, 0.88]])
Y = np.array([[1, 0, 1, 1, 0], [0, 0, 1, 0, 1]])
W1 = np.array([[0.98, 0.45, 0.62], [-0.69, 0.43, 0.7], [-0.2, 0.11, -0.04], [0.92, -0.37, -0.2]])
b1 = np.array([[-1.0], [-0.16], [0.26], [0.87]])
W2 = np.array([[0.85, -0.35, 0.98, -0.62], [0.65, -0.69, -0.19, -0.85]])
b2 = np.array([[0.72], [0.66]])
m = X.shape[1]

Z1 = np.dot(W1, X) + b1
A1 = np.tanh(Z1)
Z2 = np.dot(W2, A1) + b2
A2 = 1 / (1 + np.exp(-Z2))
J = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m

# backward
dZ2 = A2 - Y
dW2 = 1 / m * np.dot(dZ2, A1.T)
db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
dZ1 = np.dot(W2.T, dZ2) * (1 - np.power(A1, 2))
dW1 = 1 / m * np.dot(dZ1, X.T)
db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
