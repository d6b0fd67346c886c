"""Which area a request belongs to, and how the answers of several worlds become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from armillary.model.account import Login, Logout
from armillary.model.alarm import AlarmAct, AlarmActed
from armillary.model.control import Approve, AskState, Kill, StateAnswer
from armillary.model.drift import LEVELS, AcceptDefinition, AskDrift, DriftReport, RefuseDrift
from armillary.model.fault import FaultRecord, WorldFault
from armillary.model.frame import Frame
from armillary.model.message import (
    AskQuarantine,
    Browse,
    LoadProject,
    Peek,
    Quarantine,
    Retry,
    SearchLink,
    Stop,
    Welcome,
)
from armillary.model.order import Arm, CloseOrder, Order, Prepare
from armillary.model.procedure import ActOnProcedure, AskProcedures, StartProcedure
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.model.trust import DecideTrust

KEPT = 10_000  # occurrences, orders and proposals remembered
_TO_ALL = (Login, Logout, Kill, LoadProject, Stop, AskState)
SeqOf = Callable[[str, int], int]  # area, number of a merged frame -> number of that area's frame


class Owners:
    """Learns what is whose from greetings and frames."""

    def __init__(self) -> None:
        self.areas: tuple[str, ...] = ()
        self._worlds: dict[str, str] = {}  # area -> id of its world
        self._tags: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._templates: dict[str, str] = {}
        self._things: dict[str, str] = {}  # occurrence, order or proposal -> area

    def met(self, area: str, welcome: Welcome) -> None:
        """Learn an area's tags, links and templates."""
        own = frozenset(welcome.own.tolist())
        self._worlds[area] = welcome.world
        names = [spec.name for spec in welcome.specs if spec.slot in own]
        links = [status.name for status in welcome.frame.links]
        self._tags |= dict.fromkeys(names, area)
        self._links |= dict.fromkeys(links, area)
        for template in welcome.templates:
            if template.tag in self._tags or template.link in self._links:
                owner = self._tags.get(template.tag) or self._links[template.link]
                self._templates[template.id] = owner
        self.saw(area, welcome.frame)

    def saw(self, area: str, frame: Frame) -> None:
        """Learn whose alarms, orders and proposals a frame tells of."""
        names = [a.occurrence for a in frame.alarms if a.occurrence]
        names += [o.order for o in frame.orders]
        names += [p.id for p in frame.proposals]
        names += [run.id for run in frame.procedures or ()]
        if not names:
            return
        self._things |= dict.fromkeys(names, area)
        while len(self._things) > KEPT:
            self._things.pop(next(iter(self._things)))

    def parts(self, message: object, seq_of: SeqOf) -> Mapping[str, object]:
        """Return what to send to which area. Raises WorldFault for what is nobody's."""
        match message:
            case _ if isinstance(message, _TO_ALL):
                return dict.fromkeys(self.areas, message)
            case Arm(seen_seq=seq):
                area = self._of_tag(message.tag, message.template)
                return {area: replace(message, seen_seq=seq_of(area, seq))}
            case Order(expect_seq=seq):
                area = self._of_tag(message.tag, message.template)
                world = self._worlds.get(area, "")
                return {area: replace(message, expect_seq=seq_of(area, seq), world=world)}
            case Substitute(tag=tag) | EndSubstitution(tag=tag) | AcceptDefinition(tag=tag):
                return {self._known(self._tags, tag): message}
            case Prepare():
                return {self._of_tag(message.tag, message.template): message}
            case AskQuarantine(link="") | AskDrift() | RefuseDrift():
                return dict.fromkeys(self.areas, message)
            case (
                Retry(link=link)
                | DecideTrust(link=link)
                | Browse(link=link)
                | Peek(link=link)
                | SearchLink(link=link)
                | AskQuarantine(link=link)
            ):
                return {self._known(self._links, link): message}
            case AskProcedures():
                return {next(iter(self.areas)): message}
            case StartProcedure(tag=tag):
                return {self._known(self._tags, tag) if tag else next(iter(self.areas)): message}
            case CloseOrder(order=name) | Approve(id=name) | ActOnProcedure(run=name):
                return {self._known(self._things, name): message}
            case AlarmAct(occurrences=occurrences):
                out: dict[str, list[str]] = {}
                for name in occurrences:
                    out.setdefault(self._known(self._things, name), []).append(name)
                return {area: replace(message, occurrences=tuple(some)) for area, some in out.items()}
            case _:
                raise WorldFault(
                    f"Several worlds at once do not answer {type(message).__name__}.",
                    where=", ".join(self.areas),
                    remedy="Open the world of one area: armillary worlds lists their addresses.",
                )

    def _of_tag(self, tag: str, template: str) -> str:
        area = self._templates.get(template) if template else None
        return area or self._known(self._tags, tag)

    def _known(self, names: Mapping[str, str], name: str) -> str:
        if name in names:
            return names[name]
        raise WorldFault(
            f"No area's world has told of '{name}'.", where=name, remedy="See that all areas have a world."
        )


