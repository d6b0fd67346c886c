"""Every command of the product as data: menus, toolbars, shortcuts, palette and tests read this list.

No single key sends anything to the plant: `order.arm` only opens the card, which asks twice.
"""

from __future__ import annotations

from armillary.model.frame import WorldKind
from armillary.session.action import Action, Desk
from armillary.session.alarm_actions import ALARM_ACTIONS
from armillary.session.author_actions import AUTHOR_ACTIONS
from armillary.session.binding_actions import BINDING_ACTIONS
from armillary.session.by_hand import BY_HAND_ACTIONS
from armillary.session.guide_actions import GUIDE_ACTIONS
from armillary.session.logbook_actions import LOGBOOK_ACTIONS
from armillary.session.loop_actions import LOOP_ACTIONS
from armillary.session.model_actions import MODEL_ACTIONS
from armillary.session.range_actions import RANGE_ACTIONS
from armillary.session.scene_actions import SCENE_ACTIONS
from armillary.session.time_actions import TIME_ACTIONS
from armillary.session.training_actions import TRAINING_ACTIONS
from armillary.session.upkeep_actions import UPKEEP_ACTIONS
from armillary.session.view_actions import VIEW_ACTIONS
from armillary.session.workspace import Workspace, WorldState

__all__ = ["ACTIONS", "ROLES", "Action", "Desk", "action"]

MAX_PENS = 8
ROLES = ("viewer", "operator", "engineer", "instructor", "admin")


# ---------------------------------------------------------------- why not


def _always(_: Workspace) -> str:
    return ""


def _needs_open(at: Workspace) -> str:
    return "" if at.path is not None or at.world_state is not WorldState.NONE else "Nothing is open."


def _needs_scene(at: Workspace) -> str:
    return "" if at.scene is not None else "No scene is shown."


def _needs_selection(at: Workspace) -> str:
    return _needs_scene(at) or ("" if at.selection else "Nothing is selected.")


def _needs_changed_view(at: Workspace) -> str:
    if why := _needs_scene(at):
        return why
    return "" if at.isolated or at.hidden or at.ghost or at.ghost_normal else "Everything is shown."


def _needs_tags(at: Workspace) -> str:
    if why := _needs_selection(at):
        return why
    return "" if at.tags_of_selection() else "What is selected shows no tag."


def _needs_world(at: Workspace) -> str:
    return "" if at.world_state is WorldState.LIVE else "Not connected to a world."


def _needs_weak_link(at: Workspace) -> str:
    if why := _needs_world(at):
        return why
    if at.kind is not WorldKind.LIVE:
        return f"A {at.kind.value} world has no links."
    return "" if any(not row.good for row in at.link_rows()) else "All links are up."


def _needs_lost_world(at: Workspace) -> str:
    return "" if at.world_state is WorldState.NOT_LIVE else "The world runs, or there is none."


def _needs_pens(at: Workspace) -> str:
    return "" if at.timeline.slots else "There are no trends."


def _needs_writable(at: Workspace) -> str:
    """Say why no order can be prepared from here; whether it is allowed the world's gate decides."""
    if why := _needs_tags(at):
        return why
    reasons = [at.orders.why_not(slot) for slot in at.tags_of_selection()]
    return "" if "" in reasons else reasons[0]


# ---------------------------------------------------------------- what they do


def _trend_selection(desk: Desk) -> None:
    desk.workspace.timeline.add(desk.workspace.tags_of_selection()[:MAX_PENS])
    desk.show_panel("trends")


def _copy_path(desk: Desk) -> None:
    scene = desk.workspace.scene
    if scene is not None:
        desk.copy("\n".join(scene.prim_path[p] for p in desk.workspace.selection))


def _toggle_selected(desk: Desk) -> None:
    for prim in desk.workspace.selection:
        desk.workspace.toggle_visible(prim)


def _isolate(desk: Desk) -> None:
    desk.workspace.isolate(desk.workspace.selection)


def _ghost_normal(desk: Desk) -> None:
    at = desk.workspace
    at.set_ghost_normal(not at.ghost_normal)
    if not at.ghost_normal:
        desk.say("Everything is drawn as it is.")
        return
    n = at.alarms.counts().total
    told = f"{n} {'alarm' if n == 1 else 'alarms'}" if n else "no alarm"
    desk.say(f"What is normal is faint: {told}. U shows everything again.")


def _retry_links(desk: Desk) -> None:
    for row in desk.workspace.link_rows():
        if not row.good:
            desk.workspace.retry_link(row.name)


