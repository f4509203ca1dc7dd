#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> came(n), left(n);
    for (int i = 0; i < n; i++) std::cin >> came[i] >> left[i];
    std::sort(came.begin(), came.end());
    std::sort(left.begin(), left.end());
    int gone = 0, most = 0, last = 0;
    for (int i = 0; i < n; i++) {
        while (left[gone] <= came[i]) gone++;
        if (i + 1 - gone >= most) {
            most = i + 1 - gone;
            last = came[i];
        }
    }
    std::cout << most << " " << last << "\n";
}
