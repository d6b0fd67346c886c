"""Name ↔ slot tables, stable for the life of a world: slots are given once and never reused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from armillary.model.arrays import U4


class Names:
    """An append-only table of names; a name's slot is its row in the arrays."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._slot: dict[str, int] = {}
        self._names: list[str] = []
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._slot

    def __getitem__(self, slot: int) -> str:
        return self._names[slot]

    def add(self, name: str) -> int:
        """Return the slot of a name, giving it the next one when it is new."""
        slot = self._slot.setdefault(name, len(self._names))
        if slot == len(self._names):
            self._names.append(name)
        return slot

    def slot(self, name: str) -> int | None:
        """Return the slot of a name, None when it is not known."""
        return self._slot.get(name)

    def slots(self, names: Sequence[str]) -> U4:
        """Return the slots of known names, shape (n,). Raises KeyError with the first unknown name."""
        return np.fromiter((self._slot[name] for name in names), np.uint32, len(names))

    def all(self) -> tuple[str, ...]:
        """Return all names in slot order."""
        return tuple(self._names)
