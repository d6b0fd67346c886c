"""Processes of a bench: driven by lines, bounded in time, ended by pid; and what CPU they took."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from armillary.model.fault import WorldFault

_STOP_S = 6.0
_XDG = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


def own_places(folder: Path) -> dict[str, str]:
    """Return this environment with settings, caches, logs and run files below a folder."""
    out = dict(os.environ)
    for variable in _XDG:
        place = folder / variable.split("_")[1].lower()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        out[variable] = str(place)
    return out


class Driven:
    """A module run with lines on stdin and stdout; its stderr is kept in a file and told when it dies."""

    def __init__(
        self, module: str, args: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._module, self._log = module, log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603  our own modules
                [sys.executable, "-m", module, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=env,
            )
        self._rest = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *_: object) -> None:
        """Close its stdin, which ends it, and end it by force when that takes too long."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def send(self, line: str) -> None:
        """Write one line. Raises WorldFault when the process has gone."""
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(line.encode() + b"\n")
                stdin.flush()
        except BrokenPipeError:
            raise self._fault("has gone") from None

    def line(self, timeout_s: float) -> str:
        """Return its next line. Raises WorldFault when none comes in time or the process has gone."""
        out = self._process.stdout
        end = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            if out is not None:
                selector.register(out, selectors.EVENT_READ)
            while out is not None and b"\n" not in self._rest:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise self._fault(f"said nothing for {timeout_s:g} s")
                chunk = os.read(out.fileno(), 65536)
                if not chunk:
                    raise self._fault("has gone")
                self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def ask(self, do: str, timeout_s: float = 10.0, **more: object) -> dict[str, Any]:
        """Return the answer to a request. Raises WorldFault."""
        self.send(json.dumps({"do": do, **more}))
        answer: dict[str, Any] = json.loads(self.line(timeout_s))
        return answer

    def _fault(self, what: str) -> WorldFault:
        end = self._log.read_text("utf-8", errors="replace").strip()[-600:]
        return WorldFault(
            f"The process {self._module} of the bench {what}. {end}".strip(),
            where=str(self._log),
            remedy="Run the bench again on a quiet machine; send its output when it stays so.",
        )


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process and all its living descendants have taken."""
    stats = _stats()
    wanted, spent = [pid], 0.0
    while wanted:
        here = wanted.pop()
        wanted += [child for child, (parent, _) in stats.items() if parent == here]
        spent += stats[here][1] if here in stats else 0.0
    return spent


def entries(pid: int) -> dict[str, int]:
    """Return entry → pid of the children that a process and its descendants have started by name."""
    stats, out, wanted = _stats(), {}, [pid]
    while wanted:
        here = wanted.pop()
        wanted += [each for each, (parent, _) in stats.items() if parent == here]
        try:
            words = Path(f"/proc/{here}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue  # it ended while we looked
        if "--child" in words[:-1]:
            out[words[words.index("--child") + 1]] = here
    return out


def child_of(pid: int, program: str) -> int:
    """Return the pid of the child of a process that runs a program. Raises ProcessLookupError."""
    for each, (parent, _) in _stats().items():
        if parent == pid and Path(f"/proc/{each}/comm").read_text("utf-8").strip() == program:
            return each
    raise ProcessLookupError(f"{pid} has no child {program}")


def memory_mb(pid: int) -> float:
    """Return the MB that a process needs: its own pages, and its share of those that others have too."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError(f"/proc/{pid}/smaps_rollup tells no Pss")


def written_mb(pid: int) -> float:
    """Return the MB of a process that are in no file: what it made itself, so what can leak.

    Its share of pages of files, which `memory_mb` has too, grows when another program that uses them ends.
    """
    fields = ("Pss_Anon:", "Pss_Shmem:")
    lines = [line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()]
    found = [int(words[1]) for words in lines if words[0] in fields]
    if len(found) != len(fields):
        raise OSError(f"/proc/{pid}/smaps_rollup does not tell files from the rest")
    return sum(found) * 1024 / 1e6


def _stats() -> dict[int, tuple[int, float]]:
    """Return pid → (parent, CPU seconds) of every process that can be seen."""
    tick = os.sysconf("SC_CLK_TCK")
    out: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        out[int(entry.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / tick)
    return out
