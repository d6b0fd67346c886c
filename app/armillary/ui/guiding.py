"""Procedures and command templates of one window: the card and the marks over the picture, the sheets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from armillary.session.workspace import Workspace
from armillary.ui.canvas import Canvas
from armillary.ui.desk import Desk
from armillary.ui.guide_card import GuideCardView
from armillary.ui.guide_marks import GuideMarks
from armillary.ui.procedure_list import ProcedureList
from armillary.ui.procedure_sheet import ProcedureSheet
from armillary.ui.template_sheet import TemplateSheet
from armillary.ui.theme import Colours
from armillary.viewport import camera as eye


class Guiding:
    """What `Desk.procedure` does."""

    def __init__(self, desk: Desk, workspace: Workspace, canvas: Canvas, colours: Colours) -> None:
        self._desk, self._at, self._canvas, self._colours = desk, workspace, canvas, colours
        self.marks = GuideMarks(workspace, canvas, colours)
        self.card = GuideCardView(canvas, workspace, self.look, desk.say)
        self._runs: dict[str, Callable[[], object]] = {
            "run": lambda: ProcedureList(workspace, desk.say, desk).show(),
            "show": self.look,
            "skip": lambda: self.card.ask("skip"),
            "abort": lambda: self.card.ask("abort"),
            "edit": lambda: ProcedureSheet(workspace, canvas, desk.say, desk).show(),
            "templates": lambda: TemplateSheet(workspace, desk.say, desk).show(),
        }

    def run(self, name: str) -> None:
        """Run a command of `session.guide_actions` by its name. Raises Fault, and KeyError for none."""
        self._runs[name]()

    def look(self) -> None:
        """Fly to where the present step is done: its own view, its camera, its parts."""
        guide, canvas = self._at.guide, self._canvas
        shown = guide.run
        step = shown.step if shown is not None else None
        scene = self._at.scene
        if step is None or scene is None:
            return
        camera = next((c for c in scene.cameras if c.path == step.camera), None)
        if step.look is not None:
            look = step.look
            pose = replace(canvas.view.pose, position=look.position, focus=look.focus, up=look.up)
            canvas.flight.to(pose)
        elif camera is not None:
            canvas.flight.to(eye.through(camera))
        elif prims := guide.prims():
            canvas.flight.to_prims(prims)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.marks.set_colours(colours)
