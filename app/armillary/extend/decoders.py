"""Makes decoders: each plugin's own, and those that a project sets up under names of its own."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from armillary.api.ports import AnyDecoder, DecoderContext, TakesSettings
from armillary.extend.registry import Registry
from armillary.model.fault import Fault, FaultRecord, ProjectFault, record
from armillary.model.link import DecoderSpec

log = logging.getLogger(__name__)

_BUILT_IN = ("auto", "json", "raw")
_Made = TypeVar("_Made")


def made(
    registry: Registry, specs: Sequence[DecoderSpec], folder: Path
) -> tuple[dict[str, AnyDecoder], list[FaultRecord]]:
    """Return the decoders by name, and why some are missing; their tags are then named one by one."""
    out: dict[str, AnyDecoder] = {}
    problems: list[FaultRecord] = []
    for name, make in registry.of("decoders").items():
        decoder: AnyDecoder | None = _tried(make, name, name, problems)
        if decoder is not None:
            out[name] = decoder
    plugins = dict(out)
    for spec in specs:
        try:
            if spec.name in plugins or spec.name in _BUILT_IN:
                raise ProjectFault(
                    f"The decoder name '{spec.name}' is taken.", where=spec.origin, remedy="Use another one."
                )
            kind = _kind(spec, plugins)
            context = DecoderContext(name=spec.name, settings=spec.settings, project=folder)
            decoder = _tried(partial(kind.configured, context), spec.kind, spec.origin, problems)
        except Fault as fault:
            problems.append(record(fault))
            continue
        if decoder is not None:
            out[spec.name] = decoder
    return out, problems


def _kind(spec: DecoderSpec, plugins: dict[str, AnyDecoder]) -> TakesSettings:
    found = plugins.get(spec.kind)
    if isinstance(found, TakesSettings):
        return found
    known = sorted(name for name, plugin in plugins.items() if isinstance(plugin, TakesSettings))
    near = difflib.get_close_matches(spec.kind, known, 1)
    hint = (
        f"Did you mean '{near[0]}'?" if near else f"Give one of: {', '.join(known) or 'none is installed'}."
    )
    what = f"The decoder '{spec.kind}' takes no settings." if found else f"There is no decoder '{spec.kind}'."
    raise ProjectFault(what, where=spec.origin, remedy=hint)


def _tried(make: Callable[[], _Made], plugin: str, where: str, problems: list[FaultRecord]) -> _Made | None:
    try:
        return make()
    except Fault as fault:
        told = record(fault)
        problems.append(
            FaultRecord(kind=told.kind, what=told.what, where=where or told.where, remedy=told.remedy)
        )
    except Exception as error:  # a border: a stranger's code may raise anything
        log.exception("the decoder %s could not be made", plugin)
        what = f"The decoder '{plugin}' failed: {type(error).__name__}: {error}."
        remedy = "It is not used; correct its settings or the package that brings it."
        problems.append(FaultRecord(kind="ProjectFault", what=what, where=where, remedy=remedy))
    return None
