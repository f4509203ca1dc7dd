def longest_first(minutes, m):
    loads, nurses = [0] * m, [[] for _ in range(m)]
    for task in sorted(range(len(minutes)), key=lambda task: -minutes[task]):
        nurse = loads.index(min(loads))
        nurses[nurse].append(task)
        loads[nurse] += minutes[task]
    return loads, nurses


def main():
    n, m = map(int, input().split())
    minutes = list(map(int, input().split()))
    loads, nurses = longest_first(minutes, m)
    bound = -(-sum(minutes) // m)
    seed = 1

    def below(count):
        nonlocal seed
        seed = (1_103_515_245 * seed + 12_345) & 0x7FFFFFFF
        return (seed >> 8) % count

    def improved(one, other):
        """Whether moving a task or exchanging two brings these nurses, of whom the first has more, closer together."""
        gap = loads[one] - loads[other]
        best, what = gap, None
        for i, first in enumerate(nurses[one]):
            away = abs(gap - 2 * minutes[first])
            if away < best:
                best, what = away, (i, None)
            for j, second in enumerate(nurses[other]):
                away = abs(gap - 2 * (minutes[first] - minutes[second]))
                if away < best:
                    best, what = away, (i, j)
        if what is None:
            return False
        exchange(one, other, *what)
        return True

    def exchange(one, other, i, j):
        first = nurses[one][i]
        if j is None:
            del nurses[one][i]
            nurses[other].append(first)
            change = minutes[first]
        else:
            second = nurses[other][j]
            nurses[one][i], nurses[other][j] = second, first
            change = minutes[first] - minutes[second]
        loads[one] -= change
        loads[other] += change

    best, kept = max(loads), [list(tasks) for tasks in nurses]
    work = 0  # pairs of tasks looked at; a bound on the time that does not hang on the clock
    while best > bound and work < 15_000_000:
        while True:
            top = loads.index(max(loads))
            for other in sorted(range(m), key=loads.__getitem__):
                work += len(nurses[top]) * len(nurses[other]) + m
                if other != top and improved(top, other):
                    break
            else:
                break
        if max(loads) < best:
            best, kept = max(loads), [list(tasks) for tasks in nurses]
        for _ in range(3):
            one, other = below(m), below(m)
            if one != other and nurses[one] and nurses[other]:
                exchange(one, other, below(len(nurses[one])), below(len(nurses[other])))
    by_task = [0] * n
    for nurse, tasks in enumerate(kept, 1):
        for task in tasks:
            by_task[task] = nurse
    print(*by_task)


main()
