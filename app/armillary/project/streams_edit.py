"""Editing of one `[[rule]]` of rules.toml: its comments and the order of the file are kept."""

from __future__ import annotations

from collections.abc import Mapping

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary.model.fault import ProjectFault
from armillary.project.rules import RULES_FILE

Value = float | int | str | bool | list[float]


def rule_facts(text: str, id_: str) -> dict[str, Value]:
    """Return what rules.toml says of a rule, {} when it does not have it. Raises ProjectFault."""
    found = [dict(rule) for rule in _parsed(text).unwrap().get("rule", ()) if rule.get("id") == id_]
    return found[0] if found else {}


def with_rule(text: str, id_: str, changes: Mapping[str, Value | None]) -> str:
    """Return rules.toml with some keys of one rule changed; None removes a key, the rest stays as it was.

    A rule that is not there is added at the end. Raises ProjectFault for a text that cannot be read. The
    caller reads the result before writing it: nothing is checked here.
    """
    document = _parsed(text)
    rules = document.setdefault("rule", tomlkit.aot())
    found = next((rule for rule in rules if rule.get("id") == id_), None)
    if found is None:
        made = tomlkit.table()
        made["id"] = id_
        rules.append(made)
        found = rules[-1]
    for key, value in changes.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = value
    return tomlkit.dumps(document)


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text or "schema = 1\n")
    except TOMLKitError as error:
        raise ProjectFault(
            f"{RULES_FILE} cannot be edited: {error}.", where=RULES_FILE, remedy="Correct the file first."
        ) from error
