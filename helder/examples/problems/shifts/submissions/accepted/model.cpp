#include <algorithm>
#include <cstdint>
#include <iostream>
#include <numeric>
#include <vector>

int n, m;
std::vector<int> minutes, nurse_of;
std::vector<int64_t> loads;
uint32_t seed = 2026;

int below(int count) {
    seed = (1103515245u * seed + 12345u) & 0x7fffffffu;
    return (seed >> 8) % count;
}

int main() {
    std::cin >> n >> m;
    minutes.resize(n);
    nurse_of.resize(n);
    loads.resize(m);
    for (int& one : minutes) std::cin >> one;
    std::vector<int> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [](int a, int b) { return minutes[a] > minutes[b]; });
    for (int task : order) {
        int nurse = std::min_element(loads.begin(), loads.end()) - loads.begin();
        nurse_of[task] = nurse;
        loads[nurse] += minutes[task];
    }
    const int64_t bound = (std::accumulate(minutes.begin(), minutes.end(), int64_t{0}) + m - 1) / m;
    int64_t best = *std::max_element(loads.begin(), loads.end());
    std::vector<int> kept = nurse_of;
    for (int round = 0; best > bound && round < 4000; round++) {
        // Exchange two tasks, or move one, as long as the nurse with the most work and another come closer together.
        for (bool better = true; better;) {
            better = false;
            int top = std::max_element(loads.begin(), loads.end()) - loads.begin();
            int64_t gain = 0;
            int first = -1, second = -1, to = -1;
            for (int i = 0; i < n; i++) {
                if (nurse_of[i] != top) continue;
                for (int nurse = 0; nurse < m; nurse++) {
                    if (nurse == top) continue;
                    int64_t gap = loads[top] - loads[nurse];
                    int64_t now = gap - std::abs(gap - 2 * minutes[i]);
                    if (now > gain) gain = now, first = i, second = -1, to = nurse;
                }
                for (int j = 0; j < n; j++) {
                    if (nurse_of[j] == top) continue;
                    int64_t gap = loads[top] - loads[nurse_of[j]];
                    int64_t now = gap - std::abs(gap - 2 * (minutes[i] - minutes[j]));
                    if (now > gain) gain = now, first = i, second = j, to = nurse_of[j];
                }
            }
            if (first >= 0) {
                better = true;
                int change = minutes[first] - (second >= 0 ? minutes[second] : 0);
                nurse_of[first] = to;
                if (second >= 0) nurse_of[second] = top;
                loads[top] -= change;
                loads[to] += change;
            }
        }
        int64_t largest = *std::max_element(loads.begin(), loads.end());
        if (largest < best) {
            best = largest;
            kept = nurse_of;
        }
        for (int time = 0; time < 4; time++) {
            int i = below(n), j = below(n), one = nurse_of[i], other = nurse_of[j];
            std::swap(nurse_of[i], nurse_of[j]);
            loads[one] += minutes[j] - minutes[i];
            loads[other] += minutes[i] - minutes[j];
        }
    }
    for (int i = 0; i < n; i++) std::cout << kept[i] + 1 << (i + 1 < n ? " " : "\n");
}
