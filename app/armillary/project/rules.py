"""Reading of rules.toml: the alarms of a project. Editing of one alarm, its comments and order kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary.model.alarm import AlarmKind, AlarmSpec, Suppression
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.project import suppressions
from armillary.project.alarm_kinds import KINDS, LOWEST, of_kind, tag_of
from armillary.project.alarm_rating import SEVERITIES
from armillary.project.settings import MAX_SECONDS
from armillary.project.streams import Streams
from armillary.project.table import Table
from armillary.project.twins import NAME, RESERVED

RULES_FILE = "rules.toml"
MOST_READINGS = 100
MUST_ASK = 2  # of priorities 1 and 2 an acknowledge is always asked
QUALITY_DELAY_S = 10.0
BUILT_IN = "link:"  # begins the ids of alarms that no file names
LONGEST_ID = 100

_OnBad = Literal["reset", "skip"]
Value = float | int | str | bool
Cell = Value | list[float] | list[Mapping[str, Value]]
"""What a key of an alarm may hold."""


@dataclass(slots=True)
class Rules:
    """What rules.toml holds, as it is read."""

    tags: Mapping[str, TagSpec]
    twins: Sequence[TwinInstance] = ()
    alarms: list[AlarmSpec] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    streams: Streams | None = None  # reads `[[rule]]`, whose tags are then among `tags`

    def read(self, root: Table) -> None:
        """Collect every alarm, then what groups and hides them; mistakes are noted and left out."""
        root.raw("schema")
        if self.streams is not None:
            self.streams.read(root)
        ids: set[str] = set()
        for table in root.tables("alarm"):
            spec = _alarm(table, self.tags, ids)
            if spec is not None:
                self.alarms.append(spec)
        assets = suppressions.Assets(self.tags, {twin.id: twin for twin in self.twins})
        self.alarms = suppressions.grouped(root, self.alarms, assets)
        self.suppressions = suppressions.read(root, self.alarms, assets)
        root.done()


def _alarm(table: Table, tags: Mapping[str, TagSpec], ids: set[str]) -> AlarmSpec | None:
    """Return one `[[alarm]]`, None when it is wrong in a way that leaves nothing to watch."""
    before = len(table.document.findings.errors)
    id_ = _id(table, ids)
    kind = cast("AlarmKind", table.choice("kind", KINDS, "level"))
    tag = tag_of(table, "tag", tags, required=kind != "expression")
    ack_required = table.flag("ack_required", kind != "predicted")  # what has not come needs no answer
    spec = AlarmSpec(
        id=id_,
        slot=tag.slot if tag is not None else -1,
        tag=tag.name if tag is not None else "",
        title=table.text("title"),
        kind=kind,
        draft=table.flag("draft", False),
        priority=table.whole("priority", 3, 1, LOWEST),
        ack_required=ack_required,
        latching=table.flag("latching", False),
        consequence=table.text("consequence"),
        operator_action=table.text("operator_action"),
        time_to_respond_s=table.number("time_to_respond_s", 0.0, 0.0, MAX_SECONDS),
        severity=table.choice("severity", ("", *SEVERITIES), ""),
        priority_reason=table.text("priority_reason"),
        category=table.text("class"),
        procedure=table.text("procedure"),
        camera=_prim(table, "camera"),
        prim=_prim(table, "prim"),
        action=table.text("action"),
        on_delay_s=table.number("on_delay_s", _on_delay(kind), 0.0, MAX_SECONDS),
        off_delay_s=table.number("off_delay_s", 0.0, 0.0, MAX_SECONDS),
        deadband=table.number("deadband", 0.0, 0.0),
        count=table.whole("count", 1, 1, MOST_READINGS),
        count_clear=table.whole("count_clear", 0, 0, MOST_READINGS),
        on_bad=cast("_OnBad", table.choice("on_bad", ("reset", "skip"), "reset")),
        origin=f"{table.document.name}:{id_}",
    )
    spec = of_kind(table, spec, tags)
    urgent = min([spec.priority, *(level.priority for level in spec.levels)])
    if not ack_required and urgent <= MUST_ASK:
        what = f"An alarm of priority {urgent} must be acknowledged."
        table.wrong("ack_required", what, "Remove 'ack_required', or give priority 3 or 4.", "P31")
    _must_answer(table, spec)
    table.done()
    return spec if len(table.document.findings.errors) == before else None


def _id(table: Table, ids: set[str]) -> str:
    id_ = table.text("id", required=True)
    if not id_:
        return id_
    if not NAME.fullmatch(id_) or id_.startswith((RESERVED, BUILT_IN)) or len(id_) > LONGEST_ID:
        remedy = f"Use no spaces, quotes, ` ! or #, at most {LONGEST_ID} characters, and begin with neither "
        table.wrong("id", f"'{id_}' cannot be the id of an alarm.", f"{remedy}{RESERVED} nor {BUILT_IN}.")
    elif id_ in ids:
        table.wrong("id", f"There are two alarms '{id_}'.", "Rename one of them.", "P08")
    ids.add(id_)
    return id_


def _prim(table: Table, key: str) -> str:
    prim = table.text(key)
    if prim and not prim.startswith("/"):
        table.wrong(key, f"'{prim}' is not a prim path.", "Begin it with /.")
    return prim


def _on_delay(kind: str) -> float:
    return QUALITY_DELAY_S if kind == "quality" else 0.0


def _must_answer(table: Table, spec: AlarmSpec) -> None:
    """An alarm asks for an answer: without one said, it is an event."""
    if spec.draft:
        return
    for key, text in (("consequence", spec.consequence), ("operator_action", spec.operator_action)):
        if not text.strip():
            what = f"The alarm '{spec.id}' does not say its {key}."
            remedy = f"Give '{key}', or draft = true: a draft never raises."
            table.document.wrong(table.path, what, remedy, "P30")


# ---------------------------------------------------------------- editing


def with_alarm(text: str, id_: str, changes: Mapping[str, Value | None]) -> str:
    """Return rules.toml with some keys of one alarm changed; None removes a key, the rest stays as it was.

    An alarm that is not there is added at the end. Raises ProjectFault for a text that cannot be read.
    The caller reads the result before writing it: nothing is checked here.
    """
    return with_alarms(text, {id_: changes})


def with_alarms(text: str, changes: Mapping[str, Mapping[str, Cell | None]]) -> str:
    """Return rules.toml with some keys of many alarms changed, as `with_alarm` does for one; by id."""
    try:
        document = tomlkit.parse(text or "schema = 1\n")
    except TOMLKitError as error:
        raise _no_toml(error) from error
    alarms = document.setdefault("alarm", tomlkit.aot())
    known = {str(alarm.get("id")): alarm for alarm in alarms}
    for id_, keys in changes.items():
        found = known.get(id_)
        if found is None:
            found = tomlkit.table()
            found["id"] = id_
            alarms.append(found)
            found = alarms[-1]
        for key, value in keys.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = _inline(value) if isinstance(value, list) else value
    return tomlkit.dumps(document)


def _inline(values: Sequence[object]) -> object:
    """Return a list as it is written in one line, tables in it too."""
    out = tomlkit.array()
    for value in values:
        if isinstance(value, Mapping):
            inline = tomlkit.inline_table()
            inline.update(value)
            out.append(inline)
        else:
            out.append(value)
    return out


def _no_toml(error: TOMLKitError) -> ProjectFault:
    return ProjectFault(
        f"{RULES_FILE} cannot be edited: {error}.", where=RULES_FILE, remedy="Correct the file first."
    )


def alarm_tables(text: str) -> list[dict[str, Cell]]:
    """Return what rules.toml says of all alarms, in its order. Raises ProjectFault."""
    try:
        document = tomlkit.parse(text or "schema = 1\n").unwrap()
    except TOMLKitError as error:
        raise _no_toml(error) from error
    return [dict(alarm) for alarm in document.get("alarm", ())]


def alarm_facts(text: str, id_: str) -> dict[str, Value]:
    """Return what rules.toml says of an alarm, {} when it does not have it. Raises ProjectFault."""
    found = next((alarm for alarm in alarm_tables(text) if alarm.get("id") == id_), {})
    return cast("dict[str, Value]", found)
