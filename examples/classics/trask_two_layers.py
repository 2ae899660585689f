# F. Trask's second network, on exclusive or: its updates are minus the gradient of half the squared error.
import numpy as np

# sigmoid function
def nonlin(x,deriv=False):
    if(deriv==True):
        return x*(1-x)
    return 1/(1+np.exp(-x))

X = np.array([[0,0,1],
            [0,1,1],
            [1,0,1],
            [1,1,1]])

y = np.array([[0],
            [1],
            [1],
            [0]])

syn0 = np.array([[-0.165955990594852, 0.4406489868843162, -0.9997712503653102, -0.39533485473632046],
                 [-0.7064882183657739, -0.8153228104624044, -0.6274795772446582, -0.3088785459139045],
                 [-0.20646505153866013, 0.07763346800671389, -0.1616109711934104, 0.370439000793519]])
syn1 = np.array([[-0.5910955005369651], [0.7562348727818908], [-0.9452248136041477], [0.34093502035680445]])

# Feed forward through layers 0, 1, and 2
l0 = X
l1 = nonlin(np.dot(l0,syn0))
l2 = nonlin(np.dot(l1,syn1))
E = 0.5 * np.sum((y - l2) ** 2)

# backward
# check update1 = -syn1
# check update0 = -syn0
# how much did we miss the target value?
l2_error = y - l2

# in what direction is the target value?
l2_delta = l2_error*nonlin(l2,deriv=True)

# how much did each l1 value contribute to the l2 error (according to the weights)?
l1_error = l2_delta.dot(syn1.T)

# in what direction is the target l1?
l1_delta = l1_error * nonlin(l1,deriv=True)

update1 = l1.T.dot(l2_delta)
update0 = l0.T.dot(l1_delta)
syn1 += update1
syn0 += update0
