"""What a LIVE world takes in: its inbox, decoding, ages, intervals; and what there is to tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from armillary.extend.decoders import made as made_decoders
from armillary.extend.registry import Registry
from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.link import BrowseItem, Quarantined
from armillary.project import nodes
from armillary.project.record import Project
from armillary.telemetry.frozen import Frozen
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.intervals import Intervals
from armillary.telemetry.plan import plans
from armillary.telemetry.refusals import Refusals
from armillary.telemetry.timeless import timed
from armillary.telemetry.watch import Watch
from armillary.world.complaints import Complaints
from armillary.world.learning import Learning
from armillary.world.links_supply import LinksSupply
from armillary.world.newcomers import Newcomers
from armillary.world.part import Part

TOLD_KEPT = 500  # kinds of undecodable messages told as events; the counters go on
_DAY_S = 86_400


class Reception:
    """`supply` belongs to the tick thread, the rest to the loop's; they share the inbox."""

    def __init__(
        self,
        project: Project,
        part: Part,
        registry: Registry,
        *,
        lost: Callable[[U4], None],
        refused: Callable[[], Mapping[str, Mapping[str, str]]],
    ) -> None:
        """`lost`: the alarms that hear of readings given up; `refused`: by link, what its server refuses."""
        specs = project.specs
        paths = nodes.paths_of(project.private, part.specs)
        self.plans = plans(part.links, part.specs, part.topics, paths)
        self.inbox = Inbox([plan.link.name for plan in self.plans])
        decoders, self.problems = made_decoders(registry, project.decoders, project.folder)
        retention_ns = project.historian.retention_days * _DAY_S * NS
        self.intake = Intake(self.plans, specs, self.inbox, decoders, retention_ns=retention_ns)
        self._watch = Watch(specs, [plan.link for plan in self.plans], self.intake.hearts)
        self._newcomers = Newcomers(project, self.intake)
        self._learning = Learning(specs, project.private)
        self._complaints = Complaints(specs, lost)
        self._told: set[tuple[str, str, str]] = set()
        self.supply = LinksSupply(
            self.inbox,
            self.intake,
            self._watch,
            frozen=Frozen(specs),
            intervals=Intervals(specs),
            learning=self._learning,
            lost=self._complaints.lost,
            refused=refused,
            refusals=Refusals(self.plans),
            has_time=timed(self.plans, len(specs)),
        )

    def take_errors(self) -> list[FaultRecord]:
        """Return what is new of payloads that could not be decoded, once for each channel and reason."""
        return [_unreadable(q) for q in self.intake.quarantine() if self._is_new(q)]

    def _is_new(self, q: Quarantined) -> bool:
        kind = (q.link, q.channel, q.reason)
        if kind in self._told or len(self._told) >= TOLD_KEPT:
            return False
        self._told.add(kind)
        return True

    def take_warnings(self, why: Mapping[int, str], now_mono_ns: int) -> list[FaultRecord]:
        """Return what else is new: newcomers, conflicts, gaps, tags that never came. why: slot → words."""
        newcomer = self._newcomers.note()
        complaints = self._complaints.take(why, now_mono_ns)
        return [*([newcomer] if newcomer is not None else ()), *complaints, *self._watch.take_unseen()]

    def learn(self, now_mono_ns: int) -> tuple[tuple[tuple[int, int, int], ...], list[FaultRecord]]:
        """Return what tags have taught of their intervals since the last tick, and what to tell of it.

        It is written down now and then.
        """
        learnt = self._learning.take()
        irregular = self._learning.irregular([slot for slot, _, _ in learnt])
        news = (irregular, self._learning.save(now_mono_ns))
        return learnt, [fault for fault in news if fault is not None]

    def quarantine(self, link: str) -> tuple[Quarantined, ...]:
        """Return the newest unreadable payloads of a link, or of all."""
        return tuple(q for q in self.intake.quarantine() if link in ("", q.link))

    def browse(self, link: str, under: str, limit: int) -> tuple[BrowseItem, ...] | None:
        """Return what devices told of themselves in place of what a server lists; None: ask the server."""
        return self.intake.browse(link, under, limit)

    def close(self, now_mono_ns: int) -> None:
        """Write down what was learnt and is not yet on disk."""
        self._learning.take()
        self._learning.save(now_mono_ns, ending=True)


def _unreadable(q: Quarantined) -> FaultRecord:
    start = q.head[:40].decode("utf-8", "replace")
    return FaultRecord(
        kind="LinkFault",
        what=f"A message on {q.channel} could not be read: {q.reason} (byte {q.offset}: {start!r}).",
        where=q.link,
        remedy="Correct the sender, or the tag's decoder and path; its tags are bad until then.",
    )
