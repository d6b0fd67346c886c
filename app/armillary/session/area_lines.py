"""One line to several worlds: the areas of a project, as a desk sees them. A `batch.Wire`.

Worlds are found by their run files, so one that is started anew, or a standby that took over, is met again
by itself. What is asked goes to the world whose it is; what comes is merged (`area_merge`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from armillary.model.account import Logout
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.fault import Fault, FaultRecord, WorldFault, record
from armillary.model.frame import Event, Frame, WorldKind, apply_frame, frame_of
from armillary.model.message import Bye, ComingBack, Credit, Hello, Welcome
from armillary.model.tags import TagTable
from armillary.session import area_merge
from armillary.session.area_asks import Asks, Owners, States
from armillary.session.area_merge import Share
from armillary.session.batch import Wire
from armillary.wire import runs
from armillary.wire.bus import Bell, Line
from armillary.wire.runs import Run

SCHEME = "areas:"
LOOK_NS = NS // 4  # how often run files are looked at
SILENT_NS = NS  # the dead-man of `feed`, for each area
GRACE_NS = NS  # what one world may keep the others waiting for: a desk shows soon what there is,
PATIENT_NS = 4 * NS  # and who asks once waits longer
AGAIN_NS = 2 * NS
KEPT = 256  # frames whose numbers are remembered, for what a person was looking at


@dataclass(slots=True)
class _Area:
    """One area's world and the line to it."""

    name: str
    run: Run
    line: Line
    hello: int = 0  # the line's number of our last Hello; 0 = none yet
    hello_ns: int = 0
    heard_ns: int = 0
    share: Share | None = None  # of a world that has greeted us
    is_fresh: bool = False  # it has greeted us since the desk was greeted last
    frame: Frame | None = None  # came, not passed on yet
    owes: int = -1  # frame to be credited; -1 = none
    seq: int = 0  # newest frame passed on
    credit: int = 0

    @property
    def is_silent(self) -> bool:
        """Whether its world has greeted us and says nothing now."""
        return self.share is not None and self.share.silent_ns > 0


def address_of(folder: Path) -> str:
    """Return the address of all areas of a project."""
    return f"{SCHEME}{folder}"


def line_to(address: str) -> Wire:
    """Return a line to a world, or to all areas of a project."""
    return AreaLines(address) if address.startswith(SCHEME) else Line(address)


def line_of(project: str, address: str = "") -> AnyLine:
    """Return a line to the LIVE world of a project (folder, name or a world's id), or to all its areas.

    project: "" = the only one that runs. Raises WorldFault when that does not name exactly one.
    """
    if address.startswith(SCHEME):
        return AreaLines(address, grace_ns=PATIENT_NS)
    if address:
        return Line(address)
    folder = str(Path(project).resolve()) if project else ""
    live = [r for r in runs.all_runs() if r.kind == WorldKind.LIVE]
    mine = [r for r in live if not project or r.project == folder or r.name == project]
    found = {r.project for r in mine if r.area}
    if len(found) == 1 and all(r.area for r in mine):
        return AreaLines(address_of(Path(found.pop())), grace_ns=PATIENT_NS)
    return Line(runs.find(project).address)


