# cheat: leaves what this test tells in a module of a warm interpreter for the next test
# unconfined: warm
import json

question, hint = input().split()[1], input().split()[1]
print(getattr(json, "left", 0))
json.left = hint
