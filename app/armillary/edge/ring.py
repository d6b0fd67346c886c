"""The one file of an edge: packs in a ring of fixed size, until the server above has them.

Every pack is written here before it is sent, so that a killed edge has lost nothing that was written, and a
cut power line nothing that was synced. Numbers go up by one; whatever stands where the next one should be
and is not it, by number or checksum, is the end. The head (the oldest pack that is not done) is kept in two
blocks that are written in turn; space behind it is used again only once the block is on disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from armillary.model.fault import StoreFault

MAGIC, VERSION = b"ArmEdge\0", 1
AREA = 4096  # where the packs begin
LEAST_BYTES = 1 << 20
_BLOCKS = (0, 2048)
# magic, version, epoch, generation, capacity, head's place, head's number
_BLOCK = struct.Struct("<8sIIQQQQ")
# magic, checksum, length, samples, number, first and last source time, kept at, epoch, kind | done
_PACK = struct.Struct("<IIIIQqqqIHH")
_PACK_MAGIC = 0x4B505241
_CRC = struct.Struct("<I")
_CRC_AT, _DONE_AT = 4, _PACK.size - 2
_ALIGN = 8
_STEP = 64  # a full ring gives up at least this share of itself at once


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack to keep: payload and what is known of it."""

    payload: bytes
    samples: int
    first_ns: int  # source times
    last_ns: int
    kind: int = 0  # the caller's own


@dataclass(frozen=True, slots=True)
class Kept:
    """One pack in the ring."""

    number: int
    at: int  # place in the area
    length: int
    samples: int
    first_ns: int
    last_ns: int
    kept_ns: int
    kind: int
    is_done: bool

    @property
    def size(self) -> int:
        return _size(self.length)


@dataclass(slots=True)
class Counts:
    """What became of samples since this ring was opened: found + taken = done + waiting + the rest."""

    found: int = 0  # were waiting when it was opened
    taken: int = 0
    done: int = 0
    full: int = 0  # given up as the ring was full, oldest first
    aged: int = 0  # given up as they were too old
    waiting: int = 0
    waiting_packs: int = 0
    broken: int = 0  # packs that were damaged when it was opened; what was in them is not known

    @property
    def balanced(self) -> bool:
        return self.found + self.taken == self.done + self.full + self.aged + self.waiting


