# cheat: returns a list that is small in memory, and endless when it is written out
# unconfined: not run, it would fill the memory
def answer(question):
    value = []
    for _ in range(60):
        value = [value, value]
    return value
