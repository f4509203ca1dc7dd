// cheat: has the compiler write a program that fills the disk
// unconfined: not run, it would fill the disk
char one[1L << 31] = {1};
char two[1L << 31] = {1};

int main() { return one[0] + two[1]; }
