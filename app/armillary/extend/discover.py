"""Finds plugins by entry points; loads only the kinds asked for: offline worlds get no network module."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from armillary.extend.registry import Plugin, Registry


def discover(
    kinds: Iterable[str],
    found: Iterable[EntryPoint] | None = None,
    only: Mapping[str, Container[str]] | None = None,
) -> Registry:
    """Return a registry of the plugins of some kinds; one that cannot be imported is named and skipped.

    `found` replaces the installed entry points (tests). `only`: of these kinds no others than those named,
    so that a small process does not load what it does not use.
    """
    registry = Registry()
    for kind in kinds:
        group = f"armillary.{kind}"
        points = entry_points(group=group) if found is None else [p for p in found if p.group == group]
        named = (only or {}).get(kind)
        for point in sorted(points, key=lambda p: p.name):
            if named is not None and point.name not in named:
                registry.unread.add((kind, point.name))
                continue
            package = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
            try:
                make = point.load()
            except Exception as error:  # noqa: BLE001  a stranger's code may raise anything
                registry.skip(kind, point.name, f"it cannot be imported ({type(error).__name__}: {error})")
                continue
            registry.add(Plugin(kind=kind, name=point.name, package=package, make=make))
    return registry
