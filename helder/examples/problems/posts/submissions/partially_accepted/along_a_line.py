import sys
from bisect import bisect_left, insort


def main():
    words = sys.stdin.buffer.read().split()
    n = int(words[0])
    at = [0, 0]
    for place in range(4, 2 + 3 * (n - 1), 3):
        at.append(at[-1] + int(words[place]))
    posts, answers = [], []
    for place in range(2 + 3 * (n - 1), len(words), 2):
        kind, here = words[place], at[int(words[place + 1])]
        index = bisect_left(posts, here)
        if kind == b"+":
            insort(posts, here)
        elif kind == b"-":
            del posts[index]
        else:
            near = [abs(here - post) for post in posts[max(0, index - 1) : index + 1]]
            answers.append(str(min(near)) if near else "none")
    print("\n".join(answers))


main()
