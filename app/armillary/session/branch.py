"""A branch of tags on a branch of the scene: read, matched, corrected line by line, accepted as one step.

Nothing is applied before `accept`; then only bindings.usda and twins.json are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from armillary.encoding.branches import Line, binding_name, leaf_of, parts_of, proposed
from armillary.encoding.inside import SURE as SURE  # lines that score more are ticked from the beginning
from armillary.encoding.matching import Leaf, Part
from armillary.encoding.naming import spoken
from armillary.encoding.suggest import Suggestion, channels, made, suggest
from armillary.model.binding import Binding
from armillary.model.scene import SceneArrays, index_of
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.project.edit import NewTag
from armillary.project.record import Project
from armillary.project.twins import NAME
from armillary.session.browsing import NOTHING, Browsing, Node, kind_of, new_id
from armillary.session.bulk import Bulk, Change
from armillary.session.signal import Signal

MOST_NODES = 20_000
MOST_DEPTH = 24
AT_ONCE = 8  # levels that are asked for together
_AT_ONCE_PAIRS = 2_000_000  # more tags × parts are matched beside the desk's thread


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another part that a tag may be of, and why."""

    prim: str
    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Row:
    """One line of the sheet."""

    name: str  # of the tag, as it is or will be
    said: str  # where it comes from: its path in the branch
    leaf: Leaf
    new: NewTag | None  # None: it is a tag already
    part: Part | None = None
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    suggestion: Suggestion | None = None
    ticked: bool = False
    is_bound: bool = False  # what it would drive is driven by a binding that is saved
    is_mine: bool = False  # a person chose the part
    candidates: tuple[Candidate, ...] = ()  # other parts that it may be of, best first

    @property
    def prim(self) -> str:
        """Path of the part, "" for none."""
        return self.part.prim if self.part is not None else ""


class Place(Protocol):
    """What a branch needs of the workspace."""

    specs: tuple[TagSpec, ...]
    twins: tuple[TwinInstance, ...]
    browsing: Browsing

    @property
    def project(self) -> Project | None: ...
    @property
    def scene(self) -> SceneArrays | None: ...
    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    def work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None: ...


