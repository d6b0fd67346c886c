"""What a command of the product is, and what it needs of the window; they are in `session.actions`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from armillary.session.workspace import Workspace


class Desk(Protocol):
    """What actions need of the window; `ui` implements it. Texts and choices only, no widgets."""

    workspace: Workspace

    def ask_open(self) -> None: ...  # file dialog, then workspace.open
    def ask_server(self) -> None: ...  # the sheet that opens a server's own scene
    def close_workspace(self) -> None: ...
    def quit(self) -> None: ...
    def view(self, name: str) -> None: ...  # iso | top | front | back | left | right | camera:<path>
    def frame(self, prims: tuple[int, ...]) -> None: ...  # empty = everything
    # frame, on a way that can be followed by eye; through a camera of the scene where there is that one
    def fly(self, prims: tuple[int, ...], camera: str = "") -> None: ...
    def show_panel(self, name: str) -> None: ...
    def show_palette(self) -> None: ...
    def show_help(self) -> None: ...
    def show_about(self) -> None: ...
    def toggle_theme(self) -> None: ...
    def toggle_motion(self) -> None: ...  # reduced motion: nothing blinks, turns or flows
    def simulate_vision(self, name: str) -> None: ...  # protan | deutan | tritan | grey; "" = none
    def bind(self) -> None: ...  # what is chosen in the browser or the live table, to the selected part
    def bind_branch(self) -> None: ...  # what is chosen there and below, to what is below the selected part
    def give_by_hand(self) -> None: ...  # a value of the part selected last, in place of the plant's
    def spread(self) -> None: ...  # sensors over the part selected last
    def author(self, what: str) -> None: ...  # a command of `session.binding_actions`
    def toggle_full_screen(self) -> None: ...
    def reset_layout(self) -> None: ...
    def save_picture(self) -> None: ...  # asks for a file
    def export_scene(self) -> None: ...  # asks for a file
    def toggle_reload(self) -> None: ...  # changed scenes are read again by themselves in Author
    def add_scene(self) -> None: ...  # asks for a scene to be added to this one
    def show_versions(self) -> None: ...  # opens the sheet of published versions
    def new_project(self) -> None: ...  # opens the sheet that makes a project
    def procedure(self, name: str) -> None: ...  # run | show | skip | abort: the last two ask a reason
    def edit_rules(self) -> None: ...  # opens the sheet of rules on streams
    def author_sheet(self, name: str) -> None: ...  # import-tags | export-tags | binding-templates
    def compare_scene(self) -> None: ...  # asks for another version of the scene
    def copy(self, text: str) -> None: ...
    def silence(self) -> None: ...  # the sound of the alarms that are there now
    def toggle_toasts(self) -> None: ...  # for alarms of priority 2, too, or of priority 1 only
    def hide_alarms(self, how: str) -> None: ...  # the chosen ones: shelve | remove (both ask why) | show
    def toggle(self, option: str) -> None: ...  # grid | axes | labels | legend | callouts | lights | edges
    def draw_with(self, option: str, value: str) -> None: ...  # smooth | occlusion
    def say(self, text: str) -> None: ...  # a short message in the status line
    def log_in(self) -> None: ...  # opens the sheet for name and password
    def enter_time(self) -> None: ...  # puts the keyboard into the time bar's field
    def name_range(self) -> None: ...  # asks a name, then keeps the marked range
    def film_range(self) -> None: ...  # asks for a file, or stops the film that is being made
    def write_note(self) -> None: ...  # asks for it; at the time shown, of what is selected
    def show_shift(self) -> None: ...  # the report of the last one
    def hand_over(self) -> None: ...  # asks for remarks
    def release_commands(self) -> None: ...  # asks a reason, then workspace.kill
    def use_layout(self, name: str) -> None: ...  # operate | author | train
    def open_report(self) -> None: ...  # of the exercise that is over
    def scene_tool(self, name: str) -> None: ...  # a command of `session.view_actions` without its `view.`
    def open_trainee(self) -> None: ...  # a second desk on the exercise that is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One command. `why_not` returns "" when it may run, else the reason, shown as tooltip."""

    id: str  # noun.verb, stable for ever
    title: str
    menu: str  # `File`, `View/Panels`; "" = in no menu, only palette and shortcut
    shortcut: str = ""  # Qt's text form: `Ctrl+O`
    role: str = "viewer"
    tip: str = ""
    why_not: Callable[[Workspace], str]
    run: Callable[[Desk], None]
