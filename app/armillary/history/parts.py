"""What a store consists of: sealed segments, and hot tables that are still written or wait to be sealed.

A segment holds samples of one UTC day, sorted by time slice, then tag, then time, in one Parquet file, and
their roll-ups by minute in another. Segments may overlap in time (late samples); what is asked for is read
from all of them together. Both files are never changed: a segment is replaced by another with a new number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from armillary.model.arrays import U4
from armillary.model.clock import NS

DAY_NS = 86_400 * NS
MINUTE_NS = 60 * NS
MIN_NS = -(2**62)  # before every sample
LITERALS = 64  # so many ids are written into the question: their row groups are found by them
# What is fetched: the library would give each missing text as a mask, which is lost when arrays are joined.
COLUMNS = (
    "id, t, value, lag, quality, flags, status, word, coalesce(text, '') AS text, text IS NOT NULL AS has"
)
HOT = 1_000_000  # `part` of the first hot table: what is hot came after all that is sealed
# Times back from a moment, each step read once: most tags are found in the first.
BACK_NS = (120 * NS, 3_600 * NS, DAY_NS, 16 * DAY_NS, 64 * DAY_NS, 256 * DAY_NS, 2**62)
NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.(\d+)\.(samples|minutes)\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One sealed part. `raw`, `minutes`: which of its files are there (retention takes them one by one)."""

    seq: int
    day_ns: int
    first_ns: int
    last_ns: int
    rows: int
    raw: bool = True
    minutes: bool = True
    crc: int = 0  # of each file's bytes, CRC-32
    minutes_crc: int = 0

    @property
    def day(self) -> str:
        """Its day as people write it."""
        return datetime.fromtimestamp(self.day_ns // NS, UTC).strftime("%Y-%m-%d")

    @property
    def samples_name(self) -> str:
        """The name of the file of its samples."""
        return f"{self.day}.{self.seq:06}.samples.parquet"

    @property
    def minutes_name(self) -> str:
        """The name of the file of its minutes."""
        return f"{self.day}.{self.seq:06}.minutes.parquet"

    @property
    def names(self) -> tuple[str, ...]:
        """The files that are there."""
        return tuple(
            name
            for name, there in ((self.samples_name, self.raw), (self.minutes_name, self.minutes))
            if there
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """A table of samples in the order in which they came. What is before `floor_ns` in it is sealed."""

    table: str
    floor_ns: int = MIN_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All parts as they are at one moment; never changed, replaced as a whole."""

    folder: Path
    segments: tuple[Segment, ...] = ()  # in the order of their numbers: of equal times the later counts
    hots: tuple[Hot, ...] = ()  # in the order of time; the last one is written
    rolled: bool = True  # there are tables of hours and days; an old file that is only read has none

    @property
    def rows(self) -> int:
        """Samples that are sealed."""
        return sum(segment.rows for segment in self.segments if segment.raw)

    def within(self, from_ns: int, to_ns: int) -> tuple[Segment, ...]:
        """Return the segments that have something from ≤ t < to."""
        return tuple(s for s in self.segments if s.first_ns < to_ns and s.last_ns >= from_ns)

    def samples(self, from_ns: int, to_ns: int) -> str:
        """Return what to read the samples of a span from: all columns, and (part, row), their order.

        The caller still says the span in its own words.
        """
        names = [s.samples_name for s in self.within(from_ns, to_ns) if s.raw]
        parts = [
            f"SELECT id, t, value, lag, quality, flags, status, word, NULL::VARCHAR AS text, "  # noqa: S608
            f"{HOT + i} AS part, rowid AS row FROM {hot.table} WHERE t >= {hot.floor_ns}"
            for i, hot in enumerate(self.hots)
        ]
        if names:
            parts.append(
                "SELECT id, t, value, lag, quality, flags, status, 0::UINTEGER AS word, text, "  # noqa: S608
                f"file_index AS part, file_row_number AS row FROM {self.files(names)}"
            )
        if not parts:
            parts = [_NOTHING]
        return "(" + " UNION ALL ".join(parts) + ")"

    def files(self, names: list[str]) -> str:
        """Return some of the segments' files as a table."""
        listed = ", ".join(quoted(self.folder / name) for name in names)
        return f"read_parquet([{listed}])"

    def next_ns(self, at_ns: int) -> int | None:
        """Return from when on something sealed may be at or after a time, None for never."""
        starts = [max(s.first_ns, at_ns) for s in self.segments if s.raw and s.last_ns >= at_ns]
        return min(starts, default=None)

    @staticmethod
    def back(end_ns: int, t_ns: int, floor_ns: int) -> Iterator[tuple[int, int]]:
        """Yield spans from ≤ t < to that lead from `end_ns` back to `floor_ns`, longer and longer."""
        for back in BACK_NS:
            begin = max(t_ns - back, floor_ns)
            yield begin, end_ns
            if begin <= floor_ns:
                return
            end_ns = begin


_NOTHING = (
    "SELECT 0::UINTEGER AS id, 0::BIGINT AS t, 0.0::DOUBLE AS value, 0::BIGINT AS lag, "
    "0::USMALLINT AS quality, 0::UTINYINT AS flags, 0::UINTEGER AS status, 0::UINTEGER AS word, "
    "NULL::VARCHAR AS text, 0 AS part, 0::BIGINT AS row WHERE false"
)


def quoted(path: Path) -> str:
    """Return a file's path for SQL; what would be a pattern in it is taken literally."""
    text = str(path).replace("'", "''")
    return "'" + re.sub(r"([*?\[\]])", r"[\1]", text) + "'"


def among(ids: U4 | list[int]) -> str:
    """Return the condition that a row is of some ids."""
    listed = ids if isinstance(ids, list) else ids.tolist()
    if not listed:
        return "false"
    text = ", ".join(map(str, listed))
    if len(listed) <= LITERALS:
        return f"id IN ({text})"
    # one text, which is read as a list when it is carried out: a thousand numbers would be parsed one by one
    return f"id IN (SELECT unnest('[{text}]'::UINTEGER[]))"
