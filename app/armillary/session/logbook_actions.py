"""The commands of the logbook: notes, the report of a shift, its hand-over."""

from __future__ import annotations

from armillary.model.frame import WorldKind
from armillary.session.action import Action
from armillary.session.workspace import Workspace


def _needs_logbook(at: Workspace) -> str:
    return at.logbook.why_not()


def _needs_plant(at: Workspace) -> str:
    is_live = at.home_kind is WorldKind.LIVE and at.people.user
    return "" if is_live else "The logbook is the live world's, and none is open."


LOGBOOK_ACTIONS = (
    Action(
        id="note.write",
        title="Write a note…",
        menu="Time",
        shortcut="Ctrl+Shift+N",
        role="operator",
        tip="At the time shown, or for the marked range; it is never changed afterwards",
        why_not=_needs_logbook,
        run=lambda desk: desk.write_note(),
    ),
    Action(
        id="shift.report",
        title="Shift report…",
        menu="Time",
        tip="What the last shift was: alarms, commands, gaps, notes",
        why_not=_needs_plant,
        run=lambda desk: desk.show_shift(),
    ),
    Action(
        id="shift.hand-over",
        title="Hand over the shift…",
        menu="Time",
        role="operator",
        tip="Leave remarks to whoever comes; they say that they read them",
        why_not=_needs_logbook,
        run=lambda desk: desk.hand_over(),
    ),
)
