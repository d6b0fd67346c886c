"""Commands of a marked range of time, and of the steps of a replay."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.control import StepBy
from armillary.model.frame import WorldKind
from armillary.session.action import Action, Desk
from armillary.session.workspace import Workspace

MENU = "Time/Range"


def _needs_record(at: Workspace) -> str:
    return at.why_no_replay()


def _needs_range(at: Workspace) -> str:
    if why := at.why_no_replay():
        return why
    return "" if at.timebar.marked is not None else "No range is marked: drag with Ctrl over the time bar."


def _needs_replay(at: Workspace) -> str:
    """Say why what is shown has no record to step through."""
    if at.kind is not WorldKind.REPLAY or not at.mirror.frames:
        return "Only a replay has that: drag over the time bar."
    return "" if at.mirror.live else "The world is silent."


def _needs_loop(at: Workspace) -> str:
    if why := _needs_replay(at):
        return why
    if at.cursor is not None and at.cursor.loop_ns[1]:
        return ""
    return _needs_range(at)


def _begin(desk: Desk) -> None:
    at = desk.workspace
    at.timebar.begin_range(at.picture_ns())


def _end(desk: Desk) -> None:
    at = desk.workspace
    at.timebar.end_range(at.picture_ns())


def _loop(desk: Desk) -> None:
    at = desk.workspace
    loops = at.cursor is not None and at.cursor.loop_ns[1] > 0
    marked = at.timebar.marked
    if loops or marked is None:
        at.loop(0, 0)
        desk.say("The range is not repeated any more.")
        return
    at.loop(*marked)
    if not at.is_playing:
        at.play(at.speed)
    desk.say("The marked range is repeated.")


def _as_authored(desk: Desk) -> None:
    authored = desk.workspace.authored
    authored.choose(then=not authored.then)
    desk.say(
        "Past times are shown as they were authored then."
        if authored.then
        else "Past times are shown as the project is now."
    )


def _step(by: StepBy, count: int) -> Callable[[Desk], None]:
    return lambda desk: desk.workspace.step(by, count)


def _stepped(name: str, title: str, by: StepBy, count: int, shortcut: str, tip: str) -> Action:
    return Action(
        id=f"time.{name}",
        title=title,
        menu="Time",
        shortcut=shortcut,
        tip=tip,
        why_not=_needs_replay,
        run=_step(by, count),
    )


def _ranged(
    name: str,
    title: str,
    run: Callable[[Desk], None],
    why_not: Callable[[Workspace], str],
    key: str,
    tip: str,
) -> Action:
    return Action(id=f"range.{name}", title=title, menu=MENU, shortcut=key, tip=tip, why_not=why_not, run=run)


_OF_TAGS = "of the tags of the selected part; of all where none is selected"

RANGE_ACTIONS: tuple[Action, ...] = (
    _stepped(
        "change-back", "Previous change", "change", -1, "Alt+Shift+,", f"Go to the change before, {_OF_TAGS}"
    ),
    _stepped(
        "change", "Next change", "change", 1, "Alt+Shift+.", f"Go to the next change of a value, {_OF_TAGS}"
    ),
    _stepped("event-back", "Previous event", "event", -1, "Ctrl+Shift+,", "Go to the event before"),
    _stepped("event", "Next event", "event", 1, "Ctrl+Shift+.", "Go to the next event of the record"),
    _ranged(
        "begin", "Range begins here", _begin, _needs_record, "Ctrl+[", "Mark a range from the time shown"
    ),
    _ranged("end", "Range ends here", _end, _needs_record, "Ctrl+]", "Mark a range up to the time shown"),
    _ranged(
        "loop", "Repeat the range", _loop, _needs_loop, "Ctrl+L", "Play the marked range again and again"
    ),
    _ranged(
        "keep", "Name the range…", lambda d: d.name_range(), _needs_range, "", "Keep it with the bookmarks"
    ),
    _ranged(
        "film", "Save a film of the range…", lambda d: d.film_range(), _needs_range, "", "Again to stop it"
    ),
    _ranged(
        "show",
        "Show the whole range",
        lambda d: d.workspace.timebar.show_marked(),
        _needs_range,
        "",
        "Zoom the time bar to it",
    ),
    _ranged(
        "clear",
        "Unmark the range",
        lambda d: d.workspace.timebar.mark(0, 0),
        _needs_range,
        "",
        "What is kept stays",
    ),
    Action(
        id="time.as-authored",
        title="Past as it was authored then, or as it is now",
        menu="Time",
        tip="Whether a replay shows bindings, tags and alarms of its time, or those of now",
        why_not=_needs_record,
        run=_as_authored,
    ),
)
