A = np.array([[1.0, 2], [3, 4], [5, 6]])
B = np.array([[1.0, -1, 2], [0, 3, 1]])
v = np.array([1.0, 2])
w = np.array([3.0, -1, 2])
a = A @ B
b = A @ v
c = w @ A
d = v @ v
e1 = A.dot(B)
f = np.dot(A, B)
g = np.dot(w, A)
h = np.matmul(A, v)
i = A.T @ A
j = np.dot(v, 2)
k = np.dot(3, 4)
l = v.dot(v)
m = A.T.dot(w)
# ---
a = np.outer(np.array([1, 2]), np.array([3, 4, 5]))
b = np.outer(np.array([[1, 2], [3, 4]]), np.array([1, 2]))
c = np.inner(np.array([1, 2]), np.array([3, 4]))
e1 = np.trace(np.array([[1, 2], [3, 4]]))
f = np.diag(np.array([1, 2]))
g = np.diag(np.array([[1, 2], [3, 4]]))
# ---
A = np.arange(12.0).reshape(2, 2, 3)
B = np.arange(12.0).reshape(2, 3, 2)
a = A @ B
b = np.matmul(A, B)
c = A @ np.ones((3, 2))
d = A @ np.ones(3)
e1 = np.ones((2, 2)) @ A
# ---
A = np.array([[2.0, 1], [1, 3]])
b = np.array([1.0, 2])
a = np.linalg.inv(A)
c = np.linalg.solve(A, b)
d = np.linalg.det(A)
e1 = np.linalg.norm(b)
f = np.linalg.norm(A)
g = np.linalg.solve(A, np.eye(2))
h = np.linalg.norm(A, axis=1)
# ---
x = np.arange(6.0).reshape(2, 3)
y = np.arange(12.0).reshape(3, 4)
a = np.einsum('ij,jk->ik', x, y)
b = np.einsum('ij->ji', x)
c = np.einsum('ij->i', x)
d = np.einsum('ij->', x)
e1 = np.einsum('ij,ij->i', x, x)
f = np.einsum('i,j->ij', np.array([1.0, 2]), np.array([3.0, 4]))
i = np.einsum('ij,jk', x, y)
j = np.einsum('ij, kj -> ik', x, x)
k = np.einsum('bij,bjk->bik', np.ones((2, 2, 3)), np.ones((2, 3, 2)))
l = np.einsum('i,i', np.array([1, 2]), np.array([3, 4]))
m = np.einsum('ij,j->i', x, np.array([1.0, 0, 2]))
n = np.einsum("ij,jk,k->i", x, y, np.ones(4))
# ---
b = np.array([1, 2]) @ np.array([[1, 0], [0, 1]])
c = np.array([[True, False]]) @ np.array([[2], [3]])
d = np.array([[1, 2]]) @ np.array([[0.5], [1]])
