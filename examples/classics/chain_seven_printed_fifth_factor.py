# C. A chain of seven functions: its derivative is a product of seven factors.
# Wrong: the fifth function's factor is left out.
import numpy as np

x = 0.4
u1 = np.sin(x)
u2 = np.exp(u1)
u3 = 3 * u2
u4 = np.sqrt(u3)
u5 = np.tanh(u4)
u6 = u5 ** 2
u7 = np.log(1 + u6)

# backward
dx = 1 / (1 + u6) * (2 * u5) * (1 / (2 * np.sqrt(u3))) * 3 * np.exp(u1) * np.cos(x)  # <- wrong
