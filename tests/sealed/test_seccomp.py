"""The numbers of system calls agree with the kernel's headers, and the filter says what it should."""

import platform
import re
import struct
from pathlib import Path

import pytest

from helder.sealed import seccomp

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
CALLS = {
    **seccomp.REFUSED,
    **seccomp.SOCKETS,
    **seccomp.NEW_PROCESSES,
    "clone3": seccomp.CLONE3,
    "preadv2": seccomp.PREADV2,
    "ioctl": seccomp.IOCTL,
}


@pytest.mark.parametrize("machine", sorted(HEADERS))
def test_numbers_of_system_calls_are_those_of_the_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("the kernel's headers are not installed")
    lines = HEADERS[machine].read_text(encoding="utf-8")
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", lines)}
    place = list(seccomp.ARCHITECTURES).index(machine)
    here = {name: numbers[place] for name, numbers in CALLS.items() if numbers[place] is not None}
    assert {name: known[name] for name in here if name in known} == {name: here[name] for name in here if name in known}
    assert len(here.keys() & known.keys()) > 60


def verdict(program: bytes, number: int, *, machine: str = "x86_64", arguments: tuple[int, ...] = ()) -> int:
    """What the filter says of a call: the kernel's way of reading it, for the instructions that it has."""
    data = struct.pack("=iIQ6Q", number, seccomp.ARCHITECTURES[machine], 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    lines = list(struct.iter_unpack("=HBBI", program))
    value = at = 0
    while True:
        code, yes, no, operand = lines[at]
        at += 1
        if code == seccomp.LOAD:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == seccomp.SAY:
            return int(operand)
        else:
            taken = {
                seccomp.EQUAL: value == operand,
                seccomp.AT_LEAST: value >= operand,
                seccomp.ANY_OF: bool(value & operand),
            }[code]
            at += yes if taken else no


@pytest.mark.parametrize("machine", sorted(seccomp.ARCHITECTURES))
def test_each_refused_call_is_refused_and_no_other(machine: str) -> None:
    place = list(seccomp.ARCHITECTURES).index(machine)
    program = seccomp.program(processes=False, sockets=False, machine=machine)
    refused = {numbers[place] for numbers in CALLS.values()} - {None, seccomp.IOCTL[place]}
    for number in range(seccomp.NEWEST + 1):
        allowed = verdict(program, number, machine=machine) == seccomp.ALLOW
        assert allowed == (number not in refused), number


def test_calls_that_are_newer_than_the_list_do_not_exist() -> None:
    program = seccomp.program(processes=True, sockets=True, machine="x86_64")
    assert verdict(program, seccomp.NEWEST + 1) == seccomp.ERROR | 38
    assert verdict(program, seccomp.X32 + 1) == seccomp.KILL


def test_another_architecture_is_killed() -> None:
    program = seccomp.program(processes=True, sockets=True, machine="x86_64")
    assert verdict(program, 0, machine="aarch64") == seccomp.KILL


def test_processes_may_be_started_but_not_in_namespaces() -> None:
    program = seccomp.program(processes=True, sockets=False, machine="x86_64")
    clone = seccomp.CLONE[0]
    assert verdict(program, clone, arguments=(0x11,)) == seccomp.ALLOW
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
        assert verdict(program, clone, arguments=(flag | 0x11,)) == seccomp.ERROR | 1, hex(flag)


def test_nobody_types_into_the_terminal() -> None:
    program = seccomp.program(processes=True, sockets=True, machine="x86_64")
    assert verdict(program, seccomp.IOCTL[0], arguments=(0, 0x5412)) == seccomp.ERROR | 1
    assert verdict(program, seccomp.IOCTL[0], arguments=(0, 0x541C)) == seccomp.ERROR | 1
    assert verdict(program, seccomp.IOCTL[0], arguments=(0, 0x5401)) == seccomp.ALLOW


@pytest.mark.parametrize("machine", sorted(seccomp.ARCHITECTURES))
@pytest.mark.parametrize("processes", [False, True])
def test_nobody_leaves_hints_at_files(machine: str, processes: bool) -> None:
    program = seccomp.program(processes=processes, sockets=True, machine=machine)
    number = seccomp.FCNTL[list(seccomp.ARCHITECTURES).index(machine)]
    for command in range(1024 + 32):
        refused = verdict(program, number, machine=machine, arguments=(3, command)) != seccomp.ALLOW
        assert refused == (command in (1036, 1038)), command


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program(processes=True, sockets=True, machine="riscv64")


def test_the_filter_for_this_machine_is_found() -> None:
    if platform.machine() in seccomp.ARCHITECTURES:
        assert seccomp.program(processes=True, sockets=True)
