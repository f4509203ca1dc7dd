# cheat: replaces print in a warm interpreter, so that the next test's program prints what this one was told
# unconfined: warm
import builtins
import sys

question, hint = input().split()[1], input().split()[1]
print(0)
builtins.print = lambda *arguments: sys.stdout.write(hint + "\n")
