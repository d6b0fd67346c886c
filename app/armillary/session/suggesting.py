"""Suggestions for alarms that ask for too much attention, proved on a project's own history."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from armillary.alarms import suggest as limits
from armillary.alarms import trial as trials_of_limits
from armillary.alarms.health import Health
from armillary.alarms.suggest import Suggestion, Trial
from armillary.alarms.suggest_kinds import suggest
from armillary.alarms.trial_kinds import KINDS, Record, inputs
from armillary.model.alarm import AlarmSpec
from armillary.model.fault import Fault, ProjectFault
from armillary.model.tags import TagSpec
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.project.rules import RULES_FILE, with_alarm
from armillary.session import alarm_past
from armillary.session.limits import text_of
from armillary.session.recorders import recorder
from armillary.wire.bus import Line

LEAST = 5  # raises of an alarm that is looked at unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found for one alarm."""

    spec: AlarmSpec
    unit: str
    trial: Trial
    raises: int = 0  # by the journal
    to_ns: int = 0  # how far the record was read


def bad_actors(project: Project, found: Health) -> list[AlarmSpec]:
    """Return the alarms that are worth a look: the most frequent, and those that chatter."""
    wanted = [actor.id for actor in found.top if actor.raises >= LEAST or actor.chatters]
    wanted += [id_ for id_ in found.chattering if id_ not in wanted]
    of = {spec.id: spec for spec in project.alarms}
    return [of[id_] for id_ in wanted if id_ in of]


def trials(
    project: Project,
    specs: Sequence[AlarmSpec],
    health: Health | None,
    from_ns: int,
    to_ns: int,
    tell: Callable[[str], None] = lambda _text: None,
) -> list[Found]:
    """Run each alarm again over its tag's recorded samples, as it is and changed. Raises Fault."""
    tags = {tag.name: tag for tag in project.specs}
    raises = {actor.id: actor.raises for actor in health.top} if health is not None else {}
    out: list[Found] = []
    with recorder(project.folder, read_only=True) as line:
        for spec in specs:
            tell(spec.id)
            tag = tags.get(spec.tag)
            end_ns = to_ns
            if spec.kind not in KINDS or (tag is None and spec.kind != "expression"):
                trial = Trial(alarm=spec.id, before=0, why_not=f"alarms of kind '{spec.kind}' are not tried")
            elif spec.levels:
                trial = Trial(alarm=spec.id, before=0, why_not="alarms with several limits are not tried")
            else:
                trial, end_ns = _tried(line, spec, tags, from_ns, to_ns)
            unit = tag.unit if tag is not None else ""
            count = raises.get(spec.id, 0)
            out.append(Found(spec=spec, unit=unit, trial=trial, raises=count, to_ns=end_ns))
    return out


def _tried(
    line: Line, spec: AlarmSpec, tags: Mapping[str, TagSpec], from_ns: int, to_ns: int
) -> tuple[Trial, int]:
    """Run one alarm again over the record of all that it needs; return until when, too. Raises Fault."""
    names = inputs(spec, tags)
    if any(tags[name].personal == "direct" for name in names if name in tags):
        return Trial(alarm=spec.id, before=0, why_not="its tag tells of a person"), to_ns
    tag = tags.get(spec.tag)
    span = tag.high - tag.low if tag is not None and math.isfinite(tag.high - tag.low) else 0.0
    if spec.kind in trials_of_limits.KINDS:
        got = alarm_past.read(line, names[0], from_ns, to_ns)
        return limits.suggest(spec, got.past, span), got.to_ns
    records: dict[str, Record] = {}
    end_ns = to_ns
    for name in names:
        records[name], ends_ns = alarm_past.record(line, name, from_ns, to_ns)
        end_ns = min(end_ns, ends_ns)
    if end_ns < to_ns:  # too much of one of them: all are judged up to there
        records = {name: one.until(end_ns) for name, one in records.items()}
    return suggest(spec, records, tags, span), end_ns


def chosen(found: Sequence[Found], name: str) -> tuple[Found, Suggestion]:
    """Return the suggestion that a person names: `FT-231`, or `FT-231:2` for its second. Raises Fault."""
    id_, _, number = name.rpartition(":")
    if not number.isdecimal() or not id_:
        id_, number = name, "1"
    one = next((each for each in found if each.spec.id == id_), None)
    if one is None or not 0 < int(number) <= len(one.trial.suggestions):
        why = f": {one.trial.why_not}" if one is not None and one.trial.why_not else ""
        known = [each.spec.id for each in found if each.trial.suggestions]
        raise Fault(
            f"There is no suggestion '{name}'{why}.",
            where="alarms suggest",
            remedy=f"Give one of: {', '.join(known)}." if known else "There is none in this time.",
        )
    return one, one.trial.suggestions[int(number) - 1]


def apply(project: Project, made: Suggestion, since: str) -> None:
    """Write a suggestion into rules.toml; comments and order stay. Raises ProjectFault.

    since: the file's text when the suggestion was made; a file that is another by now is refused.
    """
    if text_of(project.folder, RULES_FILE) != since:
        raise ProjectFault(
            f"{RULES_FILE} was changed by somebody else meanwhile.",
            where=str(project.folder / RULES_FILE),
            remedy="Ask for suggestions again.",
        )
    projects.save_rules(project.folder, with_alarm(since, made.alarm, dict(made.changes)))
