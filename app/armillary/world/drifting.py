"""The drift of a LIVE world: judged once a minute and when a desk asks; refusals are the project's.

One thread, the loop's. The samples of each tick go into counters; everything else waits for a judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from armillary.model.account import LoggedIn
from armillary.model.arrays import I8, U2
from armillary.model.clock import NS, Clock
from armillary.model.drift import AcceptDefinition, AskDrift, DriftItem, DriftReport, Refusal, RefuseDrift
from armillary.model.fault import Fault, FaultRecord, ProjectFault, record
from armillary.model.link import BrowseItem, LinkState, LinkStatus, SubscriptionPlan, Survey
from armillary.model.payload import Undecodable
from armillary.model.quality import NEVER
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec
from armillary.project import drift as decided
from armillary.project.record import Project
from armillary.telemetry.payload import document, parsed_number
from armillary.telemetry.tap import Tap, Tapped
from armillary.twin.drift import Drift, Heard, definition
from armillary.twin.drift_new import NewFields
from armillary.world.surveying import Surveying
from armillary.world.typed import modelled_of

SOON_NS = NS  # asked for now: no more often than this
MOST_DOCUMENTS = 1_000  # of one judgement
_UP = (LinkState.UP, LinkState.DEGRADED)
Described = Callable[[], Mapping[str, Mapping[str, BrowseItem]]]
Surveys = Callable[[], Mapping[str, Survey]]
Tell = Callable[[FaultRecord, str], None]


class Drifting:
    """Keeps the report of a world up to date."""

    def __init__(
        self,
        project: Project,
        plans: Sequence[SubscriptionPlan],
        taps: Sequence[Tap],
        *,
        described: Described,
        tell: Tell,
        clock: Clock,
        surveys: Surveys = dict,
    ) -> None:
        """described: what sources learnt of their nodes; tell: makes an event of a fault.

        surveys: what sources found out about their servers' nodes, by link.
        """
        self._project, self._taps, self._clock = project, taps, clock
        self._described, self._tell = described, tell
        own = {route.slot for plan in plans for route in plan.routes}
        self._specs = [spec for spec in project.specs if spec.slot in own]
        self._slots: I8 = np.array(sorted(own), np.int64)
        self._of_link: dict[str, list[TagSpec]] = {}
        for spec in self._specs:
            self._of_link.setdefault(spec.link, []).append(spec)
        self._drift = Drift(self._specs, missing_s=project.drifting.missing_s, model=modelled_of(project))
        self._new = NewFields({plan.link.name: plan.routes for plan in plans}, project.specs)
        self._nodes = Surveying(project.private, self._specs, surveys, tell)
        self._up: dict[str, int] = {}
        self._every_ns = int(project.drifting.every_s * NS)
        self._judged_mono_ns = clock.now_mono_ns()  # the first judgement is a while after the start
        self._report = DriftReport()
        self._found: tuple[DriftItem, ...] = ()
        self._known_types = decided.definitions(project.private)
        self._types_version = 0
        self._refused: dict[str, Refusal] = {}
        try:
            self._refused = {r.key: r for r in decided.refusals(project.folder)}
        except Fault as fault:
            tell(record(fault), "error")

    # ------------------------------------------------------------ what a world tells

    def see(self, samples: SampleBatch, learnt: Sequence[tuple[int, int, int]] = ()) -> None:
        """Take the samples of a tick, and (slot, expected, usual, in ms) of what tags taught."""
        self._drift.see(samples)
        for slot, _, usual_ms in learnt:
            self._drift.learnt(slot, usual_ms / 1000)

    def look(self, statuses: Sequence[LinkStatus], quality: U2) -> None:
        """Note which links are up, and judge when it is time. Called about once a second."""
        now = self._clock.now_mono_ns()
        ups = {s.name for s in statuses if s.state in _UP}
        self._up = {name: self._up.get(name, now) for name in ups}
        if now - self._judged_mono_ns >= self._every_ns:
            self.judge(quality)

    def judge(self, quality: U2) -> None:
        """Compare everything now."""
        now_ns, now_mono = self._clock.now_ns(), self._clock.now_mono_ns()
        self._judged_mono_ns = now_mono
        for tap in self._taps:
            for one in tap.take()[:MOST_DOCUMENTS]:
                self._read(one)
        described = self._described()
        self._remember(described)
        heard = Heard(
            now_ns=now_ns,
            now_mono_ns=now_mono,
            up=self._up,
            never=self._slots[(quality[self._slots] & 0xFF) == NEVER],
            described=described,
            types=self._known_types,
            types_version=self._types_version,
            more=(*self._new.items(), *self._nodes.items()),
        )
        self._found = self._drift.judge(heard)
        self._publish(now_ns, self._report.rounds + 1)

    def _publish(self, now_ns: int, rounds: int) -> None:
        self._report = DriftReport(
            items=tuple(item for item in self._found if item.key not in self._refused),
            refused=tuple(self._refused.values()),
            judged_ns=now_ns,
            rounds=rounds,
            topics=sum(tap.strangers for tap in self._taps),
            left_out=self._drift.left_out
            + self._new.left_out
            + self._nodes.left_out
            + sum(tap.left_out for tap in self._taps),
        )

    def _read(self, one: Tapped) -> None:
        """Take what one message holds; what is no text or JSON tells nothing of fields."""
        try:
            found = document(one.payload)
        except Undecodable:
            found = _bare(one.payload)
        if found is not None:
            self._new.take(one.link, one.channel, found, stranger=one.stranger)

    def _remember(self, described: Mapping[str, Mapping[str, BrowseItem]]) -> None:
        """Note what servers say their nodes are, once: a later word that differs is drift."""
        fresh = {
            spec.name: said
            for link, items in described.items()
            for spec in (self._of_link.get(link, ()) if items else ())
            if spec.name not in self._known_types
            and (item := items.get(spec.address)) is not None
            and (said := definition(item))
        }
        if fresh:
            self._known_types |= fresh
            self._types_version += 1
            self._save_types()

    def _save_types(self) -> None:
        own = {spec.name for spec in self._specs}
        known = {name: said for name, said in self._known_types.items() if name in own}
        private = self._project.private
        try:  # the worlds of other areas write the same file
            decided.save_definitions(private, decided.definitions(private) | known)
        except OSError as error:
            what = f"The definitions of the servers' nodes cannot be written down: {error.strerror}."
            where, remedy = str(private), "Free space, or set its rights."
            self._tell(FaultRecord(kind="ProjectFault", what=what, where=where, remedy=remedy), "warning")

    # ------------------------------------------------------------ what desks ask

    def answer(self, wish: AskDrift, quality: U2) -> DriftReport:
        """Return the report; one that is asked for now is judged anew, at most once a second."""
        if wish.now and self._clock.now_mono_ns() - self._judged_mono_ns >= SOON_NS:
            self.judge(quality)
        return self._report

    def refuse(self, wish: RefuseDrift, who: LoggedIn) -> Refusal:
        """Keep or take back a refusal, in drift.json. Raises ProjectFault, then nothing changes."""
        what = next((item.what for item in self._found if item.key == wish.key), "")
        # the worlds of other areas write the same file
        self._refused = {r.key: r for r in decided.refusals(self._project.folder)}
        refusal = Refusal(key=wish.key, by=who.user, at_ns=self._clock.now_ns(), why=wish.why, what=what)
        if not what and wish.key not in self._refused:
            raise ProjectFault(
                "This difference is not there any more.", where=wish.key, remedy="Look at the list again."
            )
        refused = {key: one for key, one in self._refused.items() if key != wish.key}
        if not wish.back:
            refused[wish.key] = refusal
        try:
            decided.save(self._project.folder, refused.values())
        except OSError as error:
            where = str(self._project.folder / decided.FILE)
            raise ProjectFault(
                f"The refusal cannot be written down: {error.strerror}.",
                where=where,
                remedy="Free space, or set its rights.",
            ) from error
        self._refused = refused
        self._publish(self._report.judged_ns, self._report.rounds)
        return refusal

    def accept_definition(self, wish: AcceptDefinition) -> None:
        """Take what a server says of a tag now as what is known."""
        for item in self._found:
            if item.code == "D10" and item.tag == wish.tag:
                self._known_types[wish.tag] = item.plant
        self._found = tuple(i for i in self._found if not (i.code == "D10" and i.tag == wish.tag))
        self._types_version += 1
        self._save_types()
        self._publish(self._report.judged_ns, self._report.rounds)


def _bare(payload: bytes) -> object:
    """Return a number or a short text that a payload is, None for what is neither."""
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        return None
    if not text or not text.isprintable():
        return None
    number = parsed_number(text)
    return number if number is not None else text[:200]
