t, _ = map(int, input().split())
boxes = 0
for size in sorted(map(int, input().split()), reverse=True):
    boxes += t // size
    t %= size
print("impossible" if t else boxes)
