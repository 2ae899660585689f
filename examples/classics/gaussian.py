# I. The log-likelihood of independent Gaussians.
import numpy as np

x = np.array([[0.24, -0.37, 0.13], [-0.56, -0.2, 0.8], [0.19, -0.03, 0.45], [0.99, -0.33, -0.78], [-0.52, -0.69, -0.19]])
mu = np.array([0.48, 0.53, -0.78])
sigma = np.array([0.7, 1.3, 1.9])
m = x.shape[0]

u = (x - mu) / sigma
L = -np.sum(0.5 * u ** 2 + np.log(sigma) + 0.5 * np.log(2 * np.pi))

# backward
dmu = np.sum(x - mu, axis=0) / sigma ** 2
dsigma = -m / sigma + np.sum((x - mu) ** 2, axis=0) / sigma ** 3
