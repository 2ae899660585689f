# I. The same in vectors.
# Wrong: the sum where J has the mean.
import numpy as np

X = np.array([[-0.79, 0.52, 0.65, -0.03], [-0.22, 0.89, -0.25, 0.76], [-0.16, -0.25, -0.28, -0.88], [-0.45, -0.54, -0.88, 0.08], [-0.12, -0.95, -0.69, 0.84], [-0.73, -0.25, 0.9, -0.77]])
y = np.array([0, 1, 0, 0, 1, 1])
w = np.array([-0.18, 0.6, -0.96, -0.86])
b = 0.3
lam = 0.2
m = len(y)

z = X.dot(w) + b
h = 1 / (1 + np.exp(-z))
J = -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h)) + lam / (2 * m) * np.sum(w ** 2)

# backward
error = h - y
grad_w = X.T.dot(error) + lam / m * w  # <- wrong
grad_b = np.mean(error)
