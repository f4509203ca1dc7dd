#include <algorithm>
#include <functional>
#include <iostream>
#include <vector>

int t, m, best;
std::vector<int> sizes;

void hand_over(int left, int place, int boxes) {
    if (left == 0) best = std::min(best, boxes);
    if (left <= 0 || place == m) return;
    for (int count = left / sizes[place]; count >= 0; count--) hand_over(left - count * sizes[place], place + 1, boxes + count);
}

int main() {
    std::cin >> t >> m;
    sizes.resize(m);
    for (int& size : sizes) std::cin >> size;
    std::sort(sizes.begin(), sizes.end(), std::greater<int>());
    best = t + 1;
    hand_over(t, 0, 0);
    if (best > t)
        std::cout << "impossible\n";
    else
        std::cout << best << "\n";
}
