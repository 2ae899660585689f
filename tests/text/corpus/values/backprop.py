X = np.array([[0.5, -1.2], [1.5, 0.3], [-0.7, 0.8]])
y = np.array([0, 1, 1])
W1 = np.array([[0.1, -0.4, 0.3], [0.7, 0.2, -0.5]])
b1 = np.zeros((1, 3))
W2 = np.array([[0.3, -0.2], [0.5, 0.4], [-0.6, 0.1]])
b2 = np.zeros((1, 2))
reg = 1e-3
hidden_layer = np.maximum(0, np.dot(X, W1) + b1)
scores = np.dot(hidden_layer, W2) + b2
num_examples = X.shape[0]
exp_scores = np.exp(scores)
probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
correct_logprobs = -np.log(probs[range(num_examples),y])
data_loss = np.sum(correct_logprobs)/num_examples
reg_loss = 0.5*reg*np.sum(W1*W1) + 0.5*reg*np.sum(W2*W2)
loss = data_loss + reg_loss
dscores = probs
dscores[range(num_examples),y] -= 1
dscores /= num_examples
dW2 = np.dot(hidden_layer.T, dscores)
db2 = np.sum(dscores, axis=0, keepdims=True)
dhidden = np.dot(dscores, W2.T)
dhidden[hidden_layer <= 0] = 0
dW1 = np.dot(X.T, dhidden)
db1 = np.sum(dhidden, axis=0, keepdims=True)
dW2 += reg * W2
dW1 += reg * W1
step_size = 1e-0
W1 += -step_size * dW1
# ---
x = np.array([0.05, 0.1])
w = np.array([[0.15, 0.2], [0.25, 0.3]])
b = 0.35
net = w @ x + b
out = 1 / (1 + np.exp(-net))
target = np.array([0.01, 0.99])
E = 0.5 * np.sum((target - out) ** 2)
dE_dout = -(target - out)
dout_dnet = out * (1 - out)
dE_dw = np.outer(dE_dout * dout_dnet, x)
w -= 0.5 * dE_dw
# ---
inputs = [0, 2, 1]
targets = [2, 1, 0]
vocab_size, hidden_size = 3, 2
Wxh = np.array([[0.1, -0.2, 0.3], [0.2, 0.1, -0.1]])
Whh = np.array([[0.1, 0.4], [-0.3, 0.2]])
Why = np.array([[0.5, -0.1], [0.2, 0.3], [-0.4, 0.1]])
bh = np.zeros((2, 1))
by = np.zeros((3, 1))
hs = [np.zeros((2, 1))]
xs = []
ps = []
loss = 0
for t in range(len(inputs)):
    x = np.zeros((vocab_size, 1))
    x[inputs[t]] = 1
    xs.append(x)
    hs.append(np.tanh(np.dot(Wxh, x) + np.dot(Whh, hs[-1]) + bh))
    ys = np.dot(Why, hs[-1]) + by
    ps.append(np.exp(ys) / np.sum(np.exp(ys)))
    loss += -np.log(ps[t][targets[t], 0])
dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
dbh, dby = np.zeros_like(bh), np.zeros_like(by)
dhnext = np.zeros_like(hs[0])
for t in reversed(range(len(inputs))):
    dy = np.copy(ps[t])
    dy[targets[t]] -= 1
    dWhy += np.dot(dy, hs[t + 1].T)
    dby += dy
    dh = np.dot(Why.T, dy) + dhnext
    dhraw = (1 - hs[t + 1] * hs[t + 1]) * dh
    dbh += dhraw
    dWxh += np.dot(dhraw, xs[t].T)
    dWhh += np.dot(dhraw, hs[t].T)
    dhnext = np.dot(Whh.T, dhraw)
# ---
A = np.array([[1.0, 2.0], [3.0, 5.0]])
b = np.array([1.0, 0.5])
x = np.linalg.solve(A, b)
L = x @ x
dx = 2 * x
db = np.linalg.solve(A.T, dx)
dA = -np.outer(db, x)
Ainv = np.linalg.inv(A)
check = -Ainv.T @ np.outer(dx, x)
logdet = np.log(np.abs(np.linalg.det(A)))
# ---
theta = np.array([0.1, -0.2, 0.3])
eps = 1e-4
def J(t):
    return np.sum(t ** 3) + t[0] * t[1]

numgrad = np.zeros_like(theta)
for i in range(len(theta)):
    plus = theta.copy()
    plus[i] += eps
    minus = theta.copy()
    minus[i] -= eps
    numgrad[i] = (J(plus) - J(minus)) / (2 * eps)
# ---
x = np.arange(16.0).reshape(4, 4)
out = np.zeros((2, 2))
for i in range(2):
    for j in range(2):
        out[i, j] = np.max(x[2 * i:2 * i + 2, 2 * j:2 * j + 2])
pooled = x.reshape(2, 2, 2, 2).max(axis=(1, 3))
dx = np.zeros_like(x)
for i in range(2):
    for j in range(2):
        window = x[2 * i:2 * i + 2, 2 * j:2 * j + 2]
        mask = window == np.max(window)
        dx[2 * i:2 * i + 2, 2 * j:2 * j + 2] += mask * 1.0
# ---
m, v = 0.0, 0.0
w = 2.0
for t in range(1, 4):
    g = 2 * w
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g ** 2
    mh = m / (1 - 0.9 ** t)
    vh = v / (1 - 0.999 ** t)
    w -= 0.1 * mh / (np.sqrt(vh) + 1e-8)
# ---
emb = np.arange(8.0).reshape(4, 2)
idx = np.array([[0, 1], [1, 3]])
x = emb[idx]
loss = np.sum(x ** 2)
demb = np.zeros_like(emb)
np.add.at(demb, idx, 2 * x)
# ---
mask = np.array([[1, 0, 1], [1, 1, 0]])
x = np.array([[0.2, 0.4, 0.6], [1.0, -1.0, 2.0]])
p = 0.5
h = x * mask / p
masked = np.where(mask == 1, x, -np.inf)
e1 = np.exp(masked - masked.max(axis=1, keepdims=True))
s = e1 / e1.sum(axis=1, keepdims=True)
