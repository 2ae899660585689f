# I. The same with a mask for each centre.
# Wrong: the mean over a centre's examples for the sum.
import numpy as np

X = np.array([[-0.02, -0.79, 0.03], [-0.84, -0.86, -0.32], [-0.65, 0.01, 0.89], [-0.57, 0.98, -0.3], [0.67, 0.05, 0.56], [0.73, 0.68, -0.7]])
mu = np.array([[0.78, -0.76, 0.47], [-0.91, -0.4, -0.74]])

J = 0.0
for i in range(len(X)):
    d0 = np.sum((X[i] - mu[0]) ** 2)
    d1 = np.sum((X[i] - mu[1]) ** 2)
    J += np.minimum(d0, d1)

# backward
D = ((X[:, None] - mu) ** 2).sum(axis=-1)
labels = D.argmin(axis=1)
dmu = np.zeros(mu.shape)
for k in range(2):
    mask = labels == k
    dmu[k] = 2 * np.mean(mu[k] - X[mask], axis=0)  # <- wrong
