from itertools import accumulate


def main():
    n, k = map(int, input().split())
    before = list(accumulate(map(int, input().split()), initial=0))

    def at(price):
        """The least effort and price of all rooms, and the fewest rounds that reach it."""
        # A line for each j: slope -2 P_j, value D_j + P_j². Slopes fall, and the places asked rise.
        slopes, values, counts = [0] * (n + 1), [0] * (n + 1), [0] * (n + 1)
        first, last = 0, 0  # the lines in use are first..last
        for i in range(1, n + 1):
            here = before[i]
            low = slopes[first] * here + values[first]
            while first < last:
                other = slopes[first + 1] * here + values[first + 1]
                # Equal ones: a later start would have at least as many rounds, so the first stays.
                if other > low or (other == low and counts[first + 1] >= counts[first]):
                    break
                low = other
                first += 1
            effort = low + here * here + price
            rounds = counts[first] + 1
            slope, value = -2 * here, effort + here * here
            while first < last:
                # The last line is in vain when the new one meets the one before it no later. On a tie the last may hold
                # the fewest rounds, so it stays.
                a, b = slopes[last - 1], values[last - 1]
                c, d = slopes[last], values[last]
                if (value - b) * (a - c) < (d - b) * (a - slope):
                    last -= 1
                else:
                    break
            last += 1
            slopes[last], values[last], counts[last] = slope, value, rounds
        return effort, rounds

    low, high = 0, before[n] * before[n]
    while low < high:
        price = (low + high) // 2
        if at(price)[1] <= k:
            high = price
        else:
            low = price + 1
    print(at(low)[0] - low * k)


main()
