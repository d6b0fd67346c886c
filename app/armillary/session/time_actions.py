"""Commands of time and of worlds: live and back, play and step, bookmarks, who is logged in, the kill switch.

None of them sends anything to the plant; the kill switch only ever takes leave to send away.
"""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.account import Right, may
from armillary.model.clock import NS
from armillary.model.control import SPEEDS, SnapshotInfo, StepBy
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.session.action import Action, Desk
from armillary.session.training import SPEEDS as EXERCISE_SPEEDS
from armillary.session.workspace import Workspace, WorldState

PLAYED = (WorldKind.REPLAY, WorldKind.WHATIF)
_AGO_NS = 10 * NS  # how far before now a replay begins that nobody gave a time


# ---------------------------------------------------------------- why not


def _needs_away(at: Workspace) -> str:
    return "" if at.away or at.coming is not None else "This is home already."


def _needs_replay(at: Workspace) -> str:
    return at.why_no_replay()


def _needs_cursor(at: Workspace) -> str:
    """Say why the shown world has no clock that a person may move."""
    if at.kind is WorldKind.TRAINING and at.mirror.frames:
        return at.training.why_not_direct()
    if at.kind not in PLAYED or not at.mirror.frames:
        return "Only recorded or computed time can be played: drag over the time bar."
    return "" if at.mirror.live else "The world is silent."


def _needs_record(at: Workspace) -> str:
    """Say why the shown world's clock cannot go back: an exercise runs on until it is over."""
    if at.kind is WorldKind.TRAINING and not at.training.is_over:
        return (
            at.training.why_not_direct() or "An exercise goes back to its snapshots only, until it is over."
        )
    return _needs_cursor(at)


def _needs_samples(at: Workspace) -> str:
    """Say why the shown world cannot be stepped by samples or alarms."""
    return "An exercise has steps." if at.kind is WorldKind.TRAINING else _needs_cursor(at)


def _needs_project(at: Workspace) -> str:
    return "" if at.project is not None and at.project.saved else "No project is open."


def _needs_world(at: Workspace) -> str:
    return "" if at.world_state is WorldState.LIVE else "Not connected to a world."


def _needs_fork(at: Workspace) -> str:
    if why := _needs_project(at) or _needs_world(at):
        return why
    return "" if may(at.role, Right.FORK) else f"The role '{at.role or 'none'}' may not fork."


def _needs_bookmark(at: Workspace) -> str:
    return "" if at.timebar.bookmarks.marks else "There are no bookmarks."


def _needs_lost(at: Workspace) -> str:
    if at.lost is None:
        return "No world was lost."
    return "" if at.lost.can_restart else "That world cannot be started again from here."


def _fork(desk: Desk) -> None:
    desk.workspace.fork()
    desk.show_panel("whatif")


def _home_stopped(at: Workspace) -> str:
    return at.home.stopped if at.home is not None else at.stopped


def _needs_commands(at: Workspace) -> str:
    if why := _needs_project(at):
        return why
    if _home_stopped(at):
        return "All commands are stopped already."
    live = at.home.world_state if at.home is not None else at.world_state
    return "" if live is WorldState.LIVE else "Not connected: nothing can be sent anyway."


def _needs_stopped(at: Workspace) -> str:
    if not _home_stopped(at):
        return "Commands are not stopped."
    role = at.home.role if at.home is not None else at.role
    return "" if may(role, Right.RELEASE) else f"The role '{role or 'none'}' may not release them."


def _needs_accounts(at: Workspace) -> str:
    if why := _needs_world(at):
        return why
    return "" if at.people.accounts else "This project has no users."


def _needs_login(at: Workspace) -> str:
    if why := _needs_accounts(at):
        return why
    return "" if at.people.is_logged_in else "Nobody is logged in."


# ---------------------------------------------------------------- what they do


def _toggle_play(desk: Desk) -> None:
    at = desk.workspace
    at.play(0.0 if at.is_playing else at.speed)


def _backwards(desk: Desk) -> None:
    at = desk.workspace
    backwards = at.cursor is not None and at.cursor.asked < 0
    at.play(0.0 if at.is_playing and backwards else -at.speed)


def _change_speed(desk: Desk, step: int) -> None:
    at = desk.workspace
    speeds = EXERCISE_SPEEDS if at.kind is WorldKind.TRAINING else SPEEDS
    nearest = min(range(len(speeds)), key=lambda i: abs(speeds[i] - at.speed))
    at.speed = speeds[min(max(nearest + step, 0), len(speeds) - 1)]
    if at.is_playing and at.cursor is not None:
        at.play(at.speed if at.cursor.asked > 0 else -at.speed)
    desk.say(f"{at.speed:g} ×")
    at.world_changed.emit()


def _step(by: StepBy, count: int) -> Callable[[Desk], None]:
    return lambda desk: desk.workspace.step(by, count)


def _next(desk: Desk) -> None:
    at = desk.workspace
    at.step("tick" if at.kind is WorldKind.TRAINING else "alarm", 1)


def _bookmark(desk: Desk) -> None:
    at = desk.workspace
    at.timebar.bookmark(at.picture_ns())
    desk.say("Bookmarked.")


def _go_to_bookmark(desk: Desk, step: int) -> None:
    at = desk.workspace
    mark = at.timebar.bookmarks.next(at.picture_ns(), step)
    if mark is None:
        desk.say("There is no bookmark on that side.")
        return
    at.timebar.reveal(mark.t_ns)
    at.seek(mark.t_ns)


def _replay(desk: Desk) -> None:
    at = desk.workspace
    at.start_replay(at.home_ns() - _AGO_NS)


