a = 
# ---
a = 1 +
# ---
a = (1 + 2
b = 3
# ---
a = 1 + 2)
# ---
a = [1, 2
b = 1
# ---
a b = 3
# ---
1 = a
# ---
a + 1 = 2
# ---
f(x) = 2
# ---
for i in range(3)
    a = i
# ---
for i in range(3):
a = i
# ---
if 1:
a = 2
# ---
if 1 = 2:
    a = 2
# ---
a = 1
  b = 2
# ---
if 1:
    a = 1
  b = 2
# ---
def f(x:
    return x
# ---
return 5
# ---
def f(x, x):
    return x
# ---
def f(x=1, y):
    return x
# ---
f(x=1, 2)
# ---
f(x=1, x=2)
# ---
break
# ---
continue
# ---
a = "text
# ---
a = 'unended
b = 2
# ---
a = 1__0
# ---
a = 1_
# ---
a = 012
# ---
a = 1e
# ---
a = 3x
# ---
a = $b
# ---
a = b ? c : d
# ---
a = 1 if 2
# ---
a = x[
# ---
a = x[]
# ---
else:
    a = 1
# ---
elif 1:
    a = 1
# ---
a = not
# ---
a = 2 ** 
# ---
a = * 3
# ---
a, = 
# ---
a += b += 1
# ---
a, b += 1, 2
# ---
[a, b] += 1
# ---
a = b == = c
# ---
a = 1 <> 2
# ---
a = b!
# ---
a = ()()(
# ---
import
# ---
import numpy as
# ---
def (x):
    return x
# ---
def f:
    return 1
# ---
def f()
    return 1
# ---
lambda = 3
# ---
for = 3
# ---
None = 3
# ---
True = 1
# ---
for 3 in range(2):
    pass
# ---
def f():
# ---
a = """unended
b = 2
# ---
a = 1 \ 2
# ---
a = [1 2]
# ---
a = [i for i range(3)]
# ---
a = f(1 2)
# ---
a.1 = 2
# ---
a = .
# ---
a = b.
# ---
a = x[1:2:3:4]
# ---
a = (1, 2
# ---
a = {1, 2
