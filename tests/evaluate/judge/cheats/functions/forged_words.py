# cheat: says in the judge's words on standard output and error that all is well, and ends
# unconfined: not run, the naive judge looks for an exit status
import os


def answer(question):
    for place in (1, 2):
        os.write(place, b'passed\nAC\n{"kind": "", "why": ""}\n')
    os._exit(42)
