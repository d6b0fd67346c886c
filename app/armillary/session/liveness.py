"""Of a tag that arrives irregularly is asked once, when it is bound, whether it tells changes only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from armillary.model.tags import TagSpec, is_irregular
from armillary.project.edit import Value
from armillary.session import limits
from armillary.session.mirror import Mirror
from armillary.session.rows import known
from armillary.session.undo import Undo

MS_PER_S = 1000


def question(spec: TagSpec, mirror: Mirror) -> str:
    """Return what to ask of a tag, "" for nothing: somebody has said it, or it is regular."""
    told = known(spec, mirror)
    if (
        told.interval != "learnt"
        or told.liveness != "tag"
        or not is_irregular(told.expected_ms, told.usual_ms)
    ):
        return ""
    often, rare = told.usual_ms / MS_PER_S, told.expected_ms / MS_PER_S
    return (
        f"{spec.name} comes irregularly: often every {often:.3g} s, at times only after {rare:.3g} s. "
        "If it tells changes only, its silence says nothing: what proves it alive?"
    )


def answer(folder: Path, undo: Undo, spec: TagSpec, mirror: Mirror, now_ns: int, *, by_device: bool) -> str:
    """Write the answer into twins.json, so that it is not asked again; return what to tell.

    by_device: its device proves it alive; else it ages alone, by what was learnt. Raises ProjectFault.
    """
    told = known(spec, mirror)
    alone: Mapping[str, Value | None] = {"expected_interval_s": told.expected_ms / MS_PER_S}
    changes: Mapping[str, Value | None] = {"liveness": "device"} if by_device else alone
    return limits.change_tag(folder, undo, spec.name, changes, now_ns)
