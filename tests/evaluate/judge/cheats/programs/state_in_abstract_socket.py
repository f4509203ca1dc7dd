# cheat: leaves a process behind that tells the next test over an abstract unix socket what this one told
# unconfined: naive
import os
import socket

question, hint = input().split()[1], input().split()[1]
name = f"\0left-{os.getppid()}-"
if question == "0":
    print(0)
else:
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(name + question)
        print(asked.recv(64).decode())
if hint != "0":
    server = socket.socket(socket.AF_UNIX)
    server.bind(name + str(int(question) + 1))
    server.listen()
    if os.fork() == 0:
        for place in (0, 1, 2):
            os.close(place)
        server.settimeout(10)
        server.accept()[0].send(hint.encode())
        os._exit(0)
