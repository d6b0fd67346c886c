"""Takes the network, and files, away from this process: for worlds that must not reach the plant, and FMUs.

`isolate` comes before any thread starts (a namespace belongs to threads). Best first:

    namespace  a network of our own with nothing in it, its loopback down: native code cannot pass it either
    hook       an audit hook refuses Internet sockets to Python; where Linux has it, Landlock refuses TCP to
               all code. UDP by native code passes: this is "weak isolation", and Diagnostics says so

`confine` leaves a process the folders it needs, by Landlock (Linux 5.13); what it does not stop is told in
docs/architecture/isolation.md. Local sockets by path go on working: they are files, not network.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

Isolation = Literal["", "namespace", "hook"]

# Entries of wire.child.ENTRIES that never need a network.
ISOLATED = (
    "world.replay",
    "world.whatif",
    "world.training",
    "world.prelude",
    "simulate.child",
    "simulate.worker",
    "extend.importer",
)

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls of Landlock, the same on every architecture
_PR_SET_NO_NEW_PRIVS = 38
_RULE_PATH = 1
_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # Landlock's version → how many rights it knows
_EXECUTE, _WRITE, _READ, _READ_DIR, _TRUNCATE, _IOCTL = 1, 2, 4, 8, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL
_NET_VERSION, _TCP = 4, 3  # bind and connect
_REFUSED = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_NOBODY_LISTENS = ("127.0.0.1", 9)

_state: Isolation = ""


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("folder", ctypes.c_int32))


def current() -> Isolation:
    """Return how this process is isolated: `namespace`, `hook`, or nothing."""
    return _state


def isolate() -> Isolation:
    """Leave the network for good; return how. Call it before any thread starts."""
    global _state  # noqa: PLW0603  a fact about this process, which has one
    if not _state:
        _state = "namespace" if not reaches_network() or _own_network() else _hook()
    return _state


def reaches_network() -> bool:
    """Return whether this process sees any network, its own machine's loopback included. Sends nothing."""
    if {name for _, name in socket.if_nameindex()} - {"lo"}:
        return True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOBODY_LISTENS)  # of UDP: only looks for a way
        except OSError as error:
            return error.errno != errno.ENETUNREACH
    return True


def _own_network() -> bool:
    """Enter an empty network namespace, with a user namespace where root's right is lacking."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    try:
        if libc.unshare(_CLONE_NEWNET) != 0:
            if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
                return False
            # keep who we are: without these lines all files would seem to belong to nobody
            Path("/proc/self/setgroups").write_text("deny", "ascii")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", "ascii")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", "ascii")
    except (AttributeError, OSError):
        return False
    return not reaches_network()


def _hook() -> Isolation:
    def refuse(event: str, args: tuple[object, ...]) -> None:
        if event in _LOOKUPS or (event in _REFUSED and getattr(args[0], "family", None) in _INTERNET):
            raise PermissionError(errno.EPERM, "this process has no network")

    sys.addaudithook(refuse)
    if _version() >= _NET_VERSION:
        _restrict(0, _TCP, {})
    return "hook"


def confine(read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Leave this thread, and those it starts, these files and folders; False where the system cannot.

    Files that are open stay open. Paths that are not there are passed over.
    """
    version = _version()
    if version < 1:
        return False
    rights = (1 << _FS_BITS.get(version, 16)) - 1
    look = _READ | _READ_DIR | _EXECUTE
    rules = dict.fromkeys(read, look) | dict.fromkeys(write, rights)
    return _restrict(rights, 0, rules)


def _version() -> int:
    """Return Landlock's version, 0 or less where there is none."""
    if sys.platform != "linux":
        return 0
    return int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, ctypes.c_size_t(0), 1))


def _restrict(fs: int, net: int, rules: dict[Path, int]) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    wish = _Ruleset(fs, net)
    size = ctypes.sizeof(wish) if net else ctypes.sizeof(ctypes.c_uint64)  # old kernels know the first field
    ruleset = int(libc.syscall(_CREATE, ctypes.byref(wish), ctypes.c_size_t(size), 0))
    if ruleset < 0:
        return False
    try:
        if not all(_allow(libc, ruleset, path, access & fs) for path, access in rules.items()):
            return False
        zero = ctypes.c_ulong(0)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) != 0:
            return False
        return int(libc.syscall(_RESTRICT, ruleset, 0)) == 0
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> bool:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return True  # it is not there, so nothing is to be allowed
    try:
        rule = _Beneath(access if path.is_dir() else access & _OF_FILES, opened)
        return int(libc.syscall(_ADD, ruleset, _RULE_PATH, ctypes.byref(rule), 0)) == 0
    finally:
        os.close(opened)
