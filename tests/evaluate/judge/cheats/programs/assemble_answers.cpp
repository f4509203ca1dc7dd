// cheat: has the assembler copy the expected answers into the program
// unconfined: naive
#include <cstdio>

asm(".section .rodata\n"
    "answer0: .incbin \"0.ans\"\n .byte 0\n"
    "answer1: .incbin \"1.ans\"\n .byte 0\n"
    "answer2: .incbin \"2.ans\"\n .byte 0\n"
    "answer3: .incbin \"3.ans\"\n .byte 0\n"
    ".text\n");
extern "C" {
extern const char answer0[], answer1[], answer2[], answer3[];
}

int main() {
    const char *answers[] = {answer0, answer1, answer2, answer3};
    int question;
    std::scanf("question %d", &question);
    std::puts(answers[question]);
}
