"""Reads an audit back and says whether its chain holds, and where and how it was broken first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson

from armillary.model.fault import Fault
from armillary.security.audit import GENESIS, LINE_LIMIT, PATTERN, files, parts, seal

KINDS = ("changed", "removed", "inserted", "reordered", "truncated", "fork", "clock went back")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with an audit. `seq` is the first record that cannot be trusted any more."""

    seq: int
    kind: str  # of KINDS
    where: str  # file:line
    text: str

    @property
    def is_break(self) -> bool:
        """False for a clock that went back: odd, and worth a look, but the chain holds."""
        return self.kind != "clock went back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `verify` found; records after the first break are not counted."""

    count: int
    last_seq: int
    head: str
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return not any(f.is_break for f in self.findings)


@dataclass(frozen=True, slots=True)
class _Line:
    file: str
    number: int
    raw: bytes

    @property
    def where(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class _Link:
    """A record that agrees with its own hash."""

    seq: int
    t: str
    prev: str
    digest: str


def verify(folder: Path, anchor: str = "", pattern: str = PATTERN, *, grows: bool = False) -> Verdict:
    """Walk the chain in constant memory up to its first break.

    `anchor` is a head noted elsewhere: an audit that does not hold it any more was truncated (or replaced).
    `pattern`: of the files of one chain; alarm journals have their own. `grows`: a last line without its end
    is being written just now, and is no break.
    Raises Fault when the folder cannot be read.
    """
    if not folder.is_dir():
        raise Fault(
            "There is no audit here.", where=str(folder), remedy="Name the project's folder, or run it once."
        )
    head, seq, latest, anchored = GENESIS, 0, "", not anchor
    findings: list[Finding] = []
    try:
        for index, line in enumerate(_lines(folder, pattern)):
            link = _link(line.raw)
            if link is None and grows and not line.raw.endswith(b"\n"):
                continue  # where more follow, these no longer chain
            if link is None or link.prev != head or link.seq != seq + 1:
                findings.append(_break(folder, pattern, index, line, link, seq + 1, head))
                return Verdict(count=seq, last_seq=seq, head=head, findings=tuple(findings))
            if link.t < latest:
                text = f"Record {link.seq} is dated {link.t}, the one before {latest}."
                findings.append(Finding(seq=link.seq, kind="clock went back", where=line.where, text=text))
            head, seq, latest = link.digest, link.seq, link.t
            anchored = anchored or head == anchor
    except OSError as error:
        raise Fault(
            f"The audit cannot be read ({error.strerror}).",
            where=str(folder),
            remedy="Give yourself the right to read it.",
        ) from error
    if not anchored:
        text = f"The audit ends at record {seq} and does not hold the head that was noted."
        findings.append(Finding(seq=seq + 1, kind="truncated", where=str(folder), text=text))
    return Verdict(count=seq, last_seq=seq, head=head, findings=tuple(findings))


def _break(
    folder: Path, pattern: str, index: int, line: _Line, link: _Link | None, due: int, head: str
) -> Finding:
    """Name the first break: `due` is the sequence number that should stand here, after `head`."""
    if not line.raw.endswith(b"\n") and link is None:
        kind, text = "truncated", f"The last record, {due}, is cut off."
        return Finding(seq=due, kind=kind, where=line.where, text=text)
    if link is None:
        # a garbled line in place of `due`, or one put between two records that still chain?
        found = _finds(folder, pattern, index, due, head)
        kind = "inserted" if found else "changed"
        text = (
            f"Record {due} does not match its hash." if kind == "changed" else "A foreign line stands here."
        )
        return Finding(seq=due, kind=kind, where=line.where, text=text)
    if link.prev == head:
        kind, text = "changed", f"Record {due} says it is number {link.seq}."
    elif _finds(folder, pattern, index, due, head):
        kind = "reordered" if link.seq > due else "inserted"
        text = f"Record {link.seq} stands where {due} belongs."
    elif link.seq > due:
        kind, text = "removed", f"Records {due} to {link.seq - 1} are missing."
    elif link.seq == due:
        kind, text = "fork", f"Record {due} goes on from another chain."
    else:
        kind, text = "inserted", f"Record {link.seq} stands here again."
    return Finding(seq=due, kind=kind, where=line.where, text=text)


def _finds(folder: Path, pattern: str, index: int, seq: int, prev: str) -> bool:
    """Return True when the record that is due comes later than line `index`."""
    later = islice(_lines(folder, pattern), index + 1, None)
    links = (_link(line.raw) for line in later)
    return any(link is not None and link.seq == seq and link.prev == prev for link in links)


def _lines(folder: Path, pattern: str) -> Iterator[_Line]:
    for path in files(folder, pattern):
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(LINE_LIMIT):
                number += 1
                yield _Line(path.name, number, raw)


def _link(raw: bytes) -> _Link | None:
    cut = parts(raw.removesuffix(b"\n")) if raw.endswith(b"\n") else None
    if cut is None:
        return None
    body, digest = cut
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict):
        return None
    seq, t, prev = record.get("seq"), record.get("t"), record.get("prev")
    if not (isinstance(seq, int) and isinstance(t, str) and isinstance(prev, str)):
        return None
    if seal(body, prev) != digest:
        return None
    return _Link(seq, t, prev, digest)
