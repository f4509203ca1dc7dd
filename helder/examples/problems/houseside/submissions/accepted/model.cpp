#include <iostream>
#include <string>

int main() {
    int n, sides[2] = {0, 0};
    std::cin >> n;
    for (int i = 0; i < n; i++) {
        std::string address;
        std::cin >> address;
        sides[std::stoi(address) % 2]++;  // stoi stops at the letter
    }
    std::cout << sides[0] << " " << sides[1] << "\n";
}
