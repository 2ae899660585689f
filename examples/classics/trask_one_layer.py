# F. Trask's first network: its update is one step of gradient descent on half the squared error; l1_delta is minus an adjoint.
import numpy as np

# sigmoid function
def nonlin(x,deriv=False):
    if(deriv==True):
        return x*(1-x)
    return 1/(1+np.exp(-x))

# input dataset
X = np.array([  [0,0,1],
                [0,1,1],
                [1,0,1],
                [1,1,1] ])

# output dataset
y = np.array([[0,0,1,1]]).T

# initial weights
syn0 = np.array([[-0.165955990594852], [0.4406489868843162], [-0.9997712503653102]])

# forward propagation
l0 = X
l1 = nonlin(np.dot(l0,syn0))
E = 0.5 * np.sum((y - l1) ** 2)

# backward
# how much did we miss?
l1_error = y - l1

# multiply how much we missed by the
# slope of the sigmoid at the values in l1
l1_delta = l1_error * nonlin(l1,True)

# update weights: minus the gradient
dsyn0 = -np.dot(l0.T,l1_delta)
syn0 = syn0 - dsyn0
