"""Closed loops under supervision: detect → fork what-ifs → rank → propose → approve → gate → verify or undo.

A loop holds no gate: it is given `send`, which is the gate's own arm and execute under somebody's name. It
does nothing without an approval or a policy in force, and stands down at the first doubt.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from armillary.alarms.system import halt_alarm
from armillary.model import expression, places
from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmState
from armillary.model.clock import NS, Clock
from armillary.model.control import Approve, AskRuns, CancelRuns, LoopState, Proposal, RunCard, Runs
from armillary.model.expression import Expression
from armillary.model.fault import Fault, OrderFault, WorldFault
from armillary.model.frame import Event
from armillary.model.loop import ACTOR, LoopAction, LoopSpec, may_act
from armillary.model.order import ENDS, METHOD, OrderState, Receipt
from armillary.model.quality import UNCERTAIN
from armillary.model.tags import TagTable
from armillary.project.record import Project
from armillary.wire import child
from armillary.wire.bus import AsyncLine

log = logging.getLogger(__name__)

BASELINE = "baseline"
START_S, ASK_S, LOOK_S = 20.0, 10.0, 0.2
OUTCOME_LOOK_S = 0.5
HOUR_NS = 3_600 * NS
FINAL = ("done", "diverged", "failed", "stopped")
OVER = ("refused", "expired", "withdrawn", "failed", "rolled back", "stood down")  # verified: in the end
Send = Callable[[str, float, str, str, str], Awaitable[Receipt]]  # tag, value, actor, reason, template


@dataclass(slots=True)
class _Loop:
    """One loop as it stands."""

    spec: LoopSpec
    level: str
    holds: Expression | None
    seen: str = ""  # occurrence answered last
    proposal: Proposal | None = None
    order: str = ""
    why: str = ""  # it stood down
    moot: str = ""  # why what is being simulated answers nothing any more
    acted_ns: tuple[int, ...] = ()
    failures: int = 0
    unconfirmed: str = ""  # why a protective stop is not known to have stopped anything
    task: asyncio.Task[None] | None = None
    fork: child.Child | None = None


class Loops:
    """All loops of a LIVE world. One thread: the world's loop."""

    def __init__(
        self,
        specs: Sequence[LoopSpec],
        project: Project,
        clock: Clock,
        *,
        table: TagTable,
        address: str,
        send: Send,
    ) -> None:
        self._tags = {spec.name: spec for spec in project.specs}
        self._project, self._clock, self._table = project, clock, table
        self._address, self._send = address, send
        self._templates = {template.id: template for template in project.templates}
        advisory = {alarm.id for alarm in project.alarms if alarm.is_advisory}  # nothing is done for these
        self._loops = {
            spec.id: _Loop(
                spec,
                spec.level,
                expression.compile(spec.holds, self._tags, spec.origin) if spec.holds else None,
            )
            for spec in specs
            if spec.detect not in advisory
        }
        self._changed: dict[str, Proposal] = {}
        self._events: list[Event] = []
        self._receipts: dict[str, Receipt] = {}
        self._number = 0
        self._states: tuple[LoopState, ...] = ()

    @property
    def detecting(self) -> frozenset[str]:
        """Ids of the alarms that loops wait for."""
        return frozenset(loop.spec.detect for loop in self._loops.values())

    # ---------------------------------------------------------------- what the world tells

    def note(self, alarms: Sequence[AlarmState], receipts: Sequence[Receipt]) -> None:
        """See what changed in a tick: alarms that begin, and what became of orders."""
        for state in alarms:
            for loop in self._loops.values():
                is_new = loop.spec.detect == state.id and state.active and state.occurrence != loop.seen
                if is_new and not self._is_open(loop) and not state.delayed_s:
                    loop.seen = state.occurrence
                    work = self._halt(loop, state.text) if loop.spec.stop else self._think(loop)
                    loop.task = asyncio.get_running_loop().create_task(work)
                elif loop.spec.detect == state.id and not state.active:
                    loop.unconfirmed = ""
                    self._withdraw(loop, "its alarm is over")
        for receipt in receipts:
            self._receipts[receipt.order] = receipt
            for loop in self._loops.values():
                self._by_hand(loop, receipt)
        while len(self._receipts) > 1_000:  # noqa: PLR2004  those of orders long over
            self._receipts.pop(next(iter(self._receipts)))

    def stopped(self, why: str) -> None:
        """All commands were stopped: every loop only advises, until an engineer lets it again."""
        for loop in self._loops.values():
            if loop.level != "advise" and loop.spec.level != "advise":
                self._stand_down(loop, why)

    def take(self) -> tuple[tuple[Proposal, ...], tuple[Event, ...]]:
        """Return the proposals that changed since the last call, and what is to be told."""
        proposals, self._changed = tuple(self._changed.values()), {}
        events, self._events = tuple(self._events), []
        return proposals, events

    def states(self) -> tuple[LoopState, ...]:
        """Return how far each loop may go by itself; the same object while nothing changes."""
        now = self._clock.now_ns()
        made = tuple(_state_of(loop, now) for loop in self._loops.values())
        if made != self._states:
            self._states = made
        return self._states

    def troubles(self) -> dict[str, str]:
        """Return what is to be told of stops that nobody can rely on: text by the id of its alarm."""
        return {
            halt_alarm(loop.spec.detect): loop.unconfirmed
            for loop in self._loops.values()
            if loop.unconfirmed
        }

    def is_acting(self, actor: str) -> bool:
        """Return whether a loop's policy is acting under this name now; the gate asks for its role."""
        loop = self._loops.get(actor.removeprefix(ACTOR))
        return actor.startswith(ACTOR) and loop is not None and self._is_open(loop)

    async def close(self) -> None:
        """End all work and the forks."""
        for loop in self._loops.values():
            if loop.task is not None:
                loop.task.cancel()
            if loop.fork is not None:
                await asyncio.to_thread(loop.fork.stop, 1.0)

    # ---------------------------------------------------------------- people

    def answer(self, wish: Approve, who: LoggedIn, *, may_release: bool) -> None:
        """Approve or refuse a proposal, or let a loop act again (`loop:<id>`). Raises OrderFault."""
        if wish.id.startswith(ACTOR):
            self._release(wish, who, may_release=may_release)
            return
        loop = next((x for x in self._loops.values() if x.proposal and x.proposal.id == wish.id), None)
        if loop is None or loop.proposal is None or loop.proposal.state != "offered":
            raise OrderFault("That proposal is over.", where=wish.id, remedy="Wait for a new one.")
        if self._clock.now_ns() > loop.proposal.expires_ns:
            self._set(loop, "expired", "Nobody approved it in time.")
            raise OrderFault("That proposal has expired.", where=wish.id, remedy="Wait for a new one.")
        if not wish.yes:
            self._set(loop, "refused", f"Refused by {who.user}. {wish.reason}".strip())
            return
        if loop.level == "advise":
            raise OrderFault(
                "This loop only advises.", where=loop.spec.id, remedy="Send the command by its own card."
            )
        loop.task = asyncio.get_running_loop().create_task(
            self._act(loop, who.user, f"approved by {who.user}")
        )

    def _release(self, wish: Approve, who: LoggedIn, *, may_release: bool) -> None:
        loop = self._loops.get(wish.id.removeprefix(ACTOR))
        if loop is None:
            raise OrderFault("There is no such loop.", where=wish.id, remedy="See loops.toml.")
        if not may_release:
            raise OrderFault("Only an engineer lets a loop act again.", where=who.user, remedy="Ask one.")
        if not wish.reason:
            raise OrderFault("Say why it may act again.", where=wish.id, remedy="Give a reason.")
        loop.level, loop.failures, loop.why = loop.spec.level, 0, ""
        self._tell(loop, f"may act again, says {who.user}: {wish.reason}", "info")

    # ---------------------------------------------------------------- detect, simulate, rank

    async def _think(self, loop: _Loop) -> None:
        """Fork, run all candidates and doing nothing, and offer the best, or say why there is none."""
        spec, now = loop.spec, self._clock.now_ns()
        loop.moot = ""
        self._number += 1
        loop.proposal = Proposal(
            id=f"{spec.id}-{now // 1_000_000:x}-{self._number}",
            loop=spec.id,
            state="thinking",
            t_ns=now,
            title=spec.title,
            reason="Candidates are being simulated.",
        )
        self._set(loop, "thinking")
        try:
            cards = await self._simulate(loop)
            action, card, why = chosen(spec, cards)
        except Fault as fault:
            self._set(loop, "failed", f"No advice: {fault.what} {fault.remedy}")
            return
        if action is None or card is None:
            self._set(loop, "refused", why, runs=tuple(cards))
            return
        if loop.moot:
            self._set(loop, "withdrawn", _sentence(loop.moot), runs=tuple(cards))
            return
        slot = self._tags[action.tag].slot
        blocked = may_act(spec, now)
        policy = spec.id if loop.level == "auto" and not blocked else ""
        loop.proposal = replace(
            loop.proposal,
            reason=why,
            variant=action.variant,
            tag=action.tag,
            value=action.value,
            old=float(self._table.value[slot]),
            unit=self._tags[action.tag].unit,
            title=action.title or card.title,
            expires_ns=self._clock.now_ns() + int(spec.valid_s * NS),
            policy=policy,
            runs=tuple(cards),
        )
        note = f"Level auto, but {blocked}: a person approves." if loop.level == "auto" and blocked else ""
        self._set(loop, "offered", note)
        objection = self._outside_policy(loop, action) if policy else ""
        if policy and not objection:
            signed = " and ".join(spec.policy.signed_by)
            await self._act(loop, f"{ACTOR}{spec.id}", f"under its policy, signed by {signed}")
        elif policy:
            loop.proposal = replace(loop.proposal, policy="")
            self._set(loop, "offered", f"Not sent by itself: {objection}")
        if loop.proposal.state == "offered":
            await self._expire(loop, loop.proposal.id)

    async def _simulate(self, loop: _Loop) -> Sequence[RunCard]:
        """Return the cards of a fresh fork when all are over, or at the deadline. Raises a Fault."""
        spec = loop.spec
        if loop.fork is not None:
            await asyncio.to_thread(loop.fork.stop, 1.0)
        args = {
            "project": str(self._project.folder),
            "source": self._address,
            "scenario": spec.scenario,
            "title": f"Loop {spec.title}",
        }
        log_file = places.logs() / f"loop-{spec.id}-{os.getpid()}.log"
        loop.fork = await asyncio.to_thread(child.start, "world.whatif", args, log_file)
        ready = await asyncio.to_thread(loop.fork.ready, START_S)
        end_ns = self._clock.now_mono_ns() + int(spec.deadline_s * NS)
        if loop.proposal is not None:
            loop.proposal = replace(loop.proposal, fork=str(ready["address"]))
        line = AsyncLine(str(ready["address"]))
        try:
            while True:
                answer = await line.ask(AskRuns(), ASK_S)
                if not isinstance(answer, Runs):
                    raise WorldFault(
                        "The fork answered something else.", where=spec.id, remedy="See its log."
                    )
                open_ = tuple(card.id for card in answer.cards if card.state not in FINAL)
                if not open_ or self._clock.now_mono_ns() > end_ns:
                    if open_:
                        await self._cancel(line, open_)
                    return answer.cards
                await asyncio.sleep(LOOK_S)
        finally:
            line.close()

    async def _cancel(self, line: AsyncLine, runs: tuple[str, ...]) -> None:
        """Stop what the deadline has overtaken; where that is refused it ends by itself."""
        try:
            await line.ask(CancelRuns(ids=runs), ASK_S)
        except Fault as fault:
            log.info("runs after the deadline go on: %s", fault.what)

    async def _expire(self, loop: _Loop, name: str) -> None:
        await asyncio.sleep(loop.spec.valid_s)
        if loop.proposal is not None and loop.proposal.id == name and loop.proposal.state == "offered":
            self._set(loop, "expired", "Nobody approved it in time.")

    # ---------------------------------------------------------------- protective stops

    async def _halt(self, loop: _Loop, why: str) -> None:
        """Send a protective stop at once where its policy lets it; else hold it ready for a person.

        It waits for no model (operations 4.3); everything that the gate asks stays.
        """
        spec, now = loop.spec, self._clock.now_ns()
        template = self._templates[spec.stop]
        tag = template.tag or f"{template.link}!{template.address}"
        self._number += 1
        blocked = may_act(spec, now) if loop.level == "auto" else "a person approves"
        loop.acted_ns = tuple(t for t in loop.acted_ns if now - t < HOUR_NS)
        is_signed = not blocked
        if is_signed and len(loop.acted_ns) >= spec.policy.max_per_hour:
            blocked = f"it acted {len(loop.acted_ns)} times within the hour"
        loop.proposal = Proposal(
            id=f"{spec.id}-{now // 1_000_000:x}-{self._number}",
            loop=spec.id,
            state="offered",
            t_ns=now,
            title=template.title or spec.title,
            reason=_sentence(why) or _sentence(spec.title),
            tag=tag,
            value=template.value,
            expires_ns=now + int(spec.valid_s * NS),
            policy="" if blocked else spec.id,
        )
        if not blocked:
            signed = " and ".join(spec.policy.signed_by)
            await self._act(loop, f"{ACTOR}{spec.id}", f"under its policy, signed by {signed}")
            return
        if is_signed:
            loop.unconfirmed = f"It was not sent: {blocked}."
        self._set(loop, "offered", f"Not sent by itself: {blocked}.")
        await self._expire(loop, loop.proposal.id)

    # ---------------------------------------------------------------- act, verify, undo

    def _outside_policy(self, loop: _Loop, action: LoopAction) -> str:
        now, policy = self._clock.now_ns(), loop.spec.policy
        loop.acted_ns = tuple(t for t in loop.acted_ns if now - t < HOUR_NS)
        if len(loop.acted_ns) >= policy.max_per_hour:
            return f"it acted {len(loop.acted_ns)} times within the hour."
        change = abs(action.value - float(self._table.value[self._tags[action.tag].slot]))
        if not change <= policy.max_change:  # also when it is not known
            return f"a change of {change:g} is more than {policy.max_change:g}."
        return ""

    async def _act(self, loop: _Loop, actor: str, how: str) -> None:
        """Send the one command, verify it and its outcome, or take it back."""
        proposal = loop.proposal
        if proposal is None:
            return
        self._set(loop, "approved", how.capitalize() + ".")
        reason = f"loop {loop.spec.id}, proposal {proposal.id}, {how}"
        try:
            loop.acted_ns = (*loop.acted_ns, self._clock.now_ns())
            receipt = await self._ordered(loop, proposal.tag, proposal.value, actor, reason, "sent")
        except OrderFault as fault:
            self._failed(loop, f"Refused: {fault.what} {fault.remedy}")
            return
        if receipt.state is not OrderState.VERIFIED:
            why = receipt.detail.what if receipt.detail is not None else "its read-back says otherwise."
            self._failed(loop, f"{receipt.state.value}: {why}")
            return
        shown = loop.spec.holds if loop.spec.stop else f"{proposal.tag} is {receipt.read_back:g}"
        self._set(loop, "verified", f"Sent and read back: {shown}.")
        if await self._outcome(loop):
            loop.failures = 0
            came = f"Done: {loop.spec.holds}." if loop.spec.stop else "Done: what was predicted has come."
            self._set(loop, "verified", came, is_over=True)
            return
        await self._undo(loop, proposal, actor)

    async def _ordered(
        self, loop: _Loop, tag: str, value: float, actor: str, reason: str, state: str
    ) -> Receipt:
        loop.order = ""
        receipt = await self._send(tag, value, actor, reason, loop.spec.stop)
        loop.order = receipt.order
        self._set(loop, state, f"{tag} → {value:g}.")
        end = self._clock.now_mono_ns() + 60 * NS
        while True:
            newest = self._receipts.get(receipt.order, receipt)
            if newest.state in ENDS or self._clock.now_mono_ns() > end:
                return newest
            await asyncio.sleep(LOOK_S)

    async def _outcome(self, loop: _Loop) -> bool:
        """Return whether what must hold does within its time; True when nothing is asked."""
        if loop.holds is None:
            return True
        end = self._clock.now_mono_ns() + int(loop.spec.within_s * NS)
        while self._clock.now_mono_ns() < end:
            if self._does_hold(loop.holds):
                return True
            await asyncio.sleep(OUTCOME_LOOK_S)
        return False

    def _does_hold(self, made: Expression) -> bool:
        slots = [self._tags[name].slot for name in made.names]
        value, word = made.evaluate(
            [self._table.value[s : s + 1] for s in slots], [self._table.quality[s : s + 1] for s in slots]
        )
        return bool(value[0]) and int(word[0]) & 0xFF <= UNCERTAIN

    async def _undo(self, loop: _Loop, proposal: Proposal, actor: str) -> None:
        spec = loop.spec
        if not spec.roll_back or not math.isfinite(proposal.old):
            self._failed(
                loop, f"Not so within {spec.within_s:g} s: {spec.holds}. It cannot be undone by itself."
            )
            return
        reason = f"loop {spec.id}, proposal {proposal.id}, taken back: not {spec.holds}"
        try:
            receipt = await self._ordered(loop, proposal.tag, proposal.old, actor, reason, "sent")
        except OrderFault as fault:
            self._failed(loop, f"It cannot be undone: {fault.what} {fault.remedy}")
            return
        words = (
            f"{proposal.tag} is back at {proposal.old:g} ({receipt.state.value}); {spec.holds} did not come."
        )
        self._set(loop, "rolled back", words)
        self._stand_down(loop, "it had to be taken back")

    def _failed(self, loop: _Loop, why: str) -> None:
        loop.failures += 1
        if loop.spec.stop:
            loop.unconfirmed = why
        self._set(loop, "failed", why)
        if loop.failures >= 2:  # noqa: PLR2004  operations 4.3, gate 8
            self._stand_down(loop, "it failed twice")

    # ---------------------------------------------------------------- standing down

    def _withdraw(self, loop: _Loop, why: str) -> None:
        """Take an offer back, or do not make it: it answers what is no longer so."""
        if self._is_open(loop) and loop.proposal is not None and loop.proposal.state == "thinking":
            loop.moot = why
        if loop.proposal is not None and loop.proposal.state == "offered" and not loop.proposal.policy:
            if loop.task is not None:
                loop.task.cancel()  # it only waits for the offer to expire
            self._set(loop, "withdrawn", _sentence(why))

    def _by_hand(self, loop: _Loop, receipt: Receipt) -> None:
        """Stand down when a person changes what the loop has set; withdraw what was computed without it."""
        proposal = loop.proposal
        mine = {action.tag for action in loop.spec.actions} | {proposal.tag if proposal is not None else ""}
        is_other = receipt.tag in mine and not loop.order
        if is_other and receipt.state is OrderState.ACCEPTED and not receipt.actor.startswith(ACTOR):
            self._withdraw(loop, _done_by(loop.spec, receipt))
        if proposal is None or receipt.tag != proposal.tag or not loop.order:
            return
        if receipt.order == loop.order or receipt.actor.startswith(ACTOR):
            return
        if receipt.state is OrderState.ACCEPTED and receipt.t_ns > proposal.t_ns:
            self._stand_down(loop, f"{receipt.actor} changed {receipt.tag} by hand")

    def _stand_down(self, loop: _Loop, why: str) -> None:
        loop.level, loop.order, loop.why = "advise", "", why
        self._tell(loop, f"only advises from now on: {why}. An engineer may let it act again.", "warning")
        if loop.proposal is not None and loop.proposal.state == "offered":
            self._set(loop, "stood down", why)

    def _is_open(self, loop: _Loop) -> bool:
        return loop.task is not None and not loop.task.done()

    def _set(
        self,
        loop: _Loop,
        state: str,
        detail: str = "",
        *,
        runs: tuple[RunCard, ...] = (),
        is_over: bool = False,
    ) -> None:
        if loop.proposal is None:
            return
        loop.proposal = replace(
            loop.proposal,
            state=state,
            detail=detail,
            runs=runs or loop.proposal.runs,
            is_over=is_over or state in OVER,
        )
        self._changed[loop.proposal.id] = loop.proposal
        if state != "thinking":
            level = "warning" if state in ("failed", "rolled back") else "info"
            self._tell(loop, f"{state}: {loop.proposal.title}. {detail or loop.proposal.reason}", level)
        if is_over:
            loop.order = ""

    def _tell(self, loop: _Loop, text: str, level: str) -> None:
        self._events.append(
            Event(t_ns=self._clock.now_ns(), level=level, source=f"loop {loop.spec.id}", text=text)
        )


