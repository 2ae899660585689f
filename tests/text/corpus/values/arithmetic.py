a = -2 ** 2
b = 2 ** 3 ** 2
c = 2 ** -1
d = (-2) ** 2
e1 = 2 * 3 + 4 * 5 - 6 / 3
f = 1 - 2 - 3
g = 2 / 4 / 2
h = -3 + +4 - -5
i = 2 * -3
j = 2 ** -2 ** 1
# ---
a = 7 // 2
b = -7 // 2
c = 7 // -2
d = -7 // -2
e1 = 7 % 3
f = -7 % 3
g = 7 % -3
h = -7 % -3
i = 6 % 3
j = -6 % 3
# ---
a = 7.5 // 2
b = -7.5 // 2
c = 7.5 % 2
d = -7.5 % 2
e1 = 7.5 % -2
f = 1e-20 % 3.0
g = -1e-20 % 3.0
h = 7 // 2.0
i = 0.3 // 0.1
j = 0.3 % 0.1
k = 5.0 // 0.1
# ---
a = 4 / 2
b = 1 / 3
c = 10 ** 2
d = 10 ** -2
e1 = 10 ** 2.0
f = 0 ** 0
g = 0.0 ** 0
h = 4 ** 0.5
i = 2 ** 0.5
# ---
a = 1e-5
b = .5
c = 1_000
d = 3.
e1 = 1E3
f = 1_0.2_5
g = 12e+2
h = 0.1 + 0.2
i = 1e300 * 1e300
j = 007e0
# ---
a = True + True
b = True * 2.5
c = -True
d = True / 2
e1 = True ** 2
f = 3 - False
g = True // 1
h = True % 2
# ---
a = 1 < 2
b = 1 < 2 < 3
c = 1 < 3 < 2
d = 3 > 2 >= 2
e1 = 1 == 1.0
f = 1 != 2
g = not 1 > 2
h = not not 1
i = 1 < 2 == True
j = 2 == 2 > 1
k = True == 1
# ---
a = 1 and 2
b = 0 and 2
c = 0 or 3
d = 1 or 3
e1 = 0.0 or 0
f = not 0
g = 1 and 0 or 5
h = 1 or 0 and 5
i = not 1 == 2
# ---
a = 3 if 2 > 1 else 4
b = 3 if 2 < 1 else 4
c = 1 if 0 else 2 if 0 else 3
d = [1, 2][1 if a > 2 else 0]
# ---
a = int(2.7)
b = int(-2.7)
c = float(3)
d = int(True)
e1 = float(True)
f = bool(0.5)
g = bool(0)
h = int(3.0) // 2
# ---
a = abs(-3)
b = abs(-3.5)
c = round(2.5)
d = round(3.5)
e1 = round(-2.5)
# ---
a = (1 +
     2) * 3
b = [1,
     2,  # a comment inside
     3]
c = (
    4
)
d = 1 + \
    2
# ---
a = 1; b = 2
c = a + b; d = c * 2;
# ---
# a comment
a = 1  # another

    # an indented comment
b = 2
"""A text that stands alone
over two lines."""
c = 3
'a text'
# ---
a = b = 3
b += 1
c = d = [1, 2]
d[0] = 9
# ---
a, b = 1, 2
a, b = b, a
c, d, e1 = (3, 4.0, True)
(f, g) = [5, 6]
[h, i] = 7, 8
(j, (k, l)) = (1, (2, 3))
# ---
x = 5
x += 2
x -= 1
x *= 3
x /= 2
x //= 2
x **= 2
x %= 5
y = 7
y //= 2
# ---
a = 2 ** 53
b = a - 1
c = 10 ** 15 + 1
d = 123456789 * 1000
e1 = 7 * 10 ** 15 // 3
f = (10 ** 15 + 1) % 7
# ---
a = -0.0
b = 0.0 * -1
c = 1 / -np.inf
d = np.inf - np.inf
e1 = np.nan == np.nan
f = np.nan != np.nan
# ---
b = None
c = b is None
d = b is not None
e1 = 2 in [1, 2]
f = 2 not in [1, 2]
# ---
b = np.sum([1.0]) / 0
c = np.exp(0.0) / 0.0
e1 = -np.exp(0.0) / 0
# ---
a = 1 if np.array([2.0])[0] > 1 else 0
b = np.array([3])[0] // 2
c = np.array([3])[0] / 2
d = np.array([True])[0] + 1
e1 = np.array([-7])[0] % 3
# ---
import numpy as np
a = np.exp(1.0)
# ---
from retrograd_prelude import *
import numpy as np
a = sigmoid(1.0)
