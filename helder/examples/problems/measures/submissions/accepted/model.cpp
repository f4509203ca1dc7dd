#include <algorithm>
#include <iostream>
#include <queue>
#include <vector>

struct Edge {
    int to;
    long long left;
};

std::vector<Edge> all;
std::vector<std::vector<int>> edges;
std::vector<int> level, place;

void connect(int a, int b, long long most) {
    edges[a].push_back(all.size());
    all.push_back({b, most});
    edges[b].push_back(all.size());
    all.push_back({a, 0});
}

long long push(int node, int sink, long long most) {
    if (node == sink) return most;
    for (int& i = place[node]; i < (int)edges[node].size(); i++) {
        int edge = edges[node][i];
        if (all[edge].left == 0 || level[all[edge].to] != level[node] + 1) continue;
        long long amount = push(all[edge].to, sink, std::min(most, all[edge].left));
        if (amount > 0) {
            all[edge].left -= amount;
            all[edge ^ 1].left += amount;
            return amount;
        }
    }
    return 0;
}

int main() {
    int n, m;
    std::cin >> n >> m;
    edges.resize(n + 2);
    const int source = 0, sink = n + 1;
    const long long endless = 1LL << 60;
    long long gains = 0;
    for (int i = 1; i <= n; i++) {
        long long worth;
        std::cin >> worth;
        if (worth > 0) {
            connect(source, i, worth);
            gains += worth;
        } else {
            connect(i, sink, -worth);
        }
    }
    for (int i = 0; i < m; i++) {
        int a, b;
        std::cin >> a >> b;
        connect(a, b, endless);
    }
    for (;;) {
        level.assign(n + 2, -1);
        place.assign(n + 2, 0);
        level[source] = 0;
        std::queue<int> queue;
        queue.push(source);
        while (!queue.empty()) {
            int node = queue.front();
            queue.pop();
            for (int edge : edges[node])
                if (all[edge].left > 0 && level[all[edge].to] < 0) {
                    level[all[edge].to] = level[node] + 1;
                    queue.push(all[edge].to);
                }
        }
        if (level[sink] < 0) break;
        while (long long amount = push(source, sink, endless)) gains -= amount;
    }
    std::cout << gains << "\n";
}
