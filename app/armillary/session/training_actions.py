"""Commands of the trainer's station. The clock's (`Space`, `.`, `[`, `]`) are those of `time_actions`."""

from __future__ import annotations

from armillary.session.action import Action, Desk
from armillary.session.workspace import Workspace


def _needs_running(at: Workspace) -> str:
    return at.training.why_not_now()


def _needs_wish(at: Workspace) -> str:
    return at.training.why_not_direct() or ("" if at.training.back else "Choose a snapshot on the timeline.")


def _needs_report(at: Workspace) -> str:
    view = at.training.view
    if view is None:
        return "No exercise is shown."
    return "" if view.report.endswith(".html") else "The report is written when the exercise is over."


def _needs_brief(at: Workspace) -> str:
    if at.training.brief is None:
        return "No exercise is shown."
    return "You have said so." if at.training.is_ready else ""


def _needs_no_trainee(at: Workspace) -> str:
    return "This is a trainee's desk." if at.is_trainee else ""


def _snapshot(desk: Desk) -> None:
    desk.workspace.training.keep()
    desk.say("This moment is kept.")


TRAINING_ACTIONS: tuple[Action, ...] = (
    Action(
        id="train.open",
        title="Start an exercise…",
        menu="Train",
        role="instructor",
        tip="Choose a training scenario of the project and begin it",
        why_not=lambda at: _needs_no_trainee(at) or at.why_no_training(),
        run=lambda desk: desk.show_panel("exercise"),
    ),
    Action(
        id="train.snapshot",
        title="Keep this moment",
        menu="Train",
        shortcut="F5",
        role="instructor",
        tip="Take a snapshot of the exercise: one can go back to it",
        why_not=_needs_running,
        run=_snapshot,
    ),
    Action(
        id="train.back",
        title="Go back to the chosen moment",
        menu="Train",
        role="instructor",
        tip="What came since is kept as a branch",
        why_not=_needs_wish,
        run=lambda desk: desk.workspace.training.go_back(),
    ),
    Action(
        id="train.good",
        title="Mark: good",
        menu="Train",
        role="instructor",
        tip="Note with its time that the trainee did well",
        why_not=_needs_running,
        run=lambda desk: desk.workspace.training.mark(0.0, "good"),
    ),
    Action(
        id="train.poor",
        title="Mark: poor",
        menu="Train",
        role="instructor",
        tip="Note with its time that the trainee did badly",
        why_not=_needs_running,
        run=lambda desk: desk.workspace.training.mark(0.0, "poor"),
    ),
    Action(
        id="train.end",
        title="End the exercise",
        menu="Train",
        role="instructor",
        tip="The report is written, and the exercise can be looked at again",
        why_not=_needs_running,
        run=lambda desk: desk.workspace.training.end(),
    ),
    Action(
        id="train.report",
        title="Open the report",
        menu="Train",
        role="instructor",
        why_not=_needs_report,
        run=lambda desk: desk.open_report(),
    ),
    Action(
        id="train.trainee",
        title="Open the trainee's desk",
        menu="Train",
        role="instructor",
        tip="A second window on this exercise: it sees what an operator sees",
        why_not=lambda at: at.training.why_not_direct(),
        run=lambda desk: desk.open_trainee(),
    ),
    Action(
        id="train.ready",
        title="Say that you are ready",
        menu="Train",
        tip="Tell the instructor that you have read the brief",
        why_not=lambda at: _needs_brief(at) or ("" if at.is_trainee else "Trainees say so."),
        run=lambda desk: desk.workspace.training.say_ready(),
    ),
)
