"""Units, ranges and alarm limits changed by an engineer: checked, written atomically, undone again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from armillary.model.fault import Fault, ProjectFault
from armillary.project import folder as projects
from armillary.project.edit import Value, with_tag
from armillary.project.record import TWINS_FILE
from armillary.project.rules import RULES_FILE, with_alarm
from armillary.session.undo import Done, Step, Undo

NEXT = "Start the world again to use it (Plant ▸ Start the world again)."


def change_tag(folder: Path, undo: Undo, name: str, changes: Mapping[str, Value | None], now_ns: int) -> str:
    """Change a tag of a project; return what to tell. Raises ProjectFault, then nothing is written."""
    return _change(
        folder, TWINS_FILE, f"Change {name}", undo, lambda text: with_tag(text, name, changes), now_ns
    )


def change_alarm(
    folder: Path, undo: Undo, id_: str, changes: Mapping[str, str | float | None], now_ns: int
) -> str:
    """Change an alarm of a project; return what to tell. Raises ProjectFault, then nothing is written."""
    title = f"Change alarm {id_}"
    return _change(folder, RULES_FILE, title, undo, lambda text: with_alarm(text, id_, changes), now_ns)


def _change(folder: Path, file: str, title: str, undo: Undo, edit: Callable[[str], str], now_ns: int) -> str:
    path = folder / file
    try:
        old = path.read_text("utf-8") if path.exists() else ""
    except OSError as error:
        raise ProjectFault(
            f"{file} cannot be read: {error.strerror}.", where=str(path), remedy="Check its permissions."
        ) from error
    new = edit(old)
    _write(folder, path, old, new, now_ns)

    def again(before: str, after: str, done: Done) -> None:
        try:
            _write(folder, path, before, after, now_ns)
        except Fault as fault:
            done(f"{fault.what} {fault.remedy}")
        else:
            done("")

    undo.push(Step(title, lambda done: again(new, old, done), lambda done: again(old, new, done)))
    return f"Saved: {title}. {NEXT}"


def _write(folder: Path, path: Path, before: str, after: str, now_ns: int) -> None:
    """Put `after` in the place of `before`. Raises Fault when the project would not be whole."""
    if path.exists() and path.read_text("utf-8") != before:
        raise ProjectFault(
            f"{path.name} was changed by somebody else meanwhile.",
            where=str(path),
            remedy="Open the project again, then change it.",
        )
    if path.name == RULES_FILE:
        projects.save_rules(folder, after)
        return
    documents = projects.documents(folder)
    documents.twins = json.loads(after)
    projects.save(folder, documents, now_ns)  # refuses a mistake before anything is written
    if path.read_text("utf-8") != after:
        projects.write_atomic(path, after)  # the same facts, in the very bytes that there were
