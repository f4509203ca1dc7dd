"""The kinds of problems: what is asked, how to think about it, the program, and trials with their right output."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate

from helder.examples.dice import Dice

MODULUS = 1_000_000_007


@dataclass(frozen=True)
class Trial:
    """An input of a program, the right output, and how it comes about in words."""

    input: str
    output: str
    working: str


@dataclass(frozen=True)
class Kind:
    """A kind of problem, for any constant of `constants`.

    Attributes:
        name: how it is called in the tags.
        constants: numbers that may stand in the problem.
        asked: what has to be done; "{c}" is the constant, in all texts.
        given: what the input holds.
        thought: how to think about it.
        code: the program, "@" for the constant.
        trial: draws an input and says its output.
    """

    name: str
    constants: range
    asked: str
    given: str
    thought: str
    code: str
    trial: Callable[[Dice, int], Trial]

    def task(self, constant: int) -> str:
        return self.asked.format(c=constant)

    def input(self, constant: int) -> str:
        return self.given.format(c=constant)

    def idea(self, constant: int) -> str:
        return self.thought.format(c=constant)

    def program(self, constant: int) -> str:
        """The text of a C++17 program."""
        return self.code.strip().replace("@", str(constant))


NUMBERS = "n, then n whole numbers."


def _list(dice: Dice, least: int = 4, most: int = 6, largest: int = 60) -> list[int]:
    return [dice.between(1, largest) for _ in range(dice.between(least, most))]


def _said(numbers: list[int]) -> str:
    """1, 2 and 3."""
    if not numbers:
        return "none"
    *before, last = map(str, numbers)
    return f"{', '.join(before)} and {last}" if before else last


def _trial(numbers: list[int], output: int, working: str) -> Trial:
    return Trial(f"{len(numbers)}\n{' '.join(map(str, numbers))}", str(output), working)


def _divisible(dice: Dice, c: int) -> Trial:
    numbers = [c * dice.between(1, 6) if dice.below(2) else one for one in _list(dice)]
    chosen = [one for one in numbers if one % c == 0]
    return _trial(numbers, sum(chosen), f"divisible by {c}: {_said(chosen)}. The sum is {sum(chosen)}.")


def _greater(dice: Dice, c: int) -> Trial:
    numbers = _list(dice, largest=2 * c)
    chosen = [one for one in numbers if one > c]
    return _trial(numbers, len(chosen), f"greater than {c}: {_said(chosen)}. That is {len(chosen)}.")


def _divisor(dice: Dice, c: int) -> Trial:
    numbers = [c * one for one in _list(dice, 3, 4, 9)]
    found = reduce(math.gcd, numbers, c * c)
    return _trial(numbers, found, f"{c} * {c} = {c * c}, and the largest common divisor of all is {found}.")


def _smallest(dice: Dice, c: int) -> Trial:
    numbers = _list(dice, c, c + 2)
    ordered = sorted(numbers)
    return _trial(numbers, ordered[c - 1], f"in order: {_said(ordered)}. Number {c} is {ordered[c - 1]}.")


def _window(dice: Dice, c: int) -> Trial:
    numbers = _list(dice, c + 1, c + 2, 20)
    sums = [sum(numbers[place : place + c]) for place in range(len(numbers) - c + 1)]
    return _trial(numbers, max(sums), f"the sums are {_said(sums)}. The largest is {max(sums)}.")


def _prefix(dice: Dice, c: int) -> Trial:
    numbers = _list(dice, largest=c + 8)
    sums = list(accumulate(numbers))
    chosen = [one for one in sums if one % c == 0]
    return _trial(numbers, len(chosen), f"the sums are {_said(sums)}. Divisible by {c}: {_said(chosen)}.")


def _pairs(dice: Dice, c: int) -> Trial:
    numbers = _list(dice, 4, 5, c)
    numbers[0] = max(1, c - numbers[1])
    ordered = sorted(numbers)
    count = sum(a + b <= c for place, a in enumerate(numbers) for b in numbers[place + 1 :])
    return _trial(numbers, count, f"in order: {_said(ordered)}. {count} pairs have a sum of at most {c}.")


def _stretch(dice: Dice, c: int) -> Trial:
    numbers = _list(dice, 5, 6, max(2, c // 2))
    best = max(
        (stop - start)
        for start in range(len(numbers))
        for stop in range(start, len(numbers) + 1)
        if sum(numbers[start:stop]) <= c
    )
    return _trial(numbers, best, f"the longest row whose sum is at most {c} has length {best}.")


def _stairs(dice: Dice, c: int) -> Trial:
    n = dice.between(3, 7)
    ways = [1]
    for stair in range(1, n + 1):
        ways.append(sum(ways[max(0, stair - c) : stair]) % MODULUS)
    return Trial(str(n), str(ways[n]), f"the ways are {_said(ways)}.")


def _coins(dice: Dice, c: int) -> Trial:
    n = dice.between(c, 4 * c)
    coins = [0]
    for amount in range(1, n + 1):
        coins.append(1 + min(coins[amount - coin] for coin in (1, 5, c) if coin <= amount))
    return Trial(str(n), str(coins[n]), f"{n} needs {coins[n]} coins.")


def _digits(dice: Dice, c: int) -> Trial:
    n = dice.between(c, 90)
    left, digits = n, []
    while left:
        digits.append(left % c)
        left //= c
    return Trial(
        str(n), str(sum(digits)), f"the digits of {n}, last first, are {_said(digits)}. The sum is {sum(digits)}."
    )


def _root(dice: Dice, c: int) -> Trial:
    n = dice.between(c, 40 * c)
    x = next(x for x in range(n + 1) if c * x * x >= n)
    return Trial(str(n), str(x), f"{c} * {x} * {x} = {c * x * x} is at least {n}, and {x - 1} is too small.")


KINDS = (
    Kind(
        "sum of multiples", range(2, 40),
        "Find the sum of all numbers that are divisible by {c}.", NUMBERS,
        "Go through the numbers once. A number is divisible by {c} when its remainder is 0. "
        "Sums can be large, so use long long.",
        """
