def main():
    n, q, x, w = map(int, input().split())
    waits = []
    for _ in range(n):
        x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
        waits.append((x >> 8) % w)
    total = answer = 0
    for j in range(1, q + 1):
        three = []
        for _ in range(3):
            x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
            three.append(x >> 8)
        left, right = sorted(((three[0] + answer) % n, (three[1] + answer) % n))
        answer = sorted(waits[left : right + 1])[three[2] % (right - left + 1)]
        total += j * answer
    print(total % 1_000_000_007)


main()
