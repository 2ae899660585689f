# D. Half the squared error with sigmoid units, unit by unit; the numbers are those of Mazur's step-by-step example.
# Wrong: dL/da_j is y_j - a_j; the delta beside it is right.
import numpy as np

def s(z):
    return 1 / (1 + np.exp(-z))

x = np.array([0.05, 0.10])
y = np.array([0.01, 0.99])
w1 = np.array([[0.15, 0.25], [0.20, 0.30]])
b1 = np.array([0.35, 0.35])
w2 = np.array([[0.40, 0.50], [0.45, 0.55]])
b2 = np.array([0.60, 0.60])

z1 = np.zeros(2)
a1 = np.zeros(2)
for i in range(2):
    for h in range(2):
        z1[i] += x[h] * w1[h, i]
    z1[i] += b1[i]
    a1[i] = s(z1[i])
z2 = np.zeros(2)
a2 = np.zeros(2)
for j in range(2):
    for i in range(2):
        z2[j] += a1[i] * w2[i, j]
    z2[j] += b2[j]
    a2[j] = s(z2[j])
L = 0
for j in range(2):
    L += 0.5 * (y[j] - a2[j]) ** 2

# backward
da2 = np.zeros(2)
delta2 = np.zeros(2)
dw2 = np.zeros((2, 2))
db2 = np.zeros(2)
for j in range(2):
    da2[j] = y[j] - a2[j]  # <- wrong
    delta2[j] = (a2[j] - y[j]) * s(z2[j]) * (1 - s(z2[j]))
    for i in range(2):
        dw2[i, j] = delta2[j] * a1[i]
    db2[j] = delta2[j]
delta1 = np.zeros(2)
dw1 = np.zeros((2, 2))
db1 = np.zeros(2)
for i in range(2):
    total = 0
    for j in range(2):
        total += w2[i, j] * delta2[j]
    delta1[i] = total * s(z1[i]) * (1 - s(z1[i]))
    for h in range(2):
        dw1[h, i] = delta1[i] * x[h]
    db1[i] = delta1[i]
