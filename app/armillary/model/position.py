"""Operator positions: who answers for which part of a plant. Floods and shelves are counted for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSpec:
    """One `[[position]]` of project.toml: areas, and assets with all that is part of them."""

    name: str
    title: str = ""
    areas: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()  # ids of twins
