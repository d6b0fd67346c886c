"""What servers wait for: a message is acknowledged once its samples are on the recorder's disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping


class Owed:
    """Receipts of links, in the order in which their samples were offered to the recorder."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Mapping[str, int]]] = deque()  # rows offered by then, link -> receipt

    def add(self, offered: int, receipts: Mapping[str, int]) -> None:
        """Take up receipts whose samples are among the rows offered so far."""
        if receipts:
            self._waiting.append((offered, receipts))

    def due(self, settled: int, *, is_away: bool) -> Iterator[tuple[str, int]]:
        """Yield, once, each link with a receipt up to which all is on disk: `settled` rows are.

        While nothing is recorded (`is_away`) nobody waits.
        """
        while self._waiting and (is_away or self._waiting[0][0] <= settled):
            yield from self._waiting.popleft()[1].items()