def _snapshot(desk: Desk) -> None:
    def done(answer: SnapshotInfo | FaultRecord) -> None:
        if isinstance(answer, SnapshotInfo):
            desk.say(f"Snapshot: {answer.path}")
        else:
            desk.workspace.tell(answer)

    desk.workspace.snapshot("", done)


def _played(
    name: str,
    title: str,
    run: Callable[[Desk], None],
    shortcut: str = "",
    tip: str = "",
    why_not: Callable[[Workspace], str] = _needs_cursor,
) -> Action:
    return Action(
        id=f"time.{name}",
        title=title,
        menu="Time",
        shortcut=shortcut,
        tip=tip,
        why_not=why_not,
        run=run,
    )


def _layout(name: str, key: str) -> Action:
    return Action(
        id=f"layout.{name}",
        title=name.capitalize(),
        menu="View/Workspaces",
        shortcut=key,
        tip=f"Arrange the docks for work in {name.capitalize()}",
        why_not=lambda _at: "",
        run=lambda desk: desk.use_layout(name),
    )


TIME_ACTIONS: tuple[Action, ...] = (
    _layout("operate", "Ctrl+1"),
    _layout("author", "Ctrl+2"),
    _layout("train", "Ctrl+3"),
    Action(
        id="time.live",
        title="Back to live",
        menu="Time",
        shortcut="L",
        tip="Show the live world again, at once",
        why_not=_needs_away,
        run=lambda desk: desk.workspace.go_live(),
    ),
    Action(
        id="time.replay",
        title="Replay the past",
        menu="Time",
        tip="Show recorded data; the live world goes on behind",
        why_not=_needs_replay,
        run=_replay,
    ),
    Action(
        id="time.enter",
        title="Go to a time…",
        menu="Time",
        shortcut="Ctrl+T",
        tip="Type a time: 14:03, -2h, yesterday 06:00, or an ISO time",
        why_not=_needs_replay,
        run=lambda desk: desk.enter_time(),
    ),
    _played("play", "Play or pause", _toggle_play, "Space"),
    _played("backwards", "Play backwards", _backwards, "Shift+Space", why_not=_needs_record),
    _played("slower", "Slower", lambda desk: _change_speed(desk, -1), "["),
    _played("faster", "Faster", lambda desk: _change_speed(desk, 1), "]"),
    _played(
        "previous",
        "Previous alarm",
        _step("alarm", -1),
        ",",
        "Go to the alarm event before",
        why_not=_needs_samples,
    ),
    _played("next", "Next alarm", _next, ".", "Go to the next alarm event; in an exercise one step on"),
    _played("tick-back", "One tick back", _step("tick", -1), why_not=_needs_record),
    _played("tick", "One tick on", _step("tick", 1)),
    _played("second-back", "One second back", _step("second", -1), "Shift+,", why_not=_needs_record),
    _played("second", "One second on", _step("second", 1), "Shift+."),
    _played("sample-back", "One sample back", _step("sample", -1), why_not=_needs_samples),
    _played("sample", "One sample on", _step("sample", 1), why_not=_needs_samples),
    Action(
        id="time.bookmark",
        title="Bookmark this time",
        menu="Time",
        shortcut="B",
        why_not=lambda at: _needs_project(at) or ("" if at.mirror.frames else "Nothing is shown yet."),
        run=_bookmark,
    ),
    Action(
        id="time.previous-bookmark",
        title="Previous bookmark",
        menu="Time",
        shortcut="Alt+,",
        why_not=lambda at: _needs_replay(at) or _needs_bookmark(at),
        run=lambda desk: _go_to_bookmark(desk, -1),
    ),
    Action(
        id="time.next-bookmark",
        title="Next bookmark",
        menu="Time",
        shortcut="Alt+.",
        why_not=lambda at: _needs_replay(at) or _needs_bookmark(at),
        run=lambda desk: _go_to_bookmark(desk, 1),
    ),
    Action(
        id="world.again",
        title="Start the lost world again",
        menu="Worlds",
        why_not=_needs_lost,
        run=lambda desk: desk.workspace.revisit(),
    ),
    Action(
        id="world.fork",
        title="Fork a what-if",
        menu="Worlds",
        shortcut="Ctrl+Shift+F",
        role="operator",
        tip="Start a what-if from what is shown now; the plant is not touched",
        why_not=lambda at: _needs_fork(at) or at.why_no_fork(),
        run=_fork,
    ),
    Action(
        id="world.snapshot",
        title="Take a snapshot",
        menu="Worlds",
        tip="Write state, alarms and model of the world that is shown into a file",
        why_not=_needs_fork,
        run=_snapshot,
    ),
    Action(
        id="order.kill",
        title="Stop all commands",
        menu="Plant",
        shortcut="Ctrl+Shift+K",
        tip="At once: nothing is sent to the plant until an engineer releases it with a reason",
        why_not=_needs_commands,
        run=lambda desk: desk.workspace.stop_commands(True),
    ),
    Action(
        id="order.release",
        title="Release commands…",
        menu="Plant",
        role="engineer",
        why_not=_needs_stopped,
        run=lambda desk: desk.release_commands(),
    ),
    Action(
        id="user.log-in",
        title="Log in or switch user…",
        menu="File",
        why_not=_needs_accounts,
        run=lambda desk: desk.log_in(),
    ),
    Action(
        id="user.log-out",
        title="Log out",
        menu="File",
        why_not=_needs_login,
        run=lambda desk: desk.workspace.people.logout(),
    ),
)
