"""Errors that a person can act on: what happened, why, and the way out.

Every error that Helder raises on purpose is a `HelderError`. Anything else that reaches the command line is a
defect of ours and leaves with exit code 2.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line. 3 and 4 are never merged."""

    DONE = 0
    USER = 1  # the user can fix it
    OURS = 2  # a defect of ours
    FAILED = 3  # checked, and the check failed
    UNCHECKED = 4  # could not be checked
    REFUSED = 5  # refused by policy
    INTERRUPTED = 130  # `helder run` continues


class HelderError(Exception):
    """An error with its reason and its way out.

    Args:
        what: what happened, one sentence that names the thing (file, key, line).
        why: the reason, as far as it is known.
        fix: what to do now, a command or a change.
        code: the exit code the command line ends with.
    """

    def __init__(self, what: str, why: str = "", fix: str = "", code: ExitCode = ExitCode.USER) -> None:
        super().__init__(what)
        self.what, self.why, self.fix, self.code = what, why, fix, code

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"why: {self.why}")
        if self.fix:
            lines.append(f"fix: {self.fix}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        return {"what": self.what, "why": self.why, "fix": self.fix, "code": int(self.code)}

    @classmethod
    def from_json(cls, record: dict[str, object]) -> HelderError:
        return cls(str(record["what"]), str(record["why"]), str(record["fix"]), ExitCode(int(str(record["code"]))))
