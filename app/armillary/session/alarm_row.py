"""One alarm as a line of a list, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from armillary.encoding import texts
from armillary.model.alarm import (
    ADVISORY_MARK,
    ONE_SHOT_NS,
    AlarmSpec,
    AlarmState,
    Hiding,
    Marks,
    Presentation,
    ProcessState,
)
from armillary.model.tags import TagSpec
from armillary.session.alarm_table import priority_of
from armillary.session.nuisance import Nuisance
from armillary.session.rows import clock_text

WORDS: Mapping[ProcessState, str] = {
    ProcessState.NORM: "normal",
    ProcessState.UNACK: "active, not acknowledged",
    ProcessState.ACKED: "active, acknowledged",
    ProcessState.RTNUN: "returned, not acknowledged",
    ProcessState.LUNAK: "latched, not acknowledged",
    ProcessState.LACKD: "latched, waits for reset",
}


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One line of the alarm list. `prim` is -1 where the scene does not show it."""

    id: str
    occurrence: str
    priority: int
    state: str  # in words
    active: bool
    unacknowledged: bool
    latched: bool
    tag: str
    slot: int
    text: str
    value: str  # that raised it, with its unit
    limit: str  # `above 85 °C`
    raised_ns: int
    who: str
    note: str  # unverified, delayed, comment
    consequence: str
    operator_action: str
    prim: int
    presentation: Presentation = Presentation.SHOWN
    respond_s: float = 0.0  # time to respond from the raise on; 0 = nobody said
    chatter: int = 0  # raises since it began to chatter; 0 = it does not
    first_out: str = ""  # `first` of its group, or one of several in a `tie`
    procedure: str = ""  # id of the work instruction that answers it
    camera: str = ""  # prim path of the view that shows it best
    advisory: bool = False  # it is only predicted

    @property
    def mark(self) -> int:
        """What is drawn for it: its priority, or that it is only predicted."""
        return ADVISORY_MARK if self.advisory else self.priority


def hidden_text(hiding: Hiding) -> str:
    """Return why an alarm bothers nobody, in words."""
    if hiding.ticket:
        return f"out of service, {hiding.ticket}, by {hiding.ticket_actor}"
    if hiding.rule:
        return f"suppressed by design: {hiding.rule}"
    until = "it is normal again" if hiding.until_ns == ONE_SHOT_NS else clock_text(hiding.until_ns)
    return f"shelved until {until} by {hiding.shelf_actor}: {hiding.shelf_reason}"


def age_text(seconds: float) -> str:
    """Return how long ago something was, as a person says it."""
    return texts.age(seconds)


def limit_text(spec: AlarmSpec, tag: TagSpec | None) -> str:
    """Return what raises an alarm, in words."""
    unit = tag.unit if tag is not None else ""
    if spec.kind == "quality":
        return "stale or worse"
    if spec.kind == "state":
        names = dict(tag.states) if tag is not None else {}
        said, values = ("is ", spec.values) if spec.values else ("is not ", spec.normal)
        return said + " or ".join(names.get(v, texts.number(v, unit)) for v in values)
    if spec.kind == "expression":
        return spec.expression
    if spec.kind == "discrepancy":
        return f"does not follow {spec.reference} for {spec.on_delay_s:g} s"
    if spec.kind == "link":
        is_silence = spec.id.startswith("link:") and (spec.id.count(":") == 1 or spec.at_slot >= 0)
        return "silent" if is_silence else ""
    if spec.kind == "rate":
        return f"{'changes' if spec.two_sided else spec.direction} {texts.number(spec.limit, f'{unit}/s')}"
    if spec.kind == "deviation":
        other = spec.reference or texts.number(spec.setpoint, unit)
        return f"more than {texts.number(spec.limit, unit)} from {other}"
    if spec.is_advisory:
        return f"{spec.direction} {texts.number(spec.limit, unit)} within {texts.age(spec.horizon_s)}"
    if spec.levels:
        limits = (f"{level.name} {texts.number(level.limit, unit)}" for level in spec.levels)
        return f"{spec.direction} {', '.join(limits)}"
    text = f"{spec.direction} {texts.number(spec.limit, unit)}"
    return f"{text}, {spec.count} in sequence" if spec.kind == "count" and spec.count > 1 else text


def text_of(spec: AlarmSpec, tag: TagSpec | None, limit: str = "") -> str:
    """Return what an alarm is, in words; limit: what `limit_text` says, where it is known."""
    if spec.title:
        return spec.title
    return f"{(tag.title if tag is not None else '') or spec.tag} {limit or limit_text(spec, tag)}"


def alarm_row(
    spec: AlarmSpec, state: AlarmState, tag: TagSpec | None, prim: int, nuisance: Nuisance | None = None
) -> AlarmRow:
    """Return the line of one alarm."""
    limit = limit_text(spec, tag)
    value = ""
    if not np.isnan(state.value):
        names = dict(tag.states) if tag is not None else {}
        value = names.get(state.value) or texts.number(state.value, tag.unit if tag is not None else "")
    notes = [state.pending] if state.pending else []
    if state.unconfirmed:
        notes.append("its server wants it confirmed")
    if spec.responses and state.active:
        notes.append(f"answers: {' · '.join(spec.responses)}")
    if state.unverified:
        notes.append("not verified: the input is bad or stale")
    if state.delayed_s > 0:
        notes.append(f"delayed {texts.age(state.delayed_s)}")
    if state.reactivations:
        notes.append(f"came back {state.reactivations} ×")
    if state.comment:
        notes.append(f"“{state.comment}”" + (f" {state.commenter}" if state.commenter else ""))
    if state.hiding is not None:
        notes.append(hidden_text(state.hiding))
    # what the world says counts; a replay and a world of before say nothing
    marks = state.marks or Marks()
    chatter = marks.chatter or (nuisance.chatter(spec.id) if nuisance is not None else 0)
    return AlarmRow(
        id=spec.id,
        occurrence=state.occurrence,
        priority=priority_of(spec, state),
        state=WORDS[state.process],
        active=state.active,
        unacknowledged=state.unacknowledged,
        latched=state.process is ProcessState.LACKD,
        tag=spec.tag,
        slot=spec.slot if tag is not None else -1,
        text=((spec.kind == "link" or spec.is_advisory) and state.active and state.text)
        or text_of(spec, tag, limit),
        value=value,
        limit=limit,
        raised_ns=state.raised_ns,
        who=state.actor,
        note=" · ".join(notes),
        consequence=spec.consequence,
        operator_action=spec.operator_action,
        prim=prim,
        presentation=state.presentation,
        respond_s=spec.time_to_respond_s,
        chatter=chatter,
        advisory=spec.is_advisory,
        first_out=marks.first_out or (nuisance.first_out(spec.id) if nuisance is not None else ""),
        procedure=spec.procedure,
        camera=spec.camera,
    )
