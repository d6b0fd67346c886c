"""Starts, limits, watches and stops our child processes, by entry name from a closed table.

Contract of a child: `armillary --child ENTRY`, its arguments as one JSON line on stdin, which then stays
open: its end tells the child that the parent is gone. The child writes one JSON line on stdout when it is
ready (or a FaultRecord when it cannot start) and logs to the file it was given.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from armillary.model.clock import NS, WallClock
from armillary.model.fault import FaultRecord, WorldFault

# The closed table; __main__ maps the name to the module of the same name.
ENTRIES = (
    "world.live",
    "world.replay",
    "world.whatif",
    "world.training",
    "world.prelude",
    "simulate.child",
    "simulate.worker",
    "recorder.service",
    "scene.child",
    "extend.host",
    "extend.importer",
    "extend.offer",
    "viewport.probe",
    "cli.handout",
)

_KILLED_S = 5.0
_LOG_END = 8192  # bytes of a log that are looked at for what ended its process
_NO_MEMORY = (b"bad_alloc", b"memoryerror", b"cannot allocate memory", b"out of memory")  # lower case
_FAILED, _DIED = 2, 3  # exit status of a child: with a fault, with a defect

# How a child ended that was given a limit, and what that says of the file that it was reading.
OVER_TIME = "was ended, as the time that it may take was over"
OVER_MEMORY = "was ended, as it needed more memory than it may use"
OVER_PROCESSOR = "was ended, as it used more processor time than it may"
REFUSALS = {
    OVER_TIME: "reading it took longer than it may",
    OVER_MEMORY: "reading it needs more memory than it may use",
    OVER_PROCESSOR: "reading it takes more processor time than it may",
}


class ChildDied(WorldFault):
    """A child ended before it was ready, and did not say why: it was killed, or crashed."""


Ready = Callable[[Mapping[str, object]], None]


class Child:
    """One child process. `ready` waits for its first word; `stop` ends it in order, then by force."""

    def __init__(self, entry: str, process: subprocess.Popen[bytes], log: Path, log_start: int = 0) -> None:
        self.entry, self.log = entry, log
        self._log_start = log_start  # where its own lines begin: some logs are shared
        self._process = process
        self._answer: dict[str, Any] | None = None
        self._buffer = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def poll_ready(self, timeout_s: float = 0.0) -> dict[str, Any] | None:
        """Return the child's first word when it is there within the time, else None. Raises its Fault."""
        if self._answer is not None:
            return self._answer
        out = self._process.stdout
        if out is None:
            raise WorldFault(
                f"The process {self.entry} has no output.", where=str(self.log), remedy="Start it anew."
            )
        end = WallClock().now_mono_ns() + int(timeout_s * NS)
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                left = max(0.0, (end - WallClock().now_mono_ns()) / NS)
                if not selector.select(left):
                    return None
                chunk = os.read(out.fileno(), 65536)
                if not chunk:
                    raise self._died()
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as error:
            self.stop(1.0)
            raise WorldFault(
                f"The process {self.entry} said something that is no answer: {line[:80]!r}.",
                where=str(self.log),
                remedy="Read the end of its log file.",
            ) from error
        if "fault" in answer:
            self.stop(1.0)
            raise FaultRecord(**answer["fault"]).fault()
        self._answer = answer
        return answer

    def ready(self, timeout_s: float = 20.0) -> dict[str, Any]:
        """Return the child's first word: its address and more. Raises WorldFault after the time."""
        answer = self.poll_ready(timeout_s)
        if answer is None:
            self.stop(1.0)
            raise WorldFault(
                f"The process {self.entry} did not start within {timeout_s:g} s.",
                where=str(self.log),
                remedy="Read the end of its log file.",
            )
        return answer

    def ask_to_end(self) -> None:
        """Tell the child to end in order, and do not wait."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def stop(self, timeout_s: float = 2.0) -> int | None:
        """End the child: ask first, SIGKILL when the time is over. Returns its exit status."""
        self.ask_to_end()
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait(max(timeout_s, _KILLED_S))  # a busy machine lets it wait for its end
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    def kill(self) -> None:
        """End the child and all that it started, at once and by force."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # its group: see `limits` below
        self._process.wait(_KILLED_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def let_go(self) -> None:
        """Forget a detached child: it goes on, and nobody waits for it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.returncode = 0  # else the library warns that it still runs

    @property
    def overdue(self) -> bool:
        """Tell whether the child ended because the time of what it was asked was over."""
        return self._process.poll() == -signal.SIGALRM

    def exit_words(self) -> str:
        """Return how the child ended, in words: its exit status or the signal's name."""
        code = self._process.poll()
        if code is None:
            return "still runs"
        if self.overdue:
            return OVER_TIME
        if code == -signal.SIGXCPU:
            return OVER_PROCESSOR
        if code in (-signal.SIGABRT, -signal.SIGKILL, _FAILED, _DIED) and self._said_no_memory():
            return OVER_MEMORY
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    def _said_no_memory(self) -> bool:
        """Look at the end of its log: native code that gets no memory aborts, with that as its last words."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start, size - _LOG_END))
                said = file.read().lower()
        except OSError:
            return False
        return any(words in said for words in _NO_MEMORY)

    def _died(self) -> ChildDied:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        return ChildDied(
            f"The process {self.entry} {self.exit_words()} before it was ready.",
            where=str(self.log),
            remedy="Read the end of its log file.",
        )


def start(
    entry: str,
    args: Mapping[str, object],
    log: Path,
    *,
    memory_bytes: int = 0,
    cpu_s: int = 0,
    detached: bool = False,
) -> Child:
    """Start a child by entry name. Limits of 0 are none. Raises WorldFault for a name not in the table.

    detached: it goes on when this process ends, as a service; a Stop ends it.
    """
    if entry not in ENTRIES:
        raise WorldFault(
            f"There is no process named {entry}.", where="wire.child", remedy="Use one of ENTRIES."
        )
    log.parent.mkdir(parents=True, exist_ok=True)

    def limits() -> None:  # in the child, between fork and exec
        if detached:
            os.setsid()  # the end of the terminal is not its end
        else:
            os.setpgid(0, 0)  # Ctrl-C goes to the parent, which ends its children in order
        if memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        if cpu_s:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))

    # a detached child holds the other end of its own stdin, which so never ends
    read, write = os.pipe() if detached else (subprocess.PIPE, -1)
    with log.open("ab") as errors:
        log_start = errors.tell()
        process = subprocess.Popen(
            [*_program(), "--child", entry, "--log", str(log)],
            stdin=read,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=(write,) if detached else (),
            preexec_fn=limits,  # noqa: PLW1509  limits must be set before the exec; we fork from few threads
        )
    child = Child(entry, process, log, log_start)
    line = json.dumps(dict(args)).encode() + b"\n"
    try:
        if detached:
            os.close(read)
            with os.fdopen(write, "wb") as stream:
                stream.write(line)
        elif process.stdin is not None:
            process.stdin.write(line)
            process.stdin.flush()
    except BrokenPipeError:
        raise child._died() from None  # noqa: SLF001  our own class
    return child


def refusal(how: str) -> str:
    """Return which limit ended a process, by words that have its `exit_words`; "" when none did: a crash."""
    return next((why for words, why in REFUSALS.items() if words in how), "")


def stop_all(children: Iterable[Child], timeout_s: float) -> None:
    """End children together: all are asked first, so the time is waited for once."""
    some = list(children)
    for child in some:
        child.ask_to_end()
    end = WallClock().now_mono_ns() + int(timeout_s * NS)
    for child in some:
        child.stop(max(0.05, (end - WallClock().now_mono_ns()) / NS))


def _program() -> list[str]:
    """Return how this program is started again: from source and in a frozen build."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "armillary"]


# ---------------------------------------------------------------- the child's side


_parent_fd = -1  # of the parent, once this process is hushed


def arguments() -> dict[str, Any]:
    """Return the arguments that the parent wrote; read once, before anything else uses stdin."""
    line = sys.stdin.buffer.readline()
    loaded: dict[str, Any] = json.loads(line) if line.strip() else {}
    return loaded


def hush() -> None:
    """Send what else writes to stdout to stderr, libraries in C too; `say` alone goes to the parent."""
    global _parent_fd  # noqa: PLW0603  a fact about this process, which has one stdout
    if _parent_fd < 0:
        sys.stdout.flush()
        _parent_fd = os.dup(1)
        os.dup2(2, 1)


def say(answer: Mapping[str, object]) -> None:
    """Write the child's one word to the parent: that it is ready, or its fault."""
    text = json.dumps(dict(answer)) + "\n"
    if _parent_fd >= 0:
        os.write(_parent_fd, text.encode())
        return
    sys.stdout.write(text)
    sys.stdout.flush()


def end_with_parent(stop: Callable[[], None], grace_s: float = 5.0) -> None:
    """Call `stop` when the parent closes our stdin or dies, and end by force if that takes too long."""

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        stop()
        timer = threading.Timer(grace_s, os._exit, (3,))
        timer.daemon = True
        timer.start()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def stop_self() -> None:
    """Ask this process to end the way a service manager would."""
    os.kill(os.getpid(), signal.SIGTERM)


def find_ports(count: int) -> list[int]:
    """Return free TCP ports of the loopback, all held open together so that they differ."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def open_for(port: int, timeout_s: float, alive: Callable[[], bool]) -> bool:
    """Return whether a loopback port takes connections within the time, while `alive`."""
    end = WallClock().now_mono_ns() + int(timeout_s * NS)
    pause = threading.Event()
    while WallClock().now_mono_ns() < end and alive():
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        pause.wait(0.02)
    return False
