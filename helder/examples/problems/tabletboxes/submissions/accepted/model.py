def main():
    t, _ = map(int, input().split())
    sizes = list(map(int, input().split()))
    reached = 1  # bit i: i tablets can be handed over in the boxes so far
    seen, boxes = reached, 0
    everything = (1 << (t + 1)) - 1
    while not seen >> t & 1 and reached:
        step = 0
        for size in sizes:
            step |= reached << size
        reached = step & everything & ~seen
        seen |= reached
        boxes += 1
    print(boxes if seen >> t & 1 else "impossible")


main()
