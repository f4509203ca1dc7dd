# cheat: reads from the environment where the tests are
# unconfined: naive
import os

question = input().split()[1]
with open(os.path.join(os.environ["TESTS"], f"{question}.ans")) as file:
    print(file.read())
