"""Routes of a link, compiled per channel: what is read from a payload, and how quickly it may be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from armillary.api.ports import Decoder
from armillary.model.fault import Fault, ProjectFault
from armillary.model.link import Route
from armillary.telemetry.path import Path, compiled

BUILT_IN = frozenset({"auto", "json", "raw"})
_OPENS_JSON = frozenset(b'{["')


@dataclass(frozen=True, slots=True)
class Reader:
    """One route with its compiled path."""

    route: Route
    path: Path


@dataclass(frozen=True, slots=True)
class Part:
    """Routes of one channel that share decoder and time path."""

    decoder: str
    time_path: Path | None
    readers: tuple[Reader, ...]

    def is_raw(self, data: bytes) -> bool:
        """Return whether a payload is one bare value; `auto` without a path looks at the first byte."""
        if self.decoder != "auto":
            return self.decoder == "raw"
        return not data.lstrip()[:1] or data.lstrip()[0] not in _OPENS_JSON


@dataclass(slots=True)
class ChannelPlan:
    """What to do with the messages of one channel."""

    routes: tuple[Route, ...]
    parts: tuple[Part, ...] = ()
    decoder: Decoder | None = None  # a plugin's
    is_foreign: bool = False  # a plugin decodes it; kept beside `decoder` because it is asked per message
    is_plain: bool = False  # all routes are numbers at plain keys of one document
    slots: tuple[int, ...] = ()
    width: int = 0
    # Any: what an itemgetter gives depends on the number of its keys
    keys: Callable[[Any], Any] = itemgetter(0)
    time: Callable[[Any], Any] | None = None
    seen: bool = False  # one message went the long way: its time's unit is known


def channel_plans(
    routes: Sequence[Route], decoders: Mapping[str, Decoder]
) -> tuple[dict[str, ChannelPlan], tuple[Fault, ...]]:
    """Return the plan of each channel, and a Fault for each route that can never be read."""
    problems: list[Fault] = []
    readable: dict[str, list[Reader]] = {}
    for route in routes:
        try:
            readable.setdefault(route.channel, []).append(_reader(route, decoders))
        except Fault as fault:
            problems.append(fault)
    return {channel: _plan(readers, decoders) for channel, readers in readable.items()}, tuple(problems)


def _reader(route: Route, decoders: Mapping[str, Decoder]) -> Reader:
    if route.decoder in decoders:
        return Reader(route, Path(route.path, ()))
    if route.decoder not in BUILT_IN:
        known = ", ".join(sorted(BUILT_IN | set(decoders)))
        raise ProjectFault(
            f"The decoder '{route.decoder}' of tag '{route.tag}' is not installed.",
            where=route.tag,
            remedy=f"Name one of: {known}.",
        )
    where = f"tag {route.tag}"
    compiled(route.time_path, where)  # a mistake there is this tag's problem, not its neighbours'
    return Reader(route, compiled(route.path, where))


def _plan(readers: Sequence[Reader], decoders: Mapping[str, Decoder]) -> ChannelPlan:
    routes = tuple(r.route for r in readers)
    foreign = [r.route.decoder for r in readers if r.route.decoder in decoders]
    if foreign:  # one channel, one plugin: the first that is named reads it all
        return ChannelPlan(routes=routes, decoder=decoders[foreign[0]], is_foreign=True)
    groups: dict[tuple[str, str], list[Reader]] = {}
    for reader in readers:
        # A path means a document, whatever the first byte is.
        decoder = "json" if reader.route.decoder == "auto" and reader.path.steps else reader.route.decoder
        groups.setdefault((decoder, reader.route.time_path), []).append(reader)
    parts = tuple(
        Part(decoder, compiled(time_path) if time_path else None, tuple(group))
        for (decoder, time_path), group in groups.items()
    )
    plan = ChannelPlan(routes=routes, parts=parts)
    if len(parts) == 1 and _is_plain(parts[0]):
        keys = [r.path.key for r in readers]
        plan.is_plain, plan.width = True, len(keys)
        plan.keys, plan.slots = itemgetter(*keys), tuple(r.route.slot for r in readers)
        plan.time = itemgetter(parts[0].time_path.key) if parts[0].time_path is not None else None
    return plan


def _is_plain(part: Part) -> bool:
    plain_time = part.time_path is None or bool(part.time_path.key)
    return (
        part.decoder == "json"
        and plain_time
        and all(r.path.key and r.route.kind == "number" for r in part.readers)
    )
