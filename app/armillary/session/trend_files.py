"""Every sample of the pens in a range, as a file: fetched piece by piece, written whole or not at all."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from armillary.model.arrays import I8
from armillary.model.fault import Fault, FaultRecord, StoreFault
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.session.trend_table import guarded
from armillary.session.workspace import Workspace

PIECE = 250_000  # samples asked for at a time
WIDTH = 4_000
MOST = 20_000_000  # samples in memory at a time: more is a job for `armillary history export`
LIMIT_S = 60.0
HEAD = ("signal", "t_src", "t_arr", "v", "s", "q", "raw", "unit")
Done = Callable[[str, Fault | None], None]


def pieces(series: Series, from_ns: int, to_ns: int, most: int) -> list[tuple[int, int]]:
    """Return ranges that have at most about `most` samples each, after the counts of a series' buckets."""
    if not len(series.count):
        return [(from_ns, to_ns)]
    before = np.cumsum(series.count) - series.count
    number = before // max(most, 1)
    cuts = series.t_ns[np.flatnonzero(np.diff(number)) + 1]
    edges: I8 = np.concatenate([[from_ns], cuts, [to_ns]]).astype(np.int64)
    return [(a, b) for a, b in pairwise(edges.tolist()) if b > a]


class Fetch:
    """Asks for all samples of some pens, one question at a time; `done` gets them, or why not."""

    def __init__(
        self,
        at: Workspace,
        range_ns: tuple[int, int],
        done: Callable[[list[tuple[int, list[Series]]] | Fault], None],
    ) -> None:
        self._at, self._done = at, done
        self._from_ns, self._to_ns = range_ns
        timeline = at.timeline
        self._slots = [slot for slot in timeline.slots if timeline.id_of(slot)]
        self._got: list[tuple[int, list[Series]]] = [(slot, []) for slot in self._slots]
        self._todo: list[tuple[int, int, int]] = []  # (row, from, to)
        self._total = 0

    def begin(self) -> None:
        """Ask how many there are. Raises Fault when none of the pens is recorded."""
        if not self._slots:
            raise StoreFault("None of these pens is recorded.", where="trends", remedy="Choose other pens.")
        ids = tuple(self._at.timeline.id_of(slot) for slot in self._slots)
        query = SeriesQuery(ids=ids, from_ns=self._from_ns, to_ns=self._to_ns + 1, width=WIDTH)
        self._at.trends.ask(query, self._counted, LIMIT_S)

    def _counted(self, answer: object) -> None:
        if not isinstance(answer, SeriesAnswer):
            self._done(_fault_of(answer))
            return
        self._total = sum(int(s.count.sum()) for s in answer.series)
        if self._total > MOST:
            self._done(
                StoreFault(
                    f"The range holds {self._total:,} samples, more than a desk writes.",
                    where="trends",
                    remedy="Zoom in, or use 'armillary history export'.",
                )
            )
            return
        for row, series in enumerate(answer.series):
            spans = pieces(series, self._from_ns, self._to_ns + 1, PIECE)
            self._todo += [(row, *span) for span in spans if len(series.t_ns)]
        self._next()

    def _next(self) -> None:
        if not self._todo:
            self._done(self._got)
            return
        row, begin, end = self._todo.pop(0)
        number = self._at.timeline.id_of(self._slots[row])
        query = SeriesQuery(ids=(number,), from_ns=begin, to_ns=end, width=WIDTH, agg="raw")
        self._at.trends.ask(query, lambda answer: self._take(row, answer), LIMIT_S)

    def _take(self, row: int, answer: object) -> None:
        if not isinstance(answer, SeriesAnswer):
            self._done(_fault_of(answer))
            return
        self._got[row][1].append(answer.series[0])
        self._next()


def _fault_of(answer: object) -> Fault:
    if isinstance(answer, FaultRecord):
        return StoreFault(answer.what, where=answer.where, remedy=answer.remedy)
    return StoreFault("The recorder answered something else.", where="trends", remedy="Try again.")


def write_samples(at: Workspace, path: Path, range_ns: tuple[int, int], done: Done) -> None:
    """Write the samples of the pens shown; `done` gets what to say, or a Fault. Raises Fault at once."""
    specs = at.specs

    def fetched(got: list[tuple[int, list[Series]]] | Fault) -> None:
        if isinstance(got, Fault):
            done("", got)
            return
        rows = [(specs[slot].name, specs[slot].unit, parts) for slot, parts in got]
        at.work(lambda: write_long(path, rows), written)

    def written(answer: object) -> None:
        if isinstance(answer, int):
            done(f"Saved {answer:,} samples in {path}.", None)
        else:
            done("", _fault_of(answer))

    if path.suffix.lower() != ".csv":
        raise StoreFault(f"A file '{path.suffix}' is not written.", where=str(path), remedy="Name it .csv.")
    Fetch(at, range_ns, fetched).begin()


def write_long(path: Path, pens: list[tuple[str, str, list[Series]]]) -> int:
    """Write the long form of formats 8.1 as CSV, by signal and time; return the samples.

    Raises StoreFault.
    """
    count = 0
    try:
        handle, held = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _cannot(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(HEAD)
            for name, unit, parts in sorted(pens, key=lambda pen: pen[0]):
                safe, safe_unit = guarded(name), guarded(unit)
                for series in parts:
                    times = np.datetime_as_string(series.t_ns.astype("datetime64[ns]")).tolist()
                    values, words = series.mean.tolist(), series.quality.tolist()
                    writer.writerows(
                        (safe, f"{t}Z", "", v if v == v else "", "", q, "", safe_unit)
                        for t, v, q in zip(times, values, words, strict=True)
                    )
                    count += len(times)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(held, 0o644)
        os.replace(held, path)
    except OSError as error:
        Path(held).unlink(missing_ok=True)
        raise _cannot(path, error) from error
    return count


def _cannot(path: Path, error: OSError) -> StoreFault:
    return StoreFault(
        f"The samples could not be written: {error.strerror or error}.",
        where=str(path),
        remedy="Choose a folder that can be written and has room.",
    )
