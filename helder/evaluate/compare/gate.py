"""Which hosts may be spoken to: those named with `--allow-network`, and no other.

The one place of this package that opens a socket asks here first (`wire.py`). No redirect is followed and no proxy of
the environment is used, so that a connection ends where it was allowed to. What a service does with what it was told
is beyond any gate.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from helder.errors import ExitCode, HelderError


@dataclass(frozen=True)
class Gate:
    """The hosts, each as "host" or "host:port"."""

    allowed: frozenset[str]

    @classmethod
    def of(cls, hosts: Collection[str]) -> Gate:
        """Raises: HelderError: something other than a host."""
        for host in hosts:
            if "/" in host or "*" in host or not host.strip():
                raise HelderError(
                    f"--allow-network {host!r} names no host.",
                    "It takes a host, or a host and its port, and no pattern.",
                    "For example: --allow-network api.example.org",
                )
        return cls(frozenset(host.lower() for host in hosts))

    def check(self, host: str, who: str) -> None:
        """Raises: HelderError: code 5, this host was not allowed.

        Args:
            host: "host" or "host:port".
            who: the service that is there, for the message.
        """
        name, _, port = host.lower().rpartition(":")
        if not {host.lower(), name if port.isdigit() else host.lower()} & self.allowed:
            raise HelderError(
                f"{who} is at {host}, and nothing may be sent there.",
                "Nothing opens a connection unless the command names the host.",
                f"If it may: --allow-network {host}",
                ExitCode.REFUSED,
            )
