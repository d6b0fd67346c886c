"""`armillary alarms suggest`: deadbands and delays for bad actors, proved on history first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from armillary.alarms.health import DAY_NS, Health, health
from armillary.alarms.journal_lines import noted
from armillary.alarms.suggest import told
from armillary.cli.answer import emit_json, tell
from armillary.cli.history_span import saved
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import WallClock
from armillary.model.fault import Fault
from armillary.project.record import Project
from armillary.project.rules import RULES_FILE
from armillary.security import export
from armillary.session import suggesting
from armillary.session.limits import NEXT, text_of
from armillary.session.shiftwork import JOURNAL, PATTERN


def run(project: str, ids: Sequence[str], days: float, apply: str, *, yes: bool, as_json: bool) -> int:
    """Suggest, or write one suggestion. Status 1 where there is none. Raises Fault."""
    opened = saved(project)
    since = text_of(opened.folder, RULES_FILE)
    to_ns = WallClock().now_ns()
    from_ns = to_ns - int(days * DAY_NS)
    if apply and not ids:
        known = {spec.id for spec in opened.alarms}
        ids = [apply if apply in known else apply.rpartition(":")[0]]
    lines = export.chains(opened.homes, JOURNAL, PATTERN, from_ns)
    judged = health((one for each in lines for one in noted(each)), from_ns, to_ns) if lines else None
    specs = _specs(opened, ids, judged)
    found = suggesting.trials(opened, specs, judged, from_ns, to_ns)
    if apply:
        return _apply(opened, found, apply, days, since, yes=yes, as_json=as_json)
    if as_json:
        emit_json({"days": days, "alarms": [_entry(one, _days(one, from_ns)) for one in found]})
    else:
        _print(found, from_ns, to_ns)
    return 0 if any(one.trial.suggestions for one in found) else 1


def _specs(project: Project, ids: Sequence[str], judged: Health | None) -> list[AlarmSpec]:
    if not ids:
        return suggesting.bad_actors(project, judged) if judged is not None else []
    of = {spec.id: spec for spec in project.alarms}
    for id_ in ids:
        if id_ not in of:
            raise Fault(f"There is no alarm '{id_}'.", where=str(project.folder), remedy=f"See {RULES_FILE}.")
    return [of[id_] for id_ in ids]


def _days(one: suggesting.Found, from_ns: int) -> float:
    return (one.to_ns - from_ns) / DAY_NS


def _print(found: Sequence[suggesting.Found], from_ns: int, to_ns: int) -> None:
    if not found:
        tell("No alarm asks for too much attention.")
    for one in found:
        journal = f", {one.raises} in the journal" if one.raises and one.raises != one.trial.before else ""
        tell(f"{one.spec.id} ({one.trial.before} raises{journal})")
        for number, made in enumerate(one.trial.suggestions, 1):
            name = one.spec.id if number == 1 else f"{one.spec.id}:{number}"
            tell(f"  {name}  {told(made, _days(one, from_ns), one.unit)}")
        if one.trial.why_not:
            tell(f"  {one.trial.why_not}")
        if one.to_ns < to_ns:
            tell(f"  only the first {_days(one, from_ns):.1f} days were read: there are too many samples")
    if any(one.trial.suggestions for one in found):
        tell("Write one with --apply ID.")


def _apply(
    project: Project,
    found: Sequence[suggesting.Found],
    name: str,
    days: float,
    since: str,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    one, made = suggesting.chosen(found, name)
    words = f"{made.alarm}: {told(made, days, one.unit)}"
    if not yes and not click.confirm(f"{words}. Write it into {RULES_FILE}?", err=True):
        tell("Nothing was done.", err=True)
        return 1
    suggesting.apply(project, made, since)
    if as_json:
        emit_json({"written": asdict(made)})
    else:
        tell(f"Written: {words}.")
        tell(NEXT)
    return 0


def _entry(one: suggesting.Found, days: float) -> dict[str, object]:
    return {
        "id": one.spec.id,
        "raises": one.trial.before,
        "raises_in_journal": one.raises,
        "why_not": one.trial.why_not,
        "suggestions": [
            {**asdict(made), "changes": dict(made.changes), "text": told(made, days, one.unit)}
            for made in one.trial.suggestions
        ],
    }
