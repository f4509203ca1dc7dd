// cheat: has the compiler calculate without end
// unconfined: not run, it would only take time
constexpr unsigned long turn(unsigned long n, int depth) {
    for (int i = 0; i < 200000; i++)
        n = depth ? turn(n, depth - 1) : n * 6364136223846793005UL + 1;
    return n;
}

int main() {
    constexpr unsigned long value = turn(1, 60);
    return value;
}
