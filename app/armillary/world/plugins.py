"""Makes the sinks of a LIVE world from plugins; one that fails is named, the others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from armillary.api.ports import CommandSink, SourceContext
from armillary.extend.registry import Registry
from armillary.model.fault import Fault, FaultRecord, record
from armillary.world.seal import Sealed, Seals

log = logging.getLogger(__name__)
_Made = TypeVar("_Made")


def sinks(
    registry: Registry, contexts: Mapping[str, SourceContext], seals: Seals
) -> tuple[dict[str, CommandSink], list[FaultRecord]]:
    """Return the sinks of the links that the project allows to command, and why some are missing.

    They carry out what the holder of `seals` has sealed, and nothing else. A link without its sink shows its
    values and takes no orders; the other links are as they should be.
    """
    makers = registry.of("sinks")
    made: dict[str, CommandSink] = {}
    problems: list[FaultRecord] = []
    for name, context in contexts.items():
        make = makers.get(context.link.kind)
        if not context.link.commands or make is None:
            continue
        sink: CommandSink | None = _made(partial(make, context), context.link.kind, name, problems)
        if sink is not None:
            made[name] = Sealed(sink, seals)
    return made, problems


def _made(make: Callable[[], _Made], plugin: str, where: str, problems: list[FaultRecord]) -> _Made | None:
    try:
        return make()
    except Fault as fault:
        problems.append(record(fault))
    except Exception as error:  # a border: a stranger's code may raise anything
        log.exception("the plugin %s could not be made for %s", plugin, where)
        what = f"The plugin '{plugin}' failed: {type(error).__name__}: {error}."
        remedy = "It is not used; the log has the details."
        problems.append(FaultRecord(kind="LinkFault", what=what, where=where, remedy=remedy))
    return None
