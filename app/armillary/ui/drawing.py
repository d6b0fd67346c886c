"""How the desk draws by its user's settings: what blinks, edges, smoothness, what lies beside the scene."""

from __future__ import annotations

from collections.abc import Callable

from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui.alarmbar import AlarmBar
from armillary.ui.canvas import Canvas


class Drawing:
    """Options of the picture; those that a person sets are remembered, those of the hour are not."""

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        canvas: Canvas,
        alarmbar: AlarmBar,
        say: Callable[[str], None],
    ) -> None:
        self._at, self._settings, self._canvas, self._alarmbar = workspace, settings, canvas, alarmbar
        self._say = say
        self._shown = dict.fromkeys(("grid", "axes", "labels", "legend", "lights", "callouts"), True)
        self._move_as_set()
        self._draw_as_set()

    def toggle_motion(self) -> None:
        """Let nothing blink, turn or flow by itself, or let it again, and remember it."""
        self._settings.reduce_motion = not self._settings.reduce_motion
        self._move_as_set()
        self._say("Nothing blinks." if self._settings.reduce_motion else "What waits blinks.")

    def _move_as_set(self) -> None:
        still = self._settings.reduce_motion
        self._at.still = still
        self._canvas.view.set_options(still=still)
        self._canvas.flight.still = still
        self._canvas.touch()
        self._alarmbar.still = still
        self._alarmbar.refresh()

    def simulate_vision(self, name: str) -> None:
        """Show the scene as people with another colour vision see it."""
        self._canvas.set_vision(name)
        self._say(
            "The scene is shown with a simulated colour vision." if name else "Colours are as they are."
        )

    def toggle(self, option: str) -> None:
        """Show or hide grid, axes, labels, legend, callouts, edges or the effect of the scene's lights."""
        self._shown[option] = not self._shown[option]
        self._canvas.view.switch(option, on=self._shown[option])
        self._canvas.touch()
        if option == "edges":
            self._settings.set("draw-edges", "on" if self._shown[option] else "off")

    def draw_with(self, option: str, value: str) -> None:
        """Draw with another value of `smooth` or `occlusion`, and remember it."""
        self._settings.set(f"draw-{option}", value)
        self._draw_as_set()

    def _draw_as_set(self) -> None:
        get = self._settings.get
        self._shown["edges"] = get("draw-edges") == "on"
        self._canvas.view.set_options(
            edges=self._shown["edges"],
            smooth=get("draw-smooth", "rest"),
            occlusion=get("draw-occlusion", "auto"),
        )
        self._canvas.touch()
