"""The commands for what a scene brings along: its own time, its cameras and its lights."""

from __future__ import annotations

from armillary.model.scene import Camera
from armillary.session.action import Action, Desk
from armillary.session.workspace import Workspace


def _needs_motion(at: Workspace) -> str:
    if at.scene is None:
        return "No scene is shown."
    return "" if at.showing.plays else "Nothing of this scene moves by itself within its time range."


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


def _play(desk: Desk) -> None:
    showing = desk.workspace.showing
    showing.play(not showing.playing)
    desk.say("The scene plays." if showing.playing else "The scene is held.")


def _rewind(desk: Desk) -> None:
    desk.workspace.showing.rewind()


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
    if at.scene is None:
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
        why_not=_needs_motion,
        run=_play,
    ),
    Action(
        id="scene.rewind",
        title="Animation back to its start",
        menu="View/Scene",
        why_not=_needs_motion,
        run=_rewind,
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
