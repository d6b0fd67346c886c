"""A first project of one's own: a scene, a folder, where the data come from. Checked before it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from armillary.model.clock import Clock
from armillary.model.fault import Fault
from armillary.project import starters
from armillary.project.record import PROJECT_FILE, SCENE_SUFFIXES
from armillary.session import publishing

TEMPLATES = starters.TEMPLATES
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a person filled in; "" = nothing yet."""

    template: str = starters.EMPTY
    scene: str = ""
    folder: str = ""
    name: str = ""
    broker: str = ""
    topics: str = "#"
    server: str = ""

    def why_not(self) -> str:
        """Return why no project can be made of it yet, "" when it can."""
        if not self.folder:
            return "Choose a folder for the project."
        if (Path(self.folder).expanduser() / PROJECT_FILE).exists():
            return "There is a project in that folder already. Open it, or choose another."
        if self.scene:
            scene = Path(self.scene).expanduser()
            if not scene.is_file():
                return "That scene is not there."
            if scene.suffix.lower() not in SCENE_SUFFIXES:
                return (
                    f"That is no OpenUSD scene ({', '.join(SCENE_SUFFIXES)}). Import it first: File ▸ Open."
                )
        for link in self._links():
            try:
                assert link.kind  # noqa: S101  asked for its fault
            except Fault as fault:
                return f"{fault.what} {fault.remedy}"
        return ""

    def _links(self) -> list[starters.Link]:
        broker = (
            [starters.Link(url=self.broker.strip(), topics=self.topics.strip())]
            if self.broker.strip()
            else []
        )
        return broker + ([starters.Link(url=self.server.strip())] if self.server.strip() else [])

    def make(self, clock: Clock) -> Path:
        """Make the project and return its folder. Raises Fault; then nothing is written."""
        project = starters.make(
            Path(self.folder).expanduser().resolve(),
            name=self.name.strip(),
            template=self.template,
            scene=Path(self.scene).expanduser().resolve() if self.scene else None,
            links=self._links(),
        )
        publishing.begin(project, clock, f"made from {self.template}")
        return project.folder

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What to do with the new project, in order."""
        out = []
        if self.broker or self.server:
            out.append("Links (bottom): each becomes UP, or says in words why not.")
            out.append("Browse (left): open a link; topics and nodes come with values and units.")
            out.append(
                "Drag a branch from Browse onto a branch of the scene, look at what is proposed, accept."
            )
        else:
            out.append("project.toml: add a [[source]], or make the project again with an address.")
        out.append("Plant ▸ Load the project's changes: the new tags come alive.")
        out.append("File ▸ Versions…: publish what you made.")
        return tuple(out)


def folder_for(scene: str) -> str:
    """Return the folder that is proposed for a scene's project: beside it, by its name."""
    path = Path(scene).expanduser()
    return str(path.parent / f"{_ODD.sub('-', path.stem) or 'plant'}-twin") if scene else ""
