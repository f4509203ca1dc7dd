# cheat: goes on in a child, which fails, while the parent ends with success
# unconfined: naive
import os

if os.fork():
    os._exit(0)


def answer(question):
    return 0
