x = load("/etc/passwd")
y = x + 1
