#include <algorithm>
#include <array>
#include <iostream>
#include <numeric>
#include <vector>

int main() {
    std::array<int, 100> minutes{};
    int n, m;
    std::cin >> n >> m;
    for (int i = 0; i < n; i++) std::cin >> minutes.at(i);
    std::vector<int> order(n), loads(m), nurses(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return minutes[a] > minutes[b]; });
    for (int task : order) {
        nurses[task] = std::min_element(loads.begin(), loads.end()) - loads.begin();
        loads[nurses[task]] += minutes[task];
    }
    for (int nurse : nurses) std::cout << nurse + 1 << " ";
    std::cout << "\n";
}
