#include <cstdio>
#include <utility>
#include <vector>

int main() {
    int n, q;
    if (std::scanf("%d %d", &n, &q) != 2) return 1;
    std::vector<std::vector<std::pair<int, int>>> roads(n + 1);
    for (int i = 1; i < n; i++) {
        int a, b, d;
        if (std::scanf("%d %d %d", &a, &b, &d) != 3) return 1;
        roads[a].push_back({b, d});
        roads[b].push_back({a, d});
    }
    std::vector<char> open(n + 1);
    std::vector<int> walk, source(n + 1), distance(n + 1);
    while (q--) {
        char kind;
        int village;
        if (std::scanf(" %c %d", &kind, &village) != 2) return 1;
        if (kind != '?') {
            open[village] = kind == '+';
            continue;
        }
        int nearest = -1;
        walk.assign(1, village);
        source[village] = distance[village] = 0;
        for (size_t i = 0; i < walk.size(); i++) {
            int here = walk[i];
            if (open[here] && (nearest < 0 || distance[here] < nearest)) nearest = distance[here];
            for (auto [other, length] : roads[here])
                if (other != source[here]) {
                    source[other] = here;
                    distance[other] = distance[here] + length;
                    walk.push_back(other);
                }
        }
        if (nearest < 0)
            std::puts("none");
        else
            std::printf("%d\n", nearest);
    }
}
