# C. The scalar chain with relu: each partial derivative the product of the local ones along its path.
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def relu(z):
    return np.maximum(z, 0)

x = 0.8
y = 1.0
t1 = 0.7
b1 = 0.1
t2 = -1.3
b2 = 1.6
t3 = 0.9
b3 = -0.2

z1 = t1 * x + b1
a1 = relu(z1)
z2 = t2 * a1 + b2
a2 = relu(z2)
z3 = t3 * a2 + b3
yhat = sigmoid(z3)
C = (yhat - y) ** 2

# backward
dC_dyhat = 2 * (yhat - y)
dyhat_dz3 = yhat * (1 - yhat)
dz3_dt3 = a2
dz3_da2 = t3
da2_dz2 = 1.0 * (z2 > 0)
dz2_dt2 = a1
dz2_da1 = t2
da1_dz1 = 1.0 * (z1 > 0)
dz1_dt1 = x

dC_dt3 = dC_dyhat * dyhat_dz3 * dz3_dt3
dC_db3 = dC_dyhat * dyhat_dz3
dC_dt2 = dC_dyhat * dyhat_dz3 * dz3_da2 * da2_dz2 * dz2_dt2
dC_db2 = dC_dyhat * dyhat_dz3 * dz3_da2 * da2_dz2
dC_dt1 = dC_dyhat * dyhat_dz3 * dz3_da2 * da2_dz2 * dz2_da1 * da1_dz1 * dz1_dt1
dC_db1 = dC_dyhat * dyhat_dz3 * dz3_da2 * da2_dz2 * dz2_da1 * da1_dz1
