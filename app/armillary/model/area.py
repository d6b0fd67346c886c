"""Areas: how several LIVE worlds share the work of one project. Each source belongs to exactly one."""

from __future__ import annotations

from dataclasses import dataclass

from armillary.model.arrays import U4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaSpec:
    """One `[area.NAME]` of project.toml, with the tags that are its own."""

    name: str
    sources: tuple[str, ...]
    slots: U4  # (m,) ascending: tags of its sources, and what is derived from those
    title: str = ""