def _select_parent(desk: Desk) -> None:
    scene, chosen = desk.workspace.scene, desk.workspace.selection
    if scene is not None:
        above = [int(scene.parent[p]) for p in chosen]
        desk.workspace.select([p for p in above if p >= 0] or chosen)


def _view(name: str, title: str, shortcut: str) -> Action:
    return Action(
        id=f"view.{name}",
        title=title,
        menu="View/Standard views",
        shortcut=shortcut,
        why_not=_needs_scene,
        run=lambda desk: desk.view(name),
    )


def _panel(name: str, title: str) -> Action:
    return Action(
        id=f"panel.{name}",
        title=title,
        menu="View/Panels",
        why_not=_always,
        run=lambda desk: desk.show_panel(name),
    )


def _option(name: str, title: str) -> Action:
    return Action(
        id=f"view.{name}",
        title=title,
        menu="View/Show",
        why_not=_needs_scene,
        run=lambda desk: desk.toggle(name),
    )


ACTIONS: tuple[Action, ...] = (
    Action(
        id="project.open",
        title="Open…",
        menu="File",
        shortcut="Ctrl+O",
        tip="Open a project folder or a scene (usd, usda, usdc, usdz)",
        why_not=_always,
        run=lambda desk: desk.ask_open(),
    ),
    Action(
        id="project.open_server",
        title="Open from a server…",
        menu="File",
        tip="Show the scene that an OPC UA server publishes with its bindings; nothing has to be authored",
        why_not=_always,
        run=lambda desk: desk.ask_server(),
    ),
    Action(
        id="project.close",
        title="Close",
        menu="File",
        shortcut="Ctrl+W",
        tip="Close the project or scene; its world ends if this desk started it",
        why_not=_needs_open,
        run=lambda desk: desk.close_workspace(),
    ),
    Action(
        id="picture.save",
        title="Save a picture…",
        menu="File",
        shortcut="Ctrl+Shift+S",
        why_not=_always,
        run=lambda desk: desk.save_picture(),
    ),
    Action(
        id="desk.quit",
        title="Quit",
        menu="File",
        shortcut="Ctrl+Q",
        why_not=_always,
        run=lambda desk: desk.quit(),
    ),
    Action(
        id="selection.parent",
        title="Select what holds it",
        menu="Edit",
        shortcut="Alt+Up",
        why_not=_needs_selection,
        run=_select_parent,
    ),
    Action(
        id="selection.clear",
        title="Select nothing",
        menu="Edit",
        shortcut="Ctrl+Shift+A",
        why_not=_needs_selection,
        run=lambda desk: desk.workspace.select(()),
    ),
    Action(
        id="selection.copy-path",
        title="Copy the path",
        menu="Edit",
        shortcut="Ctrl+Shift+C",
        why_not=_needs_selection,
        run=_copy_path,
    ),
    Action(
        id="view.frame",
        title="Frame the selection",
        menu="View",
        shortcut="F",
        why_not=_needs_selection,
        run=lambda desk: desk.frame(desk.workspace.selection),
    ),
    Action(
        id="view.frame-all",
        title="Frame everything",
        menu="View",
        shortcut="Shift+F",
        why_not=_needs_scene,
        run=lambda desk: desk.frame(()),
    ),
    _view("iso", "Overview", "1"),
    _view("top", "From above", "2"),
    _view("front", "From the front", "3"),
    _view("right", "From the right", "4"),
    _view("back", "From behind", "5"),
    _view("left", "From the left", "6"),
    Action(
        id="view.isolate",
        title="Isolate the selection",
        menu="View",
        shortcut="I",
        why_not=_needs_selection,
        run=_isolate,
    ),
    Action(
        id="view.hide",
        title="Hide or show the selection",
        menu="View",
        shortcut="H",
        why_not=_needs_selection,
        run=_toggle_selected,
    ),
    Action(
        id="view.show-all",
        title="Show everything",
        menu="View",
        shortcut="Shift+I",
        why_not=_needs_changed_view,
        run=lambda desk: desk.workspace.show_all(),
    ),
    Action(
        id="view.ghost",
        title="Ghost the others",
        menu="View",
        shortcut="G",
        why_not=_needs_selection,
        run=lambda desk: desk.workspace.set_ghost(not desk.workspace.ghost),
    ),
    Action(
        id="view.ghost-normal",
        title="Ghost what is normal",
        menu="View",
        shortcut="U",
        tip="Draw faintly what has no alarm and whose values are good, or no longer",
        why_not=_needs_scene,
        run=_ghost_normal,
    ),
    Action(
        id="view.hold",
        title="Hold the picture",
        menu="View",
        tip="Hold the picture where it is, or let it go on; tables go on",
        why_not=_needs_scene,
        run=lambda desk: desk.workspace.set_paused(not desk.workspace.paused),
    ),
    _option("grid", "Ground grid"),
    _option("axes", "Axes"),
    _option("labels", "Labels"),
    _option("legend", "Legend"),
    _option("callouts", "Callouts of alarms"),
    _panel("tree", "Scene tree"),
    _panel("inspector", "Inspector"),
    _panel("alarms", "Alarms"),
    _panel("health", "Alarm health"),
    _panel("tags", "Tags"),
    _panel("trends", "Trends"),
    _panel("links", "Links"),
    _panel("browse", "Browse"),
    _panel("drift", "Drift"),
    _panel("events", "Events"),
    _panel("worlds", "Worlds"),
    _panel("loops", "Loops"),
    _panel("model", "Model"),
    _panel("whatif", "What-if"),
    _panel("compare", "Compare"),
    Action(
        id="desk.theme",
        title="Dark or light",
        menu="View",
        shortcut="Ctrl+Shift+L",
        tip="Change between the dark and the light theme",
        why_not=_always,
        run=lambda desk: desk.toggle_theme(),
    ),
    Action(
        id="desk.reduce-motion",
        title="Reduce motion",
        menu="View",
        tip="Let nothing blink, turn or flow by itself; values, colours and shapes still tell all of it",
        why_not=_always,
        run=lambda desk: desk.toggle_motion(),
    ),
    Action(
        id="desk.full-screen",
        title="Full screen",
        menu="View",
        shortcut="F11",
        why_not=_always,
        run=lambda desk: desk.toggle_full_screen(),
    ),
    Action(
        id="desk.reset-layout",
        title="Reset the layout",
        menu="View",
        tip="Put all docks back where they were at first",
        why_not=_always,
        run=lambda desk: desk.reset_layout(),
    ),
    Action(
        id="trend.selection",
        title="Trend of the selection",
        menu="Plant",
        shortcut="T",
        why_not=_needs_tags,
        run=_trend_selection,
    ),
    Action(
        id="trend.clear",
        title="Remove all trends",
        menu="Plant",
        why_not=_needs_pens,
        run=lambda desk: desk.workspace.timeline.clear(),
    ),
    Action(
        id="order.arm",
        title="Write a value…",
        menu="Plant",
        role="operator",
        tip="Open the card of a writable tag of the selection; nothing is sent before it is executed there",
        why_not=_needs_writable,
        run=lambda desk: desk.show_panel("inspector"),
    ),
    Action(
        id="link.retry",
        title="Retry links now",
        menu="Plant",
        shortcut="Ctrl+R",
        tip="Connect the links that are not up without waiting for their next try",
        why_not=_needs_weak_link,
        run=_retry_links,
    ),
    Action(
        id="world.restart",
        title="Start the world again",
        menu="Plant",
        why_not=_needs_lost_world,
        run=lambda desk: desk.workspace.restart_world(),
    ),
    *BY_HAND_ACTIONS,
    *TIME_ACTIONS,
    *RANGE_ACTIONS,
    *TRAINING_ACTIONS,
    *ALARM_ACTIONS,
    *AUTHOR_ACTIONS,
    *BINDING_ACTIONS,
    *LOGBOOK_ACTIONS,
    *LOOP_ACTIONS,
    *GUIDE_ACTIONS,
    *MODEL_ACTIONS,
    *SCENE_ACTIONS,
    *VIEW_ACTIONS,
    *UPKEEP_ACTIONS,
    Action(
        id="desk.palette",
        title="Find a command, part or tag…",
        menu="Help",
        shortcut="Ctrl+K",
        why_not=_always,
        run=lambda desk: desk.show_palette(),
    ),
    Action(
        id="desk.keys",
        title="Keys",
        menu="Help",
        shortcut="F1",
        why_not=_always,
        run=lambda desk: desk.show_help(),
    ),
    Action(
        id="desk.about",
        title="About Armillary",
        menu="Help",
        why_not=_always,
        run=lambda desk: desk.show_about(),
    ),
)

_BY_ID = {a.id: a for a in ACTIONS}


def action(name: str) -> Action:
    """Return the action with that id. Raises KeyError."""
    return _BY_ID[name]
