# I. Linear regression with ridge.
# Wrong: the 2 of the penalty is lost.
import numpy as np

X = np.array([[0.86, 0.37, -0.48, -0.04], [-0.5, 0.78, 0.9, -0.86], [0.05, -0.63, -0.19, 0.48], [0.43, -0.62, -0.34, -0.15], [-0.23, 0.36, 0.58, -0.33], [-0.12, -0.87, -0.27, 0.89]])
y = np.array([0.0, 0.11, 0.21, 0.13, 0.61, -0.48])
w = np.array([-0.37, 0.77, -0.0, 0.92])
b = 0.3
lam = 0.7

r = X @ w + b - y
J = r @ r + lam * (w @ w)

# backward
dw = 2 * X.T @ r + lam * w  # <- wrong
db = 2 * np.sum(r)
