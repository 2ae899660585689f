# I. One step of an LSTM cell, gates in the order i, f, o, g.
# Wrong: the cell's gradient without the slope of tanh.
import numpy as np

x = np.array([[0.92, 0.83, -0.12], [-0.87, -0.3, 0.05], [-0.24, 0.46, 0.49], [0.79, -0.06, -0.52]])
prev_h = np.array([[0.82, 0.77], [-0.75, -0.58], [0.32, 0.64], [0.92, -0.96]])
prev_c = np.array([[-0.62, -0.15], [0.1, 0.56], [0.11, 0.04], [-0.52, 0.3]])
Wx = np.array([[0.16, 0.89, -0.62, -0.75, -0.29, -0.35, -0.09, -0.66], [0.41, 0.65, -0.99, 0.82, -0.82, -0.39, -0.03, -0.15], [-0.57, 0.46, 0.68, -0.54, -0.67, 0.04, -0.7, 0.88]])
Wh = np.array([[0.7, 0.67, -0.18, 0.57, -0.22, -0.08, -0.79, -0.93], [0.34, -0.61, 0.91, 0.13, 0.15, 0.79, -0.4, -0.98]])
b = np.array([-0.56, -0.08, -0.7, -0.44, 0.48, -0.25, -0.32, -0.53])
dnext_h = np.array([[0.06, 0.99], [-0.66, 0.69], [0.55, 0.2], [0.09, 0.04]])
dnext_c = np.array([[-0.79, 0.14], [0.98, 0.46], [-0.07, -0.11], [0.74, -0.99]])
N, H = prev_h.shape

a = x.dot(Wx) + prev_h.dot(Wh) + b
i = sigmoid(a[:, :H])
f = sigmoid(a[:, H:2*H])
o = sigmoid(a[:, 2*H:3*H])
g = np.tanh(a[:, 3*H:])
next_c = f * prev_c + i * g
tanh_c = np.tanh(next_c)
next_h = o * tanh_c
loss = np.sum(next_h * dnext_h) + np.sum(next_c * dnext_c)

# backward
do = dnext_h * tanh_c
dc = dnext_c + dnext_h * o  # <- wrong
df = dc * prev_c
di = dc * g
dg = dc * i
dprev_c = dc * f
da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)))
dx = da.dot(Wx.T)
dprev_h = da.dot(Wh.T)
dWx = x.T.dot(da)
dWh = prev_h.T.dot(da)
db = da.sum(axis=0)
