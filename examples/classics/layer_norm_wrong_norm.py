# I. Layer normalisation, in rows.
# Wrong: the factor norm of the last term is left out.
import numpy as np

x = np.array([[0.17, -0.59, 0.95, -0.27, 0.14], [0.14, -0.44, 0.47, 0.98, 0.19], [-0.83, 0.62, 0.33, -0.02, 0.31], [-0.48, -0.39, 0.03, -0.86, 0.18]])
weight = np.array([-0.64, -0.49, 0.8, 0.18, -0.51])
bias = np.array([0.4, 0.99, 0.8, 0.6, -0.33])
dout = np.array([[0.17, 0.17, -0.82, 0.39, 0.04], [0.04, 0.47, -0.85, -0.57, 0.98], [-0.4, -0.49, -0.86, -0.38, 0.12], [-0.92, -0.42, -0.49, -0.69, 0.58]])
eps = 1e-5

mean = x.mean(axis=1, keepdims=True)
xshift = x - mean
var = (xshift ** 2).mean(axis=1, keepdims=True)
rstd = (var + eps) ** -0.5
norm = xshift * rstd
out = norm * weight + bias
loss = (out * dout).sum()

# backward
dbias = dout.sum(axis=0)
dweight = (dout * norm).sum(axis=0)
dnorm = dout * weight
dx = dnorm - dnorm.mean(axis=1, keepdims=True) - (dnorm * norm).mean(axis=1, keepdims=True)  # <- wrong
dx *= rstd
