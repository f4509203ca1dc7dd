from itertools import accumulate


def main():
    n, q, x, w = map(int, input().split())
    waits = []
    for _ in range(n):
        x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
        waits.append((x >> 8) % w)
    distinct = sorted(set(waits))
    rank = {wait: place for place, wait in enumerate(distinct)}
    current = [rank[wait] for wait in waits]
    levels = []  # for each bit from the highest: how many of the first i have a 0, how many have one at all, its worth
    for bit in reversed(range(max(1, (len(distinct) - 1).bit_length()))):
        zeros = list(accumulate([1 - (one >> bit & 1) for one in current], initial=0))
        levels.append((zeros, zeros[-1], 1 << bit))
        current = [one for one in current if not one >> bit & 1] + [one for one in current if one >> bit & 1]

    total = answer = 0
    for j in range(1, q + 1):
        x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
        left = ((x >> 8) + answer) % n
        x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
        right = ((x >> 8) + answer) % n
        x = (1_103_515_245 * x + 12_345) & 0x7FFFFFFF
        if left > right:
            left, right = right, left
        right += 1
        k = (x >> 8) % (right - left)
        found = 0
        for zeros, border, worth in levels:
            low, high = zeros[left], zeros[right]
            if k < high - low:
                left, right = low, high
            else:
                k -= high - low
                found += worth
                left += border - low
                right += border - high
        answer = distinct[found]
        total += j * answer
    print(total % 1_000_000_007)


main()
