"""The visited WHAT-IF world on the desk: its runs and cards, what is compared, what may be proposed.

Nothing here sends anything to a plant: a setpoint of a run can be proposed, which fills in a form.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from armillary.model.arrays import U4
from armillary.model.clock import NS, Clock, iso
from armillary.model.control import (
    AskModel,
    AskRuns,
    AskRunSeries,
    CancelRuns,
    ModelOffer,
    RunCard,
    RunRequest,
    Runs,
    RunSeries,
    SaveScenario,
    ShowRun,
    StartRuns,
)
from armillary.model.fault import FaultRecord, OrderFault
from armillary.model.frame import Event, WorldKind
from armillary.model.tags import TagSpec
from armillary.project import scenarios
from armillary.session.loading import fault_of
from armillary.session.mirror import Mirror
from armillary.session.signal import Signal
from armillary.session.whatif_setup import free_id

FAST_NS, SLOW_NS = NS // 4, 2 * NS  # between two looks at the cards: while something runs, else
SERIES_NS = NS // 2  # between two readings of a series that still grows
ASK_S = 10.0
MOST_COMPARED = 6
OLDEST_S = 600.0  # of a fork that something is proposed from
DRIFT_SHARE = 0.05  # of a setpoint's range, by which the plant may have moved since
BASELINE = "baseline"
RUNS_FOLDER, FORK_FILE = "runs", "fork.json"
OVER = ("done", "diverged", "failed", "stopped")
Told = Callable[[FaultRecord | None], None]


class Host(Protocol):
    """What is needed of the workspace."""

    mirror: Mirror
    specs: tuple[TagSpec, ...]
    events: deque[Event]
    frame_arrived: Signal[U4]
    visited: Signal[()]

    def ask_world(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFork:
    """A fork on disk that can be opened again with its results."""

    name: str
    title: str
    when_ns: int  # it was made
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A setpoint of a run, to be filled into the form of a write. It sends nothing."""

    tag: str
    value: float
    note: str  # `from what-if run 'Slower', forked 14:03, live has moved by 2.1 % since`


