# A. One example of the course: dE/da of the output units, and the delta beside it.
# Wrong: a sign is lost in dE/da; the delta printed beside it is right.
import numpy as np

x = np.array([0.01, -0.13, -0.59])
y = np.array([1, 0])
W1 = np.array([[-0.35, 0.61, -0.37], [-0.7, 0.4, -0.1], [0.6, -0.53, -0.36], [0.6, 0.01, 0.01]])
b1 = np.array([-0.53, -0.97, 0.87, -0.83])
W2 = np.array([[0.69, -0.26, 0.9, -0.2], [0.87, 0.11, -0.52, 0.48]])
b2 = np.array([0.35, 0.37])

z2 = W1 @ x + b1
a2 = sigmoid(z2)
z3 = W2 @ a2 + b2
a3 = sigmoid(z3)
E = -np.sum(y * np.log(a3) + (1 - y) * np.log(1 - a3))

# backward
da3 = y / a3 + (1 - y) / (1 - a3)  # <- wrong
delta3 = a3 - y
dW2 = np.outer(delta3, a2)
db2 = delta3
delta2 = (W2.T @ delta3) * a2 * (1 - a2)
dW1 = np.outer(delta2, x)
db1 = delta2
