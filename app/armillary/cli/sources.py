"""What `armillary check` says of a project's links without connecting any of them."""

from __future__ import annotations

from armillary.api.ports import SourceContext
from armillary.extend.discover import discover
from armillary.model.clock import WallClock
from armillary.model.fault import Fault, FaultRecord, ProjectFault, record
from armillary.model.link import LinkSpec
from armillary.model.scene import SceneProblem
from armillary.project.record import Project


def link_problems(project: Project) -> list[SceneProblem]:
    """Return the links whose kind no plugin knows, or whose settings their plugin refuses."""
    if not project.links:
        return []
    makers = discover(["sources"]).of("sources")
    out: list[SceneProblem] = []
    for link in project.links:
        make = makers.get(link.kind)
        if make is None:
            what = f"No plugin for links of kind '{link.kind}' is installed."
            remedy = f"Use one of: {', '.join(sorted(makers))}; or install the package that brings it."
            out.append(_problem(link, FaultRecord(kind="", what=what, where="", remedy=remedy)))
            continue
        context = SourceContext(link=link, clock=WallClock(), secret=_unread, project=project.folder)
        try:
            make(context)
        except Fault as fault:
            out.append(_problem(link, record(fault)))
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything; it is said
            what = f"The plugin '{link.kind}' failed: {type(error).__name__}: {error}."
            out.append(_problem(link, FaultRecord(kind="", what=what, where="", remedy="Correct the link.")))
    return out


def _problem(link: LinkSpec, fault: FaultRecord) -> SceneProblem:
    return SceneProblem(
        code="P26", severity="error", where=link.origin or link.name, what=fault.what, remedy=fault.remedy
    )


def _unread(name: str) -> str:
    raise ProjectFault(f"The secret '{name}' is not read here.", where="check", remedy="Connect the link.")
