# E. Nielsen's Network.backprop, quadratic cost.
# Wrong: BP2 without the slope of the sigmoid function.
import numpy as np

def sigmoid(z):
    """The sigmoid function."""
    return 1.0/(1.0+np.exp(-z))

def sigmoid_prime(z):
    """Derivative of the sigmoid function."""
    return sigmoid(z)*(1-sigmoid(z))

sizes = [3, 4, 3, 2]
num_layers = len(sizes)
biases = [np.array([[-0.72], [0.05], [-0.48], [-0.02]]),
          np.array([[0.11], [-0.79], [0.73]]),
          np.array([[-0.44], [-0.11]])]
weights = [np.array([[-0.89, -0.99, -0.61], [-0.32, 0.86, 0.78], [-0.04, -0.09, 0.33], [0.72, -0.33, 0.59]]),
           np.array([[-0.2, 0.19, 0.47, 0.0], [0.38, 0.39, -0.99, -0.92], [-0.7, -0.57, -0.59, -0.9]]),
           np.array([[-0.57, 0.2, 0.77], [-0.3, -0.27, -0.17]])]
x = np.array([[0.36], [0.57], [0.88]])
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
C = 0.5*np.sum((activations[-1]-y)**2)

# backward
# check nabla_b = biases
# check nabla_w = weights
nabla_b = [np.zeros(b.shape) for b in biases]
nabla_w = [np.zeros(w.shape) for w in weights]
delta = (activations[-1]-y) * sigmoid_prime(zs[-1])
nabla_b[-1] = delta
nabla_w[-1] = np.dot(delta, activations[-2].transpose())
# l = 1 means the last layer of neurons, l = 2 is the second-last layer, and so on
for l in range(2, num_layers):
    z = zs[-l]
    sp = sigmoid_prime(z)
    delta = np.dot(weights[-l+1].transpose(), delta)  # <- wrong
    nabla_b[-l] = delta
    nabla_w[-l] = np.dot(delta, activations[-l-1].transpose())
