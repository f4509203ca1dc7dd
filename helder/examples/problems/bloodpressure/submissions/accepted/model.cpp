#include <cstdio>

int main() {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    double upper = 0, lower = 0;
    for (int i = 0; i < n; i++) {
        int u, l;
        if (scanf("%d/%d", &u, &l) != 2) return 1;
        if (i > 0 || n == 1) {
            upper += u;
            lower += l;
        }
    }
    int counted = n == 1 ? 1 : n - 1;
    printf("%.9f %.9f\n", upper / counted, lower / counted);
}
