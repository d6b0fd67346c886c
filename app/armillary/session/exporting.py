"""Export of what is shown now: the look goes to the scene child as a file, which writes a flattened layer."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from armillary.encoding.maps import EQUIPMENT_GREY
from armillary.model import places
from armillary.model.arrays import I8, U1
from armillary.model.clock import NS, WallClock, iso
from armillary.model.fault import Fault, FaultRecord, SceneFault, WorldFault
from armillary.model.look import FLOW, Look
from armillary.model.message import Flatten, Json
from armillary.session.boarding import WorldState
from armillary.session.loading import fault_of
from armillary.session.workspace import Workspace

LIMIT_S = 300.0
LOOK_S = 0.05
LAST = 255  # row of a palette at its high end


def point_colours(look: Look) -> tuple[I8, U1]:
    """Return the points (v,) that show a field or a list of values, and their colours (v, 3), sRGB.

    Rows of SceneArrays.point; of two at one point the later one is drawn. A point without a value is grey.
    """
    shape = look.fields
    if shape is None:
        return np.zeros(0, np.int64), np.zeros((0, 3), np.uint8)
    kept = np.flatnonzero(shape.lines[shape.field] != FLOW)
    value = look.field_value[kept]
    place = np.rint(np.clip(np.nan_to_num(value), 0.0, 1.0) * LAST).astype(np.int64)
    colour: U1 = shape.palette[(LAST + 1) * shape.field[kept] + place, :3]
    colour[np.isnan(value)] = EQUIPMENT_GREY
    return shape.point[kept], colour


def export(at: Workspace, output: Path, *, force: bool, done: Callable[[str | FaultRecord], None]) -> None:
    """Write the scene as it is shown now; `done` gets the path, or why it was not written.

    Raises Fault when nothing is shown, or the look cannot be handed over.
    """
    ask(at, output, force, lambda got: done(str(output) if isinstance(got, Json) else fault_of(got)))


def running(address: str, output: Path, *, force: bool, limit_s: float = LIMIT_S) -> Mapping[str, Any]:
    """Write the scene of a running world with the colours that it has now; return the counts. Raises Fault.

    The desk that looks at it shows nothing and sends nothing; it leaves when the file is written.
    """
    clock = WallClock()
    at = Workspace(clock, desk="export")
    told: list[object] = []
    asked, t_ns = False, 0
    end = clock.now_mono_ns() + int(limit_s * NS)
    pause = threading.Event()
    try:
        at.open(address)
        while not told:
            at.pump(clock.now_ns(), clock.now_mono_ns())
            if at.scene_problem is not None:
                lost = at.scene_problem
                raise SceneFault(lost.what, where=lost.where, remedy=lost.remedy)
            if clock.now_mono_ns() > end:
                raise WorldFault(
                    f"The picture of this world was not there within {limit_s:g} s.",
                    where=address,
                    remedy="Look whether it has a scene on this machine, and whether it is live.",
                )
            if not asked and _is_shown(at):
                asked, t_ns = True, at.mirror.t_ns
                ask(at, output, force, told.append)
            pause.wait(LOOK_S)
    finally:
        at.close()
    if not isinstance(told[0], Json):
        raise fault_of(told[0]).fault()
    out: dict[str, Any] = json.loads(told[0].text)
    return {**out, "t": iso(t_ns) if t_ns else None}


def _is_shown(at: Workspace) -> bool:
    """Tell whether the look is that of the world's newest values."""
    return (
        at.world_state is WorldState.LIVE
        and at.mirror.seq > 0
        and at.scene is not None
        and not at.progress[0]
        and at.look is not None
        and not at.showing.wanted
        and at.scenery is not None
        and at.scenery.specs is at.specs
    )


def ask(at: Workspace, output: Path, force: bool, answered: Callable[[object], None]) -> None:
    """Have the scene child write what is shown; it is answered by Json with counts, or a FaultRecord."""
    look = at.look
    if at.scene is None or look is None:
        raise Fault("No scene is shown.", where=str(output), remedy="Open one first.")
    handle, held = tempfile.mkstemp(dir=places.runtime(), prefix="look-", suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            point, colour = point_colours(look)
            np.savez(
                file,
                rgba=look.rgba,
                visible=look.visible,
                moved=look.moved,
                matrix=look.matrix,
                point=point,
                point_rgb=colour,
            )
    except OSError as error:
        Path(held).unlink(missing_ok=True)
        raise Fault(
            f"The colours could not be handed over: {error.strerror}.", where=held, remedy="Free some space."
        ) from error

    def got(answer: object) -> None:
        Path(held).unlink(missing_ok=True)
        answered(answer)

    at.ask_about_scene(Flatten(output=str(output), force=force, look=held), got, LIMIT_S)
