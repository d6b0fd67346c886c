"""What one LIVE world does of a project: all of it, or one area. Slots are the same in all areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import U4
from armillary.model.fault import WorldFault
from armillary.model.link import LinkSpec, TopicTemplate
from armillary.model.tags import TagSpec
from armillary.project.areas import ordered
from armillary.project.record import Project

AREAS = "areas"  # folder of what is an area's own, below the project's private one


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The share of one world."""

    area: str  # "" = the whole project
    title: str
    links: tuple[LinkSpec, ...]
    specs: tuple[TagSpec, ...]
    recorded: tuple[TagSpec, ...]
    topics: tuple[TopicTemplate, ...]
    alarms: tuple[AlarmSpec, ...]
    unordered: tuple[AlarmSpec, ...]  # alarms that are not evaluated: the order of their samples is not kept
    slots: U4  # of `specs`
    home: Path  # folder of the journal; audit beside it

    @property
    def audit(self) -> Path:
        """The folder of the audit."""
        return self.home / "audit"


def part_of(project: Project, area: str = "") -> Part:
    """Return a world's share. Raises WorldFault for an area that is none, and for none where some are."""
    kept, loose = ordered(project.alarms, project.links, project.specs)
    if not project.areas and not area:
        return Part(
            area="",
            title="",
            links=project.links,
            specs=project.specs,
            recorded=project.recorded,
            topics=project.topics,
            alarms=kept,
            unordered=loose,
            slots=np.array([spec.slot for spec in project.specs], np.uint32),
            home=project.private,
        )
    found = next((each for each in project.areas if each.name == area), None)
    if found is None:
        names = ", ".join(each.name for each in project.areas)
        what = f"There is no area '{area}'." if area else "This project is shared out by area."
        remedy = (
            f"Give --area with one of: {names}." if names else "The project has no areas: leave --area out."
        )
        raise WorldFault(what, where=str(project.folder), remedy=remedy)
    own = frozenset(found.slots.tolist())
    return Part(
        area=found.name,
        title=found.title or found.name,
        links=tuple(durable(link, project, area) for link in project.links if link.name in found.sources),
        specs=tuple(spec for spec in project.specs if spec.slot in own),
        recorded=tuple(spec for spec in project.recorded if spec.slot in own),
        topics=tuple(template for template in project.topics if template.link in found.sources),
        alarms=tuple(alarm for alarm in kept if alarm.slot in own),
        unordered=tuple(alarm for alarm in loose if alarm.slot in own),
        slots=found.slots,
        home=project.private / AREAS / found.name,
    )


def durable(link: LinkSpec, project: Project, area: str) -> LinkSpec:
    """Return a source as an area's world connects it: whoever takes over finds the session by its client id.

    What the project says itself stays.
    """
    if link.kind != "mqtt":
        return link
    usual: Mapping[str, object] = {
        "client_id": f"armillary-{project.id[:8]}-{area}-{link.name}",
        "durable": True,
        "acknowledge": "stored",
    }
    return replace(link, settings={**usual, **link.settings})
