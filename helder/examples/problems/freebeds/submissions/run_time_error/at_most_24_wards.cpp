#include <iostream>
#include <vector>

int main() {
    int n, total = 0;
    std::cin >> n;
    std::vector<int> beds(24);
    for (int i = 0; i < n; i++) std::cin >> beds.at(i);
    for (int free : beds) total += free;
    std::cout << total << "\n";
}