class Futures:
    """Runs of the shown WHAT-IF world, as of the last look; () when another kind of world is shown."""

    def __init__(self, host: Host, clock: Clock) -> None:
        self.changed: Signal[()] = Signal()  # cards, offer, choice, or what is compared
        self.series_changed: Signal[()] = Signal()
        self.runs: Runs | None = None
        self.offer: ModelOffer | None = None
        self.trouble: FaultRecord | None = None  # why the fork has no runs to show
        self.compared: tuple[str, ...] = ()
        self.series: dict[str, RunSeries] = {}  # tag → newest
        self._host, self._clock = host, clock
        self._world = ""
        self._confirmed: set[str] = set()  # forks whose inputs that were not GOOD somebody has looked at
        self._asked_ns = self._series_ns = 0
        self._waits: set[str] = set()
        self._tags: tuple[str, ...] = ()
        self._read: dict[str, object] = {}  # tag → what its series was read for
        self._event: Event | None = None
        host.frame_arrived.connect(lambda _slots: self.look())
        host.visited.connect(self._visited)

    # ------------------------------------------------------------ what there is

    @property
    def is_open(self) -> bool:
        """Whether a WHAT-IF world is shown."""
        return self._host.mirror.kind is WorldKind.WHATIF and bool(self._host.mirror.world)

    @property
    def cards(self) -> tuple[RunCard, ...]:
        return self.runs.cards if self.runs is not None else ()

    def card(self, name: str) -> RunCard | None:
        """Return a card by the id of its run."""
        return next((card for card in self.cards if card.id == name), None)

    @property
    def shown(self) -> RunCard | None:
        """The run that the picture shows."""
        return self.card(self.runs.shown) if self.runs is not None else None

    def baseline_of(self, name: str) -> str:
        """Return the run that does nothing for as long as this one does; `baseline` where there is none."""
        card = self.card(name)
        if card is None or card.request is None:
            return BASELINE
        idle = [c for c in idle_of(self.cards) if _is_like(c, card.request)]
        idle.sort(key=lambda c: c.members != card.members)
        return idle[0].id if idle else BASELINE

    @property
    def running(self) -> tuple[RunCard, ...]:
        return tuple(card for card in self.cards if card.state not in OVER)

    def doubts(self) -> str:
        """Return what was not GOOD at the fork, "" when everything was or somebody has confirmed it."""
        runs, offer = self.runs, self.offer
        if runs is None or not runs.not_good or self._world in self._confirmed:
            return ""
        of = f" of {offer.begins_from}" if offer is not None and offer.begins_from else ""
        return f"{len(runs.not_good)}{of} inputs were not GOOD at the fork."

    def confirm(self) -> None:
        """Note that a person has looked at the inputs that were not GOOD."""
        self._confirmed.add(self._world)
        self.changed.emit()

    def start_text(self) -> str:
        """Return how well the model could begin from the state, in a sentence; "" when exactly."""
        runs = self.runs
        if runs is None:
            return ""
        words = []
        if runs.is_estimated:
            words.append("the start is estimated")
        if runs.residual:
            far = max(runs.residual.items(), key=lambda pair: pair[1])
            words.append(f"largest residual {far[1]:.3g} ({far[0]})")
        if runs.unmapped:
            words.append(f"{len(runs.unmapped)} values the model cannot take")
        text = "; ".join(words)
        return f"{text[:1].upper()}{text[1:]}." if text else ""

    # ------------------------------------------------------------ asking

    def _visited(self) -> None:
        self.runs, self.offer, self.trouble = None, None, None
        self.compared, self._tags, self._world = (), (), ""
        self.series.clear()
        self._read.clear()
        self._waits.clear()
        self._asked_ns = self._series_ns = 0
        self.changed.emit()
        self.series_changed.emit()
        self.look()

    def look(self) -> None:
        """Ask what is due; called with every frame of the shown world."""
        if not self.is_open:
            if self._world:
                self._visited()
            return
        world, now = self._host.mirror.world, self._clock.now_mono_ns()
        if world != self._world:
            self._world = world
            self._asked_ns = 0
        newest = self._host.events[-1] if self._host.events else None
        is_news = newest is not self._event and newest is not None and newest.source == "runs"
        self._event = newest
        pause = FAST_NS if self.running or self.runs is None else SLOW_NS
        if is_news or not self._asked_ns or now - self._asked_ns >= pause:
            self._asked_ns = now
            self._ask("runs", AskRuns(), self._took_runs)
        if self.offer is None and self.runs is not None:
            self._ask("model", AskModel(), self._took_offer)
        if self.compared and self._tags and now - self._series_ns >= SERIES_NS:
            self._series_ns = now
            self._read_series()

    def _ask(self, what: str, message: object, callback: Callable[[object], None]) -> None:
        if what in self._waits:
            return
        self._waits.add(what)
        world = self._world

        def answered(answer: object) -> None:
            if world == self._world:  # not of a world that was left meanwhile
                self._waits.discard(what)
                callback(answer)

        self._host.ask_world(message, answered, ASK_S)

    def _took_runs(self, answer: object) -> None:
        if not isinstance(answer, Runs):
            trouble = fault_of(answer)
            if trouble != self.trouble:
                self.trouble = trouble
                self.changed.emit()
            return
        if repr(answer) == repr(self.runs) and self.trouble is None:
            return  # NaN is not equal to itself: by text
        first = self.runs is None
        self.runs, self.trouble = answer, None
        ids = [card.id for card in answer.cards]
        kept = tuple(name for name in self.compared if name in ids)
        self.compared = tuple(ids[:MOST_COMPARED]) if first else kept
        self.changed.emit()

    def _took_offer(self, answer: object) -> None:
        if isinstance(answer, ModelOffer):
            self.offer = answer
            self.changed.emit()

    # ------------------------------------------------------------ runs

    def start(self, request: RunRequest, told: Told) -> None:
        """Ask for a run, and for doing nothing as long and as often where nobody has; both are compared."""
        idle = idle_beside(request, self.cards)
        wished = (request,) if idle is None else (idle, request)

        def answered(answer: object) -> None:
            if isinstance(answer, Runs):
                self._took_runs(answer)
                kept = [c for c in self.cards if c.id in self.compared and _is_like(c, request)]
                self.compare((*(c.id for c in kept), *(one.id for one in wished)))
                told(None)
            else:
                told(fault_of(answer))

        self._host.ask_world(StartRuns(runs=wished), answered, ASK_S)

    def cancel(self, ids: Sequence[str], told: Told) -> None:
        """Stop runs; what they have is kept."""
        self._change(CancelRuns(ids=tuple(ids)), told)

    def show(self, name: str, told: Told) -> None:
        """Show a run in the picture."""
        self._change(ShowRun(id=name), told)

    def _change(self, message: object, told: Told) -> None:
        def answered(answer: object) -> None:
            if isinstance(answer, Runs):
                self._took_runs(answer)
            told(None if isinstance(answer, Runs) else fault_of(answer))

        self._host.ask_world(message, answered, ASK_S)

    def save(self, title: str, told: Told) -> None:
        """Write the fork's runs as a scenario of the project, named after its title."""
        stem = "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-") or "scenario"

        def answered(answer: object) -> None:
            told(fault_of(answer) if isinstance(answer, FaultRecord) else None)

        self._host.ask_world(SaveScenario(path=f"scenarios/{stem}.toml", title=title), answered, ASK_S)

    # ------------------------------------------------------------ comparing

    def compare(self, ids: Sequence[str]) -> None:
        """Compare these runs, at most six."""
        known = [card.id for card in self.cards]
        chosen = tuple(name for name in dict.fromkeys(ids) if name in known)[:MOST_COMPARED]
        if chosen != self.compared:
            self.compared = chosen
            self._series_ns = 0
            self.changed.emit()
            self.look()

    def watch(self, tags: Sequence[str]) -> None:
        """Keep the series of these tags for all runs that are compared."""
        self._tags = tuple(dict.fromkeys(tags))
        for tag in set(self.series).difference(self._tags):
            self.series.pop(tag)
            self._read.pop(tag, None)
        self._series_ns = 0
        self.look()

    def _read_series(self) -> None:
        """Read what is shown and has grown since it was read."""
        held = tuple((c.id, c.state, c.to_ns) for c in self.cards if c.id in self.compared)
        for tag in self._tags:
            if self._read.get(tag) != held:
                question = AskRunSeries(ids=self.compared, tag=tag)
                self._ask(f"series {tag}", question, lambda answer, t=tag, h=held: self._took(t, h, answer))  # type: ignore[misc]  # defaults bind early

    def _took(self, tag: str, held: object, answer: object) -> None:
        self._read[tag] = held
        if isinstance(answer, RunSeries) and tag in self._tags:
            self.series[tag] = answer
            self.series_changed.emit()

    # ------------------------------------------------------------ proposing

    def proposal(self, run: str, tag: str, home: Mirror, home_specs: Sequence[TagSpec]) -> Proposed:
        """Return a setpoint of a run for the form of a write. Raises OrderFault when it must not be proposed.

        home: the mirror of the live world. A fork older than ten minutes is refused, and one since which the
        plant's setpoint has moved by more than a twentieth of its range.
        """
        card, runs = self.card(run), self.runs
        if card is None or card.request is None or runs is None:
            raise OrderFault("There is no such run.", where=run, remedy="Choose a run.")
        values = {**{name: value for _, name, value in card.request.events}, **card.request.parameters}
        spec = next((s for s in home_specs if s.name == tag), None)
        if tag not in values or spec is None or not spec.writable:
            raise OrderFault(f"{tag} is no setpoint of this run.", where=card.title, remedy="Choose one.")
        if card.state != "done":
            raise OrderFault("The run is not done.", where=card.title, remedy="Wait until it is.")
        age_s = (home.t_ns - runs.forked_ns) / NS
        at_fork = self._at_fork(tag)
        now = float(home.table.value[spec.slot])
        span = spec.write_high - spec.write_low
        moved = abs(now - at_fork)
        limit = DRIFT_SHARE * span if math.isfinite(span) else DRIFT_SHARE * max(abs(at_fork), 1e-9)
        if age_s > OLDEST_S or not math.isfinite(moved) or moved > limit:
            why = (
                f"forked {age_s / 60:.0f} min ago" if age_s > OLDEST_S else f"{tag} has moved by {moved:.3g}"
            )
            raise OrderFault(
                f"Live has moved too far: run again ({why}).",
                where=card.title,
                remedy="Fork again, then run.",
            )
        unit = f" {spec.unit}" if spec.unit else ""
        note = (
            f"from what-if run '{card.title}', forked {iso(runs.forked_ns)[11:16]} UTC, "
            f"live has moved by {moved:.3g}{unit} since"
        )
        return Proposed(tag=tag, value=values[tag], note=note)

    def proposable(self, run: str, home_specs: Sequence[TagSpec]) -> tuple[str, ...]:
        """Return the tags of a run that could be proposed."""
        card = self.card(run)
        if card is None or card.request is None:
            return ()
        writable = {s.name for s in home_specs if s.writable}
        names = [name for _, name, _ in card.request.events]
        return tuple(name for name in dict.fromkeys(names) if name in writable)

    def _at_fork(self, tag: str) -> float:
        if self.offer is None:
            return math.nan
        return next((s.now for s in self.offer.settable if s.name == tag), math.nan)


