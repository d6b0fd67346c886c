"""Which store keeps a project's history: the embedded one, or that of a plugin with a server of its own."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from importlib.metadata import EntryPoint

from armillary.api.ports import HistoryStore, StoreContext
from armillary.extend.discover import discover
from armillary.model.clock import Clock
from armillary.model.fault import Fault, StoreFault
from armillary.project.record import Project
from armillary.project.settings import EMBEDDED
from armillary.security.secrets import Secrets
from armillary.wire import marks
from armillary.wire.lease import Lease

LEASE = "recorder"
LEASES = "leases"
_SPACE_CHARACTERS = re.compile(r"[^a-z0-9_]+")
_LONGEST = 48
_log = logging.getLogger(__name__)


def is_embedded(project: Project) -> bool:
    """Return whether a project's history is a file of its own."""
    return project.historian.store == EMBEDDED


def space_of(project: Project) -> str:
    """Return what keeps a project apart from others in one server: a name that every server can have."""
    if project.historian.space:
        return project.historian.space
    plain = _SPACE_CHARACTERS.sub("_", (project.id or project.folder.name).lower()).strip("_")
    return f"armillary_{plain}"[:_LONGEST]


def lease(project: Project) -> Lease:
    """Return the lease of this project's recorder; a server does not know who else writes to it.

    Raises StoreFault when somebody has it, or when it cannot be had.
    """
    try:
        held = Lease(project.private / LEASES, LEASE)
        is_ours = held.take()
    except OSError as error:
        raise StoreFault(
            f"The project's folder cannot be used: {error.strerror}.",
            where=str(project.private),
            remedy="Check its permissions.",
        ) from error
    if not is_ours:
        raise StoreFault(
            "Another recorder of this project runs.",
            where=str(project.folder),
            remedy="Ask the recorder that runs already, or end it first.",
        )
    return held


def opened(
    project: Project,
    clock: Clock,
    secrets: Secrets,
    *,
    read_only: bool = False,
    found: Iterable[EntryPoint] | None = None,
) -> HistoryStore:
    """Return the store that `[historian]` names. Raises StoreFault: not installed, not reached, refused.

    `found` replaces the installed entry points (tests).
    """
    wanted = project.historian
    registry = discover(["stores"], found, only={"stores": {wanted.store}})
    make = registry.of("stores").get(wanted.store)
    if make is None:
        skipped = " ".join(problem.what for problem in registry.problems)
        raise StoreFault(
            f"The store '{wanted.store}' is not installed. {skipped}".strip(),
            where=str(project.folder),
            remedy=f"Install the package that brings it, or set historian.store to {EMBEDDED}.",
        )
    value = secrets.of(wanted.url)
    context = StoreContext(
        url=wanted.url,
        space=space_of(project),
        secret=lambda: value(wanted.secret) if wanted.secret else "",
        clock=clock,
        read_only=read_only,
        mark=marks.PREFIX,
    )
    try:
        store = make(context)
        told = store.declares
    except Fault as fault:
        raise StoreFault(fault.what, where=fault.where, remedy=fault.remedy) from fault
    except Exception as error:  # a stranger's code may raise anything
        _log.exception("the store %s failed", wanted.store)
        raise StoreFault(
            f"The store '{wanted.store}' cannot be opened ({type(error).__name__}: {str(error)[:200]}).",
            where=wanted.url,
            remedy="See the recorder's log file, and whoever made the plugin.",
        ) from error
    if not isinstance(store, HistoryStore):
        raise StoreFault(
            f"What the plugin '{wanted.store}' makes is no store of history.",
            where=str(project.folder),
            remedy=f"Install a newer one, or use the store {EMBEDDED}.",
        )
    personal = next((spec.name for spec in project.specs if spec.personal == "direct"), "")
    if personal and not told.erases_by_range and not read_only:
        store.close()
        raise StoreFault(
            f"'{personal}' tells of a person, and {told.name} cannot erase what is too old.",
            where=str(project.folder),
            remedy="Choose a store that erases by range (docs/stores.md), or do not record that tag.",
        )
    for sentence in told.lacks():
        _log.info("%s: %s", told.name, sentence)
    return store
