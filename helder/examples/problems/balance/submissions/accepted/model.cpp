#include <iostream>
#include <string>
#include <vector>

bool lighter(int a, int b) {
    std::cout << "? " << a << " " << b << std::endl;
    std::string said;
    std::cin >> said;
    return said == "<";
}

int main() {
    int n;
    std::cin >> n;
    std::vector<int> order;
    for (int bottle = 1; bottle <= n; bottle++) {  // looked up by halving, then put between the others
        int low = 0, high = order.size();
        while (low < high) {
            int middle = (low + high) / 2;
            if (lighter(bottle, order[middle]))
                high = middle;
            else
                low = middle + 1;
        }
        order.insert(order.begin() + low, bottle);
    }
    std::cout << "!";
    for (int bottle : order) std::cout << " " << bottle;
    std::cout << std::endl;
}
