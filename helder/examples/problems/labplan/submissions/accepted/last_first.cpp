#include <algorithm>
#include <functional>
#include <iostream>
#include <vector>

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<int>> after(n + 1);
    for (int i = 0; i < m; i++) {
        int a, b;
        std::cin >> a >> b;
        after[a].push_back(b);
    }
    std::vector<int> state(n + 1, 0), order;
    bool possible = true;
    std::function<void(int)> visit = [&](int analysis) {
        state[analysis] = 1;
        for (int later : after[analysis]) {
            if (state[later] == 1) possible = false;
            if (state[later] == 0) visit(later);
        }
        state[analysis] = 2;
        order.push_back(analysis);
    };
    for (int analysis = n; analysis >= 1; analysis--)
        if (state[analysis] == 0) visit(analysis);
    if (!possible) {
        std::cout << "impossible\n";
        return 0;
    }
    std::reverse(order.begin(), order.end());
    for (int analysis : order) std::cout << analysis << " ";
    std::cout << "\n";
}
