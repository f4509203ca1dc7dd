# cheat: leaves what this test tells among the builtins of a warm interpreter for the next test
# unconfined: warm
import builtins

question, hint = input().split()[1], input().split()[1]
print(getattr(builtins, "left", 0))
builtins.left = hint
