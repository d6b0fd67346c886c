"""The commands of authoring: undo and redo of what was saved."""

from __future__ import annotations

from armillary.model.account import Right, may
from armillary.model.frame import WorldKind
from armillary.session.action import Action
from armillary.session.workspace import Workspace


def may_not_author(at: Workspace) -> str:
    """Return why bindings cannot be changed here and now, "" when they can."""
    if at.scene is None:
        return "No scene is shown."
    if at.mirror.kind is not WorldKind.LIVE:
        return f"A {at.mirror.kind.value} world is not authored. Go back to live."
    if not may(at.role, Right.AUTHOR):
        return f"The role {at.role or 'viewer'} may not change bindings. Log in as an engineer."
    return ""


def _undo(at: Workspace) -> str:
    return may_not_author(at) or ("" if at.undo.undoes else "Nothing was saved that could be undone.")


def _redo(at: Workspace) -> str:
    return may_not_author(at) or ("" if at.undo.redoes else "Nothing was undone.")


def _bind(at: Workspace) -> str:
    return may_not_author(at) or ("" if at.selection else "No part is selected.")


def _rules(at: Workspace) -> str:
    is_saved = at.project is not None and at.project.saved
    return may_not_author(at) or ("" if is_saved else "Rules belong to a project that is saved.")


def _add_scene(at: Workspace) -> str:
    is_saved = at.project is not None and at.project.saved
    return may_not_author(at) or (
        "" if is_saved else "Save the scene as a project first: File ▸ New project…"
    )


def _saved(at: Workspace) -> str:
    is_saved = at.project is not None and at.project.saved
    return may_not_author(at) or ("" if is_saved else "That belongs to a project that is saved.")


def _vision(name: str, title: str) -> Action:
    return Action(
        id=f"view.vision-{name or 'normal'}",
        title=title,
        menu="View/Colour vision",
        tip="Show the scene as people with this colour vision see it",
        why_not=lambda at: "" if at.scene is not None else "No scene is shown.",
        run=lambda desk: desk.simulate_vision(name),
    )


def _sheet(name: str, title: str, tip: str, *, menu: str = "Edit") -> Action:
    return Action(
        id=f"edit.{name}",
        title=title,
        menu=menu,
        role="engineer",
        tip=tip,
        why_not=_saved,
        run=lambda desk: desk.author_sheet(name),
    )


AUTHOR_ACTIONS: tuple[Action, ...] = (
    Action(
        id="project.load-changes",
        title="Load the project's changes",
        menu="Plant",
        role="engineer",
        tip="Let the live world read its project again; alarms go on, links are made anew",
        why_not=lambda at: at.disk.why_not(),
        run=lambda desk: desk.workspace.disk.load(),
    ),
    Action(
        id="project.add-scene",
        title="Add a scene to this one…",
        menu="File",
        role="engineer",
        tip="Put another OpenUSD scene at a place of this one; neither of the two files is changed",
        why_not=_add_scene,
        run=lambda desk: desk.add_scene(),
    ),
    Action(
        id="project.versions",
        title="Versions…",
        menu="File",
        tip="What was published and by whom, what differs in words and colours; publish and restore",
        why_not=lambda at: at.version_book.why_not(),
        run=lambda desk: desk.show_versions(),
    ),
    Action(
        id="project.new",
        title="New project…",
        menu="File",
        shortcut="Ctrl+N",
        tip="Make a project from a scene of yours and the address of a broker or server",
        why_not=lambda _at: "",
        run=lambda desk: desk.new_project(),
    ),
    Action(
        id="edit.rules",
        title="Rules on streams…",
        menu="Edit",
        role="engineer",
        tip="Edit windows, sequences, geofences and scores, and try them on the history",
        why_not=_rules,
        run=lambda desk: desk.edit_rules(),
    ),
    _sheet(
        "binding-templates", "Templates of bindings…", "Make, apply and update what parts of one type show"
    ),
    _sheet("import-model", "Import model…", "Take in twins of AAS, NGSI-LD, WoT or DTDL", menu="File"),
    _sheet("import-tags", "Take in a list of tags…", "Add and change tags by a list of CSV or XLSX"),
    _sheet("export-tags", "Write the tags as a list…", "Write a row for each tag into a CSV or XLSX file"),
    _vision("", "Normal"),
    _vision("protan", "No red (protanopia)"),
    _vision("deutan", "No green (deuteranopia)"),
    _vision("tritan", "No blue (tritanopia)"),
    _vision("grey", "No colours"),
    Action(
        id="edit.bind",
        title="Bind to the selected part…",
        menu="Edit",
        shortcut="Ctrl+B",
        role="engineer",
        tip="Bind what is chosen in the link browser or the live table to the part selected last",
        why_not=_bind,
        run=lambda desk: desk.bind(),
    ),
    Action(
        id="edit.bind-branch",
        title="Bind a branch to the selected part…",
        menu="Edit",
        shortcut="Ctrl+Alt+B",
        role="engineer",
        tip="Propose parts below the selected one for all tags chosen, or below the node chosen in Browse",
        why_not=_bind,
        run=lambda desk: desk.bind_branch(),
    ),
    Action(
        id="edit.spread",
        title="Spread sensors over the selected part…",
        menu="Edit",
        shortcut="Ctrl+Shift+B",
        role="engineer",
        tip="Colour the part selected last by sensors around it: those selected before it, or by their tags",
        why_not=_bind,
        run=lambda desk: desk.spread(),
    ),
    Action(
        id="edit.undo",
        title="Undo",
        menu="Edit",
        shortcut="Ctrl+Z",
        role="engineer",
        tip="Take the change saved last back, in the file too",
        why_not=_undo,
        run=lambda desk: desk.workspace.undo.undo(),
    ),
    Action(
        id="edit.redo",
        title="Redo",
        menu="Edit",
        shortcut="Ctrl+Shift+Z",
        role="engineer",
        tip="Save the change undone last again",
        why_not=_redo,
        run=lambda desk: desk.workspace.undo.redo(),
    ),
)