#include <iostream>
using namespace std;

int main() {
    int n;
    cin >> n;
    long long sum = 0;
    for (int i = 0; i < n; i++) {
        long long x;
        cin >> x;
        if (x % @ == 0) sum += x;
    }
    cout << sum << endl;
}
""", _divisible,
    ),
    Kind(
        "count", range(5, 60),
        "Count the numbers that are greater than {c}.", NUMBERS,
        "Go through the numbers once and count those that are greater than {c}.",
        """
#include <iostream>
using namespace std;

int main() {
    int n, count = 0;
    cin >> n;
    for (int i = 0; i < n; i++) {
        int x;
        cin >> x;
        if (x > @) count++;
    }
    cout << count << endl;
}
""", _greater,
    ),
    Kind(
        "common divisor", range(2, 40),
        "Find the largest number that divides every number of the list and {c} * {c}.", NUMBERS,
        "The largest common divisor of many numbers is found one by one with Euclid's way: start with {c} * {c}.",
        """
#include <iostream>
#include <numeric>
using namespace std;

int main() {
    int n;
    cin >> n;
    long long found = @ * @;
    for (int i = 0; i < n; i++) {
        long long x;
        cin >> x;
        found = gcd(found, x);
    }
    cout << found << endl;
}
""", _divisor,
    ),
    Kind(
        "sorting", range(2, 8),
        "Find number {c} of the list when it is sorted, the smallest first.", "n, at least {c}, then n whole numbers.",
        "Sort the numbers. Places begin with 0, so number {c} stands one place before {c}.",
        """
#include <algorithm>
#include <iostream>
#include <vector>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<int> a(n);
    for (int& x : a) cin >> x;
    sort(a.begin(), a.end());
    cout << a[@ - 1] << endl;
}
""", _smallest,
    ),
    Kind(
        "window", range(2, 8),
        "Find the largest sum of {c} numbers that stand next to each other.", "n, at least {c}, then n whole numbers.",
        "Keep the sum of the last {c} numbers: add the new one and take away the one that leaves. Each step is O(1).",
        """
#include <algorithm>
#include <iostream>
#include <vector>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<long long> a(n);
    for (auto& x : a) cin >> x;
    long long sum = 0;
    for (int i = 0; i < @; i++) sum += a[i];
    long long best = sum;
    for (int i = @; i < n; i++) {
        sum += a[i] - a[i - @];
        best = max(best, sum);
    }
    cout << best << endl;
}
""", _window,
    ),
    Kind(
        "prefix sums", range(2, 30),
        "Count the beginnings of the list whose sum is divisible by {c}.", NUMBERS,
        "Keep the sum of all numbers so far, and only its remainder by {c}. Count how often it is 0.",
        """
