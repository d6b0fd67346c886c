"""Newcomers of fleets that take them by themselves: written down, to have tags at the next start."""

from __future__ import annotations

from armillary.model.fault import FaultRecord
from armillary.project import fleets
from armillary.project.folder import write_atomic
from armillary.project.record import Project
from armillary.telemetry.intake import Intake

SHOWN = 5


class Newcomers:
    """Watches what an intake heard; `note` is called now and then."""

    def __init__(self, project: Project, intake: Intake) -> None:
        self._project, self._intake = project, intake
        self._auto = {template.filter for template in project.topics if template.auto}
        self._noted = 0

    def note(self) -> FaultRecord | None:
        """Write down who is new since the last call; return what to tell of it, None for nothing."""
        found = [one for one in self._intake.newcomers() if one[0] in self._auto] if self._auto else []
        if len(found) <= self._noted:
            return None
        self._noted = len(found)
        private = self._project.private
        known = [
            (topic, tuple(sorted(parts.items())))
            for topic, rows in fleets.seen_in(private).items()
            for parts in rows
        ]
        where = str(private / fleets.SEEN_FILE)
        try:
            private.mkdir(exist_ok=True)
            write_atomic(private / fleets.SEEN_FILE, fleets.seen_text(list(dict.fromkeys((*known, *found)))))
        except OSError as error:
            what, remedy = (
                f"Newcomers cannot be written down: {error.strerror}.",
                "Free space, or set its rights.",
            )
            return FaultRecord(kind="ProjectFault", what=what, where=where, remedy=remedy)
        named = ", ".join(sorted({" ".join(value for _, value in parts) for _, parts in found})[:SHOWN])
        what = f"{len(found)} topics fit a fleet and are new: {named}."
        remedy = "They have their tags when the world is started again."
        return FaultRecord(kind="ProjectFault", what=what, where=where, remedy=remedy)
