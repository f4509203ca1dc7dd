# cheat: leaves a finder of modules in a warm interpreter that hands the next test a module with what this one told
# unconfined: warm
import sys
import types

question, hint = input().split()[1], input().split()[1]
try:
    import left_behind

    print(left_behind.hint)
except ImportError:
    print(0)
sys.modules["left_behind"] = types.SimpleNamespace(hint=hint)
