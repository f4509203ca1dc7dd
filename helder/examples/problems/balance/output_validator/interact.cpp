// Weighs bottles for the submission and counts the weighings.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

std::string feedback;

[[noreturn]] void finish(int code, const std::string& why) {
    std::ofstream(feedback + "judgemessage.txt") << why << "\n";
    std::_Exit(code);
}

// A number of a bottle, or -1 when the word is none.
int bottle(const std::string& word, int n) {
    if (word.empty() || word.size() > 3 || word.find_first_not_of("0123456789") != std::string::npos) return -1;
    int number = std::stoi(word);
    return 1 <= number && number <= n ? number : -1;
}

int main(int, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a submission that has gone is no error of the judge
    feedback = argv[3];
    std::ifstream input(argv[1]);
    int n;
    input >> n;
    std::vector<int> weight(n + 1);
    for (int i = 1; i <= n; i++) input >> weight[i];
    int steps = 0;
    while ((1 << steps) < n) steps++;
    const int most = n * steps;

    std::cout << n << std::endl;
    for (int weighings = 0;; weighings++) {
        std::string word;
        if (!(std::cin >> word)) finish(43, "the submission has stopped without an answer");
        if (word == "!") break;
        std::string left, right;
        if (word != "?" || !(std::cin >> left >> right)) finish(43, "neither a question nor an answer");
        int a = bottle(left, n), b = bottle(right, n);
        if (a < 0 || b < 0 || a == b) finish(43, "not two different bottles");
        if (weighings == most) finish(43, "more than " + std::to_string(most) + " weighings");
        std::cout << (weight[a] < weight[b] ? "<" : ">") << std::endl;
    }
    // Everything is read before the verdict, so that the submission can end by itself.
    std::vector<std::string> order;
    for (std::string word; std::cin >> word;)
        if ((int)order.size() <= n) order.push_back(word);
    if ((int)order.size() != n) finish(43, "not as many bottles in the answer as on the bench");
    for (int place = 1; place <= n; place++) {
        int number = bottle(order[place - 1], n);
        if (number < 0 || weight[number] != place) finish(43, "the wrong bottle at place " + std::to_string(place));
    }
    finish(42, "in order");
}
