// cheat: has the compiler read a device that has no end
// unconfined: not run, it would take the machine
#include "/dev/zero"
#include "/dev/urandom"

int main() {}
