# I. A matrix of squared L2 distances by |x|^2 + |y|^2 - 2 x y.
import numpy as np

X = np.array([[0.13, 0.6, 0.38], [-0.86, 0.96, 0.12], [0.21, -0.48, 0.81], [1.0, -0.31, -0.02]])
Y = np.array([[-0.87, 0.53, 0.29], [-0.53, 0.66, 0.09], [0.86, 0.64, -0.8]])
dD = np.array([[-0.53, 0.7, -0.94], [-0.74, 0.84, 0.62], [-0.49, -0.32, -0.92], [-0.75, -0.98, 0.17]])

D = np.sum(X ** 2, axis=1)[:, np.newaxis] + np.sum(Y ** 2, axis=1) - 2 * X.dot(Y.T)
loss = np.sum(D * dD)

# backward
dX = 2 * X * np.sum(dD, axis=1)[:, np.newaxis] - 2 * dD.dot(Y)
dY = 2 * Y * np.sum(dD, axis=0)[:, np.newaxis] - 2 * dD.T.dot(X)
