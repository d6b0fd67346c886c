"""What is asked of an engineer who edits a command template, and what a change would mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from armillary.model.command import Template
from armillary.model.fault import ProjectFault
from armillary.model.loop import terms
from armillary.model.scene import SceneProblem
from armillary.project import folder as projects
from armillary.project import loops
from armillary.project.command_edit import template_facts, template_ids, with_template, without_template
from armillary.project.commands import COMMANDS_FILE, KINDS, ROLES
from armillary.project.record import Project
from armillary.security import policies

__all__ = [
    "CHOICES", "COMMANDS_FILE", "FIELDS", "LONG", "Judged", "changes_of", "judged", "template_facts",
    "template_ids", "texts_of",
]  # fmt: skip
# id of the field → (title, hint); in the order of the form
FIELDS: Mapping[str, tuple[str, str]] = {
    "id": ("Id", "Small letters, digits, _ and -"),
    "title": ("Title", "What a person reads on the button"),
    "kind": ("Kind", ""),
    "target": ("Target", "A writable tag, or source!address"),
    "object": ("Object", "Of a method: the address of its object; blank: the server says"),
    "name": ("Parameter", "Its name; blank: a fixed value is sent"),
    "unit": ("Unit", ""),
    "low": ("Lowest", ""),
    "high": ("Highest", ""),
    "value": ("Fixed value", "Where there is no parameter"),
    "rest": ("At rest", "Of a pulse: what is written when it is over"),
    "pulse_s": ("Pulse, s", ""),
    "role": ("Who", ""),
    "preconditions": ("Preconditions", "One a line; each must be true, of GOOD data"),
    "expression": ("Read back", "An expression over tags"),
    "tolerance": ("Tolerance", "So near to the value sent; blank: the expression is true"),
    "verify_timeout_s": ("Within, s", "How long the read-back may take"),
    "two_person": ("Two people", "A second person must agree"),
    "reversible_by": ("Taken back by", "Id of the template that does that"),
    "effect": ("Effect", "What happens at the plant, in a sentence"),
}
CHOICES: Mapping[str, Sequence[str]] = {"kind": KINDS, "role": ROLES, "two_person": ("no", "yes")}
LONG = ("preconditions",)
_NOTHING: Mapping[str, Any] = {}
_NUMBERS = ("low", "high", "value", "rest", "pulse_s", "tolerance", "verify_timeout_s")
_PARAMETER, _PROOF = ("name", "unit", "low", "high"), ("expression", "tolerance", "verify_timeout_s")
_PLAIN = ("title", "kind", "target", "object", "value", "rest", "pulse_s", "role", "reversible_by", "effect")


def texts_of(facts: Mapping[str, Any]) -> dict[str, str]:  # Any: what TOML holds
    """Return what stands in the fields for a template as the file has it."""
    flat = {**facts, **facts.get("parameter", {}), **facts.get("read_back", {})}
    out = {key: _text(flat.get(key)) for key in FIELDS}
    out["kind"], out["role"] = out["kind"] or KINDS[0], out["role"] or ROLES[0]
    out["two_person"] = "yes" if facts.get("two_person") else "no"
    out["preconditions"] = "\n".join(facts.get("preconditions", ()))
    return out


def changes_of(
    texts: Mapping[str, str], facts: Mapping[str, Any] = _NOTHING
) -> dict[str, Any]:  # Any: what TOML holds
    """Return what the file is to have, None for what it is not to have. Raises ProjectFault.

    facts: of the template as it is there: what is said though it is usual stays said.
    """
    numbers = {key: _number(key, texts.get(key, "")) for key in _NUMBERS}
    words = {key: texts.get(key, "").strip() for key in FIELDS}
    out: dict[str, Any] = {key: numbers[key] if key in _NUMBERS else words[key] or None for key in _PLAIN}
    is_two = words["two_person"] == "yes"
    for key, value, usual in (
        ("kind", words["kind"], KINDS[0]),
        ("role", words["role"], ROLES[0]),
        ("two_person", is_two, False),
    ):
        out[key] = value if key in facts or value != usual else None
    if words["kind"] != "pulse":
        out["rest"] = out["pulse_s"] = None
    lines = [line.strip() for line in texts.get("preconditions", "").splitlines()]
    out["preconditions"] = [line for line in lines if line] or None
    out["parameter"] = _table(_PARAMETER, words, numbers) if words["name"] else None
    out["read_back"] = _table(_PROOF, words, numbers) if words["expression"] else None
    return out


def _table(
    keys: Sequence[str], words: Mapping[str, str], numbers: Mapping[str, float | None]
) -> dict[str, Any]:  # Any: what TOML holds
    made = {key: numbers[key] if key in _NUMBERS else words[key] for key in keys}
    return {key: value for key, value in made.items() if value is not None}


def _number(key: str, text: str) -> float | None:
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ProjectFault(
            f"'{text}' is no number.", where=COMMANDS_FILE, remedy=f"Correct '{FIELDS[key][0]}'."
        )
    return value


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


# ---------------------------------------------------------------- what a change would mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a change would make of commands.toml."""

    text: str
    template: Template | None = None  # as it would be; None: it cannot be read, or is deleted
    why_not: str = ""  # save; "" = it may be saved
    findings: tuple[SceneProblem, ...] = ()
    voided: tuple[str, ...] = field(default=())  # signatures that the change breaks, a sentence each


def judged(folder: Path, since: str, id_: str, texts: Mapping[str, str] | None) -> Judged:
    """Return what a change would mean; reads the project twice, so it is work for another thread.

    since: commands.toml as it was when the sheet was filled. id_: of the template as the file has it, "" for
    a new one. texts: of the fields; None = it is deleted.
    """
    try:
        if texts is None:
            text, name = without_template(since, id_), ""
        else:
            name = texts["id"].strip()
            if id_ and id_ != name:
                raise ProjectFault(
                    "The id of a template is not changed: loops and interlocks name it.",
                    where=COMMANDS_FILE,
                    remedy="Make a new one, then delete this.",
                )
            if not id_ and template_facts(since, name):
                raise ProjectFault(
                    f"There is a template '{name}' already.", where=COMMANDS_FILE, remedy="Give another id."
                )
            text = with_template(since, name, changes_of(texts, template_facts(since, name)))
        project = projects.with_commands(folder, text)
    except ProjectFault as fault:
        return Judged(text=since, why_not=f"{fault.what} {fault.remedy}")
    after = next((each for each in project.templates if each.id == name), None)
    findings = tuple(p for p in project.problems if after is not None and p.where.startswith(COMMANDS_FILE))
    return Judged(text=text, template=after, findings=findings, voided=_voided(folder, id_, project))


def _voided(folder: Path, id_: str, after: Project) -> tuple[str, ...]:
    """Return whose signatures hold now and would not any more."""
    try:
        before = projects.read(folder)
        specs = {spec.name: spec for spec in before.specs}
        alarms = [alarm.id for alarm in before.alarms]
        advisory = [alarm.id for alarm in before.alarms if alarm.is_advisory]
        known = loops.read(folder, specs, alarms, before.templates, advisory)
    except ProjectFault:
        return ()
    old = {template.id: template for template in before.templates}
    new = {template.id: template for template in after.templates}
    out = []
    for loop in known:
        if loop.stop != id_ or id_ not in old:
            continue
        held = policies.signers(before.private, terms(loop, old[id_]), loop.policy.signatures)
        then = new.get(id_)
        if held and (then is None or terms(loop, then) != terms(loop, old[id_])):
            who = " and ".join(held)
            out.append(f"The signatures of {who} under '{loop.id}' are void then: it must be signed again.")
    return tuple(out)
