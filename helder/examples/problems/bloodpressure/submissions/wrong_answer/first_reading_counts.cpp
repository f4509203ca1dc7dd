#include <cstdio>

int main() {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    double upper = 0, lower = 0;
    for (int i = 0; i < n; i++) {
        int u, l;
        if (scanf("%d/%d", &u, &l) != 2) return 1;
        upper += u;
        lower += l;
    }
    printf("%.9f %.9f\n", upper / n, lower / n);
}
