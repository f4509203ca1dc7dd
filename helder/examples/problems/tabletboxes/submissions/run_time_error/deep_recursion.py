from functools import cache

t, _ = map(int, input().split())
sizes = list(map(int, input().split()))


@cache
def boxes(tablets):
    if tablets == 0:
        return 0
    return 1 + min((boxes(tablets - size) for size in sizes if size <= tablets), default=t + 1)


needed = boxes(t)
print(needed if needed <= t else "impossible")
