"""The journal of a world's alarms: one line a transition, each chained to the one before; never edited.

`<kind>-YYYY-MM.jsonl`, hashed like the audit (`security.audit`), so one reader verifies both. A checkpoint
of all that is not normal begins each file and each run: the newest one and the lines after it are how the
alarms stood, so that a killed world loses nothing. What is written survives the process at once and a power
cut after `sync`, which the world calls every second.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson

from armillary.model.alarm import AlarmState
from armillary.model.clock import NS, iso, parse_iso
from armillary.model.fault import Fault
from armillary.security.ahead import Ahead
from armillary.security.audit import GENESIS, files, parts, seal, sealed, set_torn_aside

CHECKPOINT = "CHECKPOINT"
STATES_A_LINE = 100  # of a checkpoint: a line stays below the reader's limit
LINES_A_CHECKPOINT = 20_000  # what a start reads at most, and a little
TEXT_LIMIT = 2_000

Entry = Mapping[str, object]


class Journal:
    """The one writer of one kind's journal. Raises Fault when it cannot be opened. One thread at a time."""

    def __init__(self, folder: Path, kind: str, now_ns: int) -> None:
        """`kind`: of the world, lower case; read `states` and `gap_s` for how the last run ended."""
        self._folder, self._kind = folder, kind
        self._fd, self._path, self._size = -1, folder, 0
        self._ahead = Ahead()
        self._since = 0  # lines since the last checkpoint
        self._seq, self._head = 0, GENESIS
        self.states: tuple[AlarmState, ...] = ()
        self.gap_s = float("nan")  # since the last line of the run before; NaN: there was none
        self.unsynced = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._resume(now_ns)
        except OSError as error:
            raise self._fault(error) from error

    def append(self, entries: Sequence[Entry], states: Sequence[AlarmState], now_ns: int) -> None:
        """Write lines; `states` are all alarms, for a checkpoint where one is due. Raises Fault."""
        try:
            if self._turn(now_ns) or self._since > LINES_A_CHECKPOINT:
                self._write([*entries, *_checkpoint(states, "")], now_ns)
                self._since = 0
            else:
                self._write(entries, now_ns)
        except OSError as error:
            self._retract()
            raise self._fault(error) from error

    def begin(self, states: Sequence[AlarmState], text: str, now_ns: int) -> None:
        """Write the first lines of a run. Raises Fault."""
        try:
            self._turn(now_ns)
            self._write(_checkpoint(states, text), now_ns)
        except OSError as error:
            self._retract()
            raise self._fault(error) from error

    def sync(self) -> None:
        """Put what was written on disk. Raises Fault."""
        if self._fd >= 0 and self.unsynced:
            self.unsynced = False
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise self._fault(error) from error

    def close(self) -> None:
        """Put all on disk and end."""
        try:
            self.sync()
        finally:
            if self._fd >= 0:
                self._ahead.end(self._fd, self._size)
                os.close(self._fd)
                self._fd = -1

    # ---------------------------------------------------------------- writing

    def _write(self, entries: Iterable[Entry], now_ns: int) -> None:
        """Write lines with one call: a kill between two lines of one moment is not possible."""
        lines, seq, head = bytearray(), self._seq, self._head
        for entry in entries:
            seq += 1
            record = {**entry, "seq": seq, "t": iso(now_ns), "world_kind": self._kind, "prev": head}
            body = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
            head = seal(body, head)
            lines += sealed(body, head)
        done = 0
        while done < len(lines):
            done += os.write(self._fd, lines[done:])
        self._size += len(lines)
        self._ahead.note(self._fd, self._size)
        self._since += seq - self._seq
        self._seq, self._head = seq, head
        self.unsynced = self.unsynced or bool(lines)

    def _turn(self, now_ns: int) -> bool:
        """Open the file of the month; True when a new one was begun in the middle of a run."""
        month = datetime.fromtimestamp(now_ns / NS, UTC).strftime("%Y-%m")
        path = self._folder / f"{self._kind}-{month}.jsonl"
        if self._fd >= 0 and path.name <= self._path.name:
            return False
        was_open = self._fd >= 0
        if was_open:
            os.fsync(self._fd)
            self._ahead.end(self._fd, self._size)
            os.close(self._fd)
            self._fd = -1
        elif self._path != self._folder:  # a clock that went back keeps writing to the newest file
            path = max(path, self._path, key=lambda p: p.name)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._path, self._size = path, os.fstat(self._fd).st_size
        self._ahead.begin(self._fd, self._size)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return was_open

    def _retract(self) -> None:
        """Take half a line back, or never write to this file again: it would break the chain for good."""
        if self._fd >= 0:
            try:
                os.ftruncate(self._fd, self._size)
            except OSError:
                os.close(self._fd)
                self._fd = -1

    # ---------------------------------------------------------------- reading

    def _resume(self, now_ns: int) -> None:
        found = files(self._folder, f"{self._kind}-*.jsonl")
        later: list[dict[str, Any]] = []
        for path in reversed(found):
            set_torn_aside(path)
            records = self._read(path)
            if records and not self._seq:
                self._path = path
                self._seq, self._head = records[-1]["seq"], records[-1]["hash"]
                self.gap_s = max(0.0, (now_ns - parse_iso(records[-1]["t"])) / NS)
            later = records + later
            states = _states(later)
            if states is not None:
                self.states = states
                return

    def _read(self, path: Path) -> list[dict[str, Any]]:  # Any: parsed JSON
        out: list[dict[str, Any]] = []
        lines = path.read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            cut = parts(line)
            try:
                record = orjson.loads(cut[0]) if cut else None
            except orjson.JSONDecodeError:
                record = None
            is_last = number == len(lines)
            if (
                cut is None
                or not isinstance(record, dict)
                or (is_last and seal(cut[0], record["prev"]) != cut[1])
            ):
                raise Fault(
                    "The alarm journal is damaged: a line does not match its hash.",
                    where=f"{path}:{number}",
                    remedy="Keep the file as evidence, move it out of the folder and start the world again.",
                )
            out.append({**record, "hash": cut[1]})
        return out

    def _fault(self, error: OSError) -> Fault:
        return Fault(
            f"The alarm journal cannot be written ({error.strerror or error}): alarms go on, but a restart "
            "forgets what was acknowledged since.",
            where=str(self._folder),
            remedy="Make the folder writable and give the disk room.",
        )


