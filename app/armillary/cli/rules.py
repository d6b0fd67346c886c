"""`armillary rules`: check the rules on streams of a project, try one on what is recorded, box a prim."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from armillary.cli.answer import emit_json, finite, table, tell
from armillary.cli.history_span import FROM, JSON, TO, saved
from armillary.cli.scenes import SCENE_LIMIT_S, opening
from armillary.model.clock import NS, WallClock, iso
from armillary.model.fault import Fault, ProjectFault
from armillary.model.message import SceneOpened
from armillary.model.rule import RuleSpec
from armillary.model.times import parse_time
from armillary.project import folder as projects
from armillary.project import lint
from armillary.project.record import Project
from armillary.project.rules import RULES_FILE
from armillary.project.streams_edit import rule_facts, with_rule
from armillary.project.table import nearest
from armillary.scene import cache
from armillary.session.reading import ask_child, scene_child
from armillary.session.recorders import asked, recorder
from armillary.session.rule_trial import RuleRecord, told
from armillary.twin.rule_trial import Trial, trial_of

USUAL = "-1h"
READ_S = 60.0
SLICE = 1_000  # ticks
SHOWN = 50


@click.group()
def rules() -> None:
    """Check the rules on streams of a project, and try one on its history."""


@rules.command("check")
@click.argument("project")
@JSON
def check(project: str, as_json: bool) -> int:
    """List the rules, what they are made of, and what is wrong with them; status 1 when something is."""
    path = Path(project).expanduser().resolve()
    found, problems = projects.examine(path)
    wrong = [problem for problem in problems if problem.where.startswith(RULES_FILE)]
    if found is None:
        raise Fault("There is no project here.", where=str(path), remedy="Give a project folder.")
    wrong += [problem for problem in lint.findings(found) if problem.where.startswith(RULES_FILE)]
    expression = {spec.slot: spec.expression for spec in found.specs}
    name = {spec.slot: spec.name for spec in found.specs}
    unit = {spec.slot: spec.unit for spec in found.specs}
    watching = {alarm.slot: alarm.id for alarm in found.alarms}
    if as_json:
        emit_json(
            {
                "rules": [
                    {
                        "id": rule.id,
                        "kind": rule.kind,
                        "fires": rule.fires,
                        "unit": unit[rule.value_slot if rule.value_slot >= 0 else rule.slot],
                        "event": rule.event,
                        "alarm": watching.get(rule.slot, ""),
                        "tags": [{"name": name[slot], "expression": expression[slot]} for slot in rule.made],
                    }
                    for rule in found.rules
                ],
                "findings": [
                    {
                        "code": p.code,
                        "severity": p.severity,
                        "where": p.where,
                        "what": p.what,
                        "remedy": p.remedy,
                    }
                    for p in wrong
                ],
            }
        )
        return 1 if wrong else 0
    table(
        [
            (rule.id, rule.kind, "; ".join(expression[slot] for slot in rule.made), _does(rule, watching))
            for rule in found.rules
        ],
        ("RULE", "KIND", "IS MADE OF", "DOES"),
    )
    for problem in wrong:
        tell(f"{problem.where}: {problem.code} {problem.what} {problem.remedy}", err=True)
    return 1 if wrong else 0


def _does(rule: RuleSpec, watching: dict[int, str]) -> str:
    does = [f"alarm {watching[rule.slot]}"] if rule.slot in watching else []
    does += ["event"] if rule.event or rule.event_end else []
    return ", ".join(does) or ("is true or not" if rule.fires else "measures")


@rules.command("try")
@click.argument("project")
@click.argument("rule")
@FROM
@TO
@click.option(
    "--step", "step_s", type=click.FloatRange(min=0.05), help="Seconds between two looks; 1 if left out."
)
@JSON
def try_(project: str, rule: str, from_: str, to: str, step_s: float | None, as_json: bool) -> int:
    """Say how often a rule would have fired on what is recorded; the last hour if no --from is given."""
    opened = saved(project)
    found = _rule(opened, rule)
    now_ns = WallClock().now_ns()
    from_ns = parse_time(from_ or USUAL, now_ns)
    to_ns = parse_time(to, now_ns) if to else now_ns
    if to_ns <= from_ns:
        raise Fault("The span ends before it begins.", where=f"{from_} … {to}", remedy="Turn them round.")
    trial = trial_of(
        found,
        opened.rules,
        opened.specs,
        from_ns,
        to_ns,
        zone=opened.timezone,
        step_ns=round(step_s * NS) if step_s else 0,
    )
    missing = _read(opened, trial)
    while trial.is_given and not trial.is_done:
        trial.advance(SLICE)
    if as_json:
        emit_json(_entry(trial, missing))
        return 0
    if missing:
        tell(missing, err=True)
    tell(told(trial))
    if trial.firings:
        zone = ZoneInfo(opened.timezone)
        unit = next((s.unit for s in opened.specs if s.slot == found.value_slot), "")
        table(
            [
                (
                    _clock(firing.begin_ns, zone),
                    f"{(firing.end_ns - firing.begin_ns) / NS:.0f} s" if firing.end_ns else "still",
                    f"{firing.value:.4g} {unit}".strip() if firing.value == firing.value else "",
                )
                for firing in trial.firings[:SHOWN]
            ],
            ("FIRED AT", "FOR", "MEASURED"),
        )
        if len(trial.firings) > SHOWN:
            tell(f"… and {len(trial.firings) - SHOWN} times more.")
    return 0


def _rule(project: Project, id_: str) -> RuleSpec:
    """Return a rule of a project. Raises ProjectFault."""
    found = next((rule for rule in project.rules if rule.id == id_), None)
    if found is None:
        known = [rule.id for rule in project.rules]
        remedy = nearest(id_, known).strip() or "List them by: armillary rules check PROJECT"
        raise ProjectFault(
            f"There is no rule '{id_}'.", where=str(project.folder / RULES_FILE), remedy=remedy
        )
    return found


def _read(project: Project, trial: Trial) -> str:
    """Give the trial its record; return what is missing."""
    out: list[str] = []
    with recorder(project.folder, read_only=True) as line:
        RuleRecord(lambda message, then, _s: then(asked(line, message, READ_S)), trial, out.append)
    return out[0] if out else ""


def _entry(trial: Trial, missing: str) -> dict[str, object]:
    return {
        "rule": trial.rule.id,
        "from": iso(trial.from_ns),
        "to": iso(trial.to_ns),
        "step_s": trial.step_ns / NS,
        "fired": len(trial.firings),
        "unknown_s": trial.unknown * trial.step_ns / NS,
        "missing": missing,
        "firings": [
            {
                "begin": iso(firing.begin_ns),
                "end": iso(firing.end_ns) if firing.end_ns else None,
                "value": finite(firing.value),
            }
            for firing in trial.firings
        ],
    }


def _clock(t_ns: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(t_ns / NS, zone).strftime("%Y-%m-%d %H:%M:%S")


@rules.command("box")
@click.argument("project")
@click.argument("rule")
def box(project: str, rule: str) -> int:
    """Write the volume of a geofence's prim into rules.toml, in metres of the scene, Z up."""
    path = Path(project).expanduser().resolve()
    folder = path.parent if path.is_file() else path
    file = folder / RULES_FILE
    text = file.read_text("utf-8") if file.exists() else ""
    prim = str(rule_facts(text, rule).get("prim", ""))
    if not prim:
        raise ProjectFault(
            f"The rule '{rule}' names no prim.", where=str(file), remedy='Give it prim = "/Path/Of/Prim".'
        )
    opened, _ = projects.examine(folder)
    if opened is None or opened.entry is None:
        raise ProjectFault("The project has no scene.", where=str(folder), remedy="Give 'low' and 'high'.")
    with scene_child() as (line, process):
        answer = ask_child(
            line, process, opening(opened, (), payloads=True), SCENE_LIMIT_S, str(opened.entry)
        )
    if not isinstance(answer, SceneOpened):
        raise Fault("The scene child answered something else.", where=str(opened.entry), remedy="Try again.")
    scene = cache.read(Path(answer.arrays))
    if prim not in scene.prim_path:
        remedy = nearest(prim, scene.prim_path).strip() or "Name a prim of the scene."
        raise ProjectFault(f"There is no prim '{prim}'.", where=str(file), remedy=remedy)
    ends = [round(float(v), 3) for v in scene.box[scene.prim_path.index(prim)]]
    if any(v != v for v in ends):
        raise ProjectFault(f"{prim} has no volume.", where=str(file), remedy="Name a prim that has geometry.")
    has_z = "z" in rule_facts(text, rule)
    low, high = (ends[:3], ends[3:]) if has_z else (ends[:2], ends[3:5])
    projects.save_rules(folder, with_rule(text, rule, {"low": low, "high": high, "polygon": None}))
    tell(f"{rule}: {low} to {high} m, the volume of {prim}")
    return 0
