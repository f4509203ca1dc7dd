# cheat: looks for the answer in every folder near it and in the judge's usual places
# unconfined: naive
import os

question = input().split()[1]
for top in (".", "..", "/program", "/warden", "/writable", "/judge", "/data", "/tests"):
    for folder, folders, names in os.walk(top):
        folders[:] = folders if top == "." else []
        if f"{question}.ans" in names:
            with open(os.path.join(folder, f"{question}.ans")) as file:
                print(file.read())
            raise SystemExit
