"""The commands that keep bindings right: what is bound, what is not, what moved, what can be mended."""

from __future__ import annotations

from armillary.session.action import Action, Desk
from armillary.session.author_actions import may_not_author
from armillary.session.workspace import Workspace


def _scene(at: Workspace) -> str:
    return "" if at.scene is not None else "No scene is shown."


def _seek(at: Workspace) -> str:
    return may_not_author(at) or ("" if at.bindings else "Nothing is bound yet.")


def _mend(at: Workspace) -> str:
    return may_not_author(at) or (
        "" if at.refinding.can_mend() else "No problem can be mended without asking."
    )


def _next(desk: Desk) -> None:
    found = desk.workspace.covering.next_unbound()
    if found is None:
        desk.say("Every part that is shown is bound.")
    else:
        desk.fly((found,))


UPKEEP_ACTIONS: tuple[Action, ...] = (
    Action(
        id="view.coverage",
        title="What is bound",
        menu="View",
        shortcut="Ctrl+Alt+B",
        tip="Paint parts by whether they are bound, unbound, bound by several or dead; again shows values",
        why_not=_scene,
        run=lambda desk: desk.workspace.covering.toggle(),
    ),
    Action(
        id="edit.next-unbound",
        title="Next unbound part",
        menu="Edit",
        shortcut="Ctrl+Alt+N",
        tip="Select the next part that nothing binds, and go there",
        why_not=_scene,
        run=_next,
    ),
    Action(
        id="edit.find-again",
        title="Find bound parts again…",
        menu="Edit",
        role="engineer",
        tip="After a new export: find what was bound by path, place, shape and neighbours",
        why_not=_seek,
        run=lambda desk: desk.workspace.refinding.seek(),
    ),
    Action(
        id="edit.mend",
        title="Mend problems",
        menu="Edit",
        role="engineer",
        tip="Mend what of the problems cannot be mended wrongly; one step of undo",
        why_not=_mend,
        run=lambda desk: desk.workspace.refinding.mend(),
    ),
)
