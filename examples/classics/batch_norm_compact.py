# I. Batch normalisation in one line.
import numpy as np

x = np.array([[-0.72, 0.57, -0.05], [-0.05, 0.76, -0.74], [0.03, -0.5, -0.31], [0.63, -0.2, 0.57], [-0.97, 1.0, 0.91]])
gamma = np.array([0.36, -0.61, 0.31])
beta = np.array([-0.62, -0.25, -0.93])
dout = np.array([[-0.86, -0.68, -0.64], [0.68, -0.51, 0.65], [-0.99, -0.88, -0.88], [0.86, 0.63, -0.97], [0.86, -0.55, -0.47]])
eps = 1e-5
N, D = x.shape

# step1: calculate mean
mu = 1./N * np.sum(x, axis=0)
# step2: subtract mean vector of every training example
xmu = x - mu
# step3: following the lower branch - calculation denominator
sq = xmu ** 2
# step4: calculate variance
var = 1./N * np.sum(sq, axis=0)
# step5: add eps for numerical stability, then sqrt
sqrtvar = np.sqrt(var + eps)
# step6: invert sqrtvar
ivar = 1./sqrtvar
# step7: execute normalization
xhat = xmu * ivar
# step8: now the two transformation steps
gammax = gamma * xhat
# step9
out = gammax + beta
loss = np.sum(out * dout)

# backward
dbeta = dout.sum(axis=0)
dgamma = (dout * xhat).sum(axis=0)
dxhat = dout * gamma
dx = ivar / N * (N * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
