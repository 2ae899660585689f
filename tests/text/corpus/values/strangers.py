# multiclass SVM loss, naive and with two loops
W = np.array([[0.1, -0.2, 0.4], [0.3, 0.5, -0.1]])
X = np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -0.7]])
y = np.array([0, 2, 1])
dW = np.zeros(W.shape) # initialize the gradient as zero
num_classes = W.shape[1]
num_train = X.shape[0]
loss = 0.0
for i in range(num_train):
  scores = X[i].dot(W)
  correct_class_score = scores[y[i]]
  for j in range(num_classes):
    if j == y[i]:
      continue
    margin = scores[j] - correct_class_score + 1 # note delta = 1
    if margin > 0:
      loss += margin
      dW[:, j] += X[i]
      dW[:, y[i]] -= X[i]
loss /= num_train
dW /= num_train
reg = 0.1
loss += reg * np.sum(W * W)
dW += 2 * reg * W
# ---
# the same, vectorised
W = np.array([[0.1, -0.2, 0.4], [0.3, 0.5, -0.1]])
X = np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -0.7]])
y = np.array([0, 2, 1])
N = X.shape[0]
scores = X @ W
correct = scores[np.arange(N), y]
margins = np.maximum(0, scores - correct[:, np.newaxis] + 1.0)
margins[np.arange(N), y] = 0
loss = np.sum(margins) / N
dscores = np.zeros_like(scores)
dscores[margins > 0] = 1
num_pos = np.sum(margins > 0, axis=1)
dscores[np.arange(N), y] -= num_pos
dscores /= N
dW = X.T.dot(dscores)
# ---
# convolution, naive
x = np.arange(16.0).reshape(1, 1, 4, 4) / 10
w = np.array([[[[1.0, 0.5, -1.0], [0.2, 0.0, 0.3], [-0.4, 0.1, 0.6]]]])
b = np.array([0.25])
stride, pad = 1, 1
N, C, H, WW = x.shape
F, _, HH, ww = w.shape
xp = np.zeros((N, C, H + 2 * pad, WW + 2 * pad))
xp[:, :, pad:-pad, pad:-pad] = x
Ho = 1 + (H + 2 * pad - HH) // stride
Wo = 1 + (WW + 2 * pad - ww) // stride
out = np.zeros((N, F, Ho, Wo))
for n in range(N):
    for f in range(F):
        for i in range(Ho):
            for j in range(Wo):
                window = xp[n, :, i * stride:i * stride + HH, j * stride:j * stride + ww]
                out[n, f, i, j] = np.sum(window * w[f]) + b[f]
dout = np.ones_like(out)
dxp = np.zeros_like(xp)
dw = np.zeros_like(w)
for n in range(N):
    for f in range(F):
        for i in range(Ho):
            for j in range(Wo):
                window = xp[n, :, i:i + HH, j:j + ww]
                dw[f] += window * dout[n, f, i, j]
                dxp[n, :, i:i + HH, j:j + ww] += w[f] * dout[n, f, i, j]
dx = dxp[:, :, pad:pad + H, pad:pad + WW]
db = dout.sum(axis=(0, 2, 3))
# ---
# max pooling
x = np.array([[1.0, 5.0, 2.0, 0.0], [3.0, -1.0, 4.0, 4.5], [0.0, 2.0, 9.0, 1.0], [7.0, 1.0, 2.0, 3.0]])
dout = np.array([[1.0, 2.0], [3.0, 4.0]])
dx = np.zeros_like(x)
for i in range(2):
    for j in range(2):
        window = x[2*i:2*i+2, 2*j:2*j+2]
        k = np.argmax(window)
        r, c = k // 2, k % 2
        dx[2*i + r, 2*j + c] += dout[i, j]
