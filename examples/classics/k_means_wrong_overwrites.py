# I. The objective of k-means: each example's squared distance to the nearest centre.
# Wrong: an index that comes twice is counted once.
import numpy as np

X = np.array([[0.22, -0.71, 0.67], [-0.03, 0.2, 0.32], [-0.59, 0.61, -0.18], [-0.0, -0.75, -0.49], [-0.09, 0.45, -0.08], [0.12, 0.51, -0.19]])
mu = np.array([[-0.97, 0.12, 0.89], [-0.92, -0.07, 0.31]])

D = np.sum((X[:, None, :] - mu[None, :, :]) ** 2, axis=2)
nearest = np.argmin(D, axis=1)
J = np.sum(np.min(D, axis=1))

# backward
dmu = np.zeros_like(mu)
dmu[nearest] += 2 * (mu[nearest] - X)  # <- wrong
