# E. Nielsen's Network.backprop, cross-entropy cost, where BP1 becomes a - y.
# Wrong: BP1 with the slope that cross-entropy cancels.
import numpy as np

def sigmoid(z):
    """The sigmoid function."""
    return 1.0/(1.0+np.exp(-z))

def sigmoid_prime(z):
    """Derivative of the sigmoid function."""
    return sigmoid(z)*(1-sigmoid(z))

sizes = [3, 4, 3, 2]
num_layers = len(sizes)
biases = [np.array([[-0.25], [0.41], [-0.32], [0.65]]),
          np.array([[-0.54], [0.74], [0.01]]),
          np.array([[0.45], [0.07]])]
weights = [np.array([[-0.37, -0.01, -0.9], [-0.91, 0.06, -0.05], [0.67, -0.96, 0.11], [-0.02, 0.2, 0.46]]),
           np.array([[0.05, 0.13, -0.02, 0.23], [-0.5, 0.11, 0.34, -0.62], [0.98, 0.49, 0.91, -0.41]]),
           np.array([[-0.11, -0.48, -0.91], [-0.97, -0.51, 0.72]])]
x = np.array([[-0.67], [0.38], [-0.5]])
y = np.array([[0.0], [1.0]])

# feedforward
activation = x
activations = [x] # list to store all the activations, layer by layer
zs = [] # list to store all the z vectors, layer by layer
for b, w in zip(biases, weights):
    z = np.dot(w, activation)+b
    zs.append(z)
    activation = sigmoid(z)
    activations.append(activation)
C = np.sum(-y*np.log(activations[-1])-(1-y)*np.log(1-activations[-1]))

# backward
# check nabla_b = biases
# check nabla_w = weights
nabla_b = [np.zeros(b.shape) for b in biases]
nabla_w = [np.zeros(w.shape) for w in weights]
delta = (activations[-1]-y) * sigmoid_prime(zs[-1])  # <- wrong
nabla_b[-1] = delta
nabla_w[-1] = np.dot(delta, activations[-2].transpose())
# l = 1 means the last layer of neurons, l = 2 is the second-last layer, and so on
for l in range(2, num_layers):
    z = zs[-l]
    sp = sigmoid_prime(z)
    delta = np.dot(weights[-l+1].transpose(), delta) * sp
    nabla_b[-l] = delta
    nabla_w[-l] = np.dot(delta, activations[-l-1].transpose())