# ---
# LSTM, a step in columns
n_h, n_x, m = 2, 3, 2
x = np.array([[0.1, 0.2], [0.3, -0.1], [0.0, 0.5]])
h_prev = np.array([[0.5, -0.5], [0.2, 0.1]])
c_prev = np.array([[0.0, 0.3], [0.4, -0.2]])
concat_hx = np.vstack((h_prev, x))
Wf = np.arange(10.0).reshape(2, 5) / 20
Wi = Wf[::-1] * 0.5
Wc = Wf - 0.2
Wo = -Wf + 0.1
ft = sigmoid(Wf @ concat_hx)
it = sigmoid(Wi @ concat_hx)
cct = np.tanh(Wc @ concat_hx)
c_next = ft * c_prev + it * cct
ot = sigmoid(Wo @ concat_hx)
h_next = ot * np.tanh(c_next)
dh = np.ones_like(h_next)
dot_ = dh * np.tanh(c_next) * ot * (1 - ot)
dc = dh * ot * (1 - np.tanh(c_next) ** 2)
dcct = dc * it * (1 - cct ** 2)
dWo = dot_ @ concat_hx.T
dWc = dcct @ concat_hx.T
dprev = Wo.T @ dot_ + Wc.T @ dcct
dh_prev = dprev[:n_h, :]
dx = dprev[n_h:, :]
# ---
# policy gradient: discounted rewards
r = [0, 0, 1.0, 0, -1.0]
gamma = 0.99
discounted_r = np.zeros_like(r)
running_add = 0
for t in reversed(range(0, len(r))):
    if r[t] != 0: running_add = 0
    running_add = running_add * gamma + r[t]
    discounted_r[t] = running_add
