"""Starts `armillary` as `python -m armillary` does, and tells about the process when a test asks by a signal.

A test puts this in the place of the program (`wire.child._program`), here and, through this file, in all
that is started from there. The product knows nothing of it. By the variable ARMILLARY_TELLING (a folder):

    SIGUSR1  writes `<pid>.modules`: entry, then every module that is loaded now
    SIGUSR2  the planted bug: tries to connect to each port of ARMILLARY_PLANTED_PORTS, by Python and by the C
             library, over TCP and UDP, and writes what came of it to `<pid>.tried`
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import socket
import struct
import sys
from pathlib import Path
from types import FrameType

WAIT_S = 1.0


def _write(name: str, lines: list[str]) -> None:
    folder = Path(os.environ["ARMILLARY_TELLING"])
    new = folder / f"{os.getpid()}.{name}.new"
    new.write_text("\n".join(lines), "utf-8")
    new.rename(folder / f"{os.getpid()}.{name}")


def _modules(_number: int, _frame: FrameType | None) -> None:
    _write("modules", [entry(), *sys.modules])


def entry() -> str:
    return sys.argv[2] if sys.argv[1:2] == ["--child"] else " ".join(sys.argv[1:2])


def _plant(_number: int, _frame: FrameType | None) -> None:
    _write("tried", [entry(), *tried()])


def tried() -> list[str]:
    """Try every way to each port; a line for each: what, then `reached` or why not."""
    ports = map(int, os.environ["ARMILLARY_PLANTED_PORTS"].split(","))
    return [f"{name} {_said(call, port)}" for port in ports for name, call in WAYS.items()]


def _said(call: object, port: int) -> str:
    try:
        call(port)  # type: ignore[operator]  # a table of functions below
    except OSError as error:
        return f"failed: {error}"
    return "reached"


def _tcp(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), WAIT_S).close()


def _udp(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
        each.sendto(b"x", ("127.0.0.1", port))


def _native(port: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    each = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    to = struct.pack("=HH4s8s", socket.AF_INET, socket.htons(port), bytes([127, 0, 0, 1]), b"")
    try:
        if libc.connect(each, to, len(to)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(each)


WAYS = {"tcp": _tcp, "udp": _udp, "native": _native}


def listen() -> None:
    """Answer signals from now on, here and in what is started from here."""
    signal.signal(signal.SIGUSR1, _modules)
    signal.signal(signal.SIGUSR2, _plant)
    from armillary.wire import child  # before the entry leaves the network, as __main__ imports it too

    child._program = program


def main() -> None:
    sys.path[0] = ""  # as -m does; this folder is no place of modules
    listen()
    runpy.run_module("armillary", run_name="__main__", alter_sys=True)


def program() -> list[str]:
    return [sys.executable, str(Path(__file__).resolve())]


if __name__ == "__main__":
    main()
