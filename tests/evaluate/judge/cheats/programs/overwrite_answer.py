# cheat: overwrites the expected answer with its own
# unconfined: naive
question = input().split()[1]
with open(f"{question}.ans", "w") as file:
    file.write("0\n")
print(0)
