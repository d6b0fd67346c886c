"""The plant's addresses while nobody may come: listeners that note who does, a capture of the loopback,
and what the system itself says of a process and its sockets."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_ALL = 0x0003  # ETH_P_ALL
_LOOPBACK = ("127.0.0.1", "::1")
_V4, _V6 = 0x0800, 0x86DD
_TCP, _UDP = 6, 17
_FOUR, _SIX = 20, 40  # shortest headers of IP, bytes
_POLL_S = 0.1
_TABLES = ("tcp", "tcp6", "udp", "udp6")


@dataclass
class Visitor:
    """Somebody who came to a port."""

    port: int
    peer: str
    pid: int  # 0 = not found
    what: str  # of the process


class Listeners:
    """Takes connections and datagrams at ports of the loopback, IPv4 and IPv6, and notes who they are of."""

    def __init__(self, ports: Iterable[int]) -> None:
        self.ports = tuple(ports)
        self.visitors: list[Visitor] = []
        self._selector = selectors.DefaultSelector()
        self._ending = threading.Event()
        for port in self.ports:
            for host in _LOOPBACK:
                self._listen(host, port)
        self._thread = threading.Thread(target=self._run, name="listeners", daemon=True)
        self._thread.start()

    def _listen(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                each = socket.socket(family, kind)
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                each.bind((host, port))
            except OSError:
                if family == socket.AF_INET:
                    raise
                continue  # a machine without IPv6
            if kind == socket.SOCK_STREAM:
                each.listen(64)
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ, (port, kind))

    def _run(self) -> None:
        while self._take(_POLL_S) or not self._ending.is_set():
            pass  # at the end whoever still waits is taken too

    def _take(self, wait_s: float) -> bool:
        ready = self._selector.select(wait_s)
        for key, _ in ready:
            port, kind = key.data
            each = key.fileobj
            assert isinstance(each, socket.socket)
            with contextlib.suppress(BlockingIOError):
                if kind == socket.SOCK_STREAM:
                    taken, peer = each.accept()
                    self._note(port, peer)
                    taken.close()
                else:
                    self._note(port, each.recvfrom(64)[1])
        return bool(ready)

    def _note(self, port: int, peer: tuple[str, int]) -> None:
        pid = _owner(peer[1], port)
        what = ""
        with contextlib.suppress(psutil.Error):
            what = " ".join(psutil.Process(pid).cmdline()[-4:]) if pid else ""
        self.visitors.append(Visitor(port, f"{peer[0]}:{peer[1]}", pid, what))

    def close(self) -> None:
        """Take whoever still waits, and close; safe to call twice."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()


def _owner(its_port: int, our_port: int) -> int:
    """The process whose socket goes from one port to the other, of this network namespace; 0 = none."""
    for found in psutil.net_connections("inet"):
        if found.laddr and found.laddr.port == its_port and (
            not found.raddr or found.raddr.port == our_port
        ):  # fmt: skip
            return found.pid or 0
    return 0


@dataclass
class Capture:
    """Packets of the loopback from or to some ports, by a raw socket; `why_not` says why it does not run.

    It sees the network namespace of the test: the one of the plant's addresses.
    """

    ports: frozenset[int]
    why_not: str = ""
    seen: int = 0  # packets of any port: that it works is proved by some
    packets: list[str] = field(default_factory=list)
    _socket: socket.socket | None = None
    _thread: threading.Thread | None = None
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        try:
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
            raw.bind(("lo", _ALL))
        except (AttributeError, OSError) as error:
            self.why_not = f"{type(error).__name__}: {error}"
            return
        raw.settimeout(_POLL_S)
        self._socket = raw
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        raw = self._socket
        assert raw is not None
        while not self._ending.is_set():
            try:
                packet, at = raw.recvfrom(128)
            except TimeoutError:
                continue
            self.seen += 1
            ports = _ports(packet, at[1])
            if ports is not None and self.ports & set(ports):
                self.packets.append(f"{ports[0]} → {ports[1]}")

    def close(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join(5)
        if self._socket is not None:
            self._socket.close()


def _ports(packet: bytes, protocol: int) -> tuple[int, int] | None:
    """Source and target port of an IP packet of TCP or UDP."""
    if protocol == _V4 and len(packet) > _FOUR:
        header, kind = (packet[0] & 0x0F) * 4, packet[9]
    elif protocol == _V6 and len(packet) > _SIX:
        header, kind = _SIX, packet[6]
    else:
        return None
    if kind not in (_TCP, _UDP) or len(packet) < header + 4:
        return None
    source, target = struct.unpack_from("!HH", packet, header)
    return int(source), int(target)


def has_own_network(pid: int) -> bool:
    """Whether a process is in another network namespace than the test."""
    return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")


def sockets_to(pid: int, ports: Iterable[int]) -> list[str]:
    """Internet sockets that a process holds, or sees in a namespace of its own, from or to some ports.

    `/proc/<pid>/net` lists a whole namespace: of one that is shared only what the process has open counts.
    """
    mine, own = _inodes(pid), has_own_network(pid)
    wanted = set(ports)
    return [
        f"{table} {local} → {remote}"
        for table, local, remote, inode in _rows(pid)
        if (own or inode in mine) and (local in wanted or remote in wanted)
    ]


def internet_sockets(pid: int) -> int:
    """How many internet sockets there are in a process's own network namespace, of whomever."""
    return sum(1 for _ in _rows(pid))


def _rows(pid: int) -> Iterator[tuple[str, int, int, int]]:
    for table in _TABLES:
        path = Path(f"/proc/{pid}/net/{table}")
        lines = path.read_text("ascii").splitlines()[1:] if path.is_file() else []
        for line in lines:
            words = line.split()
            local, remote = (int(words[i].rsplit(":", 1)[1], 16) for i in (1, 2))
            yield table, local, remote, int(words[9])


def _inodes(pid: int) -> set[int]:
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(each)
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    return found
