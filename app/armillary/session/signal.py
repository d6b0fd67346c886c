"""A typed signal: callbacks run at once, in the thread that emits, in the order they were connected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVarTuple

Args = TypeVarTuple("Args")


class Signal(Generic[*Args]):
    """Tells its listeners; a listener that raises stops the emit, so that a defect is seen, not lost."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[Callable[[*Args], object]] = []

    def connect(self, listener: Callable[[*Args], object]) -> Callable[[], None]:
        """Return a function that disconnects `listener` again; calling it twice does no harm."""
        self._listeners.append(listener)

        def disconnect() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return disconnect

    def emit(self, *args: *Args) -> None:
        """Call every listener connected now; one that disconnects meanwhile is still called once."""
        for listener in tuple(self._listeners):
            listener(*args)