class Branch:
    """One proposal in hand. Everything is for the desk's thread."""

    def __init__(self, place: Place, bulk: Bulk) -> None:
        self._at, self._bulk = place, bulk
        self.changed: Signal[()] = Signal()  # rows, or what is being done
        self.told: Signal[str] = Signal()
        self.rows: list[Row] = []
        self.title = ""
        self.doing = ""  # in words, "" when the rows are there
        self.bound = 0  # tags of the branch that drive their part already
        self._prim = NOTHING
        self._roots: tuple[int, ...] = ()
        self._turn = 0  # answers to an earlier branch are nobody's
        self._reading = self._asking = False
        self._twin = ""  # that the whole branch becomes, see `_new_twin`
        place.browsing.changed.connect(lambda _number: self._read_on())

    # ------------------------------------------------------------ beginning

    def begin_nodes(self, numbers: Sequence[int], prim: int) -> None:
        """Read all that is below nodes of links, then propose parts below a prim."""
        nodes = self._at.browsing.nodes
        self._roots = tuple(n for n in numbers if 0 <= n < len(nodes))
        self._begin(prim, ", ".join(nodes[n].name for n in self._roots[:3]))
        self._twin = self._new_twin(prim)
        self._reading = True
        self._read_on()

    def _new_twin(self, prim: int) -> str:
        """Return the id of the twin that a whole object becomes, "" where its tags go to one that is there.

        An object that is dropped on a part without a twin of its own is a thing of its own, also where a
        part above it has a twin.
        """
        at = self._at
        roots = [at.browsing.nodes[n] for n in self._roots]
        if at.scene is None or len(roots) != 1 or not roots[0].opens:
            return ""
        path = at.scene.prim_path[prim]
        if any(twin.prim == path for twin in at.twins):
            return ""
        taken, name = [twin.id for twin in at.twins], roots[0].name
        return name if NAME.fullmatch(name) and name not in taken else new_id(path, taken)

    def begin_tags(self, slots: Sequence[int], prim: int) -> None:
        """Propose parts below a prim for tags."""
        at = self._at
        specs = [at.specs[slot] for slot in slots if 0 <= slot < len(at.specs)]
        self._begin(prim, f"{len(specs)} tags")
        twins = {twin.id: twin for twin in at.twins}
        self._match([Row(s.name, s.name, leaf_of(s, twins), None) for s in specs])

    def _begin(self, prim: int, title: str) -> None:
        self._turn += 1
        scene = self._at.scene
        where = scene.prim_path[prim] if scene is not None and 0 <= prim < len(scene) else "the scene"
        self.rows, self._prim, self._reading, self.bound, self._twin = [], prim, False, 0, ""
        self.title, self.doing = f"{title} on {where}", "Reading the branch …"
        self.changed.emit()

    def cancel(self) -> None:
        """Give the proposal up."""
        self._turn += 1
        self._reading, self.rows, self.doing = False, [], ""
        self.changed.emit()

    # ------------------------------------------------------------ reading the branch

    def _read_on(self) -> None:
        """Ask for the levels that are not known yet; match when all are."""
        if not self._reading or self._asking:
            return
        browsing = self._at.browsing
        self._asking = True  # an answer may come at once
        below, unread = self._below()
        while unread and (free := AT_ONCE - sum(node.asking for node in below)) > 0:
            for node in unread[:free]:
                (browsing.more if node.has_more else browsing.open)(node.number)
            below, unread = self._below()
        self._asking = False
        if unread or any(node.asking for node in below):
            self.doing = f"Reading the branch … {len(below)} nodes"
            self.changed.emit()
            return
        self._reading = False
        failed = [node for node in below if node.why]
        if failed:
            self.told.emit(f"{len(failed)} levels could not be read: {failed[0].why}")
        if len(below) >= MOST_NODES:
            self.told.emit(f"The branch is larger than {MOST_NODES:,} nodes: only these are looked at.")
        self._match(self._rows_of(below))

    def _below(self) -> tuple[list[Node], list[Node]]:
        """Return the nodes of the branch that are known, and those whose level is not."""
        nodes = self._at.browsing.nodes
        found: list[Node] = []
        unread: list[Node] = []
        waiting = [(number, 0) for number in self._roots]
        while waiting and len(found) < MOST_NODES:
            number, depth = waiting.pop()
            node = nodes[number]
            found.append(node)
            is_closed = node.children is None or node.has_more
            if node.opens and is_closed and depth < MOST_DEPTH and not (node.why or node.asking):
                unread.append(node)
            waiting.extend((child, depth + 1) for child in reversed(node.children or ()))
        return found, unread if len(found) < MOST_NODES else []

    def _rows_of(self, nodes: Sequence[Node]) -> list[Row]:
        """Return a row for each node that has a value."""
        at, browsing = self._at, self._at.browsing
        twins = {twin.id: twin for twin in at.twins}
        taken = {spec.name for spec in at.specs}
        scene = at.scene
        if scene is None:
            return []
        out: list[Row] = []
        for node in nodes:
            path = self._path(node)
            slot = browsing.slot_of(node)
            if slot != NOTHING:
                known = leaf_of(at.specs[slot], twins)
                name = at.specs[slot].name
                out.append(Row(name, "/".join(path), replace(known, path=spoken(path)), None))
            elif browsing.can_be_tag(node):
                new = browsing.new_tag(node, self._prim, scene.prim_path[self._prim])
                if self._twin:
                    new = replace(new, twin=self._twin, prim=scene.prim_path[self._prim])
                new = replace(new, key=_key(new, path, taken))
                taken.add(new.name)
                out.append(Row(new.name, "/".join(path), _leaf(node, path, new), new))
        return out

    def _path(self, node: Node) -> tuple[str, ...]:
        """Return the names from the dragged node down to this one."""
        nodes, out = self._at.browsing.nodes, [node.name]
        while node.number not in self._roots and node.parent >= 0:
            node = nodes[node.parent]
            out.append(node.name)
        return tuple(reversed(out))

    # ------------------------------------------------------------ matching

    def _match(self, rows: list[Row]) -> None:
        at, turn = self._at, self._turn
        scene = at.scene
        if scene is None:
            return
        branch = parts_of(scene, self._prim, at.twins)
        existing = at.bindings
        self.doing = f"Comparing {len(rows)} tags with {len(branch.parts)} parts …"
        self.changed.emit()

        def job() -> object:
            leaves, names = [row.leaf for row in rows], [row.name for row in rows]
            return proposed(leaves, names, branch.parts, existing)

        def matched(answer: object) -> None:
            if turn != self._turn:
                return
            self.doing = ""
            if isinstance(answer, tuple):
                self._take(rows, answer, branch.parts)
            else:
                self.told.emit("The branches could not be compared.")
            self.changed.emit()

        if len(rows) * len(branch.parts) <= _AT_ONCE_PAIRS:
            matched(job())
        else:
            at.work(job, matched)

    def _take(self, rows: list[Row], lines: Sequence[Line], parts: Sequence[Part]) -> None:
        self.bound = len(rows) - len(lines)
        self.rows = []
        for line in lines:
            row = rows[line.leaf]
            row.candidates = tuple(Candidate(parts[c.part].prim, c.score, c.reasons) for c in line.candidates)
            if line.suggestion is not None:
                row.part, row.score, row.reasons = parts[line.part], line.score, line.reasons
                row.suggestion, row.is_bound = line.suggestion, line.is_bound
                row.ticked = line.score >= SURE and not line.is_bound
            self.rows.append(row)

    # ------------------------------------------------------------ correcting

    def tick(self, lines: Sequence[int], on: bool) -> None:
        """Take lines, or refuse them; one without a part cannot be taken."""
        for at in lines:
            row = self.rows[at]
            row.ticked = on and row.suggestion is not None
        self.changed.emit()

    def tick_above(self, least: float) -> int:
        """Take every line that scores as much, refuse the others; return how many are taken.

        What a person chose stays as it is, and what would replace a saved binding is not taken.
        """
        for row in self.rows:
            if not row.is_mine:
                row.ticked = row.suggestion is not None and row.score >= least and not row.is_bound
        self.changed.emit()
        return sum(row.ticked for row in self.rows)

    def move(self, at: int, prim: str) -> str:
        """Give a line another part; return why not, "" when it has it."""
        scene, row = self._at.scene, self.rows[at]
        if scene is None or prim not in index_of(scene.prim_path):
            return f"There is no part '{prim}'."
        part = Part(path=tuple(prim.split("/")[1:]), prim=prim)
        found = suggest(
            row.leaf, part, name=self._name(at, prim), signal=row.name, taken=self._taken(at, prim)
        )
        if found is None:
            return f"All that {row.name} could drive of {prim} is driven by another line."
        row.part, row.suggestion, row.is_mine, row.ticked = part, found, True, True
        row.score, row.reasons = 1.0, ("chosen by hand",)
        self._mark(row)
        self.changed.emit()
        return ""

    def tags(self) -> tuple[str, ...]:
        """Return the tags that a line can have: those of the branch, then all others of the project."""
        return tuple(dict.fromkeys((*(row.name for row in self.rows), *(s.name for s in self._at.specs))))

    def retag(self, at: int, name: str) -> str:
        """Give the part of a line to another tag; return why not, "" when that has it.

        A tag of the branch changes places with the one it follows: what it had goes to that. Any other tag
        of the project gets a line of its own, and the tag that it follows has no part then.
        """
        row = self.rows[at]
        if row.part is None or row.suggestion is None:
            return f"{row.name} has no part that another tag could take."
        if name == row.name:
            return ""
        other = next((i for i, each in enumerate(self.rows) if each.name == name), -1)
        if other < 0:
            spec = next((spec for spec in self._at.specs if spec.name == name), None)
            if spec is None:
                return f"There is no tag '{name}'."
            twins = {twin.id: twin for twin in self._at.twins}
            self.rows.insert(at + 1, Row(spec.name, spec.name, leaf_of(spec, twins), None))
            other = at + 1
        mine, theirs = self.rows[at], self.rows[other]
        part, had = mine.part, theirs.part
        for each in (mine, theirs):
            each.part, each.suggestion, each.score, each.reasons = None, None, 0.0, ()
            each.ticked = each.is_bound = False
        why = self.move(other, part.prim if part is not None else "")
        if had is not None and had.prim and not why:
            self.move(at, had.prim)
        mine.is_mine = theirs.is_mine = True
        self.changed.emit()
        return why

    def drive(self, at: int, channel: str) -> None:
        """Let a line drive another channel of its part."""
        row = self.rows[at]
        if row.part is not None and row.suggestion is not None:
            name = row.suggestion.binding.name
            row.suggestion = made(row.leaf, row.part, channel, name=name, signal=row.name)
            row.is_mine = True
            self._mark(row)
            self.changed.emit()

    def choices(self, at: int) -> tuple[str, ...]:
        """Return what a line could drive, the likeliest first."""
        row = self.rows[at]
        return channels(row.leaf, row.part) if row.part is not None else ()

    def _mark(self, row: Row) -> None:
        drives = row.suggestion.binding.channel if row.suggestion is not None else ""
        row.is_bound = any(b.enabled and (b.prim, b.channel) == (row.prim, drives) for b in self._at.bindings)

    def _taken(self, at: int, prim: str) -> set[str]:
        return {
            row.suggestion.binding.channel
            for i, row in enumerate(self.rows)
            if i != at and row.ticked and row.prim == prim and row.suggestion is not None
        }

    def _name(self, at: int, prim: str) -> str:
        taken = {b.name for b in self._at.bindings if b.prim == prim}
        taken |= {
            row.suggestion.binding.name
            for i, row in enumerate(self.rows)
            if i != at and row.prim == prim and row.suggestion is not None
        }
        return binding_name(self.rows[at].name, taken)

    # ------------------------------------------------------------ accepting

    def chosen(self) -> list[Row]:
        """Return the lines that are taken."""
        return [row for row in self.rows if row.ticked and row.suggestion is not None]

    def why_not(self) -> str:
        """Return why nothing can be accepted now, "" when it can."""
        if self.doing or self._bulk.busy:
            return self.doing or "It is being saved."
        seen: dict[tuple[str, str], str] = {}
        for row in self.chosen():
            if row.suggestion is None:
                continue
            key = (row.prim, row.suggestion.binding.channel)
            if key in seen:
                return f"{row.name} and {seen[key]} drive the same of {row.prim}: refuse one of them."
            seen[key] = row.name
        return "" if seen else "No line is taken."

    def accept(self) -> None:
        """Save the lines that are taken: tags and bindings together, one step of undo."""
        if why := self.why_not():
            self.told.emit(why)
            return
        rows = self.chosen()
        new = tuple(row.suggestion.binding for row in rows if row.suggestion is not None)
        driven = {(b.prim, b.channel) for b in new}
        old = tuple(b for b in self._at.bindings if b.enabled and (b.prim, b.channel) in driven)
        tags = tuple(row.new for row in rows if row.new is not None)
        title = f"Bind {len(new)} tags of {self.title}"

        def ended(why: str) -> None:
            if why:
                self.doing = ""
                self.told.emit(why)
            else:
                more = f" {len(tags)} new tags come with the project's changes." if tags else ""
                self.told.emit(f"Saved: {len(new)} bindings.{more}")
                self.rows, self.doing, self.title = [], "", ""
            self.changed.emit()

        self.doing = "Saving …"
        self._bulk.save(Change(title=title, new=new, old=old, tags=tags), ended)
        self.changed.emit()


def _leaf(node: Node, path: tuple[str, ...], new: NewTag) -> Leaf:
    item = node.item
    low, high = new.span if new.span is not None else (float("-inf"), float("inf"))
    kind = kind_of(item) if item is not None else "number"
    return Leaf(path=spoken(path), unit=new.unit, kind=kind, low=low, high=high, states=new.states)


def _key(new: NewTag, path: tuple[str, ...], taken: set[str]) -> str:
    """Return a key for a tag by its place in the branch: `pump_1.speed`."""
    words = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower() for part in path[1:] or path]
    base = ".".join(clean for w in words if (clean := re.sub(r"[^\w\-]+", "_", w).strip("_"))) or "value"
    number, key = 1, base
    while f"{new.twin}.{key}" in taken:
        number += 1
        key = f"{base}_{number}"
    return key
