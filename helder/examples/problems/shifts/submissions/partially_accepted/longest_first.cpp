#include <algorithm>
#include <iostream>
#include <numeric>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<int> minutes(n), order(n), loads(m), nurses(n);
    for (int& one : minutes) std::cin >> one;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return minutes[a] > minutes[b]; });
    for (int task : order) {
        nurses[task] = std::min_element(loads.begin(), loads.end()) - loads.begin();
        loads[nurses[task]] += minutes[task];
    }
    for (int nurse : nurses) std::cout << nurse + 1 << " ";
    std::cout << "\n";
}
