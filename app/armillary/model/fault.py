"""Faults: what a person must know, in three plain sentences.

Fault
├── LinkFault      a connection to a server
│   └── LinkRefused    …that only a person can mend (password, certificate, protocol)
├── SceneFault     a scene or binding layer
├── ProjectFault   a project file
├── OrderFault     a command that was not carried out
├── StoreFault     the historian
└── WorldFault     a process of ours: world, recorder, desk, child
"""

from __future__ import annotations

from dataclasses import dataclass


class Fault(Exception):
    """Something a person must know: what happened, where, what to do about it."""

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(f"{what} [{where}] {remedy}")
        self.what, self.where, self.remedy = what, where, remedy


class LinkFault(Fault):
    """A link was lost or could not be made; the host tries again with back-off."""


class LinkRefused(LinkFault):
    """The server said no for good; a person must act, so retries are rare."""


class SceneFault(Fault):
    """A scene or a binding layer cannot be shown or saved."""


class ProjectFault(Fault):
    """A project file is missing, broken or contradicts another."""


class OrderFault(Fault):
    """An order was refused or failed; nothing is ever sent later on its behalf."""


class StoreFault(Fault):
    """The historian cannot be opened, read or written."""


class WorldFault(Fault):
    """One of our own processes cannot be started or reached."""


KINDS: dict[str, type[Fault]] = {
    kind.__name__: kind
    for kind in (Fault, LinkFault, LinkRefused, SceneFault, ProjectFault, OrderFault, StoreFault, WorldFault)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """A Fault as data: crosses processes, is shown in lists, becomes a Fault again."""

    kind: str
    what: str
    where: str
    remedy: str

    def fault(self) -> Fault:
        """Return the exception this record was made from; an unknown kind becomes a plain Fault."""
        return KINDS.get(self.kind, Fault)(self.what, where=self.where, remedy=self.remedy)


def record(fault: Fault) -> FaultRecord:
    """Return a Fault as data."""
    return FaultRecord(kind=type(fault).__name__, what=fault.what, where=fault.where, remedy=fault.remedy)
