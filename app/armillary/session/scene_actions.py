"""The commands for what a scene brings along: its own time, its cameras and its lights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from armillary.model.scene import Camera, subtree_ends
from armillary.session.action import Action, Desk
from armillary.session.workspace import Workspace


def _needs_motion(at: Workspace) -> str:
    if at.scene is None:
        return "No scene is shown."
    return "" if at.showing.plays else "Nothing of this scene moves by itself within its time range."


def _needs_own_time(at: Workspace) -> str:
    why = _needs_motion(at)
    return why or ("It follows the world's time: let go of that first." if at.showing.is_led else "")


def _needs_scene_time(at: Workspace) -> str:
    why = _needs_motion(at)
    return why or ("" if at.showing.scene_time is not None else "The project does not tie it: [scene.time].")


def _needs_cameras(at: Workspace) -> str:
    if at.scene is None:
        return "No scene is shown."
    return "" if at.scene.cameras else "The scene has no camera."


def _needs_chosen_camera(at: Workspace) -> str:
    return _needs_cameras(at) or ("" if _chosen(at) is not None else "What is selected is no camera.")


def _needs_lights(at: Workspace) -> str:
    if at.scene is None:
        return "No scene is shown."
    return "" if at.scene.lights else "The scene has no light: the eye has its own."


def _chosen(at: Workspace) -> Camera | None:
    """Return the camera selected last, itself or the one above what is selected."""
    if at.scene is None or not at.selection:
        return None
    path = at.scene.prim_path[at.selection[-1]]
    return next((c for c in at.scene.cameras if path == c.path or path.startswith(f"{c.path}/")), None)


def _branches(at: Workspace, loaded: bool) -> tuple[str, ...]:
    """Return the selected branches that hold payloads which are loaded, or left out."""
    if at.scene is None:
        return ()
    rows = np.array([row for row, is_loaded in at.scene.payloads if is_loaded is loaded], np.int64)
    if not len(rows) or not at.selection:
        return ()
    ends = subtree_ends(at.scene.parent)
    return tuple(
        at.scene.prim_path[prim] for prim in at.selection if ((rows >= prim) & (rows < ends[prim])).any()
    )


def _why_no_payload(loaded: bool) -> Callable[[Workspace], str]:
    def why(at: Workspace) -> str:
        if at.scene is None:
            return "No scene is shown."
        if not at.scene.payloads:
            return "The scene has no payloads."
        if not at.selection:
            return "Select a branch first."
        if _branches(at, loaded):
            return "The scene is being read." if at.progress[0] else ""
        return f"Nothing below what is selected is {'loaded as a payload' if loaded else 'left out'}."

    return why


def _load(on: bool) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        branches = _branches(desk.workspace, not on)
        desk.workspace.load_payloads(branches, on)
        desk.say(f"{'Loading' if on else 'Leaving out'} {', '.join(branches)}")

    return run


def _play(desk: Desk) -> None:
    showing = desk.workspace.showing
    showing.play(not showing.playing)
    desk.say("The scene plays." if showing.playing else "The scene is held.")


def _rewind(desk: Desk) -> None:
    desk.workspace.showing.rewind()


def _follow(desk: Desk) -> None:
    showing = desk.workspace.showing
    showing.follows = not showing.follows
    showing.wanted = True
    desk.say("The scene follows the world's time." if showing.follows else "The scene has its own time.")


def _next_camera(desk: Desk) -> None:
    at = desk.workspace
    if at.scene is None:
        return
    paths = [c.path for c in at.scene.cameras]
    now = paths.index(at.showing.camera) if at.showing.camera in paths else -1
    _look(desk, paths[(now + 1) % len(paths)])


def _through_chosen(desk: Desk) -> None:
    camera = _chosen(desk.workspace)
    if camera is not None:
        _look(desk, camera.path)


def _look(desk: Desk, path: str) -> None:
    desk.workspace.showing.camera = path
    desk.view(f"camera:{path}")
    desk.say(f"Through {path}")


def _why_no_export(at: Workspace) -> str:
    if at.is_trainee:
        return "A trainee's desk writes no files."
    return "" if at.scene is not None and at.look is not None else "No scene is shown."


def why_not_by_itself(at: Workspace) -> str:
    """Return why a scene that changed on disk is not read again by itself now, "" when it may be."""
    if at.orders.armed is not None:
        return "a command is armed"
    if at.authoring.draft is not None or at.authoring.saving:
        return "a binding is being edited"
    return "it is being read" if at.progress[0] else ""


def _why_no_compare(at: Workspace) -> str:
    if at.scene is None:
        return "No scene is shown."
    if at.difference.is_on and at.versions.found is None:
        return "The picture shows the differences of a what-if."
    return "A version is being read." if at.versions.reading else ""


def _why_no_reload(at: Workspace) -> str:
    if at.scene is None and not at.opening.cancelled:
        return "No scene is shown."
    return "The scene is being read." if at.progress[0] else ""


SCENE_ACTIONS: tuple[Action, ...] = (
    Action(
        id="scene.export",
        title="Export the scene as it is…",
        menu="File",
        tip="Write one flattened USD layer with the colours and places that are shown now",
        why_not=_why_no_export,
        run=lambda desk: desk.export_scene(),
    ),
    Action(
        id="scene.compare",
        title="Compare with…",
        menu="File",
        tip="Colour and list what is added, removed, moved and changed against another version of this scene",
        why_not=_why_no_compare,
        run=lambda desk: desk.compare_scene(),
    ),
    Action(
        id="scene.compare-end",
        title="End the comparison",
        menu="View/Scene",
        why_not=lambda at: "" if at.versions.found is not None else "No versions are compared.",
        run=lambda desk: desk.workspace.versions.clear(),
    ),
    Action(
        id="scene.reload",
        title="Read the scene again",
        menu="View/Scene",
        tip="Show the scene's files as they are on disk now; view, selection and bindings stay",
        why_not=_why_no_reload,
        run=lambda desk: desk.workspace.reload_scene(),
    ),
    Action(
        id="scene.load-payloads",
        title="Load payloads of the branch",
        menu="View/Scene",
        tip="Load what the selected parts and all below them leave out, until the scene is closed",
        why_not=_why_no_payload(loaded=False),
        run=_load(on=True),
    ),
    Action(
        id="scene.leave-payloads",
        title="Leave payloads of the branch out",
        menu="View/Scene",
        tip="Show the scene without what the selected parts load, until it is closed; no file is changed",
        why_not=_why_no_payload(loaded=True),
        run=_load(on=False),
    ),
    Action(
        id="scene.reload-by-itself",
        title="Reload changed scenes by themselves in Author",
        menu="View/Scene",
        tip="Only while Author is shown, no command is armed and no binding is being edited; asks elsewhere",
        why_not=lambda _at: "",
        run=lambda desk: desk.toggle_reload(),
    ),
    Action(
        id="scene.play",
        title="Play or hold the scene's animation",
        menu="View/Scene",
        tip="What the file animates moves at the file's own rate, over and over; it is no live value",
        why_not=_needs_own_time,
        run=_play,
    ),
    Action(
        id="scene.rewind",
        title="Animation back to its start",
        menu="View/Scene",
        why_not=_needs_own_time,
        run=_rewind,
    ),
    Action(
        id="scene.follow",
        title="Follow the world's time",
        menu="View/Scene",
        tip="The scene's own time goes with the world that is shown, as [scene.time] of project.toml says",
        why_not=_needs_scene_time,
        run=_follow,
    ),
    Action(
        id="scene.next-camera",
        title="Look through the next camera",
        menu="View/Scene",
        why_not=_needs_cameras,
        run=_next_camera,
    ),
    Action(
        id="scene.look-through",
        title="Look through the selected camera",
        menu="View/Scene",
        why_not=_needs_chosen_camera,
        run=_through_chosen,
    ),
    Action(
        id="scene.lights",
        title="Lights of the scene",
        menu="View/Show",
        tip="Light the scene by its own lights, or by the eye's own",
        why_not=_needs_lights,
        run=lambda desk: desk.toggle("lights"),
    ),
)
