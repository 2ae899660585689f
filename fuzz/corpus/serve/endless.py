a = 1.0
for i in range(10 ** 9):
    a = a * 1.5