class AreaLines:
    """A line to all areas of a project. One owner thread; `wake` from any."""

    def __init__(
        self,
        address: str,
        clock: Clock | None = None,
        line: Callable[[str], Line] = Line,
        all_runs: Callable[[], Iterable[Run]] = runs.all_runs,
        bell: Bell | None = None,
        grace_ns: int = GRACE_NS,
    ) -> None:
        """`grace_ns`: how long one world may keep the greeting of the others waiting."""
        self._grace_ns = grace_ns
        self.address, self._folder = address, address.removeprefix(SCHEME)
        self._clock, self._line, self._all_runs = clock or WallClock(), line, all_runs
        self._bell = bell or Bell()
        self._areas: dict[str, _Area] = {}
        self._world = f"areas-{Path(self._folder).name}"
        self._table = TagTable(0)
        self._hello: Hello | None = None
        self._hello_number = 0  # ours, to be answered; 0 = answered already
        self._is_due = False  # a greeting is: somebody came, or asked for it
        self._due_ns = 0
        self._has_credit = False
        self._next = self._seq = 0
        self._looked_ns = 0
        self._out: list[tuple[int, object]] = []
        self._silence: list[Frame] = []  # rows of areas that fell silent
        self._seqs: OrderedDict[int, dict[str, int]] = OrderedDict()  # our frame -> theirs
        self._told: set[str] = set()  # areas that have no world, as was said
        self._owners = Owners()
        self._asks = Asks()

    # ------------------------------------------------------------ what a Wire does

    def send(self, message: object) -> int:
        """Send a request to the worlds whose it is; return its number, which its answer repeats."""
        self._next += 1
        match message:
            case Hello():
                self._look()
                self._hello, self._hello_number = message, self._next
                self._begin_greeting()
            case Credit():
                self._has_credit = True
                self._pay()
            case Bye():
                for area in self._areas.values():
                    self._say(area, message)
            case _:
                self._ask(message)
        return self._next

    def poll(self, timeout_s: float) -> list[tuple[int, object]]:
        """Return what has arrived within the time: (number it answers or 0, message)."""
        self._look()
        if not self._out:
            self._bell.wait([area.line for area in self._areas.values()], timeout_s)
        for area in self._areas.values():
            for answers, message in area.line.poll(0.0):
                self._received(area, answers, message)
        self._watch()
        self._emit()
        out, self._out = self._out, []
        return out

    def ask(self, message: object, timeout_s: float = 5.0) -> object:
        """Send a request and return its answer, as `wire.bus.Line.ask` does; the rest is kept for `poll`."""
        number = self.send(message)
        end = self._clock.now_mono_ns() + int(timeout_s * NS)
        kept: list[tuple[int, object]] = []
        while (left := end - self._clock.now_mono_ns()) > 0:
            came = self.poll(min(left, LOOK_NS) / NS)
            kept += [each for each in came if each[0] != number]
            for got in (got for answers, got in came if answers == number):
                self._out += kept
                if isinstance(got, FaultRecord):
                    raise got.fault()
                return got
        self._out += kept
        raise WorldFault(
            f"No answer within {timeout_s:g} s.", where=self.address, remedy="See whether its worlds run."
        )

    def wake(self) -> None:
        """End a poll of the owner thread at once."""
        self._bell.ring()

    def close(self) -> None:
        """Close all lines."""
        for area in self._areas.values():
            area.line.close()
        self._areas.clear()
        self._bell.close()

    # ------------------------------------------------------------ who is there

    def _look(self) -> None:
        """Meet worlds that were started, or took over, since the last look."""
        now = self._clock.now_mono_ns()
        if self._looked_ns and now - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now
        for run in self._all_runs():
            if run.project != self._folder or run.kind != WorldKind.LIVE or not run.area:
                continue
            area = self._areas.get(run.area)
            if area is None:
                self._areas[run.area] = area = _Area(run.area, run, self._line(run.address), heard_ns=now)
                self._areas = dict(sorted(self._areas.items()))  # the same order, whoever came first
                self._owners.areas = tuple(self._areas)
            elif area.run.id != run.id and run.started_ns >= area.run.started_ns:
                self._lose(area)
                area.line.close()
                area.run, area.line, area.hello, area.owes, area.frame = (
                    run,
                    self._line(run.address),
                    0,
                    -1,
                    None,
                )
                area.heard_ns = now
            else:
                continue
            if self._hello is not None:
                self._greet(area)

    def _greet(self, area: _Area) -> None:
        area.owes, area.frame, area.hello_ns = -1, None, self._clock.now_mono_ns()
        if self._hello is not None:
            area.hello = self._say(area, self._hello)

    def _say(self, area: _Area, message: object) -> int:
        """Send to one world; 0 when its line is full: then it is silent, which is told."""
        try:
            return area.line.send(message)
        except Fault:
            return 0

    def _begin_greeting(self, came: _Area | None = None) -> None:
        """Ask all worlds for all they have, but for one that has just told it: the desk is greeted anew.

        A greeting is whole: rows, alarms, orders. That is rare, so nothing is kept for it.
        """
        self._is_due, self._due_ns = True, self._clock.now_mono_ns()
        for area in self._areas.values():
            if area is not came:
                area.is_fresh = False
                self._greet(area)

    def _received(self, area: _Area, answers: int, message: object) -> None:
        area.heard_ns = self._clock.now_mono_ns()
        if isinstance(message, Frame) and not answers:
            if area.share is not None and not area.share.silent_ns:
                area.frame, area.owes = message, message.seq
            elif area.heard_ns - area.hello_ns > LOOK_NS:
                self._greet(area)  # it paused, and only tells what changes: we want to know all
        elif isinstance(message, Welcome):
            self._welcomed(area, message)
        elif isinstance(message, ComingBack):
            return
        elif isinstance(message, FaultRecord) and answers in (area.hello, area.credit):
            self._greet(area)  # it forgot us
        else:
            self._out += map(self._answer, self._asks.answered(area.name, answers, message))

    def _welcomed(self, area: _Area, welcome: Welcome) -> None:
        area.share = area_merge.share_of(area.name, welcome)
        area.frame, area.owes, area.seq = None, welcome.frame.seq, welcome.frame.seq
        area.is_fresh = True
        self._owners.met(area.name, welcome)
        if not self._is_due:
            self._begin_greeting(area)

    def _watch(self) -> None:
        """The dead-man of each area: what is silent is stale, and greeted again."""
        now = self._clock.now_mono_ns()
        for area in self._areas.values():
            if area.owes >= 0:
                area.heard_ns = now  # we keep it waiting
            if now - area.heard_ns < SILENT_NS:
                continue
            if area.share is not None and not area.share.silent_ns:
                self._lose(area)
                self._greet(area)
            elif self._hello is not None and now - area.hello_ns > AGAIN_NS:
                self._greet(area)

    def _lose(self, area: _Area) -> None:
        """Note that an area's world gives no sign of life: its tags are stale, what it was asked fails."""
        share = area.share
        if share is None or share.silent_ns:
            return
        now_ns = self._clock.now_ns()
        if len(self._table) == len(share.own):
            self._silence.append(area_merge.fell_silent(share, self._table, now_ns))
        share.silent_ns = now_ns
        area.frame, area.owes = None, -1
        why = _waiting(area_merge.silent_words(share), area.name)
        self._out += map(self._answer, self._asks.lost(area.name, why))

    # ------------------------------------------------------------ what is passed on

    def _emit(self) -> None:
        if self._is_due:
            now = self._clock.now_mono_ns()
            late = [a for a in self._areas.values() if not a.is_fresh and not a.is_silent]
            if late and now - self._due_ns <= self._grace_ns:
                return
            for area in late:
                self._lose(area)
            self._greeting()
            return
        came = [area for area in self._areas.values() if area.frame is not None]
        is_any_alive = any(a.share is not None and not a.share.silent_ns for a in self._areas.values())
        if not self._has_credit or not is_any_alive or not (came or self._silence):
            return
        frames, self._silence = self._silence, []
        for area in came:
            if area.frame is None or area.share is None:
                continue
            area.share.take(area.frame)
            frames.append(area_merge.own_rows(area.frame, area.share.own))
            area.frame, area.seq = None, area.owes
            self._owners.saw(area.name, frames[-1])
        frame = area_merge.merged(self._world, self._number(), frames, self._shares(), self._clock.now_ns())
        apply_frame(self._table, frame)
        self._has_credit = False
        self._out.append((0, replace(frame, silent=self._silent())))

    def _answer(self, answer: tuple[int, object]) -> tuple[int, object]:
        number, what = answer
        if not isinstance(what, States):
            return answer
        seq = self._number({name: state.seq for name, state in what.of.items()})
        return number, area_merge.state_of(self._world, seq, what.of, self._shares())

    def _number(self, seqs: dict[str, int] | None = None) -> int:
        """Return the next number, and remember which frames of the areas it stands for."""
        self._seq += 1
        self._seqs[self._seq] = seqs or {area.name: area.seq for area in self._areas.values()}
        while len(self._seqs) > KEPT:
            self._seqs.popitem(last=False)
        return self._seq

    def _shares(self) -> list[Share]:
        return [area.share for area in self._areas.values() if area.share is not None]

    def _greeting(self) -> None:
        """Greet the desk in the name of all who have greeted us."""
        shares = [a.share for a in self._areas.values() if a.is_fresh and a.share is not None]
        if not shares:
            self._due_ns = self._clock.now_mono_ns()
            return
        self._is_due = False
        size = len(shares[0].welcome.specs)
        if len(self._table) != size:
            self._table = TagTable(size)
        same = [s for s in self._shares() if len(s.own) == size]  # another version of the project has others
        frames = [area_merge.own_rows(s.welcome.frame, s.own) for s in shares if len(s.own) == size]
        now_ns = self._clock.now_ns()
        base = area_merge.merged(self._world, self._number(), [*self._silence, *frames], same, now_ns)
        self._silence = []
        apply_frame(self._table, base)
        whole = frame_of(self._table, np.arange(size, dtype=np.uint32), base)
        good, good_ns = np.zeros(size), np.zeros(size, np.int64)
        for frame in (f for f in frames if len(f.good_ns)):
            good[frame.slot], good_ns[frame.slot] = frame.good, frame.good_ns
        whole = replace(whole, good=good, good_ns=good_ns)
        links = tuple(status for s in same for status in area_merge.links_of(s, now_ns))
        whole = replace(
            whole,
            silent=self._silent(),
            events=(*whole.events, *self._absent(shares[0].welcome.areas, now_ns)),
        )
        welcome = area_merge.greeting(
            self._world, same, replace(whole, links=links), now_ns, self._clock.now_mono_ns()
        )
        self._agree(welcome)
        self._has_credit = False
        number, self._hello_number = self._hello_number, 0
        self._out.append((number, welcome))

    def _silent(self) -> str:
        """Return which of the project's areas have no world that speaks."""
        known = {area.name: area.share for area in self._areas.values() if area.share is not None}
        names = next((share.welcome.areas for share in known.values()), ())
        words = [
            area_merge.area_words(known[name]) if name in known else f"area {name}"
            for name in names
            if name not in known or known[name].silent_ns
        ]
        return ", ".join(words)

    def _absent(self, areas: Iterable[str], now_ns: int) -> tuple[Event, ...]:
        """Return an event for each area of the project that has no world, once."""
        missing = [name for name in areas if name not in self._areas and name not in self._told]
        self._told.update(missing)
        text = (
            "No world of the area '{}' runs: its tags are not known. Start one: armillary world … --area {}"
        )
        return tuple(
            Event(t_ns=now_ns, level="warning", source=name, text=text.format(name, name)) for name in missing
        )

    def _agree(self, welcome: Welcome) -> None:
        """Log out where we are still logged in: a world that came anew does not know who we are."""
        for area in self._areas.values():
            if area.share is not None and area.share.welcome.user != welcome.user:
                self._say(area, Logout())

    def _pay(self) -> None:
        for area in self._areas.values():
            if area.owes >= 0 and area.frame is None:
                area.credit, area.owes = self._say(area, Credit(seq=area.owes)), -1

    # ------------------------------------------------------------ what is asked

    def _ask(self, message: object) -> None:
        try:
            wanted = self._owners.parts(message, lambda name, seq: self._seqs.get(seq, {}).get(name, seq))
        except Fault as fault:
            self._out.append((self._next, record(fault)))
            return
        for name in wanted:
            area = self._areas.get(name)
            if area is None or area.share is None or area.share.silent_ns:
                what = f"The world of the area '{name}' is silent: nothing was sent."
                self._out.append((self._next, _waiting(what, name)))
                return
        sent = {name: self._say(self._areas[name], part) for name, part in wanted.items()}
        self._asks.begin(self._next, message, wanted, sent)


def _waiting(what: str, area: str) -> FaultRecord:
    return FaultRecord(kind="WorldFault", what=what, where=area, remedy="Wait until it is back.")


AnyLine = Line | AreaLines
