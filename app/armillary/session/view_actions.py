"""The commands for working in the picture: projection, section, measuring, exploding, walking, kept views."""

from __future__ import annotations

from armillary.model.account import Right, may
from armillary.session.action import Action
from armillary.session.views import SavedView
from armillary.session.workspace import Workspace


def _needs_scene(at: Workspace) -> str:
    return "" if at.scene is not None else "No scene is shown."


def _needs_view(at: Workspace) -> str:
    return _needs_scene(at) or ("" if at.views.current else "Go to a kept view first.")


def why_no_change(at: Workspace) -> str:
    """Return why the view gone to last may not be changed from here, "" when it may."""
    if why := _needs_view(at):
        return why
    return may_not_change(at, at.views.owner)


def may_not_change(at: Workspace, owner: str) -> str:
    """Return why a view of this role may not be changed: everybody's may, others' by engineers."""
    if owner in ("", at.role) or may(at.role, Right.AUTHOR):
        return ""
    return f"It is a view of the role {owner}."


def listed_as(view: SavedView, role: str) -> str:
    """Return how a view is listed: with its role where that is another one."""
    return view.name if view.role in ("", role) else f"{view.name}  ({view.role})"


def _tool(
    name: str, title: str, menu: str, shortcut: str = "", tip: str = "", *, needs_view: bool = False
) -> Action:
    return Action(
        id=f"view.{name}",
        title=title,
        menu=menu,
        shortcut=shortcut,
        tip=tip,
        why_not=why_no_change if needs_view else _needs_scene,
        run=lambda desk: desk.scene_tool(name),
    )


def _drawn(option: str, value: str, title: str, tip: str = "") -> Action:
    return Action(
        id=f"view.{option}-{value}",
        title=title,
        menu="View/Drawing",
        tip=tip,
        why_not=_needs_scene,
        run=lambda desk: desk.draw_with(option, value),
    )


DRAWING_ACTIONS: tuple[Action, ...] = (
    Action(
        id="view.edges",
        title="Edges of surfaces",
        menu="View/Drawing",
        tip="Draw a line where a surface bends or ends, or no longer",
        why_not=_needs_scene,
        run=lambda desk: desk.toggle("edges"),
    ),
    _drawn("occlusion", "auto", "Darker corners where a graphics card draws", "What is usual"),
    _drawn("occlusion", "on", "Darker corners", "Corners and gaps get less light (ambient occlusion)"),
    _drawn("occlusion", "off", "No darker corners"),
    _drawn("smooth", "rest", "Smooth edges at rest", "What is usual: steps are smoothed once nothing moves"),
    _drawn("smooth", "always", "Smooth edges always", "Also while anything moves: pictures take longer"),
    _drawn("smooth", "off", "No smooth edges", "Every pixel as it was drawn"),
)
VIEW_ACTIONS: tuple[Action, ...] = (
    *DRAWING_ACTIONS,
    _tool("parallel", "Parallel or perspective", "View", "O", "Look with parallel rays, or with perspective"),
    _tool(
        "section",
        "Section plane",
        "View/Section",
        "X",
        "Cut the scene open across the gaze, or close it again; drag the handle to move the plane",
    ),
    _tool("section-flip", "Cut away the other side", "View/Section", "Shift+X"),
    _tool("section-turn", "Next axis", "View/Section", "Alt+X", "Cut across x, y or z"),
    _tool("section-clear", "No section", "View/Section"),
    _tool("measure-distance", "Distance", "View/Measure", "M", "Click points; Esc leaves"),
    _tool("measure-angle", "Angle", "View/Measure", "Shift+M", "Click three points; Esc leaves"),
    _tool("measure-area", "Area", "View/Measure", "Alt+M", "Click corners, Enter closes; Esc leaves"),
    _tool("measure-clear", "Remove all measures", "View/Measure"),
    _tool("explode", "Explode…", "View", "Shift+E", "Move parts out from the middle of what holds them"),
    _tool("walk", "Walk", "View/Move", "Shift+G", "W A S D and the mouse, at one height; Esc leaves"),
    _tool("fly", "Fly", "View/Move", "", "W A S D, Q and E and the mouse, where you look; Esc leaves"),
    _tool("picture", "Save a picture of the scene…", "File", "", "Only the scene, in any size"),
    _tool("turntable", "Save a film of the scene turning…", "File", "", "Once around; again to stop it"),
    _tool("keep", "Keep this view…", "View/Kept views", "Ctrl+D", "Keep where the eye is, for all desks"),
    _tool("next-kept", "Next kept view", "View/Kept views", "V"),
    _tool("update-kept", "Put the view gone to last here", "View/Kept views", needs_view=True),
    _tool("delete-kept", "Delete the view gone to last", "View/Kept views", needs_view=True),
)
