"""The closed room that a stage's process runs in.

Level 0, the only one so far: an ordinary child process with a cleared and recorded environment. It could
read and write whatever its user can, and reach the network; nothing stops it but its own code. Statements
say so (`seal.level` 0). This is the seam at which namespaces, Landlock and seccomp close the room further.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

LEVEL = 0  # what a statement may claim for a command that went through `enter`


def enter(command: Sequence[str], reads: Sequence[Path], writes: Sequence[Path]) -> list[str]:
    """The command that runs `command` inside the room.

    At level 0 the command comes back unchanged: `reads` and `writes` say what the stage may use and are not
    yet enforced.

    Args:
        command: program and arguments.
        reads: files and folders that the stage may read.
        writes: folders that it may write.
    """
    del reads, writes  # declared by every caller already, so that closing the room changes no caller
    return list(command)
