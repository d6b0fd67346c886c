"""Every sample of the pens in a range as Parquet, CSV or MCAP: fetched in pieces, written whole or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from armillary.history.exchange import Rows, Stage
from armillary.history.exchange_write import About, form_of, write
from armillary.model.fault import Fault, FaultRecord, StoreFault
from armillary.model.message import AskSpan, Samples
from armillary.model.sample import SampleBatch
from armillary.session.workspace import Workspace

PIECE = 200_000  # samples asked for at a time
MOST = 5_000_000  # samples held until they are written: more is a job for `armillary history export`
LIMIT_S = 60.0
Done = Callable[[str, Fault | None], None]


class Fetch:
    """Asks for all samples of some pens, one question at a time; `done` gets them, or why not."""

    def __init__(
        self, at: Workspace, range_ns: tuple[int, int], done: Callable[[list[SampleBatch] | Fault], None]
    ) -> None:
        self._at, self._done = at, done
        self._from_ns, self._to_ns = range_ns[0], range_ns[1] + 1
        timeline = at.timeline
        self.ids = {timeline.id_of(slot): slot for slot in timeline.slots if timeline.id_of(slot)}
        self._got: list[SampleBatch] = []

    def begin(self) -> None:
        """Ask for the first piece. Raises Fault when none of the pens is recorded."""
        if not self.ids:
            raise StoreFault("None of these pens is recorded.", where="trends", remedy="Choose other pens.")
        self._ask(self._from_ns)

    def _ask(self, from_ns: int) -> None:
        ids = np.array(sorted(self.ids), np.uint32)
        question = AskSpan(ids=ids, from_ns=from_ns, to_ns=self._to_ns, limit=PIECE)
        self._at.trends.ask(question, self._take, LIMIT_S)

    def _take(self, answer: object) -> None:
        if not isinstance(answer, Samples):
            self._done(_fault_of(answer))
            return
        if len(answer.batch):
            self._got.append(answer.batch)
        if sum(len(batch) for batch in self._got) > MOST:
            self._done(
                StoreFault(
                    f"The range holds more than {MOST:,} samples.",
                    where="trends",
                    remedy="Zoom in, or use 'armillary history export'.",
                )
            )
        elif answer.to_ns < self._to_ns and answer.to_ns > self._from_ns:
            self._from_ns = answer.to_ns
            self._ask(answer.to_ns)
        else:
            self._done(self._got)


def _fault_of(answer: object) -> Fault:
    if isinstance(answer, FaultRecord):
        return StoreFault(answer.what, where=answer.where, remedy=answer.remedy)
    return StoreFault("The recorder answered something else.", where="trends", remedy="Try again.")


def write_samples(at: Workspace, path: Path, range_ns: tuple[int, int], done: Done) -> None:
    """Write the samples of the pens shown; `done` gets what to say, or a Fault. Raises Fault at once."""
    form = form_of(path)
    about = About(project=at.title)
    named = {
        at.timeline.id_of(slot): (at.specs[slot].name, at.specs[slot].unit) for slot in at.timeline.slots
    }

    def fetched(got: list[SampleBatch] | Fault) -> None:
        if isinstance(got, Fault):
            done("", got)
        else:
            at.work(lambda: write_batches(path, form, about, named, got), written)

    def written(answer: object) -> None:
        if isinstance(answer, int):
            done(f"Saved {answer:,} samples in {path}.", None)
        else:
            done("", _fault_of(answer))

    Fetch(at, range_ns, fetched).begin()


def write_batches(
    path: Path, form: str, about: About, named: dict[int, tuple[str, str]], got: list[SampleBatch]
) -> int:
    """Write samples as one file; `named`: the recorder's number → name and unit. Raises StoreFault."""
    ids = sorted(number for number in named if number)
    with Stage() as stage:
        own = stage.enter([named[i][0] for i in ids], [named[i][1] for i in ids])
        for batch in got:
            stage.add(
                Rows(
                    signal=own[np.searchsorted(ids, batch.slot)],
                    t_ns=batch.source_ns,
                    arrival_ns=batch.arrival_ns,
                    value=batch.value,
                    quality=batch.quality,
                    status=batch.status,
                    text=dict(batch.text),
                )
            )
        return write(stage, path, form, about)