def idle_of(cards: Sequence[RunCard]) -> tuple[RunCard, ...]:
    """Return the runs that do nothing but what the baseline does."""
    base = next((card.request for card in cards if card.id == BASELINE), None)
    if base is None:
        return ()
    wanted = (sorted(base.events), dict(base.parameters))
    return tuple(
        c for c in cards if c.request and (sorted(c.request.events), dict(c.request.parameters)) == wanted
    )


def idle_beside(request: RunRequest, cards: Sequence[RunCard]) -> RunRequest | None:
    """Return the baseline for as long as a run and with as many members; None where there is one already."""
    idle = [card.request for card in idle_of(cards) if card.request is not None]
    if not idle or _aim(request) in [_aim(one) for one in idle]:
        return None
    members = f", {request.members} members" if request.members > 1 else ""
    title = f"Do nothing, {request.horizon_s / 60:g} min{members}"
    return replace(
        idle[0],
        id=free_id(title, [card.id for card in cards]),
        title=title,
        horizon_s=request.horizon_s,
        members=request.members,
        spread=request.spread,
        seed=request.seed,
    )


def _aim(request: RunRequest) -> tuple[float, int, dict[str, float], int]:
    return request.horizon_s, request.members, dict(request.spread), request.seed


def _is_like(card: RunCard, request: RunRequest) -> bool:
    """Return whether figures of a run can be compared with those of a request: both last as long."""
    return card.request is not None and card.request.horizon_s == request.horizon_s


