#include <algorithm>
#include <cstdio>
#include <vector>

int main() {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    std::vector<double> place(n), time(n);
    for (int i = 0; i < n; i++)
        if (scanf("%lf %lf", &place[i], &time[i]) != 2) return 1;
    double low = 0, high = 1e6;
    auto slowest = [&](double depot) {
        double most = 0;
        for (int i = 0; i < n; i++) most = std::max(most, time[i] * std::abs(depot - place[i]));
        return most;
    };
    for (int step = 0; step < 120; step++) {  // the slowest delivery is a convex function of the place
        double a = low + (high - low) / 3, b = high - (high - low) / 3;
        if (slowest(a) < slowest(b))
            high = b;
        else
            low = a;
    }
    printf("%.9f\n", slowest(low));
}
