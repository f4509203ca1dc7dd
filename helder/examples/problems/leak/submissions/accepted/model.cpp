#include <iostream>
#include <string>

int main() {
    long long n, running = 0;
    std::cin >> n;
    // The largest number of a running tap, bit by bit from the top.
    for (long long step = 1LL << 29; step > 0; step /= 2) {
        if (running + step >= n) continue;  // tap n is dry
        std::cout << "? " << running + step << std::endl;
        std::string said;
        std::cin >> said;
        if (said == "water") running += step;
    }
    std::cout << "! " << running + 1 << std::endl;
}
