"""What alarms name outside of the rules: work instructions and cameras that must be there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from armillary.model.alarm import AlarmSpec
from armillary.model.scene import SceneProblem
from armillary.project import procedures
from armillary.project.record import Project
from armillary.project.table import nearest


def findings(project: Project, prims: Collection[str]) -> list[SceneProblem]:
    """Return alarms whose procedure or camera is not there; cameras only where prims are known."""
    out = list(_cameras(project.alarms, prims)) if prims else []
    if project.saved and any(spec.procedure for spec in project.alarms):
        known, _ = procedures.examine(project.folder, {spec.name: spec for spec in project.specs})
        out += _procedures(project.alarms, [each.id for each in known])
    return out


def _procedures(alarms: Sequence[AlarmSpec], known: Sequence[str]) -> Iterator[SceneProblem]:
    for spec in alarms:
        if spec.procedure and spec.procedure not in known:
            what = (
                f"The alarm '{spec.id}' is answered by the procedure '{spec.procedure}', which is not there."
            )
            remedy = nearest(spec.procedure, known).strip() or "Write it by Edit ▸ Procedures…, or remove it."
            yield SceneProblem(code="P56", severity="warning", where=spec.origin, what=what, remedy=remedy)


def _cameras(alarms: Sequence[AlarmSpec], prims: Collection[str]) -> Iterator[SceneProblem]:
    for spec in alarms:
        if spec.camera and spec.camera not in prims:
            what = f"The alarm '{spec.id}' is seen through {spec.camera}, which is not in the scene."
            remedy = nearest(spec.camera, sorted(prims)).strip() or "Name a camera of the scene."
            yield SceneProblem(code="P57", severity="warning", where=spec.origin, what=what, remedy=remedy)
