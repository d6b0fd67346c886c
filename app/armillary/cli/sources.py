"""What `armillary check` says of a project's links without connecting any of them."""

from __future__ import annotations

from armillary.api.ports import SourceContext, UplinkContext
from armillary.extend import decoders
from armillary.extend.discover import discover
from armillary.extend.registry import Registry
from armillary.model.clock import WallClock
from armillary.model.fault import Fault, FaultRecord, ProjectFault, record
from armillary.model.link import LinkSpec
from armillary.model.scene import SceneProblem
from armillary.project.record import Project
from armillary.telemetry.parts import channel_plans
from armillary.telemetry.plan import plans


def link_problems(project: Project) -> list[SceneProblem]:
    """Return the links whose kind no plugin knows, or whose settings their plugin refuses."""
    if not project.links:
        return []
    registry = discover(["sources", "uplinks", "decoders"])
    out = decoder_problems(registry, project)
    for link in project.links:
        is_up = project.forward is not None and link.name == project.forward.link
        makers = registry.of("uplinks" if is_up else "sources")
        make = makers.get(link.kind)
        if make is None and is_up:
            what = f"No plugin can be the way up of an edge by '{link.kind}'."
            remedy = f"Use one of: {', '.join(sorted(makers))}; or install the package that brings it."
            out.append(_problem(link, FaultRecord(kind="", what=what, where="", remedy=remedy)))
            continue
        if make is None:
            what = f"No plugin for links of kind '{link.kind}' is installed."
            remedy = f"Use one of: {', '.join(sorted(makers))}; or install the package that brings it."
            out.append(_problem(link, FaultRecord(kind="", what=what, where="", remedy=remedy)))
            continue
        kind = UplinkContext if is_up else SourceContext
        context = kind(link=link, clock=WallClock(), secret=_unread, project=project.folder)
        try:
            make(context)
        except Fault as fault:
            out.append(_problem(link, record(fault)))
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything; it is said
            what = f"The plugin '{link.kind}' failed: {type(error).__name__}: {error}."
            out.append(_problem(link, FaultRecord(kind="", what=what, where="", remedy="Correct the link.")))
    return out


def decoder_problems(registry: Registry, project: Project) -> list[SceneProblem]:
    """Return the decoders that cannot be set up, and the tags whose decoder or path cannot be used."""
    made, problems = decoders.made(registry, project.decoders, project.folder)
    out = [_said("P27", fault) for fault in problems]
    bad = {name for d in project.decoders if (name := d.name) not in made}  # told above, once
    for plan in plans(project.links, project.specs):
        routes = [r for r in plan.routes if bad.isdisjoint(r.decoder.split("|"))]
        out += [_said("P28", record(fault)) for fault in channel_plans(routes, made)[1]]
    return out


def _said(code: str, fault: FaultRecord) -> SceneProblem:
    return SceneProblem(code=code, severity="error", where=fault.where, what=fault.what, remedy=fault.remedy)


def _problem(link: LinkSpec, fault: FaultRecord) -> SceneProblem:
    return SceneProblem(
        code="P26", severity="error", where=link.origin or link.name, what=fault.what, remedy=fault.remedy
    )


def _unread(name: str) -> str:
    raise ProjectFault(f"The secret '{name}' is not read here.", where="check", remedy="Connect the link.")
