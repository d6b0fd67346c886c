"""Values by hand in a LIVE world: who may give them, until when, and that it is written down.

Nothing of this goes to the plant. The tick lays the values over the state (`twin.held`); here is decided
which hold. They outlive the world's process, and end by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from armillary.encoding import texts
from armillary.model.account import LoggedIn
from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, FaultRecord, OrderFault, record
from armillary.model.frame import Event
from armillary.model.quality import BAD, word
from armillary.model.substitution import EndSubstitution, Substitute, Substitution
from armillary.model.tags import TagSpec, TagTable
from armillary.project import substituted
from armillary.twin.held import Given, Held
from armillary.world.acts import Acts

OPERATOR_S, LONGEST_S = 8 * 3_600, 30 * 86_400  # operations 5.1; and nobody forgets one for good
LEAST_S = 1.0
MOST_REASON = 500
_SINGLE = ("number", "bool", "enum")
_WORLD = LoggedIn(user="world", name="", role="")


@dataclass(frozen=True, slots=True)
class _Held:
    slot: int
    told: Substitution
    until_mono_ns: int  # a clock that is set does not make it longer or shorter


class Substitutes:
    """What people give by hand now. One thread, that of the loop."""

    def __init__(
        self,
        specs: Sequence[TagSpec],
        held: Held,
        *,
        home: Path,
        clock: Clock,
        zone: str,
        table: TagTable,
        acts: Callable[[], Acts],
    ) -> None:
        """`specs`: the world's own; `table`: what it shows now; `acts`: where what people do is written down.

        What held when the world ended holds again, if its time is not over.
        """
        self._specs = {spec.name: spec for spec in specs}
        self._layer, self._home, self._clock, self._zone = held, home, clock, ZoneInfo(zone)
        self._table, self._acts = table, acts
        self._held: dict[str, _Held] = {}
        self._over: list[Substitution] = []  # ended while the world was away
        self._told: list[Event] = []
        self.problems: list[FaultRecord] = []
        try:
            for each in substituted.read(home):
                self._take_up(each)
        except Fault as fault:
            self.problems.append(record(fault))

    # ---------------------------------------------------------------- what people ask

    def give(self, wish: Substitute, who: LoggedIn) -> None:
        """Let a tag show a value by hand from the next tick on. Raises OrderFault."""
        spec = self._known(wish.tag)
        value = self._value(spec, wish.value)
        longest = OPERATOR_S if who.role == "operator" else LONGEST_S
        if not LEAST_S <= wish.for_s <= longest:
            raise OrderFault(
                f"A value by hand holds for at most {texts.age(longest)} here, not {wish.for_s:g} s.",
                where=spec.name,
                remedy="Choose another end; it can be given anew.",
            )
        reason = wish.reason.strip()[:MOST_REASON]
        if not reason:
            raise OrderFault("Say why.", where=spec.name, remedy="Give a reason; it is written down.")
        now = self._clock.now_ns()
        told = Substitution(
            tag=spec.name,
            value=value,
            since_ns=now,
            until_ns=now + int(wish.for_s * NS),
            user=who.user,
            name=who.name or who.user,
            reason=reason,
        )
        self._write({**{name: each.told for name, each in self._held.items()}, spec.name: told}, spec.name)
        before = self._shown(spec)
        self._hold(spec, told, self._clock.now_mono_ns() + int(wish.for_s * NS))
        after = f"{value:g} {spec.unit} until {self._time(told.until_ns)}".replace("  ", " ")
        action = "value.block" if wish.value is None else "value.substitute"
        self._acts().note(who, action, spec.name, before=before, after=after, reason=reason)
        shown = texts.value(value, spec.unit, state=_state(spec, value))
        verb = "blocked it at" if wish.value is None else "gave it by hand:"
        until = self._time(told.until_ns)
        self._tell(spec.name, "warning", f"{told.name} {verb} {shown} until {until} ({reason})")

    def end(self, wish: EndSubstitution, who: LoggedIn) -> None:
        """Let a tag show again what the plant says. Raises OrderFault when nobody gave it a value here."""
        spec = self._known(wish.tag)
        if spec.name not in self._held:
            by_plant = "the plant itself" if self._table.quality[spec.slot] & 0xFF == 1 else "nobody here"
            raise OrderFault(
                f"{spec.name} is substituted by {by_plant}.", where=spec.name, remedy="Nothing is to be done."
            )
        self._end(spec.name, who, f"{who.name or who.user} ended it", wish.reason.strip()[:MOST_REASON])

    # ---------------------------------------------------------------- the time

    def due(self, now_mono_ns: int) -> tuple[Event, ...]:
        """End what is over; return what is to be told since the last call."""
        for told in self._over:
            self._acts().note(_WORLD, "value.substitute.end", told.tag, reason="its time was over")
            text = f"{told.name}'s value by hand ended while the world was away"
            self._tell(told.tag, "info", text)
        self._over.clear()
        for name in [name for name, each in self._held.items() if now_mono_ns >= each.until_mono_ns]:
            self._end(name, _WORLD, "its time is over", "its time is over")
        out, self._told = tuple(self._told), []
        return out

    # ---------------------------------------------------------------- parts

    def _take_up(self, told: Substitution) -> None:
        left_ns = told.until_ns - self._clock.now_ns()
        spec = self._specs.get(told.tag)
        if spec is None or spec.kind not in _SINGLE:
            return  # the project has no such tag any more
        if left_ns <= 0:
            self._over.append(told)
            return
        self._hold(spec, told, self._clock.now_mono_ns() + min(left_ns, LONGEST_S * NS))

    def _hold(self, spec: TagSpec, told: Substitution, until_mono_ns: int) -> None:
        self._held[spec.name] = _Held(spec.slot, told, until_mono_ns)
        mono = self._clock.now_mono_ns() - max(0, self._clock.now_ns() - told.since_ns)
        why = f"by hand: {told.name}, until {self._time(told.until_ns)}: {told.reason}"
        given = Given(
            slot=spec.slot, value=told.value, since_ns=told.since_ns, since_mono_ns=max(mono, 1), why=why
        )
        self._layer.put(given)

    def _end(self, name: str, who: LoggedIn, text: str, reason: str) -> None:
        """End it first of all: a disk that is full must not keep it."""
        held = self._held.pop(name)
        self._layer.end(held.slot)
        before = f"{held.told.value:g} by {held.told.user}"
        self._acts().note(who, "value.substitute.end", name, before=before, reason=reason)
        self._tell(name, "info", f"the value by hand of {held.told.name} is over: {text}")
        try:
            substituted.write(self._home, [each.told for each in self._held.values()])
        except OSError as error:
            text = f"the end could not be written down ({error.strerror}): after a restart it may hold again"
            self._tell(name, "warning", text)

    def _write(self, held: dict[str, Substitution], tag: str) -> None:
        try:
            substituted.write(self._home, held.values())
        except OSError as error:
            raise OrderFault(
                f"It is not given: it could not be written down ({error.strerror}).",
                where=tag,
                remedy=f"Make {self._home} writable.",
            ) from error

    def _known(self, tag: str) -> TagSpec:
        spec = self._specs.get(tag)
        if spec is None:
            raise OrderFault(f"There is no tag '{tag}' here.", where=tag, remedy="Tags: armillary state.")
        return spec

    def _value(self, spec: TagSpec, wanted: float | None) -> float:
        """Return the value that a tag shall show. Raises OrderFault for one that it cannot have."""
        if spec.kind not in _SINGLE:
            raise OrderFault(
                f"{spec.name} holds no number.", where=spec.name, remedy="Only numbers are given by hand."
            )
        if wanted is None:
            value, quality = float(self._table.value[spec.slot]), int(self._table.quality[spec.slot])
            if not math.isfinite(value) or quality & 0xFF >= BAD:
                raise OrderFault(
                    f"{spec.name} has no value to be blocked at: it is {word(quality)}.",
                    where=spec.name,
                    remedy="Give a value.",
                )
            return value
        known = [x for x, _ in spec.states] or ([0.0, 1.0] if spec.kind == "bool" else [])
        if known and wanted not in known:
            names = ", ".join(f"{x:g} {name}" for x, name in spec.states) or "0, 1"
            raise OrderFault(
                f"{wanted:g} is no state of {spec.name}.", where=spec.name, remedy=f"Known: {names}."
            )
        if not math.isfinite(wanted) or not spec.low <= wanted <= spec.high:
            raise OrderFault(
                f"{wanted:g} {spec.unit} is outside the plausible range of {spec.name}.".replace("  ", " "),
                where=spec.name,
                remedy=f"Give {spec.low:g} to {spec.high:g}.",
            )
        return wanted

    def _shown(self, spec: TagSpec) -> str:
        value, quality = float(self._table.value[spec.slot]), int(self._table.quality[spec.slot])
        return f"{value:g} {spec.unit} {word(quality)}".replace("  ", " ")

    def _time(self, t_ns: int) -> str:
        """Return a time of today as `14:30`, of another day with its date."""
        then = datetime.fromtimestamp(t_ns / NS, UTC).astimezone(self._zone)
        today = datetime.fromtimestamp(self._clock.now_ns() / NS, UTC).astimezone(self._zone).date()
        return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")

    def _tell(self, tag: str, level: str, text: str) -> None:
        self._told.append(Event(t_ns=self._clock.now_ns(), level=level, source=tag, text=text))


def _state(spec: TagSpec, value: float) -> str | None:
    return next((name for x, name in spec.states if x == value), None)
