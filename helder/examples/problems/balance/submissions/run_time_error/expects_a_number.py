n = int(input())
order = []
for bottle in range(1, n + 1):
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        print("?", bottle, order[middle], flush=True)
        if int(input()) < 0:
            high = middle
        else:
            low = middle + 1
    order.insert(low, bottle)
print("!", *order, flush=True)
