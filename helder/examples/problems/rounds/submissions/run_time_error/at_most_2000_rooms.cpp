#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n, k;
    std::cin >> n >> k;
    std::vector<long long> before(2001, 0);
    for (int i = 1; i <= n; i++) {
        std::cin >> before.at(i);
        before[i] += before[i - 1];
    }
    const long long never = 1LL << 60;
    std::vector<long long> least(n + 1, never);
    least[0] = 0;
    for (int round = 0; round < k; round++) {
        std::vector<long long> next(n + 1, never);
        for (int i = 1; i <= n; i++)
            for (int j = 0; j < i; j++) {
                long long work = before[i] - before[j];
                next[i] = std::min(next[i], least[j] + work * work);
            }
        least = next;
    }
    std::cout << least[n] << "\n";
}
