// cheat: includes itself twice, without end
// unconfined: not run, it would only take time
#include __FILE__
#include __FILE__

int main() {}
