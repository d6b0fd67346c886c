"""Editing of procedure files: what a person changed is changed, comments and all else stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary.model.fault import ProjectFault
from armillary.model.procedure import Look, Procedure, ProcedureStep
from armillary.model.tags import TagSpec
from armillary.project import migrate
from armillary.project.folder import write_atomic
from armillary.project.procedures import FOLDER, SCHEMA, parse

Keys = dict[str, Any]  # Any: what TOML holds


def written(procedure: Procedure, text: str = "") -> str:
    """Return the file of a procedure; `text`: as it is now, whose comments and order of keys stay.

    Steps are known by their ids. Raises ProjectFault for a text that cannot be edited.
    """
    try:
        document = tomlkit.parse(text) if text else tomlkit.document()
    except TOMLKitError as error:
        raise ProjectFault(
            f"The procedure cannot be edited: {error}.", where=procedure.origin, remedy="Correct it first."
        ) from error
    if int(document.get("schema", SCHEMA)) > SCHEMA:
        raise ProjectFault(
            "The procedure was written by a newer Armillary and is read-only here.",
            where=procedure.origin,
            remedy="Update Armillary.",
        )
    old_schema = int(document.get("schema", SCHEMA))
    if old_schema < SCHEMA:
        migrate.within(document, old_schema, SCHEMA, migrate.PROCEDURE_STEPS)
    _put(document, {"schema": SCHEMA, **_head(procedure)})
    old = {str(table.get("id")): table for table in document.get("step", ())}
    order = [step.id for step in procedure.steps]
    if list(old) == order:
        for step in procedure.steps:
            _put(old[step.id], _facts(step))
        return tomlkit.dumps(document)
    steps = tomlkit.aot()
    for step in procedure.steps:
        table = old.get(step.id)
        if table is None:
            table = tomlkit.table()
        _put(table, _facts(step))
        steps.append(table)
    document.pop("step", None)
    document.append("step", steps)
    return tomlkit.dumps(document)


def save(folder: Path, name: str, text: str, specs: Mapping[str, TagSpec]) -> Procedure:
    """Write a file of `procedures/` whole and return it as it reads back; "" deletes it.

    Nothing is written when the text has a mistake. Raises ProjectFault.
    """
    procedure = parse(text, name, specs) if text else Procedure(id="", title="")
    path = folder / FOLDER / name
    try:
        if text:
            path.parent.mkdir(exist_ok=True)
            write_atomic(path, text)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ProjectFault(
            f"The procedure cannot be saved: {error.strerror or error}.",
            where=str(path),
            remedy="Check the folder's permissions and free space; the file is as it was.",
        ) from error
    return procedure


def _head(procedure: Procedure) -> Keys:
    return {
        "id": procedure.id,
        "title": procedure.title,
        "role": procedure.role,
        "text": procedure.text or None,
    }


def _facts(step: ProcedureStep) -> Keys:
    prims: str | list[str] | None = list(step.prims) if len(step.prims) > 1 else None
    return {
        "id": step.id,
        "title": step.title or None,
        "text": step.text,
        "prim": step.prims[0] if len(step.prims) == 1 else prims,
        "camera": step.camera or None,
        "view": _view(step.look) if step.look is not None else None,
        "until": step.until or None,
        "unit": step.unit or None,
        "held_s": step.held_s or None,
        "confirm": step.confirm or None,
        "skip": step.skip if step.skip != "engineer" else None,
    }


def _view(look: Look) -> Keys:
    return {
        key: [round(v, 3) for v in xyz]
        for key, xyz in (("position", look.position), ("focus", look.focus), ("up", look.up))
    }


def _put(table: Any, facts: Keys) -> None:  # Any: a TOML document or table
    """Give a table these entries; None takes one out, one that is the same is not touched."""
    for key, value in facts.items():
        if value is None:
            table.pop(key, None)
        elif key not in table or _plain(table[key]) != value:
            if isinstance(value, dict):
                inline = tomlkit.inline_table()
                inline.update(value)
                table[key] = inline
            else:
                table[key] = value


def _plain(item: Any) -> Any:  # Any: what TOML holds
    return item.unwrap() if hasattr(item, "unwrap") else item