class Ring:
    """A ring in a file that one process owns. Raises StoreFault. Only `flush` may be called beside."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """Open or make the file; it never grows beyond its limit, and is as large as that from the start."""
        self.path = path
        self.counts = Counts()
        self.notes: list[str] = []  # what was found wrong, in words
        self._capacity = (max(limit_bytes, LEAST_BYTES) - AREA) // _ALIGN * _ALIGN
        self._epoch = self._generation = 0
        self._head = self._tail = self._safe_head = 0
        self._head_number = self._next = 1
        self._late_at, self._late_number = 0, 1
        self._done: set[int] = set()  # numbers after the head
        self._jumps: dict[int, Kept] = {}  # the number of a damaged pack -> the next that is whole
        self._safe_generation = 0
        self._is_dirty = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._fault("cannot be opened", error) from error
        try:
            self._lock()
            self._open()
        except OSError as error:
            os.close(self._file)
            raise self._fault("cannot be made", error) from error
        except BaseException:
            os.close(self._file)
            raise

    # ---------------------------------------------------------------- keep

    def append(self, packs: list[Pack], now_ns: int) -> list[Kept]:
        """Write packs behind the others and return them; when there is no room the oldest go, counted."""
        out: list[Kept] = []
        for pack in packs:
            size = _size(len(pack.payload))
            if not self.fits(pack):
                raise StoreFault(
                    "A pack is larger than half of the edge's file.",
                    where=str(self.path),
                    remedy="Raise forward.store_mb.",
                )
            try:
                at = self._room(size)
            except OSError as error:
                raise self._fault("cannot be written", error) from error
            fields = (len(pack.payload), pack.samples, self._next, pack.first_ns, pack.last_ns, now_ns)
            head = _PACK.pack(_PACK_MAGIC, 0, *fields, self._epoch, pack.kind, 0)
            check = zlib.crc32(pack.payload, zlib.crc32(head[_CRC_AT + 4 : _DONE_AT]))
            data = head[:_CRC_AT] + _CRC.pack(check) + head[_CRC_AT + 4 :] + pack.payload
            try:
                os.pwrite(self._file, data, AREA + at)
            except OSError as error:
                raise self._fault("cannot be written", error) from error
            out.append(
                Kept(
                    self._next, at, len(pack.payload), pack.samples, pack.first_ns, pack.last_ns, now_ns,
                    pack.kind, False,
                )
            )  # fmt: skip
            self._tail, self._next = at + size, self._next + 1
            counts = self.counts
            counts.taken += pack.samples
            counts.waiting += pack.samples
            counts.waiting_packs += 1
        self._is_dirty = self._is_dirty or bool(packs)
        return out

    def fits(self, pack: Pack) -> bool:
        """Return whether there can ever be room for a pack."""
        return _size(len(pack.payload)) <= self._capacity // 2

    def done(self, kept: Kept) -> None:
        """Note that the server above has a pack; twice, or for one that was given up, changes nothing."""
        if kept.number < self._head_number or kept.number in self._done:
            return
        os.pwrite(self._file, b"\1\0", AREA + kept.at + _DONE_AT)
        self._done.add(kept.number)
        self.counts.done += kept.samples
        self.counts.waiting -= kept.samples
        self.counts.waiting_packs -= 1
        self._is_dirty = True
        while True:
            if self._head_number in self._done:
                self._done.discard(self._head_number)
                self._step_head(self._at(self._head, self._head_number))
            elif self._head_number in self._jumps:
                jump = self._jumps.pop(self._head_number)
                self._head, self._head_number = jump.at, jump.number
            else:
                return

    def give_up_before(self, before_ns: int) -> int:
        """Give up packs that were kept before a time; return how many samples."""
        gone = 0
        while (kept := self._first()) is not None and kept.kept_ns < before_ns:
            gone += self._give_up(kept)
        self.counts.aged += gone
        return gone

    # ---------------------------------------------------------------- read

    @property
    def head_number(self) -> int:
        """The number of the oldest pack that is not done; beyond the newest when all are."""
        return self._head_number

    @property
    def newest_number(self) -> int:
        """The number of the newest pack, done or not."""
        return self._next - 1

    def oldest_ns(self) -> int:
        """Return when the oldest waiting pack was kept, 0 for none."""
        kept = self._first()
        return kept.kept_ns if kept is not None else 0

    def rewind(self) -> None:
        """Let `late` begin at the oldest pack again."""
        self._late_at, self._late_number = self._head, self._head_number

    def late(self, passed_over: set[int]) -> Kept | None:
        """Return the next pack that waits, oldest first, but those whose numbers are passed over."""
        if self._late_number < self._head_number:
            self.rewind()
        while self._late_number < self._next:
            kept = self._at(self._late_at, self._late_number)
            if kept is None:
                return None
            self._late_at, self._late_number = kept.at + kept.size, kept.number + 1
            if not kept.is_done and kept.number not in self._done and kept.number not in passed_over:
                return kept
        return None

    def payload(self, kept: Kept) -> bytes:
        """Return the payload of a pack."""
        return os.pread(self._file, kept.length, AREA + kept.at + _PACK.size)

    # ---------------------------------------------------------------- disk

    def commit(self) -> tuple[int, int]:
        """Write where the head is; with `flush` after it, it is on disk: say so by `synced`."""
        if not self._is_dirty:
            return self._generation, self._head
        self._is_dirty = False
        self._generation += 1
        block = _BLOCK.pack(
            MAGIC, VERSION, self._epoch, self._generation, self._capacity, self._head, self._head_number
        )
        place = _BLOCKS[self._generation % len(_BLOCKS)]
        os.pwrite(self._file, block + _CRC.pack(zlib.crc32(block)), place)
        return self._generation, self._head

    def flush(self) -> None:
        """Bring all that was written to disk; any thread may wait for it."""
        os.fdatasync(self._file)

    def synced(self, committed: tuple[int, int]) -> None:
        """Say that what a `commit` wrote is on disk: the space before that head may be used again."""
        generation, head = committed
        if generation > self._safe_generation:  # else a later one has overtaken it
            self._safe_generation, self._safe_head = generation, head

    def close(self) -> None:
        """Bring all to disk and let go of the file."""
        with contextlib.suppress(OSError):
            self.commit()
            self.flush()
        os.close(self._file)

    # ---------------------------------------------------------------- inside

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreFault(
                "An edge of this project runs already.",
                where=str(self.path),
                remedy="See it by: armillary edge PROJECT --status; end it before starting another.",
            ) from error

    def _open(self) -> None:
        size = os.fstat(self._file).st_size
        blocks = [found for place in _BLOCKS if (found := self._block(place)) is not None] if size else []
        if not blocks:
            if size:
                self.notes.append("The edge's file was damaged at its beginning and begun anew.")
            self._begin()
            return
        _, _, self._epoch, self._generation, capacity, self._head, self._head_number = max(
            blocks, key=lambda block: block[3]
        )
        wanted, self._capacity = self._capacity, capacity
        self._recover()
        if wanted != capacity:
            if self.counts.waiting_packs:
                self.notes.append("The edge's file keeps its size until what waits in it is sent.")
            else:
                self._capacity = wanted
                self._begin()
                return
        self._safe_head = self._head
        self.rewind()

    def _begin(self) -> None:
        """Make the file anew, all its blocks its own, so that a full disk does not stop it later."""
        os.ftruncate(self._file, 0)
        os.posix_fallocate(self._file, 0, AREA + self._capacity)
        self._epoch = int.from_bytes(os.urandom(4), "little")
        self._head = self._tail = self._safe_head = self._late_at = 0
        self._head_number = self._next = self._late_number = 1
        for _ in _BLOCKS:
            self._is_dirty = True
            self.commit()
        self.flush()

    def _block(self, place: int) -> tuple[bytes, int, int, int, int, int, int] | None:
        raw = os.pread(self._file, _BLOCK.size + _CRC.size, place)
        if len(raw) < _BLOCK.size + _CRC.size or raw[:8] != MAGIC:
            return None
        if zlib.crc32(raw[: _BLOCK.size]) != _CRC.unpack_from(raw, _BLOCK.size)[0]:
            return None
        found: tuple[bytes, int, int, int, int, int, int] = _BLOCK.unpack_from(raw)
        if found[1] != VERSION:
            raise StoreFault(
                "The edge's file was written by another version.",
                where=str(self.path),
                remedy="Update Armillary, or move the file aside; what waits in it is not sent then.",
            )
        return found

    def _recover(self) -> None:
        """Find what waits: from the head on, number after number, past what is damaged in between."""
        at, number = self._head, self._head_number
        is_first = True
        while True:
            kept = self._checked(at, number) or (self._checked(0, number) if at else None)
            if kept is None:
                kept = self._after(number)
                if kept is None:
                    break
                self.counts.broken += kept.number - number
                self._jumps[number] = kept
            if is_first and not kept.is_done:
                self._head, self._head_number, is_first = kept.at, kept.number, False
            if not kept.is_done:
                self.counts.found += kept.samples
                self.counts.waiting += kept.samples
                self.counts.waiting_packs += 1
            elif not is_first:
                self._done.add(kept.number)
            at, number = kept.at + kept.size, kept.number + 1
        self._tail, self._next = at, number
        if is_first:  # nothing waits
            self._head, self._head_number = at, number
        if self.counts.broken:
            self.notes.append(f"{self.counts.broken} packs of the edge's file were damaged and are lost.")

    def _after(self, number: int) -> Kept | None:
        """Return the whole pack with the lowest number above one that is not where it should be."""
        best: Kept | None = None
        for at in self._places():
            raw = os.pread(self._file, _PACK.size, AREA + at)
            if len(raw) < _PACK.size:
                continue
            _, _, _, _, found, _, _, _, epoch, _, _ = _PACK.unpack(raw)
            if epoch != self._epoch or found <= number or (best is not None and found >= best.number):
                continue
            best = self._checked(at, found) or best
        return best

    def _places(self) -> Iterator[int]:
        """Yield where a pack may begin, by its first bytes."""
        mark, piece = _PACK_MAGIC.to_bytes(4, "little"), 1 << 20
        for start in range(0, self._capacity, piece):
            data = os.pread(self._file, piece + len(mark), AREA + start)
            at = data.find(mark)
            while at >= 0:
                if not (start + at) % _ALIGN and at < piece:
                    yield start + at
                at = data.find(mark, at + 1)

    def _checked(self, at: int, number: int) -> Kept | None:
        """Return the pack at a place when it has this number and its checksum is right."""
        kept = self._read(at, number)
        if kept is None:
            return None
        data = os.pread(self._file, _PACK.size + kept.length, AREA + at)
        if len(data) < _PACK.size + kept.length:
            return None
        check = zlib.crc32(data[_PACK.size :], zlib.crc32(data[_CRC_AT + 4 : _DONE_AT]))
        return kept if check == _CRC.unpack_from(data, _CRC_AT)[0] else None

    def _read(self, at: int, number: int) -> Kept | None:
        if at + _PACK.size > self._capacity:
            return None
        raw = os.pread(self._file, _PACK.size, AREA + at)
        if len(raw) < _PACK.size:
            return None
        magic, _, length, samples, found, first, last, kept_ns, epoch, kind, done = _PACK.unpack(raw)
        is_it = magic == _PACK_MAGIC and found == number and epoch == self._epoch
        if not is_it or at + _size(length) > self._capacity:
            return None
        return Kept(found, at, length, samples, first, last, kept_ns, kind, bool(done))

    def _at(self, at: int, number: int) -> Kept | None:
        """Return a pack by its number: at its place, or at the beginning, or after what was damaged."""
        return self._read(at, number) or self._read(0, number) or self._jumps.get(number)

    def _first(self) -> Kept | None:
        return self._at(self._head, self._head_number) if self._head_number < self._next else None

    def _step_head(self, kept: Kept | None) -> None:
        if kept is None:  # unreadable now: nothing before the newest can be found any more
            self._head, self._head_number = self._tail, self._next
            return
        self._head, self._head_number = kept.at + kept.size, kept.number + 1
        self._is_dirty = True

    def _give_up(self, kept: Kept) -> int:
        """Move the head beyond a pack; return how many samples were given up by that."""
        gone = 0
        if kept.number not in self._done and not kept.is_done:
            gone = kept.samples
            self.counts.waiting -= gone
            self.counts.waiting_packs -= 1
        self._done.discard(kept.number)
        self._step_head(kept)
        return gone

    def _room(self, size: int) -> int:
        """Return where a pack of a size goes; makes room by giving the oldest up."""
        at = self._fit(size, self._safe_head)
        if at is not None:
            return at
        if self._fit(size, self._head) is None:
            goal, gone = max(size, self._capacity // _STEP), 0
            while (kept := self._first()) is not None:
                self.counts.full += self._give_up(kept)
                gone += kept.size
                if gone >= goal and self._fit(size, self._head) is not None:
                    break
        self._is_dirty = True
        committed = self.commit()
        self.flush()
        self.synced(committed)
        at = self._fit(size, self._head)
        if at is None:
            raise StoreFault("The edge's file has no room.", where=str(self.path), remedy="Report this.")
        return at

    def _fit(self, size: int, head: int) -> int | None:
        """Return where `size` bytes fit, with everything from `head` on in use; None when they do not."""
        if self._head_number == self._next and head == self._head:
            # Nothing waits: all of it is free. The head goes where the next pack goes.
            at = self._tail if self._tail + size <= self._capacity else 0
            if at != self._head:  # found there all the same: the block names the number, too
                self._head = self._safe_head = at
                self._safe_generation = self._generation
            return at
        if self._tail > head:
            if self._tail + size <= self._capacity:
                return self._tail
            return 0 if size < head else None
        return self._tail if self._tail + size < head else None

    def _fault(self, what: str, error: OSError) -> StoreFault:
        return StoreFault(
            f"The edge's file {what}: {error.strerror}.",
            where=str(self.path),
            remedy="Check the folder's permissions and free space; forward.store_mb says how much it takes.",
        )


def _size(length: int) -> int:
    """Return what a pack with a payload of a length takes."""
    return -(-(_PACK.size + length) // _ALIGN) * _ALIGN
