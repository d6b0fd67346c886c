"""What asks a person for a decision about the plant, put into the window: loops, results, orders in doubt."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.clock import Clock
from armillary.session.workspace import Workspace
from armillary.ui.canvas import Canvas
from armillary.ui.mode import Banner, ModeFrame
from armillary.ui.panels.loops import LoopsPanel
from armillary.ui.pins import Pins
from armillary.ui.proposal_card import Offers
from armillary.ui.theme import Colours
from armillary.ui.unconfirmed import UnconfirmedCards

TAG = "tag:"


class Decisions:
    """Made once by the window, after its canvas. `run` runs an action by id, `frame` frames a prim."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        canvas: Canvas,
        run: Callable[[str], None],
        frame: Callable[[tuple[int, ...]], None],
    ) -> None:
        self._at, self._run, self._frame = workspace, run, frame
        self.loops = LoopsPanel(workspace)
        self.pins = Pins(workspace, clock, canvas, colours)
        self.offers = Offers(workspace, clock, canvas, colours, self._do)
        self.unconfirmed = UnconfirmedCards(workspace, canvas, self._do)
        self.acting = Banner("Stop commands", "Stop all commands", lambda: run("order.kill"))
        self.acting.setObjectName("acting")
        workspace.proposals.changed.connect(self.refresh)
        self.refresh()

    def place(self, mode: ModeFrame) -> None:
        """Put the banner of a policy that acts over the window."""
        mode.top(self.acting)

    def refresh(self) -> None:
        """Tell of a policy that acts, whatever world is shown."""
        text = self._at.proposals.acting_text()
        if text != self.acting.reason.text():
            self.acting.setAccessibleName(text)
            self.acting.tell(text)

    def _do(self, name: str) -> None:
        """Run an action by id, or show the part of a tag (`tag:<name>`)."""
        if not name.startswith(TAG):
            self._run(name)
            return
        slot = next((s.slot for s in self._at.specs if s.name == name.removeprefix(TAG)), -1)
        prim = self._at.prim_of_tag(slot)
        if prim is not None:
            self._at.select((prim,))
            self._frame((prim,))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        for part in (self.loops, self.pins, self.offers):
            part.set_colours(colours)
