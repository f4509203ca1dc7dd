#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n, q;
    long long x, w;
    std::cin >> n >> q >> x >> w;
    auto next = [&x] {
        x = (1103515245LL * x + 12345) & 0x7FFFFFFF;
        return x >> 8;
    };
    std::vector<int> wait(n);
    for (int& one : wait) one = next() % w;
    long long answer = 0, total = 0;
    for (long long j = 1; j <= q; j++) {
        int l = (next() + answer) % n, r = (next() + answer) % n;
        if (l > r) std::swap(l, r);
        std::vector<int> some(wait.begin() + l, wait.begin() + r + 1);
        int k = next() % some.size();
        std::nth_element(some.begin(), some.begin() + k, some.end());
        answer = some[k];
        total = (total + j * answer) % 1000000007;
    }
    std::cout << total << "\n";
}
