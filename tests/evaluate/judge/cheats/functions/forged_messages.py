# cheat: writes messages of the judge's own protocol to every open file, and what it knows of the protocol's words
# unconfined: not run, only our judge speaks like this
import os
import struct


def answer(question):
    messages = (b"t\0\0\0\x02s\0\0\0\x05values\0\0\0\0", b"N", b"t\0\0\0\x02s\0\0\0\x05rights\0\0\0\0")
    for place in range(3, 64):
        for message in messages:
            try:
                os.write(place, struct.pack(">I", len(message)) + message)
            except OSError:
                pass
    return 0
