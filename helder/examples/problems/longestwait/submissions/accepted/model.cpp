#include <iostream>
#include <string>

int main() {
    int n, longest = -1;
    std::string who;
    std::cin >> n;
    for (int i = 0; i < n; i++) {
        std::string name;
        int minutes;
        std::cin >> name >> minutes;
        if (minutes > longest) {
            longest = minutes;
            who = name;
        }
    }
    std::cout << who << "\n";
}
