"""The commands of the plant's model: a query forgotten, types made from tags."""

from __future__ import annotations

from armillary.project import folder as projects
from armillary.session.action import Action, Desk
from armillary.session.author_actions import may_not_author
from armillary.session.modelling import make_types
from armillary.session.workspace import Workspace


def _infer(at: Workspace) -> str:
    if why := may_not_author(at):
        return why
    if at.project is None or not at.project.saved:
        return "Types belong to a project that is saved."
    typed = all(twin.model and all(part.model for part in twin.components) for twin in at.project.twins)
    return "All twins have a type already." if typed else ""


def _make_types(desk: Desk) -> None:
    at = desk.workspace
    if at.project is not None:
        text = make_types(at.project, at.undo, at.now_ns())
        at.learn_project(projects.read(at.project.folder))
        desk.say(text)


def _ask(desk: Desk) -> None:
    desk.show_panel("model")


MODEL_ACTIONS: tuple[Action, ...] = (
    Action(
        id="model.ask",
        title="Find twins by a query…",
        menu="Edit",
        shortcut="Ctrl+Alt+F",
        tip="Ask for twins by type, relation and value: pumps feeding T-102 with vibration > 4 mm/s",
        why_not=lambda at: "" if at.twins else "No twins: what is open has no twins.json.",
        run=_ask,
    ),
    Action(
        id="model.forget",
        title="Take the marks of the query away",
        menu="Edit",
        tip="Show the scene in its own colours again",
        why_not=lambda at: "" if at.plant_model.text else "No query is asked.",
        run=lambda desk: desk.workspace.plant_model.clear(),
    ),
    Action(
        id="model.make-types",
        title="Make types from tags",
        menu="Edit",
        role="engineer",
        tip="Write DTDL interfaces for twins without a type: those with equal tags are of one",
        why_not=_infer,
        run=_make_types,
    ),
)
