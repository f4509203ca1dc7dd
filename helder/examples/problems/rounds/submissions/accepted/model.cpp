#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

using Number = long long;
int n, k;
std::vector<Number> before;

// The least effort and price of the first rooms, and the fewest rounds that reach it.
using State = std::pair<Number, int>;

State extended(const State& state, int from, int to, Number price) {
    Number work = before[to] - before[from];
    return {state.first + work * work + price, state.second + 1};
}

State at(Number price) {
    std::vector<State> best(n + 1, {0, 0});
    // For each start in use, the rooms for which it is the best: starts[i] from borders[i] on.
    std::vector<int> starts(n + 1), borders(n + 1);
    int first = 0, last = 0;
    starts[0] = 0;
    borders[0] = 1;
    for (int i = 1; i <= n; i++) {
        while (first < last && borders[first + 1] <= i) first++;
        best[i] = extended(best[starts[first]], starts[first], i, price);
        // Where start i is better than another one, it is better from there to the end.
        auto better = [&](int other, int room) {
            return extended(best[i], i, room, price) < extended(best[other], other, room, price);
        };
        while (first < last && better(starts[last], borders[last])) last--;
        int low = std::max(borders[last], i + 1), high = n + 1;
        while (low < high) {
            int middle = (low + high) / 2;
            if (better(starts[last], middle))
                high = middle;
            else
                low = middle + 1;
        }
        if (low <= n) {
            last++;
            starts[last] = i;
            borders[last] = low;
        }
    }
    return best[n];
}

int main() {
    std::cin >> n >> k;
    before.assign(n + 1, 0);
    for (int i = 1; i <= n; i++) {
        int minutes;
        std::cin >> minutes;
        before[i] = before[i - 1] + minutes;
    }
    Number low = 0, high = before[n] * before[n];
    while (low < high) {
        Number price = (low + high) / 2;
        if (at(price).second <= k)
            high = price;
        else
            low = price + 1;
    }
    std::cout << at(low).first - low * k << "\n";
}
