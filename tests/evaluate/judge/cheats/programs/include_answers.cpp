// cheat: has the compiler include the expected answers
// unconfined: naive
#include <cstdio>

static const long long answers[] = {
#include "0.ans"
    ,
#include "1.ans"
    ,
#include "2.ans"
    ,
#include "3.ans"
};

int main() {
    int question;
    std::scanf("question %d", &question);
    std::printf("%lld\n", answers[question]);
}
