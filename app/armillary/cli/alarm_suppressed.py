"""`armillary alarms suppressed`: what the rules of a project would have hidden of the last days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.alarms.suppression import ALARM
from armillary.alarms.would_hide import Course, WouldHide, names_of, of_alarm, would_hide
from armillary.cli.alarm_health import transitions
from armillary.cli.answer import emit_json, table, tell
from armillary.cli.history_span import saved
from armillary.model.alarm import AlarmEvent
from armillary.model.arrays import U4
from armillary.model.clock import NS, WallClock, iso
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.model.sample import SampleBatch, joined
from armillary.project.record import Project
from armillary.session.recorders import asked, recorder
from armillary.wire.bus import Line

DAY_S = 86_400
ANSWER_S = 60.0
PAGES = 40  # of 200,000 samples at most
MOST_ALARMS = 5  # named in a line


def run(project: str, days: float, *, as_json: bool) -> int:
    """Print it; status 1 where a rule would have hidden an alarm of priority 1 or 2. Raises Fault."""
    opened = saved(project)
    to_ns = WallClock().now_ns()
    from_ns = to_ns - int(days * DAY_S * NS)
    events = sorted(
        (noted.event for noted in transitions(opened.folder) if not noted.event.late),
        key=lambda event: event.t_ns,
    )
    if not opened.suppressions:
        tell("rules.toml has no [[suppress]].", err=True)
    courses = _courses(opened, events, from_ns, to_ns) if opened.suppressions else {}
    found = [would_hide(rule, courses, opened.specs, events, from_ns, to_ns) for rule in opened.suppressions]
    if as_json:
        emit_json({"from": iso(from_ns), "to": iso(to_ns), "rules": [_entry(each) for each in found]})
    elif found:
        _print(found, days)
    return 1 if any(each.urgent for each in found) else 0


def _print(found: Sequence[WouldHide], days: float) -> None:
    tell(f"The last {days:g} days:")
    table(
        [
            (
                each.rule,
                str(len(each.spans)),
                f"{each.hidden_ns / (3_600 * NS):.1f} h",
                f"{each.unknown_ns / (3_600 * NS):.1f} h",
                f"{sum(each.raises.values())} of {each.of}",
                str(each.urgent),
                _named(each.raises),
            )
            for each in found
        ],
        ("RULE", "TIMES", "HELD FOR", "NOT KNOWN", "RAISES HIDDEN", "P1 AND P2", "OF"),
    )


def _named(raises: Mapping[str, int]) -> str:
    text = ", ".join(f"{id_} {count}" for id_, count in list(raises.items())[:MOST_ALARMS])
    more = len(raises) - MOST_ALARMS
    return f"{text} and {more} more" if more > 0 else text


def _entry(found: WouldHide) -> dict[str, object]:
    return {
        "rule": found.rule,
        "spans": [{"from": iso(begin), "to": iso(end)} for begin, end in found.spans],
        "hidden_s": found.hidden_ns / NS,
        "unknown_s": found.unknown_ns / NS,
        "raises": dict(found.raises),
        "of": found.of,
        "urgent": found.urgent,
    }


def _courses(
    project: Project, events: Sequence[AlarmEvent], from_ns: int, to_ns: int
) -> Mapping[str, Course]:
    """Return how everything went that the rules read: alarms by the journal, tags by the record."""
    alarms = [spec.id for spec in project.alarms]
    read = {name for rule in project.suppressions for name in names_of(rule, project.specs, alarms)}
    out = {
        name: of_alarm(name.removeprefix(ALARM), events, from_ns) for name in read if name.startswith(ALARM)
    }
    tags = sorted(read - out.keys())
    if tags:
        with recorder(project.folder, read_only=True) as line:
            out.update(_recorded(line, tags, from_ns, to_ns))
    return out


def _recorded(line: Line, tags: Sequence[str], from_ns: int, to_ns: int) -> dict[str, Course]:
    """Return what was recorded of tags, with what they were before the span."""
    enrolled = asked(line, Enroll(tags=tuple(tags), create=False), ANSWER_S)
    if not isinstance(enrolled, Enrolled):
        return {}
    number = {int(id_): name for name, id_ in zip(tags, enrolled.ids.tolist(), strict=True) if id_}
    ids: U4 = np.array(sorted(number), np.uint32)
    if not len(ids):
        return {}
    parts: list[SampleBatch] = []
    before = asked(line, AskAt(ids=ids, t_ns=from_ns), ANSWER_S)
    if isinstance(before, Samples):
        parts.append(before.batch)
    begin_ns = from_ns
    for _ in range(PAGES):
        answer = asked(line, AskSpan(ids=ids, from_ns=begin_ns, to_ns=to_ns), ANSWER_S)
        if not isinstance(answer, Samples):
            break
        parts.append(answer.batch)
        if not begin_ns < answer.to_ns < to_ns:
            break
        begin_ns = answer.to_ns
    batch = joined([part for part in parts if len(part)])
    out: dict[str, Course] = {}
    for id_, name in number.items():
        rows = np.flatnonzero(batch.slot == id_)
        rows = rows[np.argsort(batch.source_ns[rows], kind="stable")]
        out[name] = Course(t_ns=batch.source_ns[rows], value=batch.value[rows], quality=batch.quality[rows])
    return out
