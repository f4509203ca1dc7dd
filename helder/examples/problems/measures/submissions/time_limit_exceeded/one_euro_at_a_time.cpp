#include <iostream>
#include <vector>

struct Edge {
    int to;
    long long left;
};

std::vector<Edge> all;
std::vector<std::vector<int>> edges;
std::vector<bool> seen;

void connect(int a, int b, long long most) {
    edges[a].push_back(all.size());
    all.push_back({b, most});
    edges[b].push_back(all.size());
    all.push_back({a, 0});
}

bool push(int node, int sink) {
    if (node == sink) return true;
    seen[node] = true;
    for (int edge : edges[node])
        if (all[edge].left > 0 && !seen[all[edge].to] && push(all[edge].to, sink)) {
            all[edge].left--;
            all[edge ^ 1].left++;
            return true;
        }
    return false;
}

int main() {
    int n, m;
    std::cin >> n >> m;
    edges.resize(n + 2);
    const int source = 0, sink = n + 1;
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
        connect(a, b, 1LL << 60);
    }
    for (;;) {
        seen.assign(n + 2, false);
        if (!push(source, sink)) break;
        gains--;
    }
    std::cout << gains << "\n";
}
