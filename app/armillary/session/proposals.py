"""What loops propose, as the desk shows it. It is always the plant's: told by home, whatever world is shown.

Decides nothing: whether somebody may approve is asked of the LIVE world; the reasons here grey out buttons.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from armillary.encoding import texts
from armillary.model.account import Right, may
from armillary.model.clock import NS
from armillary.model.control import Approve, LoopState, Measure, Proposal, RunCard
from armillary.model.fault import FaultRecord
from armillary.model.frame import Frame
from armillary.model.loop import ACTOR
from armillary.model.message import Done
from armillary.model.tags import TagSpec
from armillary.session.rows import clock_text
from armillary.session.signal import Signal

ASK_S = 10.0
KEPT = 100
LINGER_NS = 20 * NS  # that a card stays after its proposal is over, unless it went wrong
ACTING = ("approved", "sent", "verified")
BAD = ("failed", "rolled back")
BASELINE = "baseline"
Ask = Callable[[object, Callable[[object], None], float], None]  # message, callback, timeout in s
Told = Callable[[FaultRecord | None], None]  # None = done

_WORDS = {
    "thinking": "Candidates are being simulated …",
    "offered": "Offered",
    "approved": "Approved",
    "refused": "Refused",
    "expired": "Expired: nobody approved it in time",
    "withdrawn": "Withdrawn",
    "sent": "Sent, not confirmed yet",
    "verified": "Confirmed by its read-back",
    "failed": "Failed",
    "rolled back": "Taken back",
    "stood down": "Stood down",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run as a line of the evidence: what it does, its measures in the order of `Evidence` heads."""

    title: str
    rank: str  # `1`, `–`
    measures: tuple[str, ...]
    violations: str
    is_chosen: bool
    tip: str


@dataclass(frozen=True, slots=True)
class ProposalCard:
    """What the card of a proposal shows."""

    id: str
    headline: str  # `T-102 is about to overflow → Lower the setpoint of LIC-102 to 60 %`
    change: str  # `LIC-102.sp: 70 % → 60 %`
    reason: str
    state: str  # in words, with the detail
    tone: str  # running | offered | good | bad | over
    heads: tuple[str, ...]  # names of the measures
    evidence: tuple[Evidence, ...]
    left_s: float  # to approve; 0 when it is not on offer
    why_not: str  # approve; "" when it may be asked
    fork: str  # address; "" = its what-if does not run
    policy: bool


@dataclass(frozen=True, slots=True)
class LoopRow:
    """One loop in its dock."""

    id: str
    title: str
    level: str  # `approve`, `advise (wanted: approve)`
    state: str
    last: str  # what became of its last proposal


