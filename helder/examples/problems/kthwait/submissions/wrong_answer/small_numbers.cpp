#include <algorithm>
#include <iostream>
#include <vector>

struct Node {
    int left, right, count;
};

std::vector<Node> nodes(1, {0, 0, 0});

// A new version of a tree over the ranks low to high - 1 with one more patient of this rank.
int with(int old, int low, int high, int rank) {
    int made = nodes.size();
    nodes.push_back(nodes[old]);
    nodes[made].count++;
    if (high - low > 1) {
        int middle = (low + high) / 2;
        if (rank < middle) {
            int child = with(nodes[old].left, low, middle, rank);
            nodes[made].left = child;
        } else {
            int child = with(nodes[old].right, middle, high, rank);
            nodes[made].right = child;
        }
    }
    return made;
}

int main() {
    int n, q;
    long long x, w;
    std::cin >> n >> q >> x >> w;
    auto next = [&x] {
        x = (1103515245LL * x + 12345) & 0x7FFFFFFF;
        return x >> 8;
    };
    std::vector<int> wait(n), ordered;
    for (int& one : wait) one = next() % w;
    ordered = wait;
    std::sort(ordered.begin(), ordered.end());
    ordered.erase(std::unique(ordered.begin(), ordered.end()), ordered.end());
    const int ranks = ordered.size();
    nodes.reserve(n * 19);
    std::vector<int> version(n + 1, 0);
    for (int i = 0; i < n; i++) {
        int rank = std::lower_bound(ordered.begin(), ordered.end(), wait[i]) - ordered.begin();
        version[i + 1] = with(version[i], 0, ranks, rank);
    }
    int answer = 0, total = 0;
    for (int j = 1; j <= q; j++) {
        int l = (next() + answer) % n, r = (next() + answer) % n;
        if (l > r) std::swap(l, r);
        int k = next() % (r - l + 1);
        int before = version[l], after = version[r + 1], low = 0, high = ranks;
        while (high - low > 1) {
            int middle = (low + high) / 2;
            int count = nodes[nodes[after].left].count - nodes[nodes[before].left].count;
            if (k < count) {
                before = nodes[before].left;
                after = nodes[after].left;
                high = middle;
            } else {
                k -= count;
                before = nodes[before].right;
                after = nodes[after].right;
                low = middle;
            }
        }
        answer = ordered[low];
        total = (total + j * answer) % 1000000007;
    }
    std::cout << total << "\n";
}
