#include <cstdio>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

using Pair = std::pair<int, int>;
int n, q;
std::vector<std::vector<Pair>> roads;
std::vector<std::vector<Pair>> above;  // of each village: a centroid and the distance to it
std::vector<int> below, source;
std::vector<char> taken;

void decompose(int first) {
    std::vector<int> parts{first}, walk;
    std::vector<Pair> away;
    while (!parts.empty()) {
        int start = parts.back();
        parts.pop_back();
        walk.assign(1, start);
        source[start] = 0;
        for (size_t i = 0; i < walk.size(); i++) {
            below[walk[i]] = 1;
            for (auto [other, length] : roads[walk[i]])
                if (!taken[other] && other != source[walk[i]]) {
                    source[other] = walk[i];
                    walk.push_back(other);
                }
        }
        int centroid = start;
        for (size_t i = walk.size(); i-- > 0;) {
            if (2 * below[walk[i]] >= (int)walk.size()) {
                centroid = walk[i];
                break;
            }
            below[source[walk[i]]] += below[walk[i]];
        }
        taken[centroid] = true;
        away.assign(1, {centroid, 0});
        source[centroid] = 0;
        for (size_t i = 0; i < away.size(); i++) {
            auto [village, distance] = away[i];
            above[village].push_back({centroid, distance});
            for (auto [other, length] : roads[village])
                if (!taken[other] && other != source[village]) {
                    source[other] = village;
                    away.push_back({other, distance + length});
                }
        }
        for (auto [other, length] : roads[centroid])
            if (!taken[other]) parts.push_back(other);
    }
}

int main() {
    if (std::scanf("%d %d", &n, &q) != 2) return 1;
    roads.resize(n + 1);
    above.resize(n + 1);
    below.resize(n + 1);
    source.resize(n + 1);
    taken.resize(n + 1);
    for (int i = 1; i < n; i++) {
        int a, b, d;
        if (std::scanf("%d %d %d", &a, &b, &d) != 3) return 1;
        roads[a].push_back({b, d});
        roads[b].push_back({a, d});
    }
    decompose(1);
    std::vector<std::priority_queue<Pair, std::vector<Pair>, std::greater<Pair>>> posts(n + 1);
    std::vector<char> open(n + 1);
    while (q--) {
        char kind;
        int village;
        if (std::scanf(" %c %d", &kind, &village) != 2) return 1;
        if (kind == '-') open[village] = false;
        if (kind == '+') {
            open[village] = true;
            for (auto [centroid, distance] : above[village]) posts[centroid].push({distance, village});
        }
        if (kind == '?') {
            int nearest = -1;
            for (auto [centroid, distance] : above[village]) {
                auto& heap = posts[centroid];
                while (!heap.empty() && !open[heap.top().second]) heap.pop();
                if (!heap.empty() && (nearest < 0 || distance + heap.top().first < nearest))
                    nearest = distance + heap.top().first;
            }
            if (nearest < 0)
                std::puts("none");
            else
                std::printf("%d\n", nearest);
        }
    }
}
