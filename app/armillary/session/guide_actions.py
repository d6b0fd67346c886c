"""The commands of procedures and command templates."""

from __future__ import annotations

from armillary.session.action import Action
from armillary.session.author_actions import may_not_author
from armillary.session.workspace import Workspace


def _no_world(at: Workspace) -> str:
    return "" if at.mirror.frames else "Not connected to a world."


def _no_step(at: Workspace) -> str:
    run = at.guide.run
    return "" if run is not None and run.step is not None else "No procedure is being carried out."


def _saved(at: Workspace) -> str:
    is_saved = at.project is not None and at.project.saved
    return may_not_author(at) or ("" if is_saved else "They belong to a project that is saved.")


def _may_not_skip(at: Workspace) -> str:
    card = at.guide.card()
    return _no_step(at) or (card.why_not_skip if card is not None else "")


GUIDE_ACTIONS: tuple[Action, ...] = (
    Action(
        id="procedure.run",
        title="Procedures…",
        menu="Plant",
        role="operator",
        tip="Carry a procedure out step by step, or walk through it",
        why_not=_no_world,
        run=lambda desk: desk.procedure("run"),
    ),
    Action(
        id="procedure.show",
        title="Show the present step",
        menu="Plant",
        shortcut="P",
        tip="Fly to where the present step of the procedure is done",
        why_not=lambda at: _no_step(at) or ("" if at.scene is not None else "No scene is shown."),
        run=lambda desk: desk.procedure("show"),
    ),
    Action(
        id="procedure.confirm",
        title="Confirm the present step",
        menu="Plant",
        role="operator",
        tip="Say that the present step of the procedure is done",
        why_not=lambda at: _no_step(at) or at.guide.why_not_act(),
        run=lambda desk: desk.workspace.guide.act("confirm", desk.say),
    ),
    Action(
        id="procedure.skip",
        title="Skip the present step…",
        menu="Plant",
        role="operator",
        tip="Leave the present step of the procedure out, with a reason",
        why_not=_may_not_skip,
        run=lambda desk: desk.procedure("skip"),
    ),
    Action(
        id="procedure.abort",
        title="Give the procedure up…",
        menu="Plant",
        role="operator",
        tip="End the procedure before its last step, with a reason",
        why_not=lambda at: _no_step(at) or at.guide.why_not_act(),
        run=lambda desk: desk.procedure("abort"),
    ),
    Action(
        id="edit.procedures",
        title="Procedures…",
        menu="Edit",
        role="engineer",
        tip="Write step-by-step work instructions, and walk through them",
        why_not=_saved,
        run=lambda desk: desk.procedure("edit"),
    ),
    Action(
        id="edit.templates",
        title="Command templates…",
        menu="Edit",
        role="engineer",
        tip="Edit what operators may command, and try it on the simulator",
        why_not=_saved,
        run=lambda desk: desk.procedure("templates"),
    ),
)
