"""Typed registries, one for each kind of plugin: names are unique, a broken plugin is named and skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from armillary.model.fault import FaultRecord, ProjectFault

KINDS = ("sources", "sinks", "decoders", "stores", "simulators", "panels", "importers", "notifiers",
         "plants", "executors", "outlets", "uplinks", "benches")  # fmt: skip

# Any: each kind has its own `make`; api.ports documents their signatures
Make = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One registered plugin."""

    kind: str
    name: str
    package: str  # distribution and version, or "built-in"
    make: Make


@dataclass(slots=True)
class Registry:
    """What was found, by kind and name, and what was skipped and why."""

    plugins: dict[tuple[str, str], Plugin] = field(default_factory=dict)
    problems: list[FaultRecord] = field(default_factory=list)
    unread: set[tuple[str, str]] = field(default_factory=set)  # kind and name of those that nobody asked for

    def add(self, plugin: Plugin) -> None:
        """Register a plugin; a name that is taken is a problem and the newcomer is skipped."""
        key = (plugin.kind, plugin.name)
        if plugin.kind not in KINDS:
            self.skip(plugin.kind, plugin.name, f"there is no kind of plugin named {plugin.kind!r}")
        elif key in self.plugins:
            self.skip(plugin.kind, plugin.name, f"the name is taken by {self.plugins[key].package}")
        else:
            self.plugins[key] = plugin

    def skip(self, kind: str, name: str, why: str) -> None:
        """Note a plugin that is not used."""
        self.problems.append(
            FaultRecord(
                kind="ProjectFault",
                what=f"The plugin {name} was skipped: {why}.",
                where=f"armillary.{kind}",
                remedy="Correct or remove the package that brings it.",
            )
        )

    def of(self, kind: str) -> Mapping[str, Make]:
        """Return the makers of one kind by name."""
        return {name: plugin.make for (k, name), plugin in self.plugins.items() if k == kind}

    def make(self, kind: str, name: str) -> Make:
        """Return one maker. Raises ProjectFault that lists what there is."""
        found = self.plugins.get((kind, name))
        if found is None:
            others = {name for k, name in self.unread if k == kind}
            known = ", ".join(sorted(others | set(self.of(kind)))) or "none"
            raise ProjectFault(
                f"There is no plugin of kind {kind} named '{name}'.",
                where=f"armillary.{kind}",
                remedy=f"Use one of: {known}; or install the package that brings it.",
            )
        return found.make
