"""What tags have taught of their intervals: handed from the tick to the desks, and written down."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from armillary.model.clock import MS_NS, NS
from armillary.model.fault import FaultRecord
from armillary.model.tags import TagSpec, is_irregular
from armillary.project import learnt
from armillary.project.folder import write_atomic
from armillary.project.learnt import Entry
from armillary.telemetry.intervals import Learnt

EVERY_NS = 30 * NS  # how often the file is written while tags learn
SHOWN = 3


class Learning:
    """The tick thread puts, the loop thread does the rest."""

    def __init__(self, specs: Sequence[TagSpec], private: Path) -> None:
        self._specs, self._private = specs, private
        self._came: deque[Learnt] = deque()  # appending and taking from the other end need no lock
        self._entries = learnt.read(private)
        self._unsaved = False
        self._saved_mono_ns = 0

    def put(self, news: Learnt) -> None:
        """Take what the tick has found."""
        self._came.append(news)

    def take(self) -> tuple[tuple[int, int, int], ...]:
        """Return (slot, expected interval, usual one, in ms) of what was learnt since the last call."""
        out: list[tuple[int, int, int]] = []
        while self._came:
            news = self._came.popleft()
            rows = zip(news.slot.tolist(), news.expected_ns.tolist(), news.usual_ns.tolist(), strict=True)
            for slot, expected_ns, usual_ns in rows:
                spec = self._specs[slot]
                self._entries[spec.name] = Entry(
                    address=learnt.address_of(spec),
                    expected_s=round(expected_ns / NS, 4),
                    usual_s=round(usual_ns / NS, 4),
                )
                out.append((slot, max(round(expected_ns / MS_NS), 1), max(round(usual_ns / MS_NS), 1)))
        self._unsaved |= bool(out)
        return tuple(out)

    def irregular(self, slots: Sequence[int]) -> FaultRecord | None:
        """Return what to tell of tags just learnt whose silence means little, None where there are none."""
        specs = [self._specs[slot] for slot in slots]
        found = [s for s in specs if _is_irregular(self._entries[s.name])]
        if not found:
            return None
        named = ", ".join(
            f"{s.name} (often {self._entries[s.name].usual_s:.3g} s, at times "
            f"{self._entries[s.name].expected_s:.3g} s)"
            for s in found[:SHOWN]
        )
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return FaultRecord(
            kind="ProjectFault",
            what=f"Arrivals of {len(found)} tags are irregular: {named}{more}.",
            where=found[0].origin or found[0].name,
            remedy="If they come only when they change, let them live by their device or link (liveness).",
        )

    def save(self, now_mono_ns: int, *, ending: bool = False) -> FaultRecord | None:
        """Write the file when it is due; return what keeps it from being written."""
        due = self._unsaved and (ending or now_mono_ns - self._saved_mono_ns >= EVERY_NS)
        if not due:
            return None
        self._unsaved, self._saved_mono_ns = False, now_mono_ns
        try:
            self._private.mkdir(exist_ok=True)
            # worlds of other areas write what their tags have taught into the same file
            known = {**learnt.read(self._private), **self._entries}
            write_atomic(self._private / learnt.FILE, learnt.text(known))
        except OSError as error:
            return FaultRecord(
                kind="ProjectFault",
                what=f"Learnt intervals cannot be written down: {error.strerror}.",
                where=str(self._private / learnt.FILE),
                remedy="Free space, or set its rights; else tags learn anew at the next start.",
            )
        return None


def _is_irregular(entry: Entry) -> bool:
    return is_irregular(round(entry.expected_s * 1000), round(entry.usual_s * 1000))
