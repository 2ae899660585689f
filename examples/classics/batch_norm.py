# I. Batch normalisation, staged back through its graph.
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
# step9
dbeta = np.sum(dout, axis=0)
dgammax = dout # not necessary, but more understandable
# step8
dgamma = np.sum(dgammax*xhat, axis=0)
dxhat = dgammax * gamma
# step7
divar = np.sum(dxhat*xmu, axis=0)
dxmu1 = dxhat * ivar
# step6
dsqrtvar = -1. /(sqrtvar**2) * divar
# step5
dvar = 0.5 * 1. /np.sqrt(var+eps) * dsqrtvar
# step4
dsq = 1. /N * np.ones((N,D)) * dvar
# step3
dxmu2 = 2 * xmu * dsq
# step2
dx1 = (dxmu1 + dxmu2)
dmu = -1 * np.sum(dxmu1+dxmu2, axis=0)
# step1
dx2 = 1. /N * np.ones((N,D)) * dmu
# step0
dx = dx1 + dx2
