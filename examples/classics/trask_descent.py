# F. The same network in Trask's post on gradient descent, with a learning rate.
import numpy as np

# compute sigmoid nonlinearity
def sigmoid(x):
    output = 1/(1+np.exp(-x))
    return output

# convert output of sigmoid function to its derivative
def sigmoid_output_to_derivative(output):
    return output*(1-output)

X = np.array([[0,0,1],
            [0,1,1],
            [1,0,1],
            [1,1,1]])

y = np.array([[0],
            [1],
            [1],
            [0]])

synapse_0 = np.array([[-0.165955990594852, 0.4406489868843162, -0.9997712503653102, -0.39533485473632046],
                 [-0.7064882183657739, -0.8153228104624044, -0.6274795772446582, -0.3088785459139045],
                 [-0.20646505153866013, 0.07763346800671389, -0.1616109711934104, 0.370439000793519]])
synapse_1 = np.array([[-0.5910955005369651], [0.7562348727818908], [-0.9452248136041477], [0.34093502035680445]])

# Feed forward through layers 0, 1, and 2
layer_0 = X
layer_1 = sigmoid(np.dot(layer_0,synapse_0))
layer_2 = sigmoid(np.dot(layer_1,synapse_1))
E = np.sum((layer_2 - y) ** 2) / 2

# backward
alpha = 10
layer_2_error = layer_2 - y
layer_2_delta = layer_2_error*sigmoid_output_to_derivative(layer_2)
layer_1_error = layer_2_delta.dot(synapse_1.T)
layer_1_delta = layer_1_error * sigmoid_output_to_derivative(layer_1)
grad_synapse_1 = layer_1.T.dot(layer_2_delta)
grad_synapse_0 = layer_0.T.dot(layer_1_delta)
synapse_1 -= alpha * grad_synapse_1
synapse_0 -= alpha * grad_synapse_0
