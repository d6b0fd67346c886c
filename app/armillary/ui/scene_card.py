"""The bar that tells that files of the shown scene were changed on disk, and offers to read them again."""

from __future__ import annotations

from collections.abc import Callable

from armillary.session.scene_actions import why_not_by_itself
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.offer import Offer

_MOST_NAMES = 3
AGAIN_MS = 500  # after which it is looked whether what stood in the way is over


class SceneCard(Offer):
    """Below the banners while the picture is of older files.

    `by_itself` tells whether a person wants them read again without being asked, here and now.
    """

    def __init__(
        self, workspace: Workspace, run: Callable[[str], None], by_itself: Callable[[], bool]
    ) -> None:
        super().__init__(
            "scene-changed",
            "Reload",
            "Read the scene again; view, selection and bindings stay",
            lambda: run("scene.reload"),
        )
        self._at, self._run, self._by_itself = workspace, run, by_itself
        self._again = timers.once(self, AGAIN_MS, self.refresh)
        workspace.scene_files.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show which files differ from those that the picture was made of, or read them again."""
        names = self._at.scene_files.names
        self.setVisible(bool(names))
        self._again.stop()
        if not names:
            return
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        text = f"Changed on disk: {', '.join(names[:_MOST_NAMES])}{more}."
        if self._by_itself():
            why = why_not_by_itself(self._at)
            if not why:
                self._run("scene.reload")
                return
            text += f" It is reloaded when that is over: {why}."
        self.say(text)
        self._again.start()
