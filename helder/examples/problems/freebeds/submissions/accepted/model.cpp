#include <iostream>

int main() {
    int n, total = 0;
    std::cin >> n;
    for (int i = 0; i < n; i++) {
        int free;
        std::cin >> free;
        total += free;
    }
    std::cout << total << "\n";
}
