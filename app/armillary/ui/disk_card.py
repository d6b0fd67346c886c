"""The bar that tells that the world runs another project than the one on disk: changed, or a new version."""

from __future__ import annotations

from collections.abc import Callable

from armillary.session.workspace import Workspace
from armillary.ui.offer import Offer


class DiskCard(Offer):
    """Below the banners while the files differ from what runs, with *Load it*.

    For engineers; where what is on disk is a published version for operators too.
    """

    def __init__(self, workspace: Workspace, run: Callable[[str], None], say: Callable[[str], None]) -> None:
        super().__init__(
            "changed",
            "Load it",
            "Load the changed project into the live world",
            lambda: run("project.load-changes"),
        )
        self._at = workspace
        self.say(workspace.disk.words)
        for signal in (
            workspace.disk.changed,
            workspace.people.changed,
            workspace.visited,
            workspace.world_changed,
            workspace.project_changed,
        ):
            signal.connect(self.refresh)
        workspace.disk.told.connect(say)
        self.refresh()

    def refresh(self) -> None:
        """Show whether the files differ, why they cannot be loaded, and who may."""
        at = self._at
        shown = at.disk.differs and at.disk.may_load and not at.is_trainee
        if shown:
            problem, why = at.disk.problem, at.disk.why_not()
            wrong = f" It cannot be loaded: {problem.what} {problem.remedy}" if problem is not None else ""
            self.say(at.disk.words + wrong)
            self.load.setEnabled(not why)
            self.load.setToolTip(why or "Alarms go on; links are made anew")
        self.setVisible(shown)
