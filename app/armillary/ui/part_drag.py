"""Parts dragged out of the picture: into trends, as from the tree."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QWidget

from armillary.session.workspace import Workspace
from armillary.ui.mime import PRIM_MIME


def parts_data(workspace: Workspace, prims: Sequence[int]) -> QMimeData:
    """Return parts as a drag carries them: indices for ourselves, paths for the rest of the world."""
    out = QMimeData()
    out.setData(PRIM_MIME, ",".join(map(str, prims)).encode())
    scene = workspace.scene
    paths = scene.prim_path if scene is not None else ()
    out.setText("\n".join(paths[p] for p in prims if p < len(paths)))
    return out


def drag_out(canvas: QWidget, workspace: Workspace, prims: Sequence[int]) -> None:
    """Begin a drag of parts; returns when they were dropped or let go."""
    drag = QDrag(canvas)
    drag.setMimeData(parts_data(workspace, prims))
    drag.exec(Qt.DropAction.CopyAction)
