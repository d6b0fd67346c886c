"""What a store of history says of itself: what it keeps whole, what it keeps in part, what not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from armillary.model.clock import MS_NS, NS

_US_NS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a store promises. All of it is tested for every store; what is False is told to people."""

    name: str  # as people call it, with its version where known: "PostgreSQL 15.8"
    resolution_ns: int = 1  # of times: two samples of a tag nearer than this may become one
    exact: bool = True  # a number comes back bit for bit; else to nine digits at least
    text: bool = True  # words beside numbers; marks (alarms, orders, events, links) are such
    durable: bool = True  # on disk when `append` returns: a kill -9 or a power cut loses nothing
    once: bool = True  # what is sent twice is kept once, also over a crash of the recorder
    corrects: bool = True  # of one tag and time the sample that came last counts
    erases_by_range: bool = True  # `forget` removes samples of some tags before a time, and only those
    documents: bool = True  # keeps bytes by kind, key and time: versions of the binding layer, checkpoints

    def lacks(self) -> tuple[str, ...]:
        """Return what people should know is missing, a sentence each; () where everything is kept."""
        said = (
            (self.resolution_ns > 1, f"Times are kept to {span(self.resolution_ns)}."),
            (not self.exact, "Numbers may lose their last digits."),
            (not self.text, "Words are not kept: a replay shows no alarms, orders, events or text values."),
            (not self.durable, "A power cut may lose what came in the last seconds."),
            (not self.once, "After a crash some samples may be there twice."),
            (not self.corrects, "A later value for the same time need not replace the earlier one."),
            (
                not self.erases_by_range,
                "Old samples of single tags cannot be erased: set the server's own retention.",
            ),
            (
                not self.documents,
                "Versions of the scene's bindings are not kept: a replay shows today's bindings.",
            ),
        )
        return tuple(sentence for is_so, sentence in said if is_so)


class Extent(Protocol):
    """What a store holds; times are 0 while it is empty. Marks count as tags, not as samples."""

    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def samples(self) -> int: ...
    @property
    def bytes(self) -> int: ...  # 0 where the store cannot tell
    @property
    def first_ns(self) -> int: ...
    @property
    def last_ns(self) -> int: ...


def span(ns: int) -> str:
    """Return a resolution in words: 1 ns, 1 µs, 1 ms, 1 s."""
    for unit, size in (("s", NS), ("ms", MS_NS), ("µs", _US_NS)):
        if ns >= size and ns % size == 0:
            return f"{ns // size} {unit}"
    return f"{ns} ns"
