"""Append-only log of what was ordered, by whom and with what outcome; each record chains to the one before.

One JSON record a line in `audit-YYYY-MM.jsonl`. `hash` is SHA-256 over the record's canonical JSON (sorted
keys, without `hash`) followed by the hash of the record before; a new month goes on from the old file's head.
The hash stands last in the line, so a reader checks the bytes as they are and never re-formats a number.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from armillary.model.clock import NS, iso
from armillary.model.fault import Fault
from armillary.security.ahead import Ahead

GENESIS = "0" * 64
PATTERN = "audit-*.jsonl"
TEXT_LIMIT = 2_000  # characters of one text field: a reason is a sentence, not a file
LINE_LIMIT = 64 * 1024  # bytes of one record; ours stay below 20 kB with every field at its limit
_HASH_KEY, _HASH_END = b',"hash":"', b'"}'
_TAIL = len(_HASH_KEY) + len(GENESIS) + len(_HASH_END)

Scalar = float | int | str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is written down: who did what to which object. NaN and infinity are written as null."""

    actor: str
    role: str
    action: str  # command.arm, command.intent, command.verified …
    target: str  # `object` in the file: tag, link, user
    before: Scalar = None
    after: Scalar = None
    reason: str = ""
    desk: str = ""


def seal(body: bytes, prev: str) -> str:
    """Return the hash (64 hex digits) of a record's canonical JSON and the hash before it."""
    return hashlib.sha256(body + prev.encode("utf-8", "replace")).hexdigest()


def parts(line: bytes) -> tuple[bytes, str] | None:
    """Return (canonical JSON without hash, hash) of one line without its newline; None if it has no hash."""
    tail = line[-_TAIL:]
    if len(line) < _TAIL or not (tail.startswith(_HASH_KEY) and tail.endswith(_HASH_END)):
        return None
    digits = tail[len(_HASH_KEY) : -len(_HASH_END)]
    return line[:-_TAIL] + b"}", digits.decode("ascii", "replace")


def sealed(body: bytes, digest: str) -> bytes:
    """Return the line of a record's canonical JSON with its hash last."""
    return body[:-1] + _HASH_KEY + digest.encode("ascii") + _HASH_END + b"\n"


def files(folder: Path, pattern: str = PATTERN) -> list[Path]:
    """Return the audit files of a folder, oldest first; with a pattern those of another chain."""
    return sorted(folder.glob(pattern))


