"""Texts of rows: what a line of a table shows, made here, drawn by ui."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from armillary.encoding import texts
from armillary.model.binding import Binding
from armillary.model.clock import NS
from armillary.model.frame import Event, Flow, Tally
from armillary.model.link import LinkState, LinkStatus, correction_ns
from armillary.model.quality import BAD, GOOD, NEVER, SENSOR, STALE, UNCERTAIN, word
from armillary.model.tags import TagSpec, late_ns, stale_after_ms
from armillary.session.mirror import Mirror

UNKNOWN = "–"
MS_PER_S = 1000
_GOOD_DELIVERY = ("flowing", "quiet")


@dataclass(frozen=True, slots=True)
class TagRow:
    """One line of the tag table."""

    slot: int
    name: str
    value: str  # `71.2 °C`, `71.2 °C ?`, `71.2 °C · 4 min old`, `bad: not a number`, `no data yet`
    quality: int  # rank, for colour and weight
    note: str  # quality and its reasons in words, for the tooltip: `stale: comm`
    age: str  # `0.4 s`, `4 min`, `–`
    link: str
    title: str
    unit: str
    detail: str = ""  # lines for a tooltip: why it is in doubt, its last good value, how often it comes

    @property
    def cell(self) -> str:
        """The value as a table has it: `— bad: not a number`, `∅ no data yet`, else as `value`."""
        return texts.cell(self.value, self.quality)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One line of the links panel."""

    name: str
    kind: str
    url: str
    state: str
    good: bool  # UP and flowing or quiet
    detail: str
    rate: str  # `1 240 msg/s`
    delay: str  # `12 ms`
    since: str
    flow: str  # `flowing`, or `silence not watched`; how often it was lost; until when its certificate is
    clock: str  # `Clock of press-line is 4.2 s ahead`, `clock +0.02 s ± 0.01 s`; "" = not known
    counts: str  # `12 044 received, 12 040 decoded, 4 dropped (undecodable 4)`


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the events list."""

    time: str  # local, HH:MM:SS
    level: str
    source: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class BindingRow:
    """One binding of a prim in the inspector."""

    name: str
    prim: str
    channel: str
    signal: str
    slot: int  # -1: the tag is not known
    value: str  # live text of the tag
    quality: int
    map: str  # `20…90 °C on heat`
    origin: str
    enabled: bool


def tag_rows(
    mirror: Mirror, specs: Sequence[TagSpec], slots: Sequence[int], now_mono_ns: int
) -> tuple[TagRow, ...]:
    """Return the rows of these tags. Numbers are read in one go, texts made for these rows only."""
    at = np.array(slots, np.uint32)
    quality = mirror.quality(at).tolist()
    age_s = (mirror.age_ns(at, now_mono_ns) / NS).tolist()
    value = mirror.table.value[at].tolist()
    return tuple(
        replace(
            tag_row(
                specs[s],
                v,
                q,
                a if a >= 0 else -1.0,
                mirror.table.text.get(s),
                mirror.table.why.get(s, ""),
            ),
            detail=_detail(mirror, specs[s], q),
        )
        for s, v, q, a in zip(slots, value, quality, age_s, strict=True)
    )


def _detail(mirror: Mirror, spec: TagSpec, quality: int) -> str:
    """Return what a person may want to know beside value and quality, a line each."""
    rank, lines = quality & 0xFF, []
    if rank == UNCERTAIN and quality & SENSOR and spec.frozen_after_ms:
        lines.append(f"unchanged for more than {texts.age(spec.frozen_after_ms / MS_PER_S)}")
    # a replay that went back knows of values that are still to come
    if rank in (STALE, BAD) and 0 < mirror.good_ns[spec.slot] <= mirror.t_ns:
        lines.append(last_good(mirror, spec))
    delay_ns = int(mirror.table.arrival_ns[spec.slot] - mirror.table.source_ns[spec.slot])
    if spec.link and delay_ns > late_ns(known(spec, mirror)):
        lines.append(f"delayed {texts.age(delay_ns / NS)}")
    if spec.link:
        lines.append(interval_words(known(spec, mirror)))
    return "\n".join(line for line in lines if line)


def last_good(mirror: Mirror, spec: TagSpec) -> str:
    """Return the last value that was better than stale: `last good 71.2 °C at 14:03:11 (4 min ago)`."""
    at, value = int(mirror.good_ns[spec.slot]), float(mirror.good[spec.slot])
    state = next((name for x, name in spec.states if x == value), None)
    shown = texts.value(value, spec.unit, state=state)
    return f"last good {shown} at {clock_text(at)} ({texts.age(max(mirror.t_ns - at, 0) / NS)} ago)"


def known(spec: TagSpec, mirror: Mirror) -> TagSpec:
    """Return a tag's spec with what its world has learnt since it began."""
    if spec.slot not in mirror.learnt:
        return spec
    expected, usual = mirror.learnt[spec.slot]
    return replace(spec, expected_ms=expected, usual_ms=usual, stale_after_ms=0, interval="learnt")