#include <iostream>
using namespace std;

int main() {
    int n, count = 0;
    cin >> n;
    long long sum = 0;
    for (int i = 0; i < n; i++) {
        long long x;
        cin >> x;
        sum = (sum + x) % @;
        if (sum == 0) count++;
    }
    cout << count << endl;
}
""", _prefix,
    ),
    Kind(
        "two pointers", range(10, 60),
        "Count the pairs of numbers whose sum is at most {c}.", NUMBERS,
        "Sort the numbers. Let one pointer stand left and one right. When the sum is at most {c}, the left one "
        "fits with all between them; else the right one is too large.",
        """
#include <algorithm>
#include <iostream>
#include <vector>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<int> a(n);
    for (int& x : a) cin >> x;
    sort(a.begin(), a.end());
    long long count = 0;
    int left = 0, right = n - 1;
    while (left < right) {
        if (a[left] + a[right] <= @) {
            count += right - left;
            left++;
        } else {
            right--;
        }
    }
    cout << count << endl;
}
""", _pairs,
    ),
    Kind(
        "stretch", range(10, 60),
        "Find the length of the longest row of neighbours whose sum is at most {c}.", "n, then n positive numbers.",
        "Let the row grow at its right end. While its sum is greater than {c}, take away numbers at its left end.",
        """
#include <algorithm>
#include <iostream>
#include <vector>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<int> a(n);
    for (int& x : a) cin >> x;
    long long sum = 0;
    int left = 0, best = 0;
    for (int right = 0; right < n; right++) {
        sum += a[right];
        while (sum > @) sum -= a[left++];
        best = max(best, right - left + 1);
    }
    cout << best << endl;
}
""", _stretch,
    ),
    Kind(
        "stairs", range(2, 9),
        "In how many ways can n stairs be climbed with steps of 1 to {c} stairs? Give it modulo 1000000007.", "n.",
        "Dynamic programming: the ways to a stair are the sum of the ways to the {c} stairs before it.",
        """
#include <iostream>
#include <vector>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<long long> ways(n + 1);
    ways[0] = 1;
    for (int i = 1; i <= n; i++) {
        for (int step = 1; step <= @ && step <= i; step++) {
            ways[i] = (ways[i] + ways[i - step]) % 1000000007;
        }
    }
    cout << ways[n] << endl;
}
""", _stairs,
    ),
    Kind(
        "coins", range(6, 30),
        "How many coins are needed at least to pay n with coins of 1, 5 and {c}?", "n.",
        "Dynamic programming: for every amount, try each coin of 1, 5 and {c} as the last one and take the fewest.",
        """
#include <algorithm>
#include <iostream>
#include <vector>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<int> coins(n + 1);
    for (int i = 1; i <= n; i++) {
        coins[i] = coins[i - 1] + 1;
        for (int coin : {5, @}) {
            if (coin <= i) coins[i] = min(coins[i], coins[i - coin] + 1);
        }
    }
    cout << coins[n] << endl;
}
""", _coins,
    ),
    Kind(
        "digits", range(2, 30),
        "Find the sum of the digits of n when it is written in base {c}.", "n.",
        "The last digit in base {c} is the remainder by {c}. Divide by {c} and go on until nothing is left.",
        """
#include <iostream>
using namespace std;

int main() {
    long long n, sum = 0;
    cin >> n;
    while (n > 0) {
        sum += n % @;
        n /= @;
    }
    cout << sum << endl;
}
""", _digits,
    ),
    Kind(
        "binary search", range(2, 60),
        "Find the smallest x for which {c} * x * x is at least n.", "n.",
        "{c} * x * x grows with x, so use binary search between 0 and 1000000000; the product needs more than 64 bits "
        "when x is large, so divide instead.",
        """
#include <iostream>
using namespace std;

int main() {
    long long n;
    cin >> n;
    long long low = 0, high = 1000000000;
    while (low < high) {
        long long x = (low + high) / 2;
        if (x * x >= (n + @ - 1) / @) high = x;
        else low = x + 1;
    }
    cout << low << endl;
}
""", _root,
    ),
)  # fmt: skip