class Audit:
    """The one writer of a folder's audit; any thread may append. Raises Fault when it cannot write.

    With `effect` a record is on disk when `append` returns; without, after the next `sync`.
    """

    def __init__(self, folder: Path, *, world_kind: str, now_ns: int) -> None:
        self.folder, self._world_kind = folder, world_kind
        self._guard = threading.Lock()
        self._fd, self._path, self._size = -1, folder, 0
        self._ahead = Ahead()
        self.unsynced = False
        self.seq, self.head = 0, GENESIS
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_fd = os.open(folder / "audit.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._fault(error) from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            torn = self._resume()
            self._turn(now_ns)  # now: its room is set aside while there is some
        except BlockingIOError as error:
            os.close(self._lock_fd)
            raise Fault(
                "Another world is writing this audit.",
                where=str(folder),
                remedy="End the other live world of this project first.",
            ) from error
        except OSError as error:
            os.close(self._lock_fd)
            raise self._fault(error) from error
        except Fault:
            os.close(self._lock_fd)
            raise
        if torn:
            act = Act(actor="armillary", role="", action="audit.mended", target="audit", after=torn)
            self.append(act, t_ns=now_ns)

    def append(self, act: Act, *, t_ns: int, effect: bool = True) -> int:
        """Write one record and return its sequence number; with `effect` it is on disk by then."""
        with self._guard:
            record = {
                "seq": self.seq + 1,
                "t": iso(t_ns),
                "actor": _plain(act.actor),
                "role": _plain(act.role),
                "desk": _plain(act.desk),
                "world_kind": self._world_kind,
                "action": _plain(act.action),
                "object": _plain(act.target),
                "before": _plain(act.before),
                "after": _plain(act.after),
                "reason": _plain(act.reason),
                "prev": self.head,
            }
            body = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
            digest = seal(body, self.head)
            self._write(sealed(body, digest), t_ns)
            if effect:
                self._flush()
            self.seq, self.head = self.seq + 1, digest
            return self.seq

    def sync(self) -> None:
        """Put what was appended without `effect` on disk."""
        with self._guard:
            if self.unsynced:
                self._flush()

    def close(self) -> None:
        """Sync and give the folder free for another writer."""
        with self._guard:
            if self._fd >= 0:
                self._flush()
                self._ahead.end(self._fd, self._size)
                os.close(self._fd)
                self._fd = -1
            if self._lock_fd >= 0:
                os.close(self._lock_fd)
                self._lock_fd = -1

    def _write(self, line: bytes, t_ns: int) -> None:
        if self._lock_fd < 0:
            raise Fault("The audit is closed.", where=str(self.folder), remedy="Start the world again.")
        try:
            self._turn(t_ns)
            done = 0
            while done < len(line):
                done += os.write(self._fd, line[done:])
        except OSError as error:
            # half a record would break the chain for good: take it back, or never write here again
            self._retract()
            raise self._fault(error) from error
        self._size += len(line)
        self._ahead.note(self._fd, self._size)
        self.unsynced = True

    def _flush(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            # after a failed fsync nobody knows what is on disk: only opening anew tells
            self._shut()
            raise self._fault(error) from error
        self.unsynced = False

    def _retract(self) -> None:
        if self._fd < 0:
            return
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._shut()

    def _shut(self) -> None:
        for fd in (self._fd, self._lock_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock_fd = -1

    def _turn(self, t_ns: int) -> None:
        """Open the file of the month; a clock that went back keeps writing to the newest one."""
        month = datetime.fromtimestamp(t_ns / NS, UTC).strftime("%Y-%m")
        path = self.folder / f"audit-{month}.jsonl"
        if self._fd >= 0 and path.name <= self._path.name:
            return
        if self._fd >= 0:
            os.fsync(self._fd)
            self._ahead.end(self._fd, self._size)
            os.close(self._fd)
            self._fd = -1
        elif self._path != self.folder:
            path = max(path, self._path, key=lambda p: p.name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        self._path, self._size = path, os.fstat(self._fd).st_size
        self._ahead.begin(self._fd, self._size)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name itself must survive a power cut
        finally:
            os.close(folder)

    def _resume(self) -> int:
        """Find the head of the chain; returns the bytes of a torn last record that was set aside."""
        torn = 0
        for path in reversed(files(self.folder)):
            torn += set_torn_aside(path)
            line = _last_line(path)
            if self._path == self.folder:
                self._path = path
            if not line:
                continue
            cut = parts(line)
            try:
                record = orjson.loads(cut[0]) if cut else {}
            except orjson.JSONDecodeError:
                record = {}
            if (
                cut is None
                or not isinstance(record.get("seq"), int)
                or seal(cut[0], record["prev"]) != cut[1]
            ):
                raise Fault(
                    "The audit is damaged: its last record does not match its hash.",
                    where=str(path),
                    remedy="Keep the folder as evidence, and give the project a new audit folder.",
                )
            self.seq, self.head = record["seq"], cut[1]
            break
        return torn

    def _fault(self, error: OSError) -> Fault:
        return Fault(
            f"Audit unavailable: commands are locked ({error.strerror or error}).",
            where=str(self.folder),
            remedy="Make the folder writable and give the disk room, then start the world again.",
        )


def _plain(value: Scalar) -> Scalar:
    """Return a value as it can be written: texts shortened and without lone surrogates."""
    if isinstance(value, str):
        return value[:TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8")
    return value


def _last_line(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LINE_LIMIT))
        return file.read().rstrip(b"\n").rpartition(b"\n")[2]


def set_torn_aside(path: Path) -> int:
    """Move bytes after the last newline (a power cut in mid-record) to a file beside; return their number."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LINE_LIMIT))
        torn = file.read().rpartition(b"\n")[2]
        if torn:
            path.with_suffix(f".torn-{size - len(torn)}").write_bytes(torn)
            file.truncate(size - len(torn))
            file.flush()
            os.fsync(file.fileno())
    return len(torn)
