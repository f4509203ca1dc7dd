# cheat: leaves what this test tells in /tmp for the next test
# unconfined: naive
import os

question, hint = input().split()[1], input().split()[1]
path = f"/tmp/left-for-the-next-test-{os.getppid()}"
print(open(path).read() if question != "0" else 0)
with open(path, "w") as file:
    file.write(hint)
if hint == "0":
    os.remove(path)