def _state_of(loop: _Loop, now_ns: int) -> LoopState:
    spec = loop.spec
    why = loop.why or (may_act(spec, now_ns) if loop.level == "auto" else "")
    return LoopState(
        id=spec.id,
        title=spec.title,
        level=loop.level,
        wanted=spec.level,
        why=why,
        signed_by=spec.policy.signed_by,
        detect=spec.detect,
    )


def chosen(spec: LoopSpec, cards: Sequence[RunCard]) -> tuple[LoopAction | None, RunCard | None, str]:
    """Return the action that is clearly better than doing nothing, its run, and why; or None and why not.

    Better: it breaks no constraint and doing nothing does, or its cost is lower by `min_gain`.
    """
    by_id = {card.id: card for card in cards}
    nothing = by_id.get(BASELINE)
    if nothing is None or nothing.state != "done":
        return None, None, "Doing nothing could not be simulated, so nothing is advised."
    done = [
        (a, by_id[a.variant]) for a in spec.actions if a.variant in by_id and by_id[a.variant].state == "done"
    ]
    clean = [(a, c) for a, c in done if not c.violations]
    if not clean:
        return None, None, "No action keeps all limits."
    action, best = min(clean, key=lambda pair: (pair[1].rank or math.inf, pair[1].score))
    if nothing.violations:
        why = f"Doing nothing breaks {'; '.join(nothing.violations)}; this does not. {_sentence(best.reason)}"
        return action, best, why.strip()
    gain = (nothing.score - best.score) / max(abs(nothing.score), 1e-12)
    if not gain >= spec.min_gain:
        return None, None, f"No action is clearly better than doing nothing (gain {100.0 * gain:.1f} %)."
    why = f"{100.0 * gain:.0f} % less cost than doing nothing. {_sentence(best.reason)}"
    return action, best, why.strip()


def _done_by(spec: LoopSpec, receipt: Receipt) -> str:
    """Return what a person did that a loop would have done, without the address of a method."""
    if METHOD not in receipt.tag:
        return f"{receipt.tag} was changed by {receipt.actor}"
    title = next((action.title for action in spec.actions if action.tag == receipt.tag), "")
    return f"{receipt.actor} did it by hand: {title}" if title else f"{receipt.actor} did it by hand"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""
