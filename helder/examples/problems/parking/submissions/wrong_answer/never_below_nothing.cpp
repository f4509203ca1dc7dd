#include <algorithm>
#include <iostream>

int main() {
    int n;
    std::cin >> n;
    long long ending = 0, best = 0;
    for (int i = 0; i < n; i++) {
        int day;
        std::cin >> day;
        ending = std::max(0LL, ending + day);
        best = std::max(best, ending);
    }
    std::cout << best << "\n";
}
