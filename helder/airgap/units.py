"""How a model is served by the system: a systemd unit, and a container with the same limits.

Both run as a user who owns nothing, on a read-only system, reach nothing but this machine's own addresses, and are
ended where they take more memory, processes or files than they were given. Directives: systemd.exec(5),
systemd.resource-control(5), podman-systemd.unit(5).

The room of the engine (`helder.sealed`) has levels. At level 3 bubblewrap makes namespaces of its own inside the unit,
and what forbids that is left out: `RestrictNamespaces` (but for the six kinds that it makes), and what covers parts of
/proc, because the kernel then refuses a fresh /proc in a user namespace (`mount_too_revealing` in fs/namespace.c). At
level 2 the unit forbids all of it, and the room is Landlock and seccomp alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from helder.errors import HelderError

USER = 65532  # who owns nothing; "nonroot" of many images
INTO = Path("/opt/helder")  # where install.py installs for root
DRAIN = 30  # seconds for answers under way, as `helder serve --drain` has it
LANDLOCK = "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"
# What no level needs, of what @system-service allows.
NEVER = "~@privileged @obsolete @swap @reboot @module @raw-io @clock @cpu-emulation @debug"


@dataclass(frozen=True)
class Limits:
    """What the served model may take.

    Attributes:
        memory: bytes, as systemd and podman write them: 4G.
        cpus: processors, in tenths if need be.
        tasks: processes and threads.
        files: open files.
        port: on 127.0.0.1.
        seal: level of the engine's room, 3 or 2.
    """

    memory: str = "4G"
    cpus: float = 2.0
    tasks: int = 256  # assumption: engine threads, 64 connections, a room; ten times what was counted
    files: int = 4096  # assumption: 64 connections and the log's files, with room
    port: int = 8000
    seal: int = 3

    def check(self) -> None:
        """Raises:
        HelderError: a value that neither systemd nor podman can be given.
        """
        if re.fullmatch(r"[1-9]\d{0,5}[MG]", self.memory) is None:
            raise HelderError(f"{self.memory!r} is no size of memory.", fix="Write it as 512M or 4G.")
        if not 0.1 <= self.cpus <= 1024 or self.seal not in (2, 3) or not 1 <= self.port <= 65535:
            raise HelderError("That is no number of processors, level or port.", fix="helder bundle unit --help")


def unit(name: str, into: Path, limits: Limits) -> str:
    """The systemd unit.

    Args:
        name: of the model, for people.
        into: where `install.py` installs.
    """
    limits.check()
    current = _path(into) + "/current"
    options = f"--port {limits.port} --token-file %S/helder/token --drain {DRAIN}"
    return f"""\
[Unit]
Description={_words(name)}, answered by Helder on 127.0.0.1:{limits.port}
Documentation=file:{current}/docs/index.html
After=network.target

[Service]
Type=exec
ExecStart={current}/bin/helder serve {current}/model --policy {current}/policy.toml {options}
Environment=HOME=%S/helder HELDER_HOME=%S/helder
DynamicUser=yes
StateDirectory=helder
StateDirectoryMode=0700
UMask=0077
KillMode=mixed
TimeoutStopSec={DRAIN + 15}
Restart=on-failure
RestartSec=5
# Checked and failed, or refused by policy: to try again would hide it.
RestartPreventExitStatus=1 3 4 5

# What it may take.
MemoryMax={limits.memory}
MemorySwapMax=0
CPUQuota={round(limits.cpus * 100)}%
TasksMax={limits.tasks}
LimitNOFILE={limits.files}
LimitCORE=0

# What it may reach: its own addresses, and nothing else.
IPAddressDeny=any
IPAddressAllow=localhost
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6{" AF_NETLINK" if limits.seal == 3 else ""}

# What it may see and do.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
{_room(limits.seal)}
[Install]
WantedBy=multi-user.target
"""


def _room(seal: int) -> str:
    if seal == 3:
        return f"""\
SystemCallFilter=@system-service @mount {LANDLOCK}
SystemCallFilter={NEVER}
SystemCallFilter=@mount @setuid capset sethostname
# Level 3 of the engine's room: bubblewrap makes these namespaces, in which it is nobody but itself. Where the system
# closes them (user.max_user_namespaces=0, or AppArmor on Ubuntu since 24.04 without the profile of bwrap), `helder
# doctor` says level 2. ProtectProc, ProcSubset, ProtectKernelTunables, ProtectKernelLogs and ProtectHostname would
# close them too.
RestrictNamespaces=user mnt pid net ipc uts
"""
    return f"""\
