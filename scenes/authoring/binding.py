"""Bindings as the scripts write them: short to say, with the same ids at each run."""

from __future__ import annotations

import uuid
from typing import Any

from armillary.model.binding import Binding, MapSpec


def bound(
    ids: uuid.UUID, prim: str, name: str, signal: str, channel: str, kind: str = "linear", **more: Any
) -> Binding:
    """Return one binding; keywords are fields of Binding or MapSpec. `ids`: of the scene, for its id."""
    of_map = {key: more.pop(key) for key in list(more) if key in MapSpec.__slots__}
    return Binding(
        name=name,
        prim=prim,
        signal=signal,
        channel=channel,
        map=MapSpec(kind=kind, **of_map),
        id=str(uuid.uuid5(ids, f"{prim}#{name}")),
        **more,
    )
