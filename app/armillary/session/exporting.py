"""Export of what is shown now: the look goes to the scene child as a file, which writes a flattened layer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from armillary.model import places
from armillary.model.fault import Fault, FaultRecord
from armillary.model.message import Flatten, Json
from armillary.session.loading import fault_of
from armillary.session.workspace import Workspace

LIMIT_S = 300.0


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
            np.savez(file, rgba=look.rgba, visible=look.visible, moved=look.moved, matrix=look.matrix)
    except OSError as error:
        Path(held).unlink(missing_ok=True)
        raise Fault(
            f"The colours could not be handed over: {error.strerror}.", where=held, remedy="Free some space."
        ) from error

    def answered(answer: object) -> None:
        Path(held).unlink(missing_ok=True)
        done(str(output) if isinstance(answer, Json) else fault_of(answer))

    at.ask_scene(Flatten(output=str(output), force=force, look=held), answered, LIMIT_S)
