"""Editing of templates in commands.toml: what was changed is changed, comments and all else stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary.model.fault import ProjectFault
from armillary.project.commands import COMMANDS_FILE

EDITABLE = (
    "id", "kind", "title", "target", "object", "method", "parameter", "value", "rest", "pulse_s", "role",
    "preconditions", "read_back", "two_person", "reversible_by", "effect",
)  # fmt: skip
Keys = Mapping[str, Any]  # Any: what TOML holds


def with_template(text: str, id_: str, changes: Keys) -> str:
    """Return commands.toml with some keys of one template changed; None removes a key.

    A template that is not there is added after the last one. Raises ProjectFault for a text that cannot be
    edited and for a key that is none. The caller reads the result before writing it.
    """
    if unknown := sorted(set(changes) - set(EDITABLE)):
        raise ProjectFault(
            f"'{unknown[0]}' is no key of a template.",
            where=COMMANDS_FILE,
            remedy=f"Change one of {', '.join(EDITABLE)}.",
        )
    document = _document(text or "schema = 1\n")
    templates = document.get("template")
    if templates is None:
        document["template"] = templates = tomlkit.aot()
    found = next((table for table in templates if table.get("id") == id_), None)
    if found is None:
        found = tomlkit.table()
        _put(found, {"id": id_, **changes})
        templates.append(found)
    else:
        _put(found, changes)
    return tomlkit.dumps(document)


def without_template(text: str, id_: str) -> str:
    """Return commands.toml without a template. Raises ProjectFault."""
    document = _document(text)
    templates = document.get("template", [])
    for number, table in enumerate(templates):
        if table.get("id") == id_:
            del templates[number]
            break
    if "template" in document and not len(document["template"]):
        del document["template"]
    return tomlkit.dumps(document)


def template_facts(text: str, id_: str) -> dict[str, Any]:  # Any: what TOML holds
    """Return what commands.toml says of a template, {} when it has none of that id. Raises ProjectFault."""
    templates = _document(text or "schema = 1\n").unwrap().get("template", ())
    return dict(next((table for table in templates if table.get("id") == id_), {}))


def template_ids(text: str) -> tuple[str, ...]:
    """Return the templates of a file, in its order. Raises ProjectFault."""
    templates = _document(text or "schema = 1\n").unwrap().get("template", ())
    return tuple(str(table.get("id", "")) for table in templates)


def _document(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise ProjectFault(
            f"{COMMANDS_FILE} cannot be edited: {error}.", where=COMMANDS_FILE, remedy="Correct it first."
        ) from error


def _put(table: Any, facts: Keys) -> None:  # Any: a TOML table
    for key, value in facts.items():
        if value is None:
            table.pop(key, None)
        elif key not in table or _plain(table[key]) != value:
            table[key] = _item(value)


def _item(value: Any) -> Any:  # Any: what TOML holds
    if not isinstance(value, dict):
        return value
    inline = tomlkit.inline_table()
    inline.update(value)
    return inline


def _plain(item: Any) -> Any:  # Any: what TOML holds
    return item.unwrap() if hasattr(item, "unwrap") else item
