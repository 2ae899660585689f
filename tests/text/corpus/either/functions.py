a = np.fmod(np.array([-7.0, 7.0]), 3)
# ---
a = np.vdot(np.array([1, 2]), np.array([3, 4]))
# ---
a = np.cross(np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
# ---
a = np.amax(np.array([1, 5, 2]))
b = np.amin(np.array([[1, 5], [2, 0]]), axis=0)
# ---
a = np.nansum(np.array([1.0, np.nan]))
# ---
a = np.average(np.array([1.0, 2.0]), weights=np.array([1, 3]))
# ---
a = np.append(np.array([1]), 2)
# ---
a = np.pad(np.array([1, 2]), 1)
# ---
a = np.pad(np.ones((2, 2)), ((0, 1), (2, 0)))
# ---
a = np.floor_divide(7, 2)
b = np.floor_divide(np.array([-7, 7]), 2)
# ---
a = np.fmax(0, np.array([1.0, -1.0]))
# ---
a = np.nan_to_num(np.array([np.nan, 1.0]))
# ---
a = np.clip(np.array([0.2, 1.7, -3.0]), a_min=0, a_max=1)
# ---
a = np.array([3.0, -9.0])
np.clip(a, -5, 5, out=a)
# ---
a = np.array([1.0, 4.0])
np.sqrt(a, out=a)
# ---
a = np.exp(np.array([0.5]), dtype=np.float64)
# ---
a = np.sum(np.array([1.0, 2.0]), where=np.array([True, False]))
# ---
a = np.sum(np.array([1.5, 2.5]), 0, int)
# ---
a = np.array([1, 2], dtype=np.float32)
b = a + 0.1
# ---
a = np.array([200, 100], dtype=np.uint8) + np.array([100, 100], dtype=np.uint8)
# ---
a = np.array([1, 2], dtype=np.int32) * 3
# ---
a = np.array([2 ** 62, 2 ** 62]).sum()
# ---
a = 2 ** 64
b = a - 1
# ---
a = np.array([2 ** 62]) * 4
# ---
a = 3 ** 40
b = 3 ** 40 % 7
# ---
a = 2 ** 53 + 1
b = a - 2 ** 53
# ---
a = np.array([2 ** 53 + 1])
b = a - 2 ** 53
# ---
a = 10 ** 18 // 7
# ---
a = (-8) ** (1 / 3)
b = 1
# ---
a = np.unique(np.array([3, 1, 3]))
# ---
a = np.linalg.pinv(np.array([[1.0, 2.0], [3.0, 4.0]]))
# ---
a = np.linalg.svd(np.array([[1.0, 2.0], [3.0, 4.0]]))[1]
# ---
a = np.linalg.eigvalsh(np.array([[2.0, 1.0], [1.0, 3.0]]))
# ---
a = np.linalg.cholesky(np.array([[2.0, 1.0], [1.0, 3.0]]))
# ---
a = np.linalg.norm(np.array([3.0, -4.0]), 1)
b = np.linalg.norm(np.array([3.0, -4.0]), ord=np.inf)
# ---
a = np.linalg.slogdet(np.array([[2.0, 1.0], [1.0, 3.0]]))[1]
# ---
a = np.kron(np.eye(2), np.ones((1, 2)))
# ---
a = np.meshgrid(np.array([1, 2]), np.array([3, 4]))[0]
# ---
a = np.histogram(np.array([1, 2, 2]))[0]
# ---
a = np.bincount(np.array([0, 1, 1]))
# ---
a = np.convolve(np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0]))
b = np.convolve(np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0]), mode='valid')
# ---
a = np.percentile(np.array([1.0, 2.0, 3.0]), 50)
# ---
a = np.einsum('...i,i->...', np.ones((2, 3)), np.ones(3))
# ---
a = np.einsum('ij,jk->ki', np.ones((2, 3)), np.ones((3, 2)), optimize=True)
# ---
a = np.einsum('bhqd,bhkd->bhqk', np.ones((1, 2, 2, 3)), np.ones((1, 2, 2, 3)))
# ---
a = np.einsum(np.ones((2, 3)), [0, 1], [1, 0])
# ---
a = np.tensordot(np.ones((2, 3)), np.ones((2, 3)), axes=([0, 1], [0, 1]))
# ---
a = np.tensordot(np.ones((2, 3)), np.ones((3, 4)))if 0 else np.tensordot(np.ones((2, 3)), np.ones((2, 3)))
# ---
a = np.multiply.outer(np.array([1, 2]), np.array([3, 4]))
# ---
a = np.add.reduce(np.array([1, 2, 3]))
# ---
a = np.maximum.accumulate(np.array([1, 3, 2]))
# ---
a = np.zeros(3)
np.subtract.at(a, [0, 0], 1.0)
# ---
a = np.zeros(3)
np.maximum.at(a, [0, 0], [1.0, 3.0])
# ---
a = np.r_[1, 2, 3]
# ---
a = np.c_[np.array([1, 2]), np.array([3, 4])]
# ---
a = np.array([1.0, 2.0])
np.put(a, [0], 9.0)
# ---
a = np.array([1.0, 2.0])
a.fill(3)
# ---
a = np.array([3.0, 1.0])
a.sort()
# ---
a = np.array([1.0, 2.0])
np.copyto(a, 7.0)
# ---
a = np.array([[1.0, 2.0], [3.0, 4.0]])
np.fill_diagonal(a, 0)
# ---
a = np.zeros(2)
a[:] = np.array([1, 2])
b = a.tolist()
# ---
a = np.array([[3.0, 1.0], [0.5, 2.0]])
b = np.sort(a, axis=0)
c = np.argsort(a, axis=1)
# ---
a = np.argsort(np.array([1.0, 0.0, 1.0, 0.0]))[:2].sum()
# ---
a = np.atleast_2d(np.array([1, 2]))
# ---
a = np.column_stack((np.array([1, 2]), np.array([3, 4])))
# ---
a = np.rollaxis(np.ones((2, 3)), 1)
# ---
a = np.vectorize(abs)(np.array([-1, 2]))
# ---
a = np.apply_along_axis(np.sum, 0, np.ones((2, 2)))
# ---
a = np.log(np.array([1, 2]) > 0)
# ---
a = np.sign(np.array([True, False]) * 1)
b = np.abs(np.array([True]))
# ---
a = np.square(np.array([True, False]))
# ---
a = np.maximum(np.array([True]), np.array([False]))
# ---
a = np.floor(np.array([1, 2]))
b = np.round(np.array([1, 2]))
c = np.ceil(3)
# ---
a = np.sum(np.array([[True, False], [True, True]]), axis=0)
b = np.prod(np.array([True, False]))
c = np.max(np.array([True, False]))
d = np.cumsum(np.array([True, True]))
# ---
a = np.array([True, False]) ** 2
b = np.array([True]) // np.array([True])
# ---
a = np.power(2, 3)
b = np.power(2.0, -1)
c = np.float64(2) ** -1
# ---
a = np.std(np.array([1.0, 2.0]), ddof=1)
b = np.var(np.array([[1.0, 2.0]]), axis=1, ddof=1)
# ---
a = np.mean(np.zeros((0,)))
# ---
a = np.where(np.array([True, False]), 1, True)
# ---
a = np.select([np.array([True, False])], [np.array([1, 2])], 9)
# ---
a = np.heaviside(np.array([-1.0, 0.0, 1.0]), 0.5)
# ---
a = np.arange(0.0, 0.3, 0.1)
b = np.arange(1, 2, 0.5)
# ---
a = np.linspace(0, 1, 5, endpoint=False)
# ---
a = np.random.randn(2).shape
# ---
a = np.eye(2, 3)
b = np.eye(3, k=1)
# ---
a = np.diag(np.ones(2), 1)
# ---
a = np.trace(np.ones((2, 2)), offset=1)
# ---
a = np.take(np.ones((2, 2)), [0], axis=1)
b = np.take_along_axis(np.array([[1, 2], [3, 4]]), np.array([[0], [1]]), axis=1)
# ---
a = np.cumsum(np.ones((2, 2)))[::-1]
b = np.flip(np.arange(4).reshape(2, 2), axis=1)
c = np.roll(np.arange(4).reshape(2, 2), 1, axis=0)
# ---
a = np.array_split(np.arange(5), 2)
# ---
a = np.split(np.arange(6), [2, 3])
b = np.split(np.arange(4).reshape(2, 2), 2, axis=1)
# ---
a = np.digitize(np.array([0.5]), np.array([0, 1]))
# ---
a = np.interp(0.5, [0, 1], [0, 2])
# ---
a = np.trapezoid(np.array([1.0, 2.0]))
# ---
a = np.polyval([1, 2], 3)
# ---
a = np.isin(np.array([1, 2]), [1])
# ---
a = np.real(np.array([1.0]))
# ---
a = np.sum(x for x in [1, 2]) if 0 else sum([x for x in [1, 2]])
# ---
a = np.inner(np.ones((2, 3)), np.ones((4, 3)))
# ---
a = np.matmul(np.ones((2, 1, 2, 3)), np.ones((3, 3, 2))).shape
# ---
a = np.dot(np.ones((2, 2, 3)), np.ones((3, 2)))
b = np.dot(np.ones((2, 2, 3)), np.ones((2, 3, 2))).shape
# ---
a = np.concatenate((np.array([1, 2]), np.array([True])))
b = np.concatenate(([1], [2.5]))
c = np.concatenate((np.ones((2, 2)), np.zeros((1, 2))), axis=None)
# ---
a = np.stack(([1, 2], [3, 4]), axis=1)
b = np.vstack(([1, 2], [3, 4]))
# ---
a = np.array(5).reshape(1)
b = np.reshape(3.0, (1, 1))
# ---
a = np.arange(6).reshape(2, 3).reshape(3, 2, order='F')
# ---
a = np.arange(6).reshape(2, 3).flatten('F')
# ---
a = np.matrix([[1, 2]]) * 2 if 0 else 1
# ---
a = np.cbrt(-8.0)
b = np.log(-1.0)
c = np.arcsin(2.0)
d = np.exp(1000.0)
# ---
a = math.sqrt(2.0) if 0 else 3
# ---
import math
a = math.exp(1)
b = math.pi
c = math.sqrt(2)
# ---
from math import exp
a = exp(1.0)
# ---
import numpy
a = numpy.sum([1, 2])
# ---
from numpy import exp, dot
a = exp(0.5)
# ---
from numpy import *
a = exp(0.5)
