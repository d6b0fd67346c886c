"""The commands for alarms."""

from __future__ import annotations

from armillary.model.account import Right, may
from armillary.model.frame import WorldKind
from armillary.session.action import Action, Desk
from armillary.session.alarm_row import AlarmRow
from armillary.session.workspace import Workspace, WorldState

_MOST_PENS = 8


def may_not_act(at: Workspace) -> str:
    """Return why alarms cannot be acknowledged or reset here and now, "" when they can."""
    if at.world_state is not WorldState.LIVE:
        return "Not connected to a world."
    if at.mirror.kind is WorldKind.REPLAY:
        return "This is the record: what was acknowledged then cannot be changed."
    if not may(at.role, Right.ACKNOWLEDGE, training=at.mirror.kind is WorldKind.TRAINING):
        return f"The role {at.role or 'viewer'} may not acknowledge alarms."
    return ""


def may_not_remove(at: Workspace) -> str:
    """Return why alarms cannot be taken out of service here and now, "" when they can."""
    training = at.mirror.kind is WorldKind.TRAINING
    if why := may_not_act(at):
        return why
    if not may(at.role, Right.AUTHOR, training=training):
        return f"The role {at.role or 'viewer'} may not take alarms out of service."
    return ""


def go_to_alarm(desk: Desk, row: AlarmRow | None) -> None:
    """Choose an alarm, show its part, through its own camera where it has one, and the trend of its tag."""
    if row is None:
        return
    at = desk.workspace
    at.alarms.choose((row.id,))
    if row.prim >= 0:
        at.select((row.prim,))
        desk.fly((row.prim,), row.camera)
    if row.slot >= 0 and row.slot not in at.timeline.slots and len(at.timeline.slots) < _MOST_PENS:
        at.timeline.add((row.slot,))


def _procedure(at: Workspace) -> str:
    """Return the work instruction of the alarm that is chosen last, "" for none."""
    row = at.alarms.row(at.alarms.chosen[-1]) if at.alarms.chosen else None
    return row.procedure if row is not None else ""


def _needs_procedure(at: Workspace) -> str:
    if not at.alarms.chosen:
        return "No alarm is chosen in the list."
    return at.guide.why_not_act() if _procedure(at) else "No procedure answers this alarm."


def _needs_waiting(at: Workspace) -> str:
    return "" if at.alarms.counts().to_acknowledge else "No alarm waits for an acknowledge."


def _needs_chosen(at: Workspace) -> str:
    return may_not_act(at) or ("" if at.alarms.chosen else "No alarm is chosen in the list.")


def _needs_hidden(at: Workspace) -> str:
    hidden = set(at.alarms.hidden) & set(at.alarms.chosen)
    return may_not_act(at) or ("" if hidden else "No hidden alarm is chosen in the list.")


def _needs_removable(at: Workspace) -> str:
    return may_not_remove(at) or ("" if at.alarms.chosen else "No alarm is chosen in the list.")


def _acknowledge(desk: Desk) -> None:
    desk.workspace.alarms.acknowledge(desk.workspace.alarms.chosen)


def _reset(desk: Desk) -> None:
    desk.workspace.alarms.reset(desk.workspace.alarms.chosen)


ALARM_ACTIONS: tuple[Action, ...] = (
    Action(
        id="alarm.next",
        title="Next alarm that waits",
        menu="Plant",
        shortcut="N",
        tip="Go to the next alarm that nobody has acknowledged",
        why_not=_needs_waiting,
        run=lambda desk: go_to_alarm(desk, desk.workspace.alarms.next(1)),
    ),
    Action(
        id="alarm.previous",
        title="Previous alarm that waits",
        menu="Plant",
        shortcut="Shift+N",
        tip="Go to the previous alarm that nobody has acknowledged",
        why_not=_needs_waiting,
        run=lambda desk: go_to_alarm(desk, desk.workspace.alarms.next(-1)),
    ),
    Action(
        id="alarm.acknowledge",
        title="Acknowledge the chosen alarms",
        menu="Plant",
        role="operator",
        tip="Acknowledge what is chosen in the alarm list; there the key is A",
        why_not=_needs_chosen,
        run=_acknowledge,
    ),
    Action(
        id="alarm.reset",
        title="Reset the chosen alarms",
        menu="Plant",
        role="operator",
        tip="Reset what is latched among the chosen alarms; in the list the key is R",
        why_not=_needs_chosen,
        run=_reset,
    ),
    Action(
        id="alarm.procedure",
        title="Carry out the alarm's procedure",
        menu="Plant",
        role="operator",
        tip="Begin the procedure that answers the chosen alarm, or show it when it is under way",
        why_not=_needs_procedure,
        run=lambda desk: desk.workspace.guide.open(_procedure(desk.workspace), desk.say),
    ),
    Action(
        id="alarm.shelve",
        title="Shelve the chosen alarms…",
        menu="Plant",
        role="operator",
        tip="Hide what is chosen in the alarm list for a time, with a reason; there the key is S",
        why_not=_needs_chosen,
        run=lambda desk: desk.hide_alarms("shelve"),
    ),
    Action(
        id="alarm.unshelve",
        title="Bring the chosen alarms back",
        menu="Plant",
        role="operator",
        tip="Take what is chosen off the shelf or put it back in service",
        why_not=_needs_hidden,
        run=lambda desk: desk.hide_alarms("show"),
    ),
    Action(
        id="alarm.remove",
        title="Take the chosen alarms out of service…",
        menu="Plant",
        role="engineer",
        tip="Hide what is chosen until somebody puts it back, with the number of a ticket",
        why_not=_needs_removable,
        run=lambda desk: desk.hide_alarms("remove"),
    ),
    Action(
        id="alarm.toasts",
        title="Toasts for priority 2, too",
        menu="Plant",
        tip="Show a card for new alarms of priority 1 and 2, or of priority 1 only",
        why_not=lambda _at: "",
        run=lambda desk: desk.toggle_toasts(),
    ),
    Action(
        id="alarm.silence",
        title="Silence",
        menu="Plant",
        shortcut="Ctrl+M",
        tip="Stop the sound of the alarms that are there now; nothing is acknowledged",
        why_not=lambda _at: "",
        run=lambda desk: desk.silence(),
    ),
)
