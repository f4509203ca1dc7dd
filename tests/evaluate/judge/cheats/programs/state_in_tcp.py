# cheat: leaves a process behind that tells the next test over TCP what this one told
# unconfined: naive
import os
import socket

question, hint = input().split()[1], input().split()[1]
port = 20000 + os.getppid() % 20000
if question == "0":
    print(0)
else:
    with socket.create_connection(("127.0.0.1", port), 5) as asked:
        print(asked.recv(64).decode())
if hint != "0":
    server = socket.create_server(("127.0.0.1", port), reuse_port=True)
    if os.fork() == 0:
        for place in (0, 1, 2):
            os.close(place)
        server.settimeout(10)
        server.accept()[0].send(hint.encode())
        os._exit(0)
