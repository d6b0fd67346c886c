"""What differs between two versions of a project, in words: which entry, on which prim, from what to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from armillary.model.binding import Binding
from armillary.project import entries
from armillary.project.entries import Entry
from armillary.project.record import PROJECT_FILE, TWINS_FILE

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
VERBS = (ADDED, CHANGED, REMOVED)
BINDING, REFERENCE = "binding", "scene layer"
LONGEST = 80  # characters of a value in a sentence
_UNSAID = frozenset({"origin", "part", "schema_version"})  # of a binding: how it was read, and its prim then
_VERSION = ("project", "version")
_ADDRESS = "address"
_OWN = "expression"
_EXPRESSION = "expr!"
_PLURALS = {"policy": "policies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field that differs; "" where it is not said."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry that differs."""

    word: str  # alarm, tag, binding …
    name: str
    verb: str  # of VERBS
    file: str
    prim: str = ""  # the part of the scene it is about; "" = none that is known
    fields: tuple[Field, ...] = ()  # of one that is changed

    @property
    def text(self) -> str:
        """The change in a sentence."""
        head = f"{self.word} {self.name} {self.verb}"
        if self.verb != CHANGED:
            return head
        return f"{head}: " + "; ".join(_told(each) for each in self.fields)


def _told(field: Field) -> str:
    name = f"{field.name} " if field.name else ""
    if not field.before:
        return f"{name}{field.after}, not said before"
    if not field.after:
        return f"{name}not said any more, was {field.before}"
    return f"{name}{field.before} → {field.after}"


def of_files(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what differs in the files with entries, by (path, text); in order of file, word and name.

    Raises ProjectFault for a file that cannot be read. Binding layers are compared by `of_bindings`.
    """
    out: list[Change] = []
    prims = {**_prims(old), **_prims(new)}
    for name in entries.files_of(old, new):
        before = entries.leaves(entries.parsed(name, old[name])) if name in old else {}
        after = entries.leaves(entries.parsed(name, new[name])) if name in new else {}
        if before != after:
            out += _of_file(name, before, after, prims)
    return tuple(sorted(out, key=lambda change: (change.file, change.word, change.name)))


def _of_file(
    file: str, before: entries.Leaves, after: entries.Leaves, prims: Mapping[str, str]
) -> list[Change]:
    grouped: dict[Entry, list[Field]] = {}
    derived: dict[Entry, bool] = {}
    had, has = set(), set()
    for path in (*before, *(path for path in after if path not in before)):
        if file == PROJECT_FILE and path == _VERSION:
            continue  # it differs between any two versions
        entry, field = entries.entry_of(file, path)
        if path in before:
            had.add(entry)
        if path in after:
            has.add(entry)
        old, new = before.get(path), after.get(path)
        if file == TWINS_FILE and field in (_ADDRESS, _OWN):
            derived[entry] = field == _OWN or str(new if new is not None else old).startswith(_EXPRESSION)
        if old != new or (path in before) != (path in after):
            both = shown(old) if path in before else "", shown(new) if path in after else ""
            grouped.setdefault(entry, []).append(Field(name=field, before=both[0], after=both[1]))
    return [
        Change(
            word="derived tag" if derived.get(entry) else entry.word,
            name=entry.name,
            verb=CHANGED if entry in had and entry in has else ADDED if entry in has else REMOVED,
            file=file,
            prim=prims.get(_owner(entry), ""),
            fields=tuple(found) if entry in had and entry in has else (),
        )
        for entry, found in grouped.items()
    ]


def _owner(entry: Entry) -> str:
    """Return the id of the twin that an entry of twins.json belongs to."""
    is_twin = entry.file == TWINS_FILE and len(entry.where) > 1 and entry.where[0] == "twins"
    return entry.where[1].removeprefix(entries.ROW) if is_twin else ""


def _prims(files: Mapping[str, str]) -> dict[str, str]:
    if TWINS_FILE not in files:
        return {}
    rows = entries.parsed(TWINS_FILE, files[TWINS_FILE]).get("twins", [])
    return {
        str(row["id"]): str(row.get("prim", "")) for row in rows if isinstance(row, Mapping) and "id" in row
    }


def of_bindings(old: Sequence[Binding], new: Sequence[Binding], file: str) -> tuple[Change, ...]:
    """Return which bindings differ, by prim and name."""
    before = {(each.prim, each.name): each for each in old}
    after = {(each.prim, each.name): each for each in new}
    out = []
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        found = _fields(was, now) if was is not None and now is not None else ()
        if was is not None and now is not None and not found:
            continue
        verb = CHANGED if found else ADDED if was is None else REMOVED
        out.append(
            Change(word=BINDING, name=f"{key[0]}#{key[1]}", verb=verb, file=file, prim=key[0], fields=found)
        )
    return tuple(out)


def _fields(was: Any, now: Any, prefix: str = "") -> tuple[Field, ...]:  # Any: a record of a binding
    out: list[Field] = []
    for field in fields(was):
        before, after = getattr(was, field.name), getattr(now, field.name)
        if before == after or field.name in _UNSAID:
            continue
        if hasattr(before, "__dataclass_fields__"):
            out += _fields(before, after, f"{field.name}.")
        else:
            out.append(Field(name=prefix + field.name, before=shown(before), after=shown(after)))
    return tuple(out)


def of_layer(
    old: Mapping[tuple[str, str], str], new: Mapping[tuple[str, str], str], file: str
) -> tuple[Change, ...]:
    """Return what a layer says otherwise, by (prim, what it says of it): references, variants, payloads."""
    out: dict[str, list[Field]] = {}
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            field = Field(name=key[1], before=old.get(key, ""), after=new.get(key, ""))
            out.setdefault(key[0], []).append(field)
    had, has = {prim for prim, _ in old}, {prim for prim, _ in new}
    return tuple(
        Change(
            word=REFERENCE,
            name=prim,
            verb=CHANGED if prim in had and prim in has else ADDED if prim in has else REMOVED,
            file=file,
            prim=prim,
            fields=tuple(found) if prim in had and prim in has else (),
        )
        for prim, found in out.items()
    )


def shown(value: Any) -> str:  # Any: parsed, or a field of a record
    """Return a value as a sentence has it; long ones are cut."""
    text = (
        f"'{value}'" if isinstance(value, str) else "yes" if value is True else "no" if value is False else ""
    )
    if not text:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def summary(changes: Sequence[Change]) -> str:
    """Return how many of what differ: `39 bindings, 1 link added; 2 alarms changed`."""
    parts = []
    for verb in VERBS:
        counts = Counter(change.word for change in changes if change.verb == verb)
        if counts:
            words = ", ".join(
                _counted(n, word) for word, n in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
            )
            parts.append(f"{words} {verb}")
    return "; ".join(parts) or "nothing differs"


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {_PLURALS.get(word, word + 's')}"
