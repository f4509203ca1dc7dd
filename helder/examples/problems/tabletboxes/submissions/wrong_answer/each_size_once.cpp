#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int t, m;
    std::cin >> t >> m;
    const int never = t + 1;
    std::vector<int> boxes(t + 1, never);
    boxes[0] = 0;
    for (int i = 0; i < m; i++) {
        int size;
        std::cin >> size;
        for (int tablets = t; tablets >= size; tablets--)
            boxes[tablets] = std::min(boxes[tablets], boxes[tablets - size] + 1);
    }
    if (boxes[t] == never)
        std::cout << "impossible\n";
    else
        std::cout << boxes[t] << "\n";
}
