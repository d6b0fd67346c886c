"""Inheritance of DTDL interfaces: loops, depth, ancestors, and what each has with all it inherits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from armillary.twin.dtdl_elements import Element, Reading


class Heritage:
    """Who inherits from whom in one Reading. Each step is linear in the number of arcs."""

    def __init__(self, reading: Reading, interfaces: Sequence[Element]) -> None:
        self.reading = reading
        self._known = {i.id: i for i in interfaces}
        self._parents = {i.id: self._above(i) for i in interfaces}
        self._contents: dict[str, dict[str, Element]] = {}
        self.unsound: set[str] = set()
        """Interfaces whose inheritance cannot be followed: those in a loop, below one, or too deep."""

    def _above(self, interface: Element) -> list[str]:
        found = (parent.id for _, parent in self.reading.targets(interface, "extends"))
        return [i for i in dict.fromkeys(found) if i in self._known or i == interface.id]

    def check(self) -> None:
        """Report loops, what is too deep or has too many ancestors, and names that come in twice."""
        order, depth = self._sorted()
        below_loops = self._known.keys() - depth.keys()
        self.unsound |= below_loops
        for where in self._in_loops(below_loops):
            self.reading.report("recursiveStructureNarrow", self._known[where].at, where, "extends")
        for where in order:
            interface = self._known[where]
            limits = interface.context.limits
            if depth[where] > limits.extends_depth:
                self.unsound.add(where)
                self._report(interface, "excessiveDepthNarrow", depth[where], limits.extends_depth)
            elif limits.extends_count is not None and not self._is_few(where, limits.extends_count):
                self._report(interface, "excessiveCount", self._count(where), limits.extends_count)
            self.contents(interface)

    def _report(self, interface: Element, rule: str, count: int, limit: int) -> None:
        self.reading.report(rule, interface.at, interface.id, "extends", count=count, limit=limit)

    def _sorted(self) -> tuple[list[str], dict[str, int]]:
        """Return the interfaces, ancestors first, with their depth; those in or below a loop are left out."""
        children: dict[str, list[str]] = {}
        for where, above in self._parents.items():
            for parent in above:
                children.setdefault(parent, []).append(where)
        waits = {where: len(above) for where, above in self._parents.items()}
        depth = {where: 0 for where, count in waits.items() if not count}
        order = list(depth)
        for where in order:  # grows while it is walked
            for child in children.get(where, ()):
                waits[child] -= 1
                if not waits[child]:
                    depth[child] = 1 + max(depth[parent] for parent in self._parents[child])
                    order.append(child)
        return order, depth

    def _in_loops(self, rest: set[str]) -> list[str]:
        """Return those that lie on a loop, or between two, out of those that are in or below one."""
        left = set(rest)
        heirs = dict.fromkeys(left, 0)
        for where in left:
            for parent in self._parents[where]:
                if parent in heirs:
                    heirs[parent] += 1
        ends = [where for where, count in heirs.items() if not count]
        for where in ends:  # grows while it is walked
            left.discard(where)
            for parent in self._parents[where]:
                if parent in left:
                    heirs[parent] -= 1
                    if not heirs[parent]:
                        ends.append(parent)
        return sorted(left)

    def _is_few(self, where: str, limit: int) -> bool:
        return len(self._known) <= limit or self._count(where) <= limit

    def _count(self, where: str) -> int:
        """Return how many ancestors an interface has."""
        seen: set[str] = set()
        rest = [where]
        while rest:
            for parent in self._parents[rest.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    rest.append(parent)
        return len(seen)

    def contents(self, interface: Element) -> Mapping[str, Element]:
        """Return all contents of an interface by name, inherited ones included; a name met twice is told.

        Ancestors are asked for first, so that this goes no deeper than one step.
        """
        found = self._contents.get(interface.id)
        if found is not None:
            return found
        found = self._contents[interface.id] = {}
        for _, inner in self.reading.targets(interface, "contents"):
            found.setdefault(inner.name, inner)
        own = set(found)
        for link, parent in self.reading.targets(interface, "extends"):
            if parent.id in self.unsound or interface.id in self.unsound:
                continue
            for name, inner in self.contents(parent).items():
                known = found.setdefault(name, inner)
                if known is not inner and known.id != inner.id:
                    self.reading.report(
                        "nonUniqueImportedPropertyValue",
                        known.at if name in own else link.at,
                        interface.id,
                        "contents",
                        value=name,
                        other=parent.id,
                    )
        return found
