#include <iostream>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<long long> worth(n + 1);
    for (int i = 1; i <= n; i++) std::cin >> worth[i];
    std::vector<std::vector<int>> needs(n + 1);
    for (int i = 0; i < m; i++) {
        int a, b;
        std::cin >> a >> b;
        needs[a].push_back(b);
    }
    long long total = 0;
    for (int i = 1; i <= n; i++) {
        long long sum = worth[i];
        for (int needed : needs[i]) sum += std::min(0LL, worth[needed]);
        if (sum > 0) total += sum;
    }
    std::cout << total << "\n";
}
