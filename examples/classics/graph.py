# G. A computational graph: e = (a + b) * (b + 1), derivatives by summing over all paths.
import numpy as np

a = 2
b = 1
c = a + b
d = b + 1
e = c * d

# backward
de_dc = d
de_dd = c
de_da = de_dc * 1
de_db = de_dc * 1 + de_dd * 1
