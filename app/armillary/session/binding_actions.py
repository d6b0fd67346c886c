"""The commands of the engineer's desk: bindings, colour maps, derived tags, the list of undo."""

from __future__ import annotations

from armillary.session.action import Action
from armillary.session.author_actions import may_not_author
from armillary.session.workspace import Workspace


def _of_selection(at: Workspace) -> str:
    return may_not_author(at) or ("" if at.selection else "No part is selected.")


def _copies(at: Workspace) -> str:
    if at.scene is None:
        return "No scene is shown."
    return "" if at.selection else "No part is selected."


def _saved(at: Workspace) -> str:
    is_saved = at.project is not None and at.project.saved
    return may_not_author(at) or ("" if is_saved else "That belongs to a project that is saved.")


BINDING_ACTIONS: tuple[Action, ...] = (
    Action(
        id="edit.copy-bindings",
        title="Copy the bindings of the parts",
        menu="Edit",
        tip="Put the bindings of the selected parts, and of all below them, on the clipboard as text",
        why_not=_copies,
        run=lambda desk: desk.author("copy"),
    ),
    Action(
        id="edit.paste-bindings",
        title="Paste bindings on the parts…",
        menu="Edit",
        shortcut="Ctrl+Shift+V",
        role="engineer",
        tip="Bind the selected parts as those copied, each by its own tags; shown before it is done",
        why_not=_of_selection,
        run=lambda desk: desk.author("paste"),
    ),
    Action(
        id="edit.sweep",
        title="Test the selected parts",
        menu="Edit",
        shortcut="Ctrl+Shift+T",
        role="engineer",
        tip="Let the values of the selected parts go over their ranges in this picture; nothing is sent",
        why_not=_of_selection,
        run=lambda desk: desk.author("sweep"),
    ),
    Action(
        id="edit.sweep-end",
        title="End the test values",
        menu="Edit",
        role="engineer",
        tip="Show again what the plant says",
        why_not=lambda at: "" if at.showing.overlay is not None else "No values are being tested.",
        run=lambda desk: desk.author("sweep-end"),
    ),
    Action(
        id="edit.history",
        title="What was changed…",
        menu="Edit",
        role="engineer",
        tip="The list of changes that can be undone and done again",
        why_not=may_not_author,
        run=lambda desk: desk.author("history"),
    ),
    Action(
        id="edit.colour-maps",
        title="Colour maps…",
        menu="Edit",
        role="engineer",
        tip="Edit the colours of values, their stops and their checks",
        why_not=_saved,
        run=lambda desk: desk.author("colours"),
    ),
    Action(
        id="edit.derived",
        title="Derived tags…",
        menu="Edit",
        role="engineer",
        tip="Tags that are worked out from others: their expression, their unit, their past hour",
        why_not=_saved,
        run=lambda desk: desk.author("derived"),
    ),
)
