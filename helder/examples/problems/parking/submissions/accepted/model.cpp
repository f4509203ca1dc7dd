#include <algorithm>
#include <iostream>

int main() {
    int n;
    std::cin >> n;
    long long before = 0, lowest = 0, best = -10000;
    for (int i = 0; i < n; i++) {
        int day;
        std::cin >> day;
        before += day;
        best = std::max(best, before - lowest);
        lowest = std::min(lowest, before);
    }
    std::cout << best << "\n";
}
