x = 0.5
w = -2.0
z = w * x
a = np.tanh(z)
L = np.sum((a - 1.0) ** 2)
# backward
da = 2 * (a - 1)
dz = da * (1 - a)
dw = dz * x
