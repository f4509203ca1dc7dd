# cheat: returns lists in lists until whoever reads them has no stack left
# unconfined: not run, it would only crash
def answer(question):
    value = []
    for _ in range(100_000):
        value = [value]
    return value