def entry_of_state(state: AlarmState) -> dict[str, Any]:
    """Return a state as plain values; what no JSON holds becomes null."""
    return dict(msgspec.to_builtins(state))


def _checkpoint(states: Iterable[AlarmState], text: str) -> list[Entry]:
    held = [entry_of_state(state) for state in states if not state.is_plain]
    pieces = [held[i : i + STATES_A_LINE] for i in range(0, len(held), STATES_A_LINE)] or [[]]
    return [
        {"event": CHECKPOINT, "part": number, "of": len(pieces), "states": piece, "text": text}
        for number, piece in enumerate(pieces, 1)
    ]


def _states(records: Sequence[Mapping[str, Any]]) -> tuple[AlarmState, ...] | None:
    """Fold records into the states they leave; None without a whole checkpoint among them."""
    held: dict[str, Any] | None = None
    coming: dict[str, Any] = {}
    for record in records:
        if record.get("event") == CHECKPOINT:
            coming = {} if record["part"] == 1 else coming
            coming.update({state["id"]: state for state in record["states"]})
            held = coming if record["part"] == record["of"] else held
        elif held is not None and isinstance(record.get("state"), dict):
            held[record["state"]["id"]] = record["state"]
    if held is None:
        return None
    return tuple(state for each in held.values() if (state := _state(each)) is not None)


def _state(held: dict[str, Any]) -> AlarmState | None:
    value = held.get("value")
    try:
        return msgspec.convert({**held, "value": float("nan") if value is None else value}, AlarmState)
    except msgspec.ValidationError:  # of a newer version: better one alarm evaluated anew than no world
        return None
