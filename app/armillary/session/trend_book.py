"""What a person keeps of a project's trends: named sets of pens, notes on times, units to read in.

The user's own, in their settings folder, never in the project.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar

from armillary.model import files, places
from armillary.model.fault import Fault
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.session.signal import Signal

SCHEMA = 1
MOST_SETS, MOST_NOTES, MOST_TEXT = 200, 2_000, 500
_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
_PARTS = ("schema", "sets", "notes", "units")


@dataclass(frozen=True, slots=True, kw_only=True)
class PenSet:
    """A named set of pens. With a `model` its pens are those of one twin of that model: `level`, `flow`."""

    name: str
    pens: tuple[str, ...]  # tag names, or paths below a twin
    model: str = ""
    span_s: float = 0.0  # 0 = as it is
    strips: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note on a time, or on a span of it."""

    t_ns: int
    text: str
    to_ns: int = 0  # 0: a moment
    tag: str = ""  # "" = of all pens
    who: str = ""


_Kept = TypeVar("_Kept", PenSet, Note)


class TrendBook:
    """One project's sets, notes and units; each change is written at once. Raises Fault when it cannot be."""

    def __init__(self, project: Path | None = None, folder: Path | None = None) -> None:
        self.changed: Signal[()] = Signal()
        self.sets: tuple[PenSet, ...] = ()
        self.offered: tuple[PenSet, ...] = ()  # of the project's templates; not the person's to change
        self.notes: tuple[Note, ...] = ()
        self.units: dict[str, str] = {}  # unit of tags → unit to read them in
        self.problem = ""
        self.path: Path | None = None
        self.begin(project, folder)

    def begin(self, project: Path | None, folder: Path | None = None) -> None:
        """Take up another project; None: nothing that has a folder is open, so nothing is written."""
        self.sets, self.notes, self.units, self.problem, self.path = (), (), {}, "", None
        if project is not None:
            short = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]
            self.path = (folder or places.config() / "trends") / f"{short}.json"
            self._read()
        self.changed.emit()

    def offer(self, sets: tuple[PenSet, ...]) -> None:
        """Offer sets of the project beside the person's own."""
        if sets != self.offered:
            self.offered = sets
            self.changed.emit()

    # ------------------------------------------------------------ changes
    def keep_set(self, new: PenSet) -> None:
        """Keep a set of pens; one of the same name is replaced."""
        name = new.name.strip()
        if not name or not new.pens:
            raise Fault("A set of pens needs a name and a pen.", where="trends", remedy="Give it a name.")
        others = [s for s in self.sets if s.name != name]
        kept = PenSet(name=name, pens=new.pens, model=new.model, span_s=new.span_s, strips=new.strips)
        self.sets = tuple(sorted([*others, kept], key=lambda s: s.name.casefold())[:MOST_SETS])
        self._write()

    def drop_set(self, name: str) -> None:
        """Forget a set of pens."""
        self.sets = tuple(s for s in self.sets if s.name != name)
        self._write()

    def note(self, note: Note) -> None:
        """Keep a note."""
        text = " ".join(note.text.split())[:MOST_TEXT]
        if not text:
            raise Fault("A note needs a text.", where="trends", remedy="Write what happened.")
        kept = Note(t_ns=note.t_ns, text=text, to_ns=note.to_ns, tag=note.tag, who=note.who)
        self.notes = tuple(sorted([*self.notes, kept], key=lambda n: n.t_ns)[-MOST_NOTES:])
        self._write()

    def drop_note(self, note: Note) -> None:
        """Forget a note."""
        self.notes = tuple(n for n in self.notes if n != note)
        self._write()

    def read_in(self, unit: str, shown: str) -> None:
        """Read tags of a unit in another one; "" or the same: as they are."""
        self.units = {u: s for u, s in self.units.items() if u != unit}
        if shown and shown != unit:
            self.units[unit] = shown
        self._write()

    def notes_in(self, from_ns: int, to_ns: int) -> tuple[Note, ...]:
        """Return the notes that a range has a part of."""
        return tuple(n for n in self.notes if n.t_ns <= to_ns and max(n.t_ns, n.to_ns) >= from_ns)

    # ------------------------------------------------------------ the file
    def _read(self) -> None:
        if self.path is None:
            return
        try:
            document = json.loads(self.path.read_text("utf-8"))
            if document["schema"] != SCHEMA:
                raise ValueError(f"version {document['schema']!r} is not {SCHEMA}")
            if unknown := set(document) - set(_PARTS):
                raise ValueError(f"unknown key {min(unknown)!r}")
            self.sets = tuple(_set(row) for row in document["sets"])
            self.notes = tuple(sorted((_note(row) for row in document["notes"]), key=lambda n: n.t_ns))
            self.units = {str(unit): str(shown) for unit, shown in document["units"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.sets, self.notes, self.units = (), (), {}
            self.problem = f"Your notes on trends could not be read ({error}); they are kept as they are."
            with contextlib.suppress(OSError):
                os.replace(self.path, self.path.with_suffix(".broken.json"))

    def _write(self) -> None:
        self.changed.emit()
        if self.path is None:
            return
        document = {
            "schema": SCHEMA,
            "sets": [asdict(s) for s in self.sets],
            "notes": [asdict(n) for n in self.notes],
            "units": self.units,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self.path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
        except OSError as error:
            raise Fault(
                f"Your notes on trends could not be saved: {error.strerror or error}.",
                where=str(self.path),
                remedy="Make that folder writable.",
            ) from error


def _set(row: Mapping[str, object]) -> PenSet:
    """Return a set as the file has it. Raises TypeError, KeyError for what is none."""
    pens = row["pens"]
    if not isinstance(pens, list):
        raise TypeError("a set's pens are a list")
    return _checked(PenSet(**{**row, "pens": tuple(str(pen) for pen in pens)}))  # type: ignore[arg-type]


def _note(row: Mapping[str, object]) -> Note:
    return _checked(Note(**row))  # type: ignore[arg-type]  # its fields are checked there


def _checked(kept: _Kept) -> _Kept:
    """Return a record whose fields have the types they should. Raises TypeError."""
    for part in fields(kept):
        wanted = _TYPES.get(str(part.type), (tuple,))
        if not isinstance(getattr(kept, part.name), wanted):
            raise TypeError(f"{part.name} is no {part.type}")
    return kept


def set_of(
    name: str,
    slots: Sequence[int],
    specs: Sequence[TagSpec],
    twins: Sequence[TwinInstance],
    *,
    by_model: bool,
) -> PenSet:
    """Return the pens shown as a set; by model: the tags of the first pen's twin, by their paths below it.

    Raises Fault when the pens are of no twin.
    """
    names = [specs[slot].name for slot in slots]
    if not by_model:
        return PenSet(name=name, pens=tuple(names))
    twin = next((t for t in twins if slots and t.id == specs[slots[0]].twin and t.model), None)
    if twin is None:
        raise Fault(
            "These pens are of no model.", where="trends", remedy="Keep them as a set of this project."
        )
    below = tuple(n[len(twin.id) + 1 :] for n in names if n.startswith(f"{twin.id}."))
    return PenSet(name=name, pens=below, model=twin.model)


def slots_of(
    pens: PenSet, specs: Sequence[TagSpec], twins: Sequence[TwinInstance], near: Sequence[int]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return (slots, names that this project has not) of a set.

    near: slots of what is selected or shown; a set of a model is applied to the first of their twins that is
    of that model, else to the first twin that is.
    """
    known = {spec.name: spec.slot for spec in specs}
    names: tuple[str, ...] = pens.pens
    if pens.model:
        ids = [t.id for t in twins if t.model == pens.model]
        close = [specs[slot].twin for slot in near if specs[slot].twin in ids]
        chosen = next(iter([*close, *ids]), "")
        names = tuple(f"{chosen}.{path}" for path in pens.pens)
    return tuple(known[n] for n in names if n in known), tuple(n for n in names if n not in known)
