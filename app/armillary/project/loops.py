"""Reading of loops.toml: closed loops under supervision (operations: closed loop)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary.model import expression
from armillary.model.clock import NS
from armillary.model.command import Template
from armillary.model.fault import Fault, ProjectFault
from armillary.model.loop import Level, LoopAction, LoopSpec, Policy
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.project import advisories, scenarios
from armillary.project.locate import toml_line
from armillary.project.table import Document, Findings, Table, fault_of, nearest

LOOPS_FILE = "loops.toml"
SCHEMA = 1
_LEVELS = ("advise", "approve", "auto")
_DAY_S = 86_400.0


def read(
    folder: Path,
    specs: Mapping[str, TagSpec],
    alarms: Collection[str],
    templates: Sequence[Template] = (),
    advisory: Collection[str] = (),
) -> tuple[LoopSpec, ...]:
    """Return the loops of a project, none without the file. Raises ProjectFault that names every mistake.

    advisory: ids of the alarms that no loop may wait for.
    """
    findings = Findings()
    out = _read(folder, specs, alarms, templates, findings, advisory)
    if findings.errors:
        raise fault_of(findings.errors, str(folder))
    return out


def examine(
    folder: Path,
    specs: Mapping[str, TagSpec],
    alarms: Collection[str],
    templates: Sequence[Template] = (),
    advisory: Collection[str] = (),
) -> tuple[SceneProblem, ...]:
    """Return everything that is wrong in the loops of a project."""
    findings = Findings()
    try:
        _read(folder, specs, alarms, templates, findings, advisory)
    except ProjectFault as fault:
        findings.add("P01", fault.where, fault.what, fault.remedy)
    return tuple(findings.problems)


def _read(
    folder: Path,
    specs: Mapping[str, TagSpec],
    alarms: Collection[str],
    templates: Sequence[Template],
    findings: Findings,
    advisory: Collection[str],
) -> tuple[LoopSpec, ...]:
    path = folder / LOOPS_FILE
    if not path.is_file():
        return ()
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ProjectFault(
            f"{LOOPS_FILE} cannot be read: {error}.", where=str(path), remedy="Correct it."
        ) from error
    document = Document(LOOPS_FILE, text, toml_line, findings, newer=_is_newer(data))
    top = Table(document, data)
    top.whole("schema", SCHEMA, 1, 10**6)
    reader = _Reader(folder, specs, alarms, templates, advisory)
    out = tuple(reader.loop(table) for table in top.tables("loop"))
    top.done()
    return out


class _Reader:
    def __init__(
        self,
        folder: Path,
        specs: Mapping[str, TagSpec],
        alarms: Collection[str],
        templates: Sequence[Template],
        advisory: Collection[str],
    ) -> None:
        self._folder, self._specs, self._alarms = folder, specs, sorted(set(alarms) - set(advisory))
        self._advisory = advisory
        self._stops = sorted(t.id for t in templates if t.kind == "stop")
        self._ids: set[str] = set()

    def loop(self, table: Table) -> LoopSpec:
        name = table.text("id", required=True)
        if name in self._ids:
            table.wrong("id", f"The loop '{name}' is there twice.", "Give each its own id.")
        self._ids.add(name)
        detect = table.text("detect", required=True)
        if detect in self._advisory:
            what, remedy = advisories.refused(detect)
            table.wrong("detect", what, remedy, advisories.CODE)
        elif detect and detect not in self._alarms:
            hint = nearest(detect, self._alarms).strip() or "Name an alarm of rules.toml."
            table.wrong("detect", f"There is no alarm '{detect}'.", hint, "P35")
        stop = self._stop(table)
        scenario = "" if stop else table.text("scenario", required=True)
        variants = self._variants(table, scenario)
        holds = table.text("holds")
        if holds:
            try:
                expression.compile(holds, self._specs, LOOPS_FILE)
            except Fault as fault:
                table.wrong("holds", fault.what, fault.remedy, "P36")
        actions = tuple(self._action(each, variants) for each in table.tables("action"))
        if not actions and not stop:
            table.wrong("action", "The loop has nothing to propose.", "Add a [[loop.action]].")
        spec = LoopSpec(
            id=name,
            title=table.text("title", name),
            detect=detect,
            scenario=scenario,
            actions=actions,
            level=cast("Level", table.choice("level", _LEVELS, "approve")),
            deadline_s=table.number("deadline_s", 20.0, 1.0, 600.0),
            valid_s=table.number("valid_s", 60.0, 5.0, 3_600.0),
            min_gain=table.number("min_gain", 0.05, 0.0, 1e6),
            holds=holds,
            within_s=table.number("within_s", 300.0, 1.0, _DAY_S),
            roll_back=table.flag("roll_back", True) and not stop,
            stop=stop,
            policy=self._policy(table.table("policy")),
            origin=table.document.where(table.path),
        )
        table.done()
        return spec

    def _stop(self, table: Table) -> str:
        """Return the template of a protective stop; it waits for no scenario, and has no other candidates."""
        stop = table.text("stop")
        if stop and stop not in self._stops:
            hint = nearest(stop, self._stops).strip() or "Name a template of kind 'stop' in commands.toml."
            table.wrong("stop", f"There is no protective stop '{stop}'.", hint, "P34")
        for key in ("scenario", "action", "roll_back", "min_gain", "deadline_s") if stop else ():
            if key in table:
                what = f"'{key}' says nothing of a protective stop: it is sent, simulated by nobody."
                table.wrong(key, what, "Remove it, or 'stop'.", "P36")
        return stop

    def _variants(self, table: Table, scenario: str) -> tuple[str, ...]:
        if not scenario:
            return ()
        try:
            found = scenarios.read(scenarios.find(self._folder, scenario), self._folder)
        except Fault as fault:
            table.wrong("scenario", fault.what, fault.remedy, "P38")
            return ()
        return tuple(variant.id for variant in found.variants)

    def _action(self, table: Table, variants: tuple[str, ...]) -> LoopAction:
        variant, tag = table.text("variant", required=True), table.text("tag", required=True)
        if variant and variants and variant not in variants:
            hint = nearest(variant, variants).strip() or f"There are: {', '.join(variants)}."
            table.wrong("variant", f"The scenario has no variant '{variant}'.", hint, "P37")
        spec = self._specs.get(tag)
        if tag and (spec is None or not spec.writable):
            known = [s.name for s in self._specs.values() if s.writable]
            hint = nearest(tag, known).strip() or "Name a writable tag."
            table.wrong("tag", f"'{tag}' is no tag that can be written.", hint, "P34")
        value = table.number("value", math.nan)
        if math.isnan(value):
            table.wrong("value", "The action has no value.", "Give 'value' in the tag's unit.")
        out = LoopAction(variant=variant, tag=tag, value=value, title=table.text("title"))
        table.done()
        return out

    def _policy(self, table: Table) -> Policy:
        expires = table.raw("expires")
        at_ns = 0
        if isinstance(expires, datetime):
            at_ns = int(expires.timestamp()) * NS
        elif expires is not None:
            table.wrong("expires", f"'expires' is {expires!r}.", "Write 2026-12-31T00:00:00Z.", "P39")
        out = Policy(
            max_per_hour=table.whole("max_per_hour", 3, 1, 60),
            max_change=table.number("max_change", math.inf, 0.0, math.inf),
            expires_ns=at_ns,
            signed_by=table.texts("signed_by"),
            signatures=table.texts("signatures"),
        )
        table.done()
        return out


def _is_newer(data: Mapping[str, object]) -> bool:
    schema = data.get("schema")
    return isinstance(schema, int) and schema > SCHEMA


def with_signature(text: str, loop: str, expires_ns: int, signatures: Sequence[str]) -> str:
    """Return loops.toml with a loop's policy signed until then, comments kept. Raises ProjectFault."""
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ProjectFault(
            f"{LOOPS_FILE} cannot be edited: {error}.", where=LOOPS_FILE, remedy="Correct the file first."
        ) from error
    found = next((each for each in document.get("loop", ()) if each.get("id") == loop), None)
    if found is None:
        raise ProjectFault(f"There is no loop '{loop}'.", where=LOOPS_FILE, remedy="Name one that is there.")
    policy = found.setdefault("policy", tomlkit.table())
    policy["expires"] = datetime.fromtimestamp(expires_ns // NS, UTC)
    policy["signatures"] = list(signatures)
    return tomlkit.dumps(document)