class Proposals:
    """All proposals of the home world, oldest first, and its loops. One thread: the workspace's."""

    def __init__(
        self,
        ask_home: Ask,
        role: Callable[[], str],
        live: Callable[[], bool],
        tags: Callable[[], tuple[TagSpec, ...]] = tuple,
        in_past: Callable[[], bool] = lambda: False,
    ) -> None:
        """in_past: the record is shown, so that nobody sees what a decision is about."""
        self.changed: Signal[()] = Signal()
        self.items: dict[str, Proposal] = {}
        self.loops: tuple[LoopState, ...] = ()
        self.dismissed: set[str] = set()
        self._ask, self._role, self._live, self._tags = ask_home, role, live, tags
        self._in_past = in_past
        self._recalled: set[str] = set()  # shown because somebody asked for it
        self._over_ns: dict[str, int] = {}
        self._asked: set[str] = set()  # an answer is awaited: one click, one wish

    # ------------------------------------------------------------ what the world tells

    def forget(self) -> None:
        """Forget everything: something else is open, or the home world greeted us anew."""
        had = bool(self.items or self.loops)
        self.items.clear()
        self.loops = ()
        self.dismissed.clear()
        self._recalled.clear()
        self._over_ns.clear()
        self._asked.clear()
        if had:
            self.changed.emit()

    def take(self, frame: Frame) -> None:
        """Take what a frame of the home world says of loops."""
        differs = bool(frame.loops) and frame.loops != self.loops
        if differs:
            self.loops = frame.loops
        for proposal in frame.proposals:
            before = self.items.pop(proposal.id, None)
            self.items[proposal.id] = proposal
            if proposal.is_over and (before is None or not before.is_over):
                self._over_ns[proposal.id] = frame.t_ns if before is not None else 0
            if before is not None and proposal.state in BAD and before.state not in BAD:
                self.dismissed.discard(proposal.id)  # what went wrong is told to everybody
            differs = True
        while len(self.items) > KEPT:
            gone = next(iter(self.items))
            self.items.pop(gone)
            self._over_ns.pop(gone, None)
            self.dismissed.discard(gone)
        if differs:
            self.changed.emit()

    # ------------------------------------------------------------ what is shown

    def shown(self, now_ns: int) -> tuple[Proposal, ...]:
        """Return the proposals with a card, newest first: open ones, fresh results, all that failed."""
        out = []
        for proposal in reversed(tuple(self.items.values())):
            if proposal.id in self.dismissed or proposal.state == "thinking":
                continue
            over_ns = self._over_ns.get(proposal.id, 0)
            is_fresh = bool(over_ns) and (proposal.state in BAD or now_ns - over_ns < LINGER_NS)
            if not proposal.is_over or is_fresh or proposal.id in self._recalled:
                out.append(proposal)
        return tuple(out)

    def open(self) -> tuple[Proposal, ...]:
        """Return what waits for a person, newest first."""
        return tuple(p for p in reversed(tuple(self.items.values())) if p.state == "offered")

    def acting(self) -> tuple[Proposal, ...]:
        """Return what a policy does now, without a person."""
        return tuple(p for p in self.items.values() if p.policy and p.state in ACTING and not p.is_over)

    def acting_text(self) -> str:
        """Return the banner's words, "" while no policy acts."""
        said = []
        for proposal in self.acting():
            state = self.loop(proposal.loop)
            names = " and ".join(state.signed_by) if state is not None else ""
            title = state.title if state is not None else proposal.loop
            signed = f", signed by {names}" if names else ""
            value = self._shown(proposal, proposal.value)
            what = proposal.title if "!" in proposal.tag else f"{proposal.tag} → {value}"
            said.append(f"Loop '{title}' acts under its policy{signed}: {what}")
        return " · ".join(said)

    def _shown(self, proposal: Proposal, value: float) -> str:
        """Return a value as the tag names it: `on`, `60 %`."""
        names = next((dict(tag.states) for tag in self._tags() if tag.name == proposal.tag), {})
        return names.get(value) or texts.number(value, proposal.unit)

    def loop(self, name: str) -> LoopState | None:
        """Return a loop by its id."""
        return next((state for state in self.loops if state.id == name), None)

    def card(self, proposal: Proposal, now_ns: int) -> ProposalCard:
        """Return what the card of a proposal shows at a time, ns UTC of the world."""
        state = self.loop(proposal.loop)
        detected = state.title if state is not None else ""
        parts = [part for part in (detected, proposal.title) if part]
        left_s = max(0.0, (proposal.expires_ns - now_ns) / NS) if proposal.state == "offered" else 0.0
        heads, lines = evidence(proposal)
        old, new = (self._shown(proposal, x) for x in (proposal.old, proposal.value))
        return ProposalCard(
            id=proposal.id,
            headline=" → ".join(dict.fromkeys(parts)),
            change=_change(proposal, old, new),
            reason=proposal.reason,
            state=state_text(proposal, left_s),
            tone=_tone(proposal),
            heads=heads,
            evidence=lines,
            left_s=left_s,
            why_not=self.why_not(proposal, now_ns),
            fork=proposal.fork,
            policy=bool(proposal.policy),
        )

    def loop_rows(self) -> tuple[LoopRow, ...]:
        """Return all loops with their level and what became of their last proposal."""
        out = []
        for loop in self.loops:
            mine = [p for p in self.items.values() if p.loop == loop.id]
            last = mine[-1] if mine else None
            stood = loop.level != loop.wanted
            level = f"{loop.level} (wanted: {loop.wanted})" if stood else loop.level
            state = "watches" if last is None or last.is_over else last.state
            told = "" if last is None else f"{clock_text(last.t_ns)} {last.title}: {state_text(last, 0.0)}"
            why = loop.why[:1].upper() + loop.why[1:]
            words = f"{state} · {why}" if why else state
            out.append(LoopRow(id=loop.id, title=loop.title, level=level, state=words, last=told))
        return tuple(out)

    # ------------------------------------------------------------ what a person does

    def why_not(self, proposal: Proposal, now_ns: int) -> str:
        """Return why nobody can decide on a proposal from here now, "" when the world may be asked."""
        if proposal.state != "offered":
            return "It is no longer on offer."
        if proposal.id in self._asked:
            return "The world is being asked."
        if now_ns > proposal.expires_ns:
            return "It has expired."
        return self.may_not()

    def may_not(self) -> str:
        """Return why nobody can decide from this desk, "" when somebody can."""
        if self._in_past():
            return "The past is shown: press L, then decide."
        if not self._live():
            return "Not connected: nothing can be sent."
        role = self._role()
        if may(role, Right.APPROVE):
            return ""
        return f"The role '{role or 'none'}' may not approve. Log in as an operator."

    def why_no_release(self, loop: str) -> str:
        """Return why a loop cannot be let act again from here, "" when the world may be asked."""
        state = self.loop(loop)
        if state is None:
            return "Choose a loop."
        if state.level == state.wanted:
            return "It has not stood down."
        if not self._live():
            return "Not connected."
        role = self._role()
        if may(role, Right.COMMAND_ENGINEER):
            return ""
        return f"The role '{role or 'none'}' may not: ask an engineer."

    def decide(self, name: str, yes: bool, reason: str = "", told: Told | None = None) -> None:
        """Approve or refuse a proposal: one action, asked once."""
        if name in self._asked:
            return
        self._asked.add(name)

        def answered(fault: FaultRecord | None) -> None:
            self._asked.discard(name)
            if told is not None:
                told(fault)
            self.changed.emit()

        self._wish(Approve(id=name, yes=yes, reason=reason), answered)
        self.changed.emit()

    def release(self, loop: str, reason: str, told: Told | None = None) -> None:
        """Let a loop that stood down act again as its file has it."""
        self._wish(Approve(id=f"{ACTOR}{loop}", reason=reason), told or (lambda _fault: None))

    def dismiss(self, name: str) -> None:
        """Put a card away; the proposal stays in the list of loops."""
        self.dismissed.add(name)
        self._recalled.discard(name)
        self.changed.emit()

    def recall(self, name: str) -> None:
        """Show the card of a proposal again."""
        self.dismissed.discard(name)
        self._recalled.add(name)
        self.changed.emit()

    def _wish(self, wish: Approve, told: Told) -> None:
        def answered(answer: object) -> None:
            if isinstance(answer, FaultRecord):
                told(answer)
            else:
                told(None if isinstance(answer, Done) else _odd(answer))

        self._ask(wish, answered, ASK_S)


