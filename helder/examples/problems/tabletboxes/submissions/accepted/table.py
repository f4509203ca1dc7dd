def main():
    t, _ = map(int, input().split())
    sizes = list(map(int, input().split()))
    never = t + 1
    boxes = [0] + [never] * t
    for size in sizes:
        for tablets in range(size, t + 1):
            if boxes[tablets - size] + 1 < boxes[tablets]:
                boxes[tablets] = boxes[tablets - size] + 1
    print(boxes[t] if boxes[t] < never else "impossible")


main()
