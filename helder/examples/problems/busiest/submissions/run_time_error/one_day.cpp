#include <iostream>
#include <vector>

int main() {
    int n, a, b;
    std::cin >> n;
    std::vector<int> there(86'401);
    for (int i = 0; i < n; i++) {
        std::cin >> a >> b;
        there.at(a)++;
        there.at(b)--;
    }
    int now = 0, most = 0, first = 0;
    for (int second = 0; second < (int)there.size(); second++) {
        now += there[second];
        if (now > most) {
            most = now;
            first = second;
        }
    }
    std::cout << most << " " << first << "\n";
}
