#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<std::pair<int, int>> patients(n);
    for (auto& [came, left] : patients) std::cin >> came >> left;
    std::sort(patients.begin(), patients.end());
    int most = 0, first = 0;
    for (auto [second, unused] : patients) {
        int there = 0;
        for (auto [came, left] : patients) there += came <= second && second < left;
        if (there > most) {
            most = there;
            first = second;
        }
    }
    std::cout << most << " " << first << "\n";
}
