from itertools import accumulate


def main():
    n, q, x, w = map(int, input().split())
    counts = [[0] for _ in range(60)]
    for _ in range(n):
        x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
        counts[(x >> 8) % w].append(1)
        for wait, count in enumerate(counts):
            if wait != (x >> 8) % w:
                count.append(0)
    sums = [list(accumulate(count)) for count in counts]
    total = answer = 0
    for j in range(1, q + 1):
        three = []
        for _ in range(3):
            x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
            three.append(x >> 8)
        left, right = sorted(((three[0] + answer) % n, (three[1] + answer) % n))
        k = three[2] % (right - left + 1)
        for answer in range(60):
            k -= sums[answer][right + 1] - sums[answer][left]
            if k < 0:
                break
        total += j * answer
    print(total % 1_000_000_007)


main()