def outside_name(kind: WorldKind, name: str) -> str:
    """Return what a tag is called once it is copied out: `whatif:T-101.level` is no tag of the plant."""
    return f"whatif:{name}" if kind is WorldKind.WHATIF else name


def again(card: RunCard, taken: Sequence[str]) -> RunRequest | None:
    """Return the request of a card once more under a free id; None for a card without."""
    if card.request is None:
        return None
    return replace(card.request, id=free_id(card.title, taken))


def kept_forks(private: Path) -> tuple[KeptFork, ...]:
    """Return the forks of a project that are on disk, newest first; what cannot be read is left out."""
    out: list[KeptFork] = []
    for path in (private / RUNS_FOLDER).glob(f"*/{FORK_FILE}"):
        try:
            document: Mapping[str, object] = json.loads(path.read_text("utf-8"))
            made_ns = path.stat().st_mtime_ns
            runs = sum(1 for _ in path.parent.glob("*.json")) - 1
        except (OSError, ValueError):
            continue
        title = document.get("title") or "What if"
        out.append(KeptFork(name=path.parent.name, title=str(title), when_ns=made_ns, runs=runs))
    return tuple(sorted(out, key=lambda fork: -fork.when_ns))


def kept_scenarios(folder: Path) -> tuple[str, ...]:
    """Return the names of a project's what-if scenarios."""
    return tuple(path.stem for path in scenarios.scenarios(folder))