SystemCallFilter=@system-service {LANDLOCK}
SystemCallFilter={NEVER} @mount
# Level 2 of the engine's room: no namespaces, and so the unit can take away the rest.
RestrictNamespaces=yes
ProtectProc=invisible
ProcSubset=pid
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectHostname=yes
PrivateUsers=yes
"""


def container(fingerprint: str, python: str, glibc: str, limits: Limits) -> dict[str, str]:
    """A Containerfile that installs from the folder without a network, and a unit for podman (quadlet) that runs it.

    Args:
        fingerprint: of the key that signed the folder, 64 hexadecimal digits.
        python, glibc: what the folder is for.
    """
    limits.check()
    if re.fullmatch("[0-9a-f]{64}", fingerprint) is None:
        raise HelderError("A fingerprint has 64 hexadecimal digits.")
    current, state = "/opt/helder/current", "/var/lib/helder"
    words = ["--port", str(limits.port), "--token-file", f"{state}/token", "--drain", str(DRAIN)]
    options = ", ".join(f'"{word}"' for word in words)
    build = f"""\
# In the folder, after its signature was checked:
#     podman build --network=none --build-arg BASE=REGISTRY/IMAGE@sha256:… -t localhost/helder -f serve/Containerfile .
# BASE is an image of your own with Python {python} and glibc {glibc} or newer; name it by its digest.
ARG BASE
FROM ${{BASE}}
# The folder is not copied into the image: it is looked at, and what was checked is installed.
RUN --network=none --mount=type=bind,source=.,target=/stick,readonly \\
    python{python} /stick/install.py --fingerprint {fingerprint} --into /opt/helder && \\
    mkdir -m 0700 {state} && chown {USER}:{USER} {state}
ENV HOME={state} HELDER_HOME={state}
USER {USER}:{USER}
WORKDIR {state}
STOPSIGNAL SIGTERM
ENTRYPOINT ["{current}/bin/helder"]
CMD ["serve", "{current}/model", "--policy", "{current}/policy.toml", {options}]
"""
    run = f"""\
# /etc/containers/systemd/helder.container (podman 4.4 or newer). The same limits as helder.service has.
[Unit]
Description=A model, answered by Helder on 127.0.0.1:{limits.port}

[Container]
Image=localhost/helder
User={USER}
Group={USER}
ReadOnly=true
NoNewPrivileges=true
DropCapability=all
Volume=helder-state:{state}:U,nosuid,nodev,noexec
Tmpfs=/tmp:size=256M,nosuid,nodev
# 127.0.0.1 is this machine's own; everything else is closed below.
Network=host
PodmanArgs=--memory={limits.memory.lower()} --memory-swap={limits.memory.lower()} --cpus={limits.cpus:g}
PodmanArgs=--pids-limit={limits.tasks} --ulimit=nofile={limits.files}:{limits.files} --ulimit=core=0:0
{_unmasked(limits.seal)}
[Service]
IPAddressDeny=any
IPAddressAllow=localhost
TimeoutStopSec={DRAIN + 15}
Restart=on-failure
RestartPreventExitStatus=1 3 4 5

[Install]
WantedBy=multi-user.target
"""
    return {"Containerfile": build, "helder.container": run}


def _unmasked(seal: int) -> str:
    if seal == 3:
        return """\
# Level 3 of the engine's room needs a fresh /proc in a user namespace, which the kernel refuses below a covered one.
# Docker's own list of system calls (seccomp) forbids user namespaces besides; there it stays at level 2.
Unmask=ALL
"""
    return "# The engine's room has level 2 here: /proc is covered, and bubblewrap cannot make its own.\n"


def on_stick(name: str, into: Path, fingerprint: str, python: str, glibc: str, limits: Limits) -> dict[str, bytes]:
    """The files of a folder's serve/."""
    files = {"helder.service": unit(name, into, limits), **container(fingerprint, python, glibc, limits)}
    return {path: text.encode("utf-8") for path, text in files.items()}


def _path(into: Path) -> str:
    """A path as a unit can name it: without what systemd would take for something else."""
    text = into.as_posix()
    if not into.is_absolute() or re.fullmatch(r"[A-Za-z0-9/_.+-]+", text) is None:
        raise HelderError(f"A unit cannot name {text!a}.", "Letters, digits and / _ . + - are what it may hold.")
    return text


def _words(name: str) -> str:
    """A name in a line of its own, in which systemd sees nothing but words."""
    return re.sub(r"[^\w .,()-]", "", name.replace("\n", " "))[:80] or "A model"