def interval_words(spec: TagSpec) -> str:
    """Return how often a tag is expected and who says so, and when it is stale: `learnt 1.02 s, …`."""
    if spec.liveness != "tag":
        return (
            f"lives by the heartbeat {spec.heartbeat}" if spec.heartbeat else f"lives by its {spec.liveness}"
        )
    limit = stale_after_ms(spec)
    stale = f"stale after {limit / MS_PER_S:.3g} s" if limit else "never stale by its age"
    if not spec.expected_ms:
        return f"{stale}; its interval is being learnt" if spec.interval == "default" else stale
    often = f"{spec.expected_ms / MS_PER_S:.3g} s"
    said = {"learnt": f"learnt {often}", "model": f"every {often} by its server"}
    return f"{said.get(spec.interval, f'expected every {often}')}, {stale}"


def tag_row(
    spec: TagSpec, value: float, quality: int, age_s: float, text: str | None = None, said: str = ""
) -> TagRow:
    """Return the row of one tag from what is known of it; age_s < 0: it never came.

    `said`: why it is not good, as its world says.
    """
    rank = min(quality & 0xFF, NEVER)
    state = next((name for x, name in spec.states if x == value), None)
    if state is None and spec.kind == "bool" and value in (0.0, 1.0):
        state = "true" if value else "false"
    why = texts.because(quality, said, spec.low, spec.high, spec.unit)
    note = word(quality).lower() + (f": {why}" if why else "")
    return TagRow(
        slot=spec.slot,
        name=spec.name,
        value=texts.value(value, spec.unit, quality, text=text, state=state, age_s=age_s, why=said),
        quality=rank,
        note="" if rank == GOOD and not why else note,
        age=texts.age(age_s),
        link=spec.link or ("imported" if spec.imported else "derived"),
        title=spec.title,
        unit=spec.unit,
    )


def link_row(status: LinkStatus, tally: Tally | None, now_ns: int) -> LinkRow:
    """Return the row of one link."""
    up = status.state in (LinkState.UP, LinkState.DEGRADED)
    detail = status.detail
    if status.next_try_s > 0 and status.state in (LinkState.BACKOFF, LinkState.REFUSED):
        detail = f"{detail} Next try in {status.next_try_s:.0f} s.".strip()
    return LinkRow(
        name=status.name,
        kind=status.kind,
        url=status.url,
        state=status.state.value,
        good=status.state is LinkState.UP and status.delivery in _GOOD_DELIVERY,
        detail=detail,
        rate=f"{texts.number(_short(status.rate_hz))} msg/s" if up else UNKNOWN,
        delay=_delay(status.delay_s) if up else UNKNOWN,
        since=texts.age((now_ns - status.since_ns) / NS) if status.since_ns else UNKNOWN,
        flow=_flow(status, now_ns),
        clock=_clock(status),
        counts=counts(tally.messages) if tally is not None else "",
    )