def state_text(proposal: Proposal, left_s: float) -> str:
    """Return how a proposal stands, in a sentence."""
    words = _WORDS.get(proposal.state, proposal.state)
    if proposal.state == "offered" and left_s > 0:
        words = f"Offered for another {texts.age(math.ceil(left_s))}"
    detail = proposal.detail.strip()
    if proposal.state == "expired":
        detail = ""
    return f"{words}. {detail}" if detail else f"{words}."


def _change(proposal: Proposal, old: str, new: str) -> str:
    """Return what would be sent; a method, which no tag stands for, by its title."""
    if not proposal.tag or "!" in proposal.tag:
        return proposal.title if proposal.tag else ""
    return f"{proposal.tag}: {old} → {new}"


def evidence(proposal: Proposal) -> tuple[tuple[str, ...], tuple[Evidence, ...]]:
    """Return the names of the measures and a line for each run: best first, doing nothing last."""
    names = tuple(dict.fromkeys(m.name for run in proposal.runs for m in run.measures))
    by_rank = sorted(proposal.runs, key=lambda run: (run.id == BASELINE, run.rank or math.inf))
    return names, tuple(_line(run, names, proposal) for run in by_rank)


def _line(run: RunCard, names: Sequence[str], proposal: Proposal) -> Evidence:
    found = {m.name: m for m in run.measures}
    cells = tuple(measure_text(found[name]) if name in found else "–" for name in names)
    broken = "; ".join(run.violations) or ("none" if run.state == "done" else run.detail or run.state)
    tip = "\n".join(part for part in (run.reason, run.note, f"Result {run.digest[:12]}") if part.strip())
    return Evidence(
        title=run.title,
        rank=str(run.rank) if run.rank else "–",
        measures=cells,
        violations=broken,
        is_chosen=bool(proposal.tag) and run.id == proposal.variant,
        tip=tip,
    )


def measure_text(measure: Measure) -> str:
    """Return a measure with its interval: `12.1 kWh (11.8 … 12.6)`."""
    value, low, high = (_short(x) for x in (measure.value, measure.low, measure.high))
    said = texts.number(value, measure.unit)
    if math.isnan(low) or math.isnan(high) or low == high:
        return said
    return f"{said} ({texts.number(low)} … {texts.number(high)})"


def _short(value: float) -> float:
    """Return a prediction as exactly as it can be meant: three significant digits."""
    return float(f"{value:.3g}")


def _tone(proposal: Proposal) -> str:
    if proposal.state == "offered":
        return "offered"
    if proposal.state in BAD:
        return "bad"
    if proposal.state == "verified":
        return "good"
    return "over" if proposal.is_over else "running"


def _odd(answer: object) -> FaultRecord:
    return FaultRecord(
        kind="WorldFault",
        what="The world answered something else.",
        where=type(answer).__name__,
        remedy="See its log file.",
    )
