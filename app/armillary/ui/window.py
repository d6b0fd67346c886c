"""The desk's main window: docks around the viewport, menus from the actions, themes, messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
)
from PySide6.QtWidgets import QApplication, QComboBox, QMenu, QSplitter, QToolButton

from armillary.model.clock import Clock, WallClock
from armillary.model.fault import Fault
from armillary.model.frame import WorldKind
from armillary.session.actions import ACTIONS, Action, action
from armillary.session.adding import Adding
from armillary.session.alarm_actions import go_to_alarm
from armillary.session.alarm_row import AlarmRow
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui import docks, icons, sheets, theme, timers
from armillary.ui.alarmbar import AlarmBar
from armillary.ui.arrangement import Arrangement
from armillary.ui.author_sheets import AuthorSheets
from armillary.ui.author_tools import AuthorTools
from armillary.ui.bars import Bars
from armillary.ui.beside import BesideView
from armillary.ui.branch_sheet import Branching
from armillary.ui.brief import BriefCard
from armillary.ui.canvas import Canvas
from armillary.ui.commands import Commands
from armillary.ui.decisions import Decisions
from armillary.ui.desk import Desk
from armillary.ui.disk_card import DiskCard
from armillary.ui.drawing import Drawing
from armillary.ui.drift_card import DriftCard
from armillary.ui.field_card import FieldCard
from armillary.ui.files import Files
from armillary.ui.finder import Finder
from armillary.ui.guiding import Guiding
from armillary.ui.help import HelpSheet
from armillary.ui.menus import Menus
from armillary.ui.mode import ModeFrame
from armillary.ui.notify import Cards, Notice, of_fault
from armillary.ui.opening_card import OpeningCard
from armillary.ui.panels.alarms import AlarmsPanel
from armillary.ui.panels.authoring import BindCard
from armillary.ui.panels.browse import BrowsePanel
from armillary.ui.panels.compare import ComparePanel
from armillary.ui.panels.drift import DriftPanel
from armillary.ui.panels.events import EventsPanel
from armillary.ui.panels.exercise import ExercisePanel
from armillary.ui.panels.health import HealthPanel
from armillary.ui.panels.inspector import InspectorPanel
from armillary.ui.panels.instructor import InstructorPanel
from armillary.ui.panels.links import LinksPanel
from armillary.ui.panels.model import ModelPanel
from armillary.ui.panels.tags import TagsPanel
from armillary.ui.panels.tree import TreePanel
from armillary.ui.panels.trends import TrendsPanel
from armillary.ui.panels.whatif import WhatIfPanel
from armillary.ui.probe import FirstLive, Lateness
from armillary.ui.range import Range
from armillary.ui.refind_card import RefindCard
from armillary.ui.refind_marks import RefindMarks
from armillary.ui.rule_sheet import RuleSheet
from armillary.ui.scene_card import SceneCard
from armillary.ui.scene_tools import SceneTools
from armillary.ui.second import SecondDesk, words_of
from armillary.ui.shelf import hide_alarms
from armillary.ui.shift import ShiftWork
from armillary.ui.status import Status
from armillary.ui.toasts import Toasts
from armillary.ui.versions_card import VersionsCard
from armillary.viewport.view import View

SAY_MS = 6000
FUTURES_PX = 320  # of the docks below while a what-if is shown: runs and figures need room
_REFRESH_MS = 250


class DeskWindow(Desk):
    """One workspace on the screen. It is the `Desk` that actions are run with."""

    def __init__(
        self, workspace: Workspace, clock: Clock | None = None, settings: Settings | None = None
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.clock: Clock = clock or WallClock()
        self.settings = settings or Settings()
        self.colours = theme.THEMES[self.settings.theme]
        self.on_closed: Callable[[], None] = lambda: None
        self.timer_lateness = Lateness(self.clock, self)
        self.first_live = FirstLive(workspace, self.clock)
        self.finder = Finder(
            workspace,
            run=self._run,
            frame=self.frame,
            reveal=self._reveal,
            go=lambda name: self.files.tried(lambda: self.tools.go(name)),
            say=self.say,
        )
        self._has_told_settings = False
        self.setAcceptDrops(True)
        self.setMinimumSize(QSize(800, 500))
        self._build_panels()
        self._build_frame()
        self._connect()
        self.arrangement = Arrangement(self, self.settings, self.docks, self.bars)
        self.set_theme(self.colours.name)
        self._project_changed()
        self.canvas.setFocus()

    # ------------------------------------------------------------ building
    def _build_panels(self) -> None:
        ws, clock, colours = self.workspace, self.clock, self.colours
        self.canvas = Canvas(ws, clock, colours, View())
        self.tools = SceneTools(ws, self.canvas, clock, colours, self.say, self.fault)
        self.pictures = QSplitter()
        self.beside = BesideView(ws, self.canvas, colours, self.pictures)
        self.tree = TreePanel(ws, colours, self.frame, self._context_menu)
        self.inspector = InspectorPanel(
            ws, clock, colours, trend=self.trend, copy=self.copy, say=self.say, run=self._run_named
        )
        self.tags = TagsPanel(ws, clock, colours, self.trend)
        self.trends = TrendsPanel(ws, clock, colours, self.say, self.fault)
        self.links = LinksPanel(ws, colours)
        self.events = EventsPanel(ws, clock, colours, copy=self.copy, replay=self.replay_at, say=self.say)
        self.bars = Bars(self, ws, clock, colours, self.settings, self, self._run_named)
        self.alarms = AlarmsPanel(ws, clock, colours, self.settings, self)
        self.health = HealthPanel(ws, clock, colours, self)
        self.whatif = WhatIfPanel(ws, colours, self._run_named, self.fault, self.propose)
        self.compare = ComparePanel(ws, colours, self.say)
        self.alarmbar = AlarmBar(ws, colours, self.go_to_alarm)
        self.bindcard = BindCard(ws, self.say, self._reveal_details)
        self.inspector.hold(self.bindcard)
        self.author_tools = AuthorTools(
            self, ws, colours, say=self.say, edit=self.bindcard.edit, frame=self.frame
        )
        self.inspector.on_binding = self.bindcard.edit_named
        self.fieldcard = FieldCard(ws, self.say, self._reveal_details)
        self.inspector.hold(self.fieldcard)
        self.author_sheets = AuthorSheets(ws, lambda: self.colours, self.say, self)
        self.branching = Branching(ws, colours, self.say, self, self.bindcard.take)
        self.canvas.on_drop = self.branching.take
        self.tree.view.on_drop = lambda data, index: self.branching.take(data, self.tree.model.prim(index))
        self.browse = BrowsePanel(ws, colours, self.bindcard.drop_nodes, self.say)
        self.browse.also = self.bindcard.wanted_level
        self.adding = Adding(ws, self.trends.add)
        self.tags.on_nodes = lambda nodes: self.say(self.adding.to_table(nodes))
        self.trends.on_nodes = lambda nodes: self.say(self.adding.to_trend(nodes))
        self.drift = DriftPanel(ws, colours, self.say, self._show_tag)
        self.model = ModelPanel(ws, colours, self)
        self.browse.bind_branch = self.bind_branch
        self.decisions = Decisions(ws, clock, colours, self.canvas, self._run_named, self.frame)
        self.alarmbar.show_list = lambda: self.show_panel("alarms")
        self.alarmbar.show_hidden = self._show_hidden_alarms
        self.exercise = ExercisePanel(ws, colours, self._run_named)
        self.instructor = InstructorPanel(ws, self._run_named, self.fault)
        self.brief = BriefCard(ws, self._run_named)
        self.changed = DiskCard(ws, self._run_named, self.say)
        self.scene_changed_card = SceneCard(ws, self._run_named, self._reloads_by_itself)
        self.drift_card = DriftCard(ws, self._show_tag, self.drift.book)
        self.shift = ShiftWork(self)
        self.versions_card = VersionsCard(self.canvas, ws, self.frame)
        self.refind_marks = RefindMarks(self.canvas, colours)
        self.refind_card = RefindCard(self.canvas, ws, self.fly, self.say, self.refind_marks.show_match)
        self.second = SecondDesk(self)
        self.guiding = Guiding(self, ws, self.canvas, colours)

    def _build_frame(self) -> None:
        docks.configure()
        self.mode = ModeFrame(self.workspace, self._restart_world, self._run_named)
        self.setCentralWidget(self.mode)
        self.docks = docks.Docks(self.mode, self.pictures, "Viewport")
        self.mode.rows.addWidget(self.alarmbar)
        self.mode.hold(self.docks.manager)
        add = self.docks.add
        add("tree", "Scene tree", self.tree, "left")
        add("inspector", "Inspector", self.inspector, "right")
        add("tags", "Live table", self.tags, "bottom")
        add("alarms", "Alarms", self.alarms, "bottom")
        add("health", "Alarm health", self.health, "bottom")
        add("trends", "Trends", self.trends, "bottom")
        add("links", "Links", self.links, "bottom")
        add("browse", "Browse", self.browse, "bottom")
        add("drift", "Drift", self.drift, "bottom")
        add("model", "Model", self.model, "bottom")
        add("bindings", "Bindings", self.author_tools.panel, "bottom")
        add("events", "Events", self.events, "bottom")
        add("worlds", "Worlds", self.bars.worlds, "bottom")
        add("loops", "Loops", self.decisions.loops, "bottom")
        add("whatif", "What-if", self.whatif, "bottom")
        add("compare", "Compare", self.compare, "bottom")
        if not self.workspace.is_trainee:
            add("exercise", "Exercise", self.exercise, "bottom")
            add("instructor", "Instructor", self.instructor, "right")
        self.decisions.place(self.mode)
        self.bars.place(self.mode, self.docks, self.canvas, self.show_panel)
        self.mode.top(self.brief)
        self.mode.top(self.changed)
        self.mode.top(self.scene_changed_card)
        self.mode.top(self.drift_card)
        self.mode.top(self.shift.card)
        self.mode.top(self.author_tools.bar)
        if self.workspace.is_trainee:
            for name in ("worlds", "links"):
                self.docks.hide(name)
        self.status = Status(self.workspace, self.clock, self.colours, self.show_panel)
        self.setStatusBar(self.status)
        self.cards = Cards(self.workspace, self.canvas, self.colours, self.copy)
        self.cards.beside, self.decisions.offers.placed = self.decisions.offers.room, self.cards.place
        self.toasts = Toasts(self.workspace, self.settings, self.cards.add, self.cards.forget)
        self.files = Files(
            self, self.workspace, self.settings, self.cards, draw_now=self.canvas.draw_now, say=self.say
        )
        self.range = Range(self, self.clock)
        self.drawing = Drawing(self.workspace, self.settings, self.canvas, self.alarmbar, self.say)
        self.opening_card = OpeningCard(self.workspace, self.canvas, self)
        self.commands = Commands(self.mode, self.colours, self.finder.find, self.finder.take)
        self.help = HelpSheet(self.mode)
        self.menus = Menus(self, self, self)
        self.addToolBar(self.menus.toolbar)
        self.tools.attach(self.menus.menu("View/Kept views"))
        file_menu = self.menus.menu("File")
        after = file_menu.actions()[1] if len(file_menu.actions()) > 1 else None
        if after is not None:
            file_menu.insertMenu(after, self.files.recent)
        else:
            file_menu.addMenu(self.files.recent)

    def _name_strangers(self) -> None:
        """Name the widgets that Qt makes inside ours."""
        for box in self.findChildren(QComboBox):
            box.view().setAccessibleName(f"Choices: {box.accessibleName()}")
        for button in self.menuBar().findChildren(QToolButton):
            button.setAccessibleName("More menus")

    def _connect(self) -> None:
        ws = self.workspace
        self._refresh = timers.once(self, _REFRESH_MS, self.menus.refresh)
        for signal in (ws.scene_changed, ws.world_changed, ws.links_changed, ws.order_changed):
            signal.connect(self._soon)
        ws.selection_changed.connect(lambda _prims: self._soon())
        ws.project_changed.connect(self._project_changed)
        ws.visited.connect(self._visited)
        ws.reopened.connect(self._reopened)
        ws.refused.connect(lambda why: self.fault(why.fault()))
        ws.training.begun.connect(lambda: self.use_layout("train"))
        ws.training.ended.connect(lambda: self.show_panel("instructor"))
        ws.training.changed.connect(self._soon)
        ws.versions.changed.connect(self._soon)
        self.mode.watch(lambda _mode, _text: self._set_title())
        ws.scene_changed.connect(self.finder.forget)
        ws.world_changed.connect(self.finder.forget)
        self.canvas.on_frame = self.first_live.drawn
        self.docks.on_toggle(self._soon)

    def _soon(self) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    def _reopened(self, text: str) -> None:
        """Say that the desk before did not end in order, and arrange the window as it was."""
        self.cards.add(Notice("info", text, self.workspace.title, ""))
        if before := self.arrangement.layout_before:
            self.use_layout(before)

    # ------------------------------------------------------------ workspace → window
    def _project_changed(self) -> None:
        self._set_title()
        self.finder.forget()
        self.menus.refresh()
        if (path := self.workspace.path) is not None:
            self.settings.opened(path)
        self._tell_of_settings()

    def _set_title(self) -> None:
        """Name the window by its project; the kind of world comes first, as the ribbon has it."""
        title, ribbon = self.workspace.title, self.mode.ribbon.text()
        words = f"{title} – Armillary" if title else "Armillary"
        self.setWindowTitle(f"{ribbon} – {words}" if ribbon else words)

    def _visited(self) -> None:
        """Another world is shown: what depends on its tags is looked up anew."""
        if self.workspace.kind is WorldKind.WHATIF:
            self.docks.give_height("whatif", FUTURES_PX)
        self.finder.forget()
        self._soon()

    def _tell_of_settings(self) -> None:
        """Say once that settings were broken or cannot be kept; the desk works without them."""
        problem = self.settings.problem
        if problem and not self._has_told_settings:
            self._has_told_settings = True
            self.cards.add(Notice("warning", problem, str(self.settings.path), self.settings.remedy))

    def _restart_world(self) -> None:
        self.files.tried(self.workspace.restart_world)

    # ------------------------------------------------------------ Teller
    def say(self, text: str) -> None:
        """Show a short message in the status bar."""
        self.status.showMessage(f"  {text}", SAY_MS)

    def fault(self, fault: Fault) -> None:
        """Show a fault as a card."""
        self.cards.add(of_fault(fault))

    def notice(self, notice: Notice) -> None:
        """Show a card."""
        self.cards.add(notice)

    # ------------------------------------------------------------ Desk: time and people
    def log_in(self) -> None:
        """Open the sheet for name and password."""
        self.bars.log_in()

    def enter_time(self) -> None:
        """Put the keyboard into the time bar's field."""
        self.bars.timebar.focus_entry()

    def name_range(self) -> None:
        """Ask a name for the marked range of time."""
        self.range.name()

    def film_range(self) -> None:
        """Film the marked range of time, or stop that."""
        self.range.save()

    def write_note(self) -> None:
        """Ask for a note on the time shown, of what is selected."""
        self.shift.write()

    def show_shift(self) -> None:
        """Show the report of the last shift."""
        self.shift.show()

    def hand_over(self) -> None:
        """Ask for remarks, then hand the shift over."""
        self.shift.hand_over()

    def release_commands(self) -> None:
        """Ask a reason, then let commands go to the plant again."""
        self.bars.release()

    def use_layout(self, name: str) -> None:
        """Arrange the docks for a workspace: operate, author or train."""
        self.bars.use(name)
        self.author_tools.bar.layout_changed(self.bars.layout)

    def author(self, what: str) -> None:
        """Run a command of `session.binding_actions`."""
        self.author_tools.run(what)

    def _show_tag(self, slot: int) -> None:
        self.show_panel("tags")
        self.tags.search.setText(self.workspace.specs[slot].name)

    # ------------------------------------------------------------ Desk: training
    def open_report(self) -> None:
        """Show the report of the exercise in what opens such files here."""
        view = self.workspace.training.view
        if view is None or not QDesktopServices.openUrl(QUrl.fromLocalFile(view.report)):
            where = view.report if view is not None else ""
            raise Fault("The report could not be opened.", where=where, remedy="Open the file yourself.")
        self.say(view.report)

    def open_trainee(self) -> None:
        """Open a second desk on this exercise, as its trainee's; the command that does it is copied."""
        address = self.workspace.address
        self.copy(words_of(address))
        self.second.open(address)
        self.say(f"The trainee's desk is opening. Copied for another screen: {words_of(address)}")

    # ------------------------------------------------------------ Desk: opening
    def ask_server(self) -> None:
        """Open the sheet for a server that publishes its own scene."""
        self.files.ask_server()

    def ask_open(self) -> None:
        """Ask for a project or scene and open it."""
        self.files.ask_open()

    def close_workspace(self) -> None:
        """Close what is open; the window stays."""
        self.files.tried(self.workspace.close)

    def quit(self) -> None:
        """Close the window, and with it the desk."""
        self.close()

    # ------------------------------------------------------------ Desk: viewing
    def view(self, name: str) -> None:
        """Look from a standard side (`iso`, `top`, …) or through a camera (`camera:<path>`)."""
        self.tools.look(name)

    def scene_tool(self, name: str) -> None:
        """Run a command of `session.view_actions` by its name without `view.`."""
        self.tools.run(name)
        self._soon()

    def frame(self, prims: tuple[int, ...]) -> None:
        """Frame parts, or everything."""
        self.tools.frame(prims)

    def fly(self, prims: tuple[int, ...], camera: str = "") -> None:
        """Fly to parts and frame them, or to a camera of the scene."""
        self.tools.fly(prims, camera)

    def trend(self, slots: Sequence[int]) -> None:
        """Draw tags in the trends."""
        self.show_panel("trends")
        self.trends.add(slots)

    def propose(self, run: str, tag: str) -> None:
        """Go back to live and fill the form of a write with a setpoint of a what-if run; sends nothing."""
        ws = self.workspace

        def fill() -> None:
            home = ws.home
            if home is None:
                return
            found = ws.futures.proposal(run, tag, home.mirror, home.specs)
            ws.go_live()
            slot = next(spec.slot for spec in ws.specs if spec.name == found.tag)
            prim = ws.prim_of_tag(slot)
            if prim is not None:
                ws.select((prim,))
            self.show_panel("inspector")
            self.inspector.open_write(slot, found.value, found.note)

        self.files.tried(fill)

    def show_panel(self, name: str) -> None:
        """Open a dock and bring it to the front."""
        self.docks.show(name)

    def show_palette(self) -> None:
        """Open the command palette."""
        self.commands.open()

    def show_help(self) -> None:
        """Show all commands with their keys."""
        self.help.show_keys(ACTIONS)

    def show_about(self) -> None:
        """Show what this is."""
        self.help.show_about()

    def toggle_theme(self) -> None:
        """Change between dark and light, and remember it."""
        self.set_theme("light" if self.colours.name == "dark" else "dark")
        self.settings.theme = self.colours.name

    def toggle_motion(self) -> None:
        """Let nothing blink, turn or flow by itself, or let it again, and remember it."""
        self.drawing.toggle_motion()

    def toggle_reload(self) -> None:
        """Let changed scenes be read again by themselves in Author, or be offered only; and remember it."""
        on = self.settings.get("reload") != "author"
        self.settings.set("reload", "author" if on else "ask")
        self.say("Changed scenes are reloaded in Author." if on else "Changed scenes are offered.")
        self.scene_changed_card.refresh()

    def _reloads_by_itself(self) -> bool:
        return self.settings.get("reload") == "author" and self.bars.layout == "author"

    def simulate_vision(self, name: str) -> None:
        """Show the scene as people with another colour vision see it."""
        self.drawing.simulate_vision(name)

    def bind(self) -> None:
        """Bind what is chosen in the link browser, else in the live table, to the selected part."""
        slots = self.tags.chosen()
        if self.browse.chosen() and (self.browse.view.hasFocus() or not slots):
            self.browse.bind_to_selection()
        elif slots:
            self.bindcard.drop(slots, self.workspace.selection[-1])
        else:
            self.say("Bind: choose a node in Browse or a tag in the live table first.")

    def bind_branch(self) -> None:
        """Propose parts below the selected one for what is chosen in the link browser or the live table."""
        nodes = tuple(node.number for node in self.browse.chosen())
        is_browsed = bool(nodes) and (self.browse.view.hasFocus() or not self.tags.chosen())
        self.branching.begin(nodes if is_browsed else (), self.tags.chosen(), self.workspace.selection[-1])

    def give_by_hand(self) -> None:
        """Open the card for a value by hand of the part selected last."""
        self.show_panel("inspector")
        self.inspector.give_by_hand()

    def spread(self) -> None:
        """Take a field of sensors over the part selected last in hand."""
        self.fieldcard.begin()

    def set_theme(self, name: str) -> None:
        """Draw everything in a theme."""
        self.colours = theme.THEMES[name]
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.dress(app, self.colours)
        self.workspace.set_theme(name)
        self.setWindowIcon(icons.icon("app", self.colours.text))
        for part in (
            self.canvas, self.tree, self.inspector, self.tags, self.trends, self.links, self.events,
            self.alarms, self.health, self.alarmbar, self.exercise, self.browse, self.drift,
            self.whatif, self.compare, self.beside, self.decisions, self.model, self.author_tools,
            self.guiding, self.refind_marks,
            self.status, self.cards, self.commands, self.menus, self.docks, self.bars, self.mode, self.tools,
        ):  # fmt: skip
            part.set_colours(self.colours)
        self._name_strangers()  # a new style sheet makes new inner widgets

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        self.arrangement.toggle_full_screen()

    def reset_layout(self) -> None:
        """Arrange all docks as on the first start."""
        self.arrangement.reset()

    def _show_hidden_alarms(self) -> None:
        self.show_panel("alarms")
        self.alarms.show_hidden()

    def hide_alarms(self, how: str) -> None:
        """Shelve the chosen alarms, take them out of service or bring them back."""
        hide_alarms(self.workspace, how, self)

    def toggle_toasts(self) -> None:
        """Show cards for new alarms of priority 2, too, or of priority 1 only; and remember it."""
        self.say(self.toasts.toggle())

    def silence(self) -> None:
        """Stop the sound of the alarms that are there now."""
        self.alarmbar.silence()

    def go_to_alarm(self, row: AlarmRow | None) -> None:
        """Choose an alarm, show its part and the trend of its tag."""
        go_to_alarm(self, row)

    def trend_at(self, slots: Sequence[int], t_ns: int) -> None:
        """Draw tags in the trends, around a time."""
        self.show_panel("trends")
        self.trends.show_at(slots, t_ns)

    def replay_at(self, t_ns: int) -> None:
        """Show the plant as it was at a time; a fault becomes a card."""
        self.files.tried(lambda: self.workspace.seek(t_ns))

    def show_alarm(self, name: str) -> None:
        """Show the line of an alarm; one that is normal is shown in the journal."""
        self.show_panel("alarms")
        self.alarms.show_alarm(name)

    def show_limits(self, name: str) -> None:
        """Show the part of an alarm in the inspector, where its limits are."""
        at = self.workspace
        prim = at.alarms.prims.get(name, -1)
        spec = at.alarms.specs.get(name)
        if prim >= 0:
            at.select((prim,))
            self._reveal_details()
        elif spec is not None and spec.slot >= 0:
            self._reveal(spec.slot)

    def toggle(self, option: str) -> None:
        """Show or hide grid, axes, labels, legend, edges or the effect of the scene's lights."""
        self.drawing.toggle(option)

    def draw_with(self, option: str, value: str) -> None:
        """Draw with another value of `smooth` or `occlusion`, and remember it."""
        self.drawing.draw_with(option, value)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        QGuiApplication.clipboard().setText(text)
        self.say("Copied.")

    def save_picture(self) -> None:
        """Ask for a file and write the whole window into it."""
        self.files.ask_picture()

    def export_scene(self) -> None:
        """Ask for a file and export the scene as it is shown."""
        self.files.ask_export()

    def procedure(self, name: str) -> None:
        """Run a command of procedures by its name without `procedure.`."""
        self.files.tried(lambda: self.guiding.run(name))

    def edit_rules(self) -> None:
        """Open the sheet of rules on streams."""
        RuleSheet(self.workspace, self.colours, self.say, self).show()

    def add_scene(self) -> None:
        """Ask for a scene and add it to this one."""
        sheets.add_scene(self, self)

    def show_versions(self) -> None:
        """Open the sheet of published versions."""
        sheets.versions(self, self)

    def new_project(self) -> None:
        """Ask for what a new project is made of, and open it."""
        sheets.new_project(self, self)

    def author_sheet(self, name: str) -> None:
        """Open a sheet of authoring: lists of tags, templates."""
        self.author_sheets.open(name)

    def compare_scene(self) -> None:
        """Ask for another version of the scene and show what differs."""
        self.files.ask_compare()

    # ------------------------------------------------------------ palette and context menu
    def _run(self, entry: Action) -> None:
        self.menus.run(entry)

    def _run_named(self, name: str) -> None:
        self.menus.run(action(name))

    def _reveal(self, slot: int) -> None:
        """Show a tag in the live table."""
        self.show_panel("tags")
        self.tags.reveal(slot)

    def _reveal_details(self) -> None:
        """Show the top of the inspector, where the card of what is being bound stands."""
        if not self.docks.is_open("inspector") or not self.inspector.isVisible():
            self.show_panel("inspector")
        self.inspector.area.verticalScrollBar().setValue(0)

    def _context_menu(self, menu: QMenu) -> None:
        self.menus.fill_context(menu)

    # ------------------------------------------------------------ Qt
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  Qt's name
        urls = event.mimeData().urls()
        if len(urls) == 1 and urls[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        event.acceptProposedAction()
        self.files.open(event.mimeData().urls()[0].toLocalFile())

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Remember the window, stop what was started; asks nothing."""
        self.arrangement.end()
        self.decisions.offers.end()
        self.second.close()
        self.workspace.close()
        self.files.close()
        self.on_closed()
        super().closeEvent(event)

    def shut_down(self) -> None:
        """Give graphics memory and all widgets back; the window is not used again."""
        self.alarmbar.close_sound()
        self.canvas.view.close()
        self.beside.shut_down()
        self.deleteLater()
