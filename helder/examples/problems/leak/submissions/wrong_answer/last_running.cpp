#include <iostream>
#include <string>

int main() {
    long long low = 1, high;
    std::cin >> high;
    while (low < high) {
        long long middle = (low + high + 1) / 2;
        std::cout << "? " << middle << std::endl;
        std::string said;
        std::cin >> said;
        if (said == "water")
            low = middle;
        else
            high = middle - 1;
    }
    std::cout << "! " << low << std::endl;
}