def _flow(status: LinkStatus, now_ns: int) -> str:
    """Return what a link's arrivals, losses and certificate say, in few words."""
    parts = [status.delivery if status.silence_watched else f"{status.delivery}, silence not watched"]
    if status.losses:
        parts.append(f"lost {status.losses} {'time' if status.losses == 1 else 'times'} in 2 min")
    if status.certificate_ns:
        day = datetime.fromtimestamp(status.certificate_ns / NS, UTC).strftime("%Y-%m-%d")
        is_over = status.certificate_ns <= now_ns
        parts.append(f"certificate expired {day}" if is_over else f"certificate until {day}")
    return " · ".join(parts)


def _clock(status: LinkStatus) -> str:
    """Return what is known of the clock of a link's source; one that is right takes no room."""
    if not status.clock or status.skew_s is None:
        return ""
    shown = " · times are shown corrected" if correction_ns(status) else ""
    return f"{status.clock} (± {max(_short(status.skew_doubt_s), 0.1):g} s){shown}"


def _delay(seconds: float) -> str:
    if abs(seconds) < 1:
        return f"{texts.number(_short(seconds * 1000))} ms"
    return f"{texts.number(_short(seconds))} s"


def _short(value: float) -> float:
    """Return a measured value as fine as a person can use it: one decimal below ten, none above."""
    return round(value, 1) if abs(value) < 10 else float(round(value))  # noqa: PLR2004


def counts(flow: Flow) -> str:
    """Return a flow as a sentence; a drop is never left out."""
    out = f"{flow.received:,} received, {flow.done:,} decoded"
    dropped = {reason: n for reason, n in flow.dropped.items() if n}
    if dropped:
        named = ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in dropped.items())
        out += f", {sum(dropped.values()):,} dropped ({named})"
    return out + (f", {flow.queued:,} waiting" if flow.queued else "")


def clock_text(t_ns: int) -> str:
    """Return a time of day of this machine's zone, `14:03:11`."""
    return datetime.fromtimestamp(t_ns / NS, UTC).astimezone().strftime("%H:%M:%S")


def event_row(event: Event) -> EventRow:
    """Return the row of one event; its time is the machine's local time."""
    return EventRow(
        time=clock_text(event.t_ns),
        level=event.level,
        source=event.source,
        text=event.text,
        remedy=event.fault.remedy if event.fault is not None else "",
    )


def binding_row(binding: Binding, row: TagRow | None) -> BindingRow:
    """Return the row of one binding with its tag's row, None when the tag is not known."""
    return BindingRow(
        name=binding.name,
        prim=binding.prim,
        channel=binding.channel,
        signal=binding.signal or binding.address,
        slot=row.slot if row is not None else -1,
        value=row.value if row is not None else "unknown tag",
        quality=row.quality if row is not None else NEVER,
        map=map_text(binding, row.unit if row is not None else ""),
        origin=binding.origin,
        enabled=binding.enabled,
    )


def map_text(binding: Binding, unit: str = "") -> str:
    """Return what a binding's map does, in words."""
    spec, unit = binding.map, binding.unit or unit
    if spec.kind == "expr":
        return f"= {spec.expr}"
    if spec.kind in ("steps", "states"):
        sign = "≥ " if spec.kind == "steps" else ""
        cases = zip(spec.state_keys, spec.state_values, strict=False)
        return "; ".join(f"{'else' if key == '*' else sign + key} → {value}" for key, value in cases)
    plain = spec.kind == "none" or (spec.scale, spec.offset) == (1.0, 0.0)
    formula = "" if plain else _formula(spec.scale, spec.offset)
    if binding.colormap:
        low, high = binding.ends
        ends = f"{texts.number(low)}…{texts.number(high, binding.target_unit or unit)} on {binding.colormap}"
        return f"{formula}, {ends}" if formula else ends
    axis = f" along {binding.axis}" if binding.axis != "none" else ""
    return (formula or "as it is") + (f" {binding.target_unit}" if binding.target_unit else "") + axis


def _formula(scale: float, offset: float) -> str:
    sign = "−" if offset < 0 else "+"
    return f"{texts.number(scale)} · x" + (f" {sign} {texts.number(abs(offset))}" if offset else "")