@dataclass(frozen=True, slots=True)
class States:
    """The states of several areas, not merged yet."""

    of: Mapping[str, StateAnswer]


@dataclass(slots=True)
class _Asked:
    message: object
    parts: Mapping[str, object]  # area -> what it was asked
    waits: dict[str, int]  # area -> the line's number
    answers: dict[str, object] = field(default_factory=dict)


class Asks:
    """Requests under way: each is answered once all worlds that were asked have answered."""

    def __init__(self) -> None:
        self._asked: dict[int, _Asked] = {}

    def begin(self, number: int, message: object, parts: Mapping[str, object], sent: dict[str, int]) -> None:
        """Note what was sent to whom, and under which number of its line."""
        self._asked[number] = _Asked(message, parts, sent)

    def answered(self, area: str, answers: int, message: object) -> Sequence[tuple[int, object]]:
        """Take an answer; return the whole answer when it was the last."""
        for number, asked in self._asked.items():
            if answers and asked.waits.get(area) == answers:
                return self._take(number, asked, area, message)
        return ()

    def lost(self, area: str, why: FaultRecord) -> Sequence[tuple[int, object]]:
        """Answer what an area was asked: its world is silent."""
        out: list[tuple[int, object]] = []
        for number, asked in list(self._asked.items()):
            if area in asked.waits:
                out += self._take(number, asked, area, why)
        return out

    def _take(self, number: int, asked: _Asked, area: str, message: object) -> Sequence[tuple[int, object]]:
        del asked.waits[area]
        asked.answers[area] = message
        if asked.waits:
            return ()
        del self._asked[number]
        return [(number, _whole(asked))]


def _report(answers: Sequence[object]) -> object:
    """Return the drift of several areas as one; it is as old as the oldest part of it."""
    parts = [answer for answer in answers if isinstance(answer, DriftReport)]
    if len(parts) < len(answers):
        return answers[0]
    items = [item for part in parts for item in part.items]
    return DriftReport(
        items=tuple(sorted(items, key=lambda i: (LEVELS.index(i.level), i.code, i.key))),
        refused=tuple({one.key: one for part in parts for one in part.refused}.values()),
        judged_ns=min(part.judged_ns for part in parts),
        rounds=min(part.rounds for part in parts),
        topics=sum(part.topics for part in parts),
        left_out=sum(part.left_out for part in parts),
    )


def _whole(asked: _Asked) -> object:
    """Return one answer for several: the first refusal, else what the first said; of lists all."""
    faults = [a for a in asked.answers.values() if isinstance(a, FaultRecord)]
    if isinstance(asked.message, RefuseDrift):  # a difference is one area's
        done = [a for a in asked.answers.values() if not isinstance(a, FaultRecord)]
        return (done or faults)[0]
    if faults:
        return faults[0]
    if isinstance(asked.message, AskDrift):
        return _report([asked.answers[area] for area in asked.parts])
    if isinstance(asked.message, AskQuarantine):
        lists = (asked.answers[area] for area in asked.parts)
        return Quarantine(items=tuple(q for one in lists if isinstance(one, Quarantine) for q in one.items))
    if isinstance(asked.message, AskState):
        return States({n: a for n, a in asked.answers.items() if isinstance(a, StateAnswer)})
    if not isinstance(asked.message, AlarmAct):
        return next(iter(asked.answers.values()))
    result: dict[str, str] = {}
    for area, answer in asked.answers.items():
        part = asked.parts[area]
        if isinstance(part, AlarmAct) and isinstance(answer, AlarmActed):
            result |= zip(part.occurrences, answer.results, strict=True)
    return AlarmActed(results=tuple(result.get(name, "") for name in asked.message.occurrences))
