"""Tags, units, ranges and alarm limits changed by an engineer: checked, written atomically, undone again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from armillary.model.fault import Fault, ProjectFault
from armillary.project import folder as projects
from armillary.project.commands import COMMANDS_FILE
from armillary.project.edit import EMPTY, NewTag, Value, with_new_tags, with_tag
from armillary.project.record import PROJECT_FILE, TWINS_FILE
from armillary.project.rules import RULES_FILE, with_alarm
from armillary.project.rules import Value as AlarmValue
from armillary.project.streams_edit import Value as RuleValue
from armillary.project.streams_edit import with_rule
from armillary.session.undo import Done, Step, Undo

NEXT = "The world runs the old one until it loads the project's changes."


@dataclass(frozen=True, slots=True)
class Written:
    """One file that was changed: it goes back and forth as a whole, unless somebody else changed it."""

    folder: Path
    path: Path
    before: str
    after: str

    def back(self, now_ns: int) -> None:
        """Write the file as it was. Raises ProjectFault."""
        _write(self.folder, self.path, self.after, self.before, now_ns)

    def forth(self, now_ns: int) -> None:
        """Write the change again. Raises ProjectFault."""
        _write(self.folder, self.path, self.before, self.after, now_ns)


def text_of(folder: Path, file: str) -> str:
    """Return a file's text, "" where there is none. Raises ProjectFault."""
    path = folder / file
    try:
        return path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            f"{file} cannot be read: {error}.", where=str(path), remedy="Check its permissions."
        ) from error


def add_tags(folder: Path, tags: Sequence[NewTag], now_ns: int) -> Written:
    """Add tags to a project. Raises ProjectFault, then nothing is written. The caller sees to undo."""
    return _edited(folder, TWINS_FILE, lambda text: with_new_tags(text, tags), now_ns, None)


def change_tag(
    folder: Path,
    undo: Undo,
    name: str,
    changes: Mapping[str, Value | None],
    now_ns: int,
    since: str | None = None,
) -> str:
    """Change a tag of a project; return what to tell. Raises ProjectFault, then nothing is written.

    since: the text that the person saw; a file that is another by now is refused.
    """
    title = f"Change {name}"
    written = _edited(folder, TWINS_FILE, lambda text: with_tag(text, name, changes), now_ns, since)
    return _kept(written, undo, title, now_ns)


def change_alarm(
    folder: Path,
    undo: Undo,
    id_: str,
    changes: Mapping[str, AlarmValue | None],
    now_ns: int,
    since: str | None = None,
) -> str:
    """Change or add an alarm of a project; return what to tell. Raises as `change_tag` does."""
    title = f"Change alarm {id_}"
    written = _edited(folder, RULES_FILE, lambda text: with_alarm(text, id_, changes), now_ns, since)
    return _kept(written, undo, title, now_ns)


def change_rule(
    folder: Path,
    undo: Undo,
    id_: str,
    changes: Mapping[str, RuleValue | None],
    now_ns: int,
    since: str | None = None,
) -> str:
    """Change or add a rule on streams; return what to tell. Raises as `change_tag` does."""
    title = f"Change rule {id_}"
    written = _edited(folder, RULES_FILE, lambda text: with_rule(text, id_, changes), now_ns, since)
    return _kept(written, undo, title, now_ns)


def edited(folder: Path, file: str, edit: Callable[[str], str], now_ns: int, since: str) -> Written:
    """Edit twins.json, rules.toml or project.toml; the caller sees to undo. Raises as `change_tag` does."""
    return _edited(folder, file, edit, now_ns, since)


def change_commands(
    folder: Path, undo: Undo, title: str, edit: Callable[[str], str], now_ns: int, since: str | None = None
) -> str:
    """Change commands.toml; return what to tell. Raises as `change_tag` does."""
    return _kept(_edited(folder, COMMANDS_FILE, edit, now_ns, since), undo, title, now_ns)


def _edited(folder: Path, file: str, edit: Callable[[str], str], now_ns: int, since: str | None) -> Written:
    old = text_of(folder, file)
    if since is not None and old != since:
        raise _by_another(folder / file)
    written = Written(folder, folder / file, old, edit(old))
    written.forth(now_ns)
    return written


def _kept(written: Written, undo: Undo, title: str, now_ns: int) -> str:
    def again(write: Callable[[int], None], done: Done) -> None:
        try:
            write(now_ns)
        except Fault as fault:
            done(f"{fault.what} {fault.remedy}")
        else:
            done("")

    undo.push(Step(title, lambda done: again(written.back, done), lambda done: again(written.forth, done)))
    return f"Saved: {title}. {NEXT}"


def _by_another(path: Path) -> ProjectFault:
    return ProjectFault(
        f"{path.name} was changed by somebody else meanwhile.",
        where=str(path),
        remedy="Look at it as it is now, then change it.",
    )


def _write(folder: Path, path: Path, before: str, after: str, now_ns: int) -> None:
    """Put `after` in the place of `before`. Raises Fault when the project would not be whole."""
    if (path.read_text("utf-8") if path.exists() else "") != before:
        raise _by_another(path)
    if path.name == RULES_FILE:
        projects.save_rules(folder, after)
        return
    if path.name == PROJECT_FILE:
        projects.save_head(folder, after)
        return
    if path.name == COMMANDS_FILE:
        projects.save_commands(folder, after or "schema = 1\n")
        return
    documents = projects.documents(folder)
    documents.twins = json.loads(after or EMPTY)
    projects.save(folder, documents, now_ns)  # refuses a mistake before anything is written
    if after and path.read_text("utf-8") != after:
        projects.write_atomic(path, after)  # the same facts, in the very bytes that there were
