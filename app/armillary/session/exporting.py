"""Export of what is shown now: the look goes to the scene child as a file, which writes a flattened layer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from armillary.encoding.maps import EQUIPMENT_GREY
from armillary.model import places
from armillary.model.arrays import I8, U1
from armillary.model.fault import Fault, FaultRecord
from armillary.model.look import FLOW, Look
from armillary.model.message import Flatten, Json
from armillary.session.loading import fault_of
from armillary.session.workspace import Workspace

LIMIT_S = 300.0
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

    def answered(answer: object) -> None:
        Path(held).unlink(missing_ok=True)
        done(str(output) if isinstance(answer, Json) else fault_of(answer))

    at.ask_scene(Flatten(output=str(output), force=force, look=held), answered, LIMIT_S)
