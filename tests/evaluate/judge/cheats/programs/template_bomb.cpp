// cheat: has the compiler make templates without end
// unconfined: not run, it would take the machine
template <int n, int m> struct Bomb {
    static constexpr long value = Bomb<n - 1, 2 * m>::value + Bomb<n - 1, 2 * m + 1>::value;
};
template <int m> struct Bomb<0, m> {
    static constexpr long value = m;
};

int main() { return Bomb<26, 1>::value; }
