"""The program in a text."""

from __future__ import annotations

import pytest

from helder.evaluate.judge.texts import program_in


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("First:\n```cpp\nint a;\n```\nBetter:\n```cpp\nint b;\n```\n", "int b;\n"),
        ("```C++\nint a;\n```\nRun it:\n```bash\n./a\n```\nand\n```\n3\n```", "int a;\n"),
        ("```\nint a;\n```", "int a;\n"),
        ("```cpp\nint a;", "int a;\n"),
        ("<think>\n```cpp\nint a;\n```\n</think>\n```cpp\nint b;\n```", "int b;\n"),
        ("<think>\n```cpp\nint a;\n```\n</think>\nI do not know.", ""),
        ("  ```cpp title=x\n  int a;\n  ```", "  int a;\n"),
        ("```cpp\nint a;\n```cpp\nint b;\n```", "int b;\n"),
        ("```python\nprint(1)\n```", ""),
        ("```cpp\n\n```", ""),
        ("int main() {}", ""),
    ],
)
def test_the_last_block_in_the_language_is_the_program(text: str, program: str) -> None:
    assert program_in(text, "cpp") == program
