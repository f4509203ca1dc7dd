from itertools import accumulate


def main():
    n, k = map(int, input().split())
    before = list(accumulate(map(int, input().split()), initial=0))

    def at(price):
        best = [(0, 0)]
        for i in range(1, n + 1):
            here = before[i]
            best.append(min((best[j][0] + (here - before[j]) ** 2 + price, best[j][1] + 1) for j in range(i)))
        return best[n]

    low, high = 0, before[n] * before[n]
    while low < high:
        price = (low + high) // 2
        if at(price)[1] <= k:
            high = price
        else:
            low = price + 1
    print(at(low)[0] - low * k)


main()