discounted_r -= np.mean(discounted_r)
discounted_r /= np.std(discounted_r)
# ---
# k-means
X = np.array([[0.0, 0.1], [0.2, 0.0], [5.0, 5.1], [5.2, 4.9]])
centroids = X[[0, 2]].copy()
for step in range(3):
    d = ((X[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2)
    assign = d.argmin(axis=1)
    for k in range(2):
        centroids[k] = X[assign == k].mean(axis=0)
inertia = d.min(axis=1).sum()
# ---
# Newton's method for logistic regression
X = np.array([[1.0, 0.5], [1.0, -0.3], [1.0, 2.0], [1.0, 1.1]])
y = np.array([1, 0, 1, 0])
w = np.zeros(2)
for it in range(4):
    p = 1.0 / (1.0 + np.exp(-X.dot(w)))
    g = X.T.dot(p - y)
    S = np.diag(p * (1 - p))
    H = X.T.dot(S).dot(X)
    w -= np.linalg.solve(H, g)
# ---
# forward algorithm of a hidden Markov model
A = np.array([[0.7, 0.3], [0.4, 0.6]])
B = np.array([[0.9, 0.1], [0.2, 0.8]])
pi0 = np.array([0.5, 0.5])
obs = [0, 1, 0]
alpha = pi0 * B[:, obs[0]]
alphas = [alpha]
for o in obs[1:]:
    alpha = alpha @ A * B[:, o]
    alphas.append(alpha)
beta = np.ones(2)
for o in obs[:0:-1]:
    beta = A @ (B[:, o] * beta)
ll = np.log(np.sum(alphas[-1]))
all_alphas = np.array(alphas)
# ---
# attention with heads
n, d, h = 3, 4, 2
x = np.arange(12.0).reshape(n, d) / 7
Wq = np.eye(d)
Wk = np.eye(d)[::-1]
Wv = np.ones((d, d)) / d
q = (x @ Wq).reshape(n, h, d // h).transpose(1, 0, 2)
k = (x @ Wk).reshape(n, h, d // h).transpose(1, 0, 2)
v = (x @ Wv).reshape(n, h, d // h).transpose(1, 0, 2)
s = q @ k.transpose(0, 2, 1) / np.sqrt(d // h)
mask = np.triu(np.ones((n, n)), 1)
s = s - 1e9 * mask
p = np.exp(s - s.max(axis=-1, keepdims=True))
p /= p.sum(axis=-1, keepdims=True)
o = (p @ v).transpose(1, 0, 2).reshape(n, d)
# ---
# word2vec with negative sampling
vc = np.array([0.1, -0.2, 0.3])
U = np.array([[0.2, 0.1, 0.0], [0.5, -0.4, 0.3], [0.1, 0.1, -0.6]])
target = 1
negatives = [0, 2, 0]
z = sigmoid(np.dot(U[target], vc))
cost = -np.log(z)
gradc = (z - 1) * U[target]
grad = np.zeros(U.shape)
grad[target] += (z - 1) * vc
for k in negatives:
    zk = sigmoid(-np.dot(U[k], vc))
    cost -= np.log(zk)
    gradc += (1 - zk) * U[k]
    grad[k] += (1 - zk) * vc
# ---
# Gaussian mixture, one step of EM
x = np.array([0.1, 0.3, 2.9, 3.2, 3.0])
mu = np.array([0.0, 2.5])
var = np.array([1.0, 1.0])
w = np.array([0.5, 0.5])
dens = w * np.exp(-0.5 * (x[:, None] - mu) ** 2 / var) / np.sqrt(2 * np.pi * var)
r = dens / dens.sum(axis=1, keepdims=True)
Nk = r.sum(axis=0)
mu = (r * x[:, None]).sum(axis=0) / Nk
var = (r * (x[:, None] - mu) ** 2).sum(0) / Nk
w = Nk / len(x)
# ---
# a small net in a loop, parameters in lists, momentum
X = np.array([[0., 0.], [0., 1.], [1., 0.], [1., 1.]])
Y = np.array([[0.], [1.], [1.], [0.]])
sizes = [2, 3, 1]
Ws = [np.array([[0.5, -0.4, 0.1], [0.3, 0.8, -0.7]]), np.array([[0.6], [-0.2], [0.9]])]
bs = [np.zeros(n) for n in sizes[1:]]
vs = [np.zeros_like(W) for W in Ws]
losses = []
for epoch in range(5):
    A = [X]
    for W, b in zip(Ws, bs):
        A.append(sigmoid(A[-1] @ W + b))
    losses.append(np.mean((A[-1] - Y) ** 2))
    delta = 2 * (A[-1] - Y) / Y.size * A[-1] * (1 - A[-1])
    for l in range(len(Ws) - 1, -1, -1):
        dW, db = A[l].T @ delta, delta.sum(axis=0)
        if l > 0:
            delta = delta @ Ws[l].T * A[l] * (1 - A[l])
        vs[l] = 0.9 * vs[l] - 0.5 * dW
        Ws[l] += vs[l]
        bs[l] -= 0.5 * db
# ---
# dropout, inverted, with a given mask; L1 and L2 penalties
keep_prob = 0.8
D1 = np.array([[0.1, 0.9, 0.5], [0.85, 0.3, 0.7]])
A1 = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
D1 = (D1 < keep_prob).astype(int)
A1 = A1 * D1
A1 /= keep_prob
W = np.array([0.5, -1.5, 0.0])
l1 = 0.1 * np.sum(np.abs(W))
l2 = 0.01 * np.dot(W, W) / 2
dW = 0.1 * np.sign(W) + 0.01 * W
# ---
# finite differences over every element of two arrays
def f(W, b):
    return np.sum(np.tanh(W @ b) ** 2)

W = np.array([[0.1, 0.2], [0.3, -0.4]])
b = np.array([1.0, -0.5])
h = 0.01
g = []
for p in (W, b):
    gp = np.zeros_like(p)
    flat = p.reshape(-1)
    gflat = gp.reshape(-1)
    for i in range(flat.size):
        old = flat[i]
        flat[i] = old + h
        up = f(W, b)
        flat[i] = old - h
        down = f(W, b)
        flat[i] = old
        gflat[i] = (up - down) / (2 * h)
    g.append(gp)
