# I. A convolution written as a matrix product: patches in columns (im2col), and what overlaps added up again (col2im).
# Wrong: what overlaps is overwritten, not added.
import numpy as np

x = np.array([[-0.6, 0.91, 0.31], [0.66, 0.07, -0.92], [0.07, 0.26, -0.82], [-0.04, 0.89, -0.88]])
W = np.array([[-0.91, -0.79, 0.36, 0.79], [-0.69, 0.69, -0.56, 0.08], [0.53, -0.76, -0.05, 0.73]])
b = np.array([[-0.29], [0.59], [-0.09]])
dout = np.array([[0.89, -0.2, 0.65, -0.85, -0.32, -0.71], [-0.19, -0.19, -0.52, -0.16, 0.36, 0.16], [-0.51, 0.42, 0.42, -0.16, -0.08, -0.65]])

cols = np.zeros((4, 6))
n = 0
for r in range(3):
    for c in range(2):
        cols[:, n] = x[r:r+2, c:c+2].reshape(4)
        n += 1
out = W @ cols + b
loss = np.sum(out * dout)

# backward
db = np.sum(dout, axis=1, keepdims=True)
dW = dout @ cols.T
dcols = W.T @ dout
dx = np.zeros_like(x)
n = 0
for r in range(3):
    for c in range(2):
        dx[r:r+2, c:c+2] = dcols[:, n].reshape(2, 2)  # <- wrong
        n += 1
