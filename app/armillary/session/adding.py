"""Nodes of a link that become tags without a binding: dropped on the live table or on a trend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from armillary.model.fault import Fault
from armillary.session import limits
from armillary.session.author_actions import may_not_author
from armillary.session.browsing import NOTHING, Node, free_key, new_id
from armillary.session.undo import Done, Step
from armillary.session.workspace import Workspace

NO_VALUE = "These nodes have no value that a tag can hold."


class Adding:
    """Makes tags of nodes, in one step of undo; pens that wait for their tag come when the world has it."""

    def __init__(self, at: Workspace, pens: Callable[[Sequence[int]], object]) -> None:
        self._at, self._pens = at, pens
        self._waiting: set[str] = set()  # names of tags that are to be drawn
        at.world_changed.connect(self._look)
        at.project_changed.connect(self._look)

    def to_table(self, numbers: Sequence[int]) -> str:
        """Make tags of the nodes that are none yet; return what to tell."""
        known, made, why = self._add(numbers)
        if why:
            return why
        if not made:
            return (
                "These nodes are tags already." if known else "These nodes have no value that a tag can hold."
            )
        return f"Saved: {_words(made)}. {limits.NEXT}"

    def to_trend(self, numbers: Sequence[int]) -> str:
        """Draw the nodes that are tags; make tags of the others, drawn once the world has them."""
        known, made, why = self._add(numbers)
        self._pens(known)
        if why:
            return "" if known else why
        self._waiting |= set(made)
        if made:
            return f"Saved: {_words(made)}, drawn once the world has it. {limits.NEXT}"
        return "" if known else NO_VALUE

    def _add(self, numbers: Sequence[int]) -> tuple[tuple[int, ...], list[str], str]:
        """Return (tags that they are already, names of new ones, why nothing was written)."""
        at, browsing = self._at, self._at.browsing
        nodes = [browsing.nodes[n] for n in numbers if 0 <= n < len(browsing.nodes)]
        known = tuple(slot for node in nodes if (slot := browsing.slot_of(node)) != NOTHING)
        fresh = [node for node in nodes if browsing.slot_of(node) == NOTHING and browsing.can_be_tag(node)]
        if not fresh:
            return known, [], ""
        project = at.project
        if why := may_not_author(at) or ("" if project is not None else "No project is open."):
            return known, [], f"New tags: {why}"
        assert project is not None  # noqa: S101  told above
        tags, taken = [], list[str]()
        for node in fresh:
            place = self._place_of(node)
            new = replace(browsing.new_tag(node, NOTHING, place, taken), prim="")
            own = new_id(place, ())
            if own != new.twin:  # there is such a twin: it has one tag more
                names = {*(spec.name for spec in at.specs), *taken}
                new = replace(new, twin=own, key=free_key(new.key, own, names))
            taken.append(new.name)
            tags.append(new)
        try:
            written = limits.add_tags(project.folder, tags, at.now_ns())
        except Fault as fault:
            return known, [], f"Not saved: {fault.what} {fault.remedy}"
        at.coming_tags |= set(taken)

        def again(write: Callable[[int], None], done: Done, *, coming: bool) -> None:
            try:
                write(at.now_ns())
            except Fault as fault:
                done(f"{fault.what} {fault.remedy}")
                return
            at.coming_tags = at.coming_tags | set(taken) if coming else at.coming_tags - set(taken)
            done("")

        at.undo.push(
            Step(
                f"New tags: {_words(taken)}",
                lambda done: again(written.back, done, coming=False),
                lambda done: again(written.forth, done, coming=True),
            )
        )
        return known, taken, ""

    def _place_of(self, node: Node) -> str:
        """Return what the twin of a node's tag is named after: the node above it."""
        above = self._at.browsing.nodes[node.parent] if node.parent != NOTHING else None
        if above is not None and above.item is not None and above.link:
            return above.item.name
        name = node.item.name if node.item is not None else ""  # what was found has its way in its name
        way = name.rpartition(": ")[2].partition("#")[0].split("/")
        return way[-2] if len(way) > 1 else node.link

    def _look(self) -> None:
        """Draw what waited and is there now."""
        if not self._waiting:
            return
        there = {spec.name: spec.slot for spec in self._at.specs if spec.name in self._waiting}
        if there:
            self._waiting -= set(there)
            self._pens(tuple(there.values()))


def _words(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
