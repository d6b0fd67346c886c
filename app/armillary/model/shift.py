"""Shifts: when people begin and end their work, by the clock on the wall of the plant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.times import parse_time

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
HOW = ("mean", "lowest", "highest", "change", "last", "time above", "time below")
_LONGEST_DAYS = 2  # a shift that began so long ago may still go on


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftSpec:
    """One `[[shift]]` of project.toml: minutes of the day by the wall clock of `zone`."""

    name: str
    from_min: int  # 0…1439
    to_min: int  # at or before `from_min`: of the next day
    days: tuple[str, ...] = DAYS  # on which it begins
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One shift of one day, from ≤ t < to, ns UTC."""

    name: str
    day: str  # 2026-11-22, on which it began
    from_ns: int
    to_ns: int
    zone: str = "UTC"

    @property
    def key(self) -> str:
        """Names it for good: `early 2026-11-22`."""
        return f"{self.name} {self.day}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureSpec:
    """One `[[figure]]` of project.toml: what a shift made of a tag."""

    title: str
    tag: str
    how: str = "mean"  # one of HOW
    limit: float = 0.0  # of `time above` and `time below`


USUAL = (
    ShiftSpec(name="early", from_min=6 * 60, to_min=14 * 60),
    ShiftSpec(name="late", from_min=14 * 60, to_min=22 * 60),
    ShiftSpec(name="night", from_min=22 * 60, to_min=6 * 60),
)
"""Of a project that names none, in its own time zone."""


def shifts(specs: Sequence[ShiftSpec], from_ns: int, to_ns: int) -> list[Shift]:
    """Return the shifts that have some of from ≤ t < to, by their beginning.

    A shift lasts by the wall clock: eight hours of a night in which the clock is changed are seven or nine.
    """
    out = [
        shift
        for spec in specs
        for shift in _of(spec, from_ns - _LONGEST_DAYS * 86_400 * NS, to_ns)
        if shift.from_ns < to_ns and shift.to_ns > from_ns
    ]
    return sorted(out, key=lambda shift: (shift.from_ns, shift.name))


def _of(spec: ShiftSpec, from_ns: int, to_ns: int) -> Iterator[Shift]:
    zone = ZoneInfo(spec.zone)
    day = datetime.fromtimestamp(from_ns / NS, zone).date()
    last = datetime.fromtimestamp(to_ns / NS, zone).date()
    while day <= last:
        if DAYS[day.weekday()] in spec.days:
            over = day + timedelta(days=1) if spec.to_min <= spec.from_min else day
            yield Shift(
                name=spec.name,
                day=day.isoformat(),
                from_ns=_wall(day, spec.from_min, zone),
                to_ns=_wall(over, spec.to_min, zone),
                zone=spec.zone,
            )
        day += timedelta(days=1)


def _wall(day: date, minute: int, zone: ZoneInfo) -> int:
    # a time that the change of the clock leaves out counts as if it had not been changed (PEP 495, fold 0)
    moment = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
    return int(moment.timestamp()) * NS


def shift_at(specs: Sequence[ShiftSpec], t_ns: int) -> Shift | None:
    """Return the shift of a time; where two overlap the one that began last. None between two."""
    found = [s for s in shifts(specs, t_ns, t_ns + 1) if s.from_ns <= t_ns < s.to_ns]
    return found[-1] if found else None


def left_s(specs: Sequence[ShiftSpec], t_ns: int) -> tuple[str, float]:
    """Return the name of the shift of a time and the seconds to its end; ("", 0) between two shifts."""
    now = shift_at(specs, t_ns)
    return (now.name, (now.to_ns - t_ns) / NS) if now is not None else ("", 0.0)


def last_ended(specs: Sequence[ShiftSpec], now_ns: int) -> Shift | None:
    """Return the shift that ended last, in the last eight days."""
    past = [s for s in shifts(specs, now_ns - 8 * 86_400 * NS, now_ns) if s.to_ns <= now_ns]
    return max(past, key=lambda shift: (shift.to_ns, shift.from_ns), default=None)


def named(specs: Sequence[ShiftSpec], text: str, now_ns: int) -> Shift:
    """Return the shift that a person means: `now`, `last`, `early`, `early 2026-11-22`, or a time in it.

    A name alone is the newest of that name that has begun. Raises Fault with the forms.
    """
    words = text.strip().lower().split() or ["last"]
    found: Shift | None
    if words == ["last"]:
        found = last_ended(specs, now_ns)
    elif words == ["now"]:
        found = shift_at(specs, now_ns)
    elif words[0] in {spec.name.lower() for spec in specs}:
        mine = [spec for spec in specs if spec.name.lower() == words[0]]
        found = _dated(mine, " ".join(words[1:]), now_ns)
    else:
        found = shift_at(specs, parse_time(text, now_ns))
    if found is None:
        names = ", ".join(dict.fromkeys(spec.name for spec in specs))
        raise Fault(
            f"There is no shift '{text or 'last'}'.",
            where="shift",
            remedy=f"Give now, last, a time in it, or one of {names} with or without its day (2026-11-22).",
        )
    return found


def _dated(specs: Sequence[ShiftSpec], day: str, now_ns: int) -> Shift | None:
    if day:
        try:
            noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo(specs[0].zone))
        except ValueError:
            return None
        at_ns, reach = int(noon.timestamp()) * NS, 86_400 * NS
        return next((s for s in shifts(specs, at_ns - reach, at_ns + reach) if s.day == day), None)
    begun = [s for s in shifts(specs, now_ns - 8 * 86_400 * NS, now_ns) if s.from_ns <= now_ns]
    return max(begun, key=lambda shift: shift.from_ns, default=None)
