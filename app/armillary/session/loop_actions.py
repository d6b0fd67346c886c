"""The commands for loops and their proposals. None of them sends anything: a card does, with one click."""

from __future__ import annotations

from armillary.session.action import Action, Desk
from armillary.session.workspace import Workspace


def _needs_proposal(at: Workspace) -> str:
    return "" if at.proposals.items else "No loop has proposed anything."


def _needs_fork(at: Workspace) -> str:
    if why := _needs_proposal(at):
        return why
    return "" if _newest_fork(at) else "The what-if of the newest proposal does not run."


def _newest_fork(at: Workspace) -> str:
    proposals = tuple(at.proposals.items.values())
    return proposals[-1].fork if proposals else ""


def _needs_stood_down(at: Workspace) -> str:
    down = [loop.id for loop in at.proposals.loops if loop.level != loop.wanted]
    return at.proposals.why_no_release(down[0]) if down else "No loop has stood down."


def _show(desk: Desk) -> None:
    at = desk.workspace
    waiting = at.proposals.open()
    newest = waiting[0].id if waiting else tuple(at.proposals.items)[-1]
    at.proposals.recall(newest)


LOOP_ACTIONS: tuple[Action, ...] = (
    Action(
        id="loop.show",
        title="Show the newest proposal",
        menu="Plant",
        shortcut="Ctrl+Shift+P",
        tip="Show the card of what a loop proposed last; nothing is sent before somebody approves it there",
        why_not=_needs_proposal,
        run=_show,
    ),
    Action(
        id="loop.fork",
        title="Open the fork of the newest proposal",
        menu="Plant",
        tip="Show the what-if that a proposal was ranked by",
        why_not=_needs_fork,
        run=lambda desk: desk.workspace.visit(_newest_fork(desk.workspace)),
    ),
    Action(
        id="loop.release",
        title="Let a loop act again…",
        menu="Plant",
        role="engineer",
        tip="Open the list of loops: one that stood down is let act again there, with a reason",
        why_not=_needs_stood_down,
        run=lambda desk: desk.show_panel("loops"),
    ),
)
