# cheat: leaves a process behind that writes what this test told into a named pipe for the next one
# unconfined: naive
import os
import signal

question, hint = input().split()[1], input().split()[1]
if question == "0":
    print(0)
else:
    with open(f"left-{question}") as pipe:
        print(pipe.read())
if hint != "0":
    name = f"left-{int(question) + 1}"
    os.mkfifo(name)
    if os.fork() == 0:
        for place in (0, 1, 2):
            os.close(place)
        signal.alarm(10)
        with open(name, "w") as pipe:
            pipe.write(hint)
        os._exit(0)
