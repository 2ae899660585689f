# A. The course algorithm: a loop over examples, Delta accumulated, no lambda on the bias column.
# Wrong: lambda on the bias column as well.
import numpy as np

X = np.array([[0.61, 0.62, 0.03], [-0.43, -0.89, -0.23], [-0.18, -0.91, -0.9], [1.0, 0.3, -0.53]])
Y = np.array([[1, 0], [0, 1], [0, 1], [1, 0]])
Theta1 = np.array([[-0.13, 0.95, 0.8, 0.69], [-0.22, -0.01, 0.35, -0.88], [0.11, -0.46, 0.76, -0.87]])
Theta2 = np.array([[0.36, 0.74, -0.55, 0.79], [0.74, -0.96, 0.41, -1.0]])
lam = 0.3
m = X.shape[0]

J = 0.0
for i in range(m):
    a1 = np.concatenate(([1.0], X[i]))
    z2 = Theta1 @ a1
    a2 = np.concatenate(([1.0], sigmoid(z2)))
    z3 = Theta2 @ a2
    h = sigmoid(z3)
    J -= np.sum(Y[i] * np.log(h) + (1 - Y[i]) * np.log(1 - h)) / m
J += lam / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))

# backward
# check D1 = Theta1
# check D2 = Theta2
Delta1 = np.zeros(Theta1.shape)
Delta2 = np.zeros(Theta2.shape)
for i in range(m):
    a1 = np.concatenate(([1.0], X[i]))
    z2 = Theta1 @ a1
    a2 = np.concatenate(([1.0], sigmoid(z2)))
    z3 = Theta2 @ a2
    a3 = sigmoid(z3)
    delta3 = a3 - Y[i]
    delta2 = (Theta2[:, 1:].T @ delta3) * a2[1:] * (1 - a2[1:])
    Delta2 += np.outer(delta3, a2)
    Delta1 += np.outer(delta2, a1)
D1 = Delta1 / m
D2 = Delta2 / m
D1 += lam / m * Theta1  # <- wrong
D2 += lam / m * Theta2  # <- wrong
