# cheat: takes memory without end
# unconfined: not run, it would take the machine
kept = []
while True:
    kept.append(bytearray(b"x") * (1 << 24))
