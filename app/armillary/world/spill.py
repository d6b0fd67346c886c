"""Samples that memory has no room for, on their way to the recorder: a queue on disk, first in, first out.

Segments of a fixed size, `NAME-000001.seg`, each preallocated before it is needed, so that a disk that others
fill does not stop it. A segment begins with the names of the slots: whoever finds one that a killed world
left behind can still tell what its samples are of.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from armillary.model.fault import Fault, StoreFault
from armillary.model.message import Append
from armillary.model.sample import SampleBatch
from armillary.wire import codec

LIMIT_BYTES = 2 * 1024**3
SEGMENT_BYTES = 64 * 1024**2
SHARE_OF_FREE = 100  # what is set aside beforehand is at most this part of what is free: a small disk is not
SUFFIX = ".seg"
_MAGIC = b"armseg1\n"
_HEAD = struct.Struct("<IIII")  # rows, parts, bytes of all parts, crc32 of them
_SIZE = struct.Struct("<I")
_MOST_PARTS = 256


@dataclass(slots=True)
class _Segment:
    path: Path
    fd: int
    end: int  # where the next record goes
    at: int  # where the next one to be taken is
    rows: int = 0  # not yet taken
    records: int = 0


class Spill:
    """One sender's queue on disk. One thread. What cannot be written raises StoreFault."""

    def __init__(
        self,
        folder: Path,
        session: str,
        names: Sequence[str] = (),
        *,
        limit_bytes: int = LIMIT_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """`names`: of the slots, in their order, "" for one that is not recorded."""
        self._folder, self._session = folder, session
        self._head = _MAGIC + _sized(json.dumps({"session": session, "names": list(names)}).encode())
        self._most = max(1, limit_bytes // segment_bytes)
        self._bytes = segment_bytes
        self._segments: deque[_Segment] = deque()
        self._spare: _Segment | None = None
        self._number = 0

    @property
    def rows(self) -> int:
        """Rows that were put and not taken."""
        return sum(segment.rows for segment in self._segments)

    def prepare(self) -> None:
        """Set a segment aside before it is needed, where the disk has plenty. Raises StoreFault."""
        free = os.statvfs(self._made()).f_bavail * os.statvfs(self._folder).f_frsize
        if self._spare is None and self._bytes <= free // SHARE_OF_FREE:
            self._spare = self._begin()

    def put(self, seq: int, batch: SampleBatch) -> int:
        """Keep a numbered batch behind all others; return how many rows had to be given up for it."""
        parts = codec.pack(Append(seq=seq, batch=batch, session=self._session))
        body = b"".join(_sized(bytes(part)) for part in parts)
        record = _HEAD.pack(len(batch), len(parts), len(body), zlib.crc32(body)) + body
        if len(record) > self._bytes - len(self._head):
            return len(batch)  # no segment holds it
        lost = 0
        if not self._segments or self._segments[-1].end + len(record) > self._bytes:
            if len(self._segments) >= self._most:
                lost = self._drop_oldest()
            self._segments.append(self._next())
        last = self._segments[-1]
        try:
            os.pwrite(last.fd, record, last.end)
        except OSError as error:
            raise _cannot(self._folder, error) from error
        last.end += len(record)
        last.rows += len(batch)
        last.records += 1
        return lost

    def take(self) -> tuple[int, SampleBatch] | None:
        """Return the oldest batch with its number and forget it; None when there is none."""
        while self._segments:
            first = self._segments[0]
            if not first.records:
                self._end(self._segments.popleft())
                continue
            try:
                append, size = _read(first.fd, first.at)
            except StoreFault:
                first.rows = first.records = 0  # what follows it cannot be found either
                raise
            first.at += size
            first.rows -= len(append.batch)
            first.records -= 1
            return append.seq, append.batch
        return None

    def close(self) -> None:
        """Remove what was set aside, and what is empty; what was not taken stays for the next world."""
        for segment in (*self._segments, *((self._spare,) if self._spare is not None else ())):
            if segment.records:
                os.ftruncate(segment.fd, segment.end)
                os.close(segment.fd)
            else:
                self._end(segment)
        self._segments.clear()
        self._spare = None

    # ---------------------------------------------------------------- segments

    def _made(self) -> Path:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot(self._folder, error) from error
        return self._folder

    def _next(self) -> _Segment:
        spare, self._spare = self._spare, None
        if spare is None:
            self._made()
            return self._begin()
        with contextlib.suppress(StoreFault):  # then the one in hand is the last
            self.prepare()
        return spare

    def _begin(self) -> _Segment:
        self._number += 1
        path = self._folder / f"{self._session}-{self._number:06}{SUFFIX}"
        fd = -1
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.posix_fallocate(fd, 0, self._bytes)
            os.pwrite(fd, self._head, 0)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            path.unlink(missing_ok=True)
            raise _cannot(self._folder, error) from error
        return _Segment(path, fd, len(self._head), len(self._head))

    def _end(self, segment: _Segment) -> None:
        os.close(segment.fd)
        segment.path.unlink(missing_ok=True)

    def _drop_oldest(self) -> int:
        oldest = self._segments.popleft()
        self._end(oldest)
        return oldest.rows


# ---------------------------------------------------------------- what a killed world left


def left_behind(folder: Path, session: str) -> list[Path]:
    """Return the segments of others than this session, oldest first."""
    found = [p for p in folder.glob(f"*{SUFFIX}") if not p.name.startswith(f"{session}-")]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def names_of(path: Path) -> tuple[str, ...]:
    """Return the names of a segment's slots. Raises StoreFault for a file that is none."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ValueError("it does not begin like one")
            (size,) = _SIZE.unpack(file.read(_SIZE.size))
            return tuple(json.loads(file.read(size))["names"])
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise _broken(path, error) from error


def records_of(path: Path) -> Iterator[Append]:
    """Yield what a segment holds, in order, up to what was not written to its end."""
    with path.open("rb") as file:
        file.seek(len(_MAGIC))
        (size,) = _SIZE.unpack(file.read(_SIZE.size))
        at = len(_MAGIC) + _SIZE.size + size
        with contextlib.suppress(StoreFault):
            while True:
                append, size = _read(file.fileno(), at)
                at += size
                yield append


def _read(fd: int, at: int) -> tuple[Append, int]:
    """Return (record, its bytes in the file). Raises StoreFault where there is none."""
    try:
        _rows, count, size, crc = _HEAD.unpack(os.pread(fd, _HEAD.size, at))
        body = os.pread(fd, size, at + _HEAD.size)
        if not 0 < count <= _MOST_PARTS or len(body) != size or zlib.crc32(body) != crc:
            raise ValueError("it was not written to its end")
        parts, place = [], 0
        for _ in range(count):
            (length,) = _SIZE.unpack_from(body, place)
            place += _SIZE.size
            parts.append(body[place : place + length])
            place += length
        append = codec.unpack(parts)
        if not isinstance(append, Append):
            raise TypeError("it is no batch")
        return append, _HEAD.size + size
    except (OSError, ValueError, TypeError, struct.error, Fault) as error:
        raise _broken(Path(f"/proc/self/fd/{fd}"), error) from error


def _sized(part: bytes) -> bytes:
    return _SIZE.pack(len(part)) + part


def _broken(path: Path, error: Exception) -> StoreFault:
    return StoreFault(
        f"Samples that were kept on disk cannot be read: {error}.",
        where=str(path),
        remedy="What came before them is sent; have the disk looked at.",
    )


def _cannot(folder: Path, error: OSError) -> StoreFault:
    return StoreFault(
        f"Samples cannot be kept on disk: {error.strerror or error}.",
        where=str(folder),
        remedy="Free some space, or make the folder writable; until then memory alone holds them.",
    )
