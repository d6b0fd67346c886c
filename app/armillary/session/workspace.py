"""What a desk has open: project, scene, mirror of a world, selection. Qt-free; lives on the Qt thread."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from armillary.alarms import assets
from armillary.alarms.positions import members
from armillary.encoding.maps import Legend
from armillary.encoding.program import Program
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS, Clock
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event, RunState, WorldKind
from armillary.model.link import BrowseItem, Quarantined
from armillary.model.message import (
    AskQuarantine,
    Browse,
    Browsed,
    Quarantine,
    Retry,
)
from armillary.model.order import Receipt
from armillary.model.scene import index_of
from armillary.model.tags import TagSpec
from armillary.project.record import Project
from armillary.session import autosave
from armillary.session.alarm_groups import Place, place_of
from armillary.session.alarm_health import AlarmHealth
from armillary.session.alarmbook import AlarmBook
from armillary.session.authored import Authored
from armillary.session.authoring import Authoring
from armillary.session.boarding import WorldState, boarding, start_recorder, start_world
from armillary.session.branch import Branch
from armillary.session.browsing import Browsing
from armillary.session.bulk import Bulk
from armillary.session.covering import Covering
from armillary.session.disk import Disk, with_project
from armillary.session.feed import RECORDER, SCENE, WORLD, Feed
from armillary.session.guide import Guide
from armillary.session.journal import Journal, record_until
from armillary.session.journal_file import Export
from armillary.session.loading import fault_of
from armillary.session.logbook import LogBook
from armillary.session.looking_back import LookingBack
from armillary.session.mirror import Mirror
from armillary.session.modelmap import ModelMap
from armillary.session.orders import Orders
from armillary.session.placing import Placing
from armillary.session.plant_model import PlantModel
from armillary.session.pointing import Pointing
from armillary.session.refinding import Refinding
from armillary.session.reopening import Reopening
from armillary.session.scene_files import LOOK_S
from armillary.session.template_work import TemplateWork
from armillary.session.timeline import Timeline
from armillary.session.training import Station
from armillary.session.trends import Trends
from armillary.session.undo import Undo
from armillary.session.version_book import VersionBook
from armillary.session.versions import Versions
from armillary.session.views import Views
from armillary.session.visit import Line
from armillary.session.whatif import Futures
from armillary.session.whatif_beside import Beside
from armillary.session.whatif_difference import Difference

__all__ = ["Legend", "Program", "Workspace", "WorldState"]

log = logging.getLogger(__name__)

PLAY_S = 1 / 24  # how often the scene's own time goes on while it plays: what moves by itself must not jerk
SPIN_S = 0.1  # how often what spins is turned when nothing else asks for a picture
AGE_S = 1.0  # how often ages are shown anew while the world is silent
COUNTDOWN_S = 0.25
BROWSE_S = 30.0
_NONE = np.zeros(0, np.uint32)


def _unheard() -> None:
    """Stand in for `wake` until the owner sets it: whoever pumps by hand needs none."""


class Workspace(Pointing):
    """Everything a desk knows and does. Every method is for one thread (Qt's).

    The owner sets `wake` to something that queues one `pump` on its thread, and calls `pump` again after
    `due_s` seconds when that is not None.
    """

    def __init__(self, clock: Clock, *, actor: str = "", desk: str = "desk") -> None:
        super().__init__(clock)
        self.desk = desk  # what this desk says it is: `desk`, or a `trainee`'s
        self.actor = actor or f"local:{os.getuid()}"
        self.wake: Callable[[], None] = _unheard  # the one call from the wire thread, once per batch
        self.orders = Orders(
            clock,
            self.actor,
            lambda message, callback, limit_s: self._ask(WORLD, message, callback, limit_s),
            lambda: self.mirror,
            lambda: self.specs,
        )
        self.timeline = Timeline(
            self._ask_record,
            lambda: self.specs,
            self.picture_ns,
        )
        self.trends = Trends(self._ask_record, lambda: self.specs, self.picture_ns, self.timeline)
        self.project_changed.connect(lambda: self.trends.begin(self._saved_folder()))
        self.training = Station(self)
        self.training.ended.connect(self._show_exercise)
        self._stand_in: dict[str, int] = {}  # twin → prim
        self.alarms = AlarmBook(
            lambda message, callback, limit_s: self._ask(WORLD, message, callback, limit_s),
            self._prim_of_alarm,
            lambda: self.specs,
            self._asset_edges,
        )
        self._titled: tuple[object, dict[str, str]] = ((), {})
        self.alarms.place_of = self._place_of_alarm
        self.alarms.stand.members = self._members_of_positions
        self.journal = Journal("alarms", self._ask_record, lambda: self.alarms.specs)
        self.event_journal = Journal("events", self._ask_record, dict)
        self.alarm_health = AlarmHealth(self._ask_record, self._work)
        self.alarms.placed.connect(self._mark_alarms)
        self.futures = Futures(self, clock)
        self.difference = Difference(self, self.futures, clock)
        self.difference.changed.connect(self.world_changed.emit)  # legends differ
        self.beside = Beside(self, self.futures, clock)
        self.modelmap = ModelMap(self._work, self._saved_folder, lambda: self.plant_specs)
        self.undo = Undo()
        self.views = Views()
        self.versions = Versions(self, self._work)
        self.project_changed.connect(lambda: self.views.begin(self._saved_folder(), self.path))
        self.project_changed.connect(self._time_scene)
        self.authoring = Authoring(self, self.undo)
        self.authored = Authored(self, clock, self._work)
        self.scene_changed.connect(self.authored.scene_shown)
        self.tags_compiled.connect(self.authored.apply)
        self.visited.connect(self.authored.visited)
        self.disk = Disk(self)
        self.version_book = VersionBook(self, clock)
        self.browsing = Browsing(self, clock)
        self.plant_model = PlantModel(
            self,
            clock.now_mono_ns,
            self._work,
            table=lambda: self.alarms.table,
            back=LookingBack(self._ask_record, lambda: self.specs, self.timeline.id_of, self.picture_ns),
        )
        self.bulk = Bulk(self, self.undo)
        self.placing = Placing(self, self.undo)
        self.branch = Branch(self, self.bulk)
        self.binding_templates = TemplateWork(self, self.bulk)
        self.project_changed.connect(self.binding_templates.read)
        self.undo.changed.connect(self.binding_templates.read)  # a step back is one in their files too
        templates = self.binding_templates
        templates.changed.connect(lambda: self.trends.book.offer(templates.pen_sets()))
        self.covering = Covering(self)
        self.refinding = Refinding(self, self.bulk, self._work)
        self.visited.connect(self.authoring.cancel)
        self.visited.connect(self.plant_model.again)
        self.tags_compiled.connect(self.authoring.again)
        for signal in (self.scene_changed, self.bindings_changed):
            signal.connect(lambda: self.alarms.place(self.scene))
        self.orders.changed.connect(self.order_changed.emit)
        self.logbook = LogBook(self)
        self.people.changed.connect(self.logbook.greeted)
        self.project_changed.connect(self.logbook.greeted)
        self.event_added.connect(self.logbook.told)
        self.guide = Guide(self)
        self._ages_mono_ns = 0
        self.reopening = Reopening(self)

    @property
    def is_trainee(self) -> bool:
        """Whether this is a trainee's desk: it directs nothing and opens nothing else."""
        return self.desk == "trainee"

    @property
    def home_kind(self) -> WorldKind:
        """The kind of the home world, whatever is shown."""
        return self._home.mirror.kind if self._home is not None else self.mirror.kind

    @property
    def plant_specs(self) -> tuple[TagSpec, ...]:
        """The tags of home, whatever world is shown."""
        return self._home.specs if self._home is not None else self.specs

    def _time_scene(self) -> None:
        """Let the scene's own time follow the world's where the project says so."""
        self.showing.scene_time = self.project.scene_time if self.project is not None else None
        self.showing.wanted = True

    def _saved_folder(self) -> Path | None:
        return self.project.folder if self.project is not None and self.project.saved else None

    @property
    def receipts(self) -> Mapping[str, Receipt]:
        """Order id → newest receipt."""
        return self.orders.receipts

    # ------------------------------------------------------------ opening and closing

    def open(self, path_or_address: str, progress: Callable[[str, float], None] | None = None) -> None:
        """Open a project folder, a bare scene or the address of a running world; returns at once.

        What was open is closed first. Children start and the scene loads in the background; results arrive
        through `pump`. Raises a Fault when the path is nothing that can be opened; the workspace is then
        as before.
        """
        plan = boarding(path_or_address)
        self.close()
        self._plan, self._progress_of = plan, progress
        if plan.project is not None:
            project = plan.project
            self.specs, self.twins = project.specs, project.twins
            self.relationships, self.colormaps = project.relationships, project.colormaps
            self.mirror = Mirror(len(self.specs))
        feed = self._feed = Feed(self._clock, self._woken, actor=self.actor, desk=self.desk)
        feed.start()
        if plan.starts_world:
            self._set_world(WorldState.CONNECTING, f"Starting the world of {plan.title} …")
            start_recorder(plan, feed)
            start_world(plan, feed)
        elif plan.address:
            self._set_world(WorldState.CONNECTING, f"Connecting to {plan.title} …")
            feed.connect(WORLD, plan.address)
            if plan.recorder:
                feed.connect(RECORDER, plan.recorder)
        self._open_scene()
        self._gather_problems()
        folder = plan.path if plan.project is not None and plan.project.saved else None
        self.timebar.begin(folder)
        self.reopening.begin(folder, starts_world=plan.starts_world)
        if folder is not None and (kept := autosave.file_of(folder)) is not None:
            text = f"Edits of this project that could not be saved are kept in {kept}."
            self.tell_event(Event(t_ns=self._clock.now_ns(), level="warning", source="project", text=text))
        self.project_changed.emit()
        self.world_changed.emit()

    def close(self) -> None:
        """Stop what was started for this workspace, within 3 s; safe to call twice."""
        feed, self._feed = self._feed, None
        if feed is None:
            return
        self.reopening.end()
        self._drop_all()
        feed.stop()
        self._await_ended()
        self._forget()
        self._forget_scene()
        self.orders.forget()
        self.alarms.forget()
        self.authoring.draft = None
        self.undo.forget()
        self.disk.forget()
        self.version_book.forget()
        self.authored.forget()
        self.people.forget()
        self.logbook.forget()
        self.proposals.forget()
        self.timeline.reset()
        self.training.visited()
        self.training.forget_lessons()
        self.timebar.begin(None)
        for signal in (self.scene_changed, self.links_changed, self.problems_changed):
            signal.emit()
        self.selection_changed.emit(())
        self.world_changed.emit()
        self.project_changed.emit()

    # ------------------------------------------------------------ the loop

    def pump(self, now_ns: int, now_mono_ns: int) -> None:
        """Take what the wire thread has, resolve when something changed, emit."""
        if self._feed is None:
            return
        batch = self._feed.take()
        if batch:
            self._take(batch, now_ns, now_mono_ns)
        self._pump_visits(now_ns, now_mono_ns)
        self.training.tick(now_mono_ns)
        self.authored.look()
        if (
            not batch
            and (self.world_state is WorldState.NOT_LIVE or self.outage)
            and now_mono_ns - self._ages_mono_ns >= AGE_S * NS
        ):
            self._ages_mono_ns = now_mono_ns
            self.frame_arrived.emit(_NONE)
        self._start_again(now_mono_ns)
        self._follow(now_mono_ns)
        self.reopening.look(now_ns, now_mono_ns)
        self.disk.look(now_mono_ns)
        self.scene_files.look(now_mono_ns)
        if self.orders.is_counting:
            self.orders.changed.emit()
        self.showing.turn(now_mono_ns, self._moves)
        if self.showing.wanted and not self.paused:
            self._resolve(now_mono_ns)

    def due_s(self, now_mono_ns: int) -> float | None:
        """Return after how many seconds `pump` must be called though nothing wakes it; None: not at all.

        Spinning prims, ages of stale values, countdowns and processes that are started again need that.
        """
        waits = [due] if (due := self._restarts.due_s(now_mono_ns)) is not None else []
        waits += self._visits_due_s(now_mono_ns)
        if self.showing.is_moving and self._moves:
            waits.append(SPIN_S)
        if self.showing.playing and not self.paused:
            waits.append(PLAY_S)
        if self.orders.is_counting:
            waits.append(COUNTDOWN_S)
        if self.scene_files.watches:
            waits.append(LOOK_S)
        if self.world_state is WorldState.NOT_LIVE or self.outage:
            waits.append(max(0.0, AGE_S - (now_mono_ns - self._ages_mono_ns) / NS))
        return min(waits, default=None)

    @property
    def _moves(self) -> bool:
        """Whether what spins turns: in a world that stands still it stands still."""
        holds = self.paused or self.still or self.mirror.run is not RunState.RUNNING
        return self.mirror.live and not holds

    # ------------------------------------------------------------ asking

    def retry_link(self, link: str, action: str = "retry") -> None:
        """Ask the world to connect a link now (`retry`), switch it `off` or `on`."""
        self._ask(WORLD, Retry(link=link, action=action), self._tell)

    def ask_scene(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None:
        """Ask the scene child."""
        self._ask(SCENE, message, callback, timeout_s)

    def ask_recorder(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None:
        """Ask the recorder of our project."""
        self._ask(RECORDER, message, callback, timeout_s)

    def work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None:
        """Run a job beside this thread; its result or FaultRecord comes back through `pump`."""
        self._work(job, callback)

    def now_ns(self) -> int:
        """Return the time now, for what is written."""
        return self._clock.now_ns()

    def now_mono_ns(self) -> int:
        """Return the monotonic time now, for ages."""
        return self._clock.now_mono_ns()

    def learn_project(self, project: Project) -> None:
        """Take our project as it was read again; the scene stays as it is."""
        if self._plan is not None:
            self._plan = with_project(self._plan, project)
            self.colormaps = project.colormaps
            self._gather_problems()
            self.project_changed.emit()

    def browse(
        self,
        link: str,
        under: str,
        callback: Callable[[tuple[BrowseItem, ...] | FaultRecord], None],
        limit: int = 500,
    ) -> None:
        """Ask for the children of an address of a link."""

        def answered(answer: object) -> None:
            callback(answer.items if isinstance(answer, Browsed) else fault_of(answer))

        self._ask(WORLD, Browse(link=link, under=under, limit=limit), answered, BROWSE_S)

    def ask_quarantine(
        self, link: str, callback: Callable[[tuple[Quarantined, ...] | FaultRecord], None]
    ) -> None:
        """Ask the world for the payloads of a link that could not be read, oldest first."""

        def answered(answer: object) -> None:
            callback(answer.items if isinstance(answer, Quarantine) else fault_of(answer))

        self._ask(WORLD, AskQuarantine(link=link), answered, BROWSE_S)

    # ------------------------------------------------------------ alarms

    def _prim_of_alarm(self, spec: AlarmSpec) -> int | None:
        if spec.prim:
            return self.prim_named(spec.prim)
        slot = spec.slot if spec.slot >= 0 else spec.at_slot
        found = self.prim_of_tag(slot)
        if found is None and self.scene is not None and 0 <= slot < len(self.specs):
            found = self._stand_in.get(self.specs[slot].twin)
        return found

    def _asset_edges(self) -> tuple[tuple[int, int], ...]:
        """Return which prim is part of which as an asset; asked before alarms are located."""
        if self.scene is None:
            return ()
        hierarchy = self.twins, self.relationships, index_of(self.scene.prim_path)
        # an asset that the scene lacks has its alarms at the next one above that it shows
        self._stand_in = assets.stand_ins(*hierarchy)
        return assets.edges(*hierarchy)

    def _place_of_alarm(self, spec: AlarmSpec) -> Place:
        areas = self.project.areas if self.project is not None else ()
        if self._titled[0] is not self.twins:
            self._titled = (self.twins, {twin.id: twin.title for twin in self.twins})
        return place_of(spec, self.specs, self._titled[1], areas)

    def _members_of_positions(self) -> Mapping[str, frozenset[str]]:
        project = self.project
        if project is None:
            return {}
        every = self.alarms.specs.values()
        return members(project.positions, every, self.specs, project.areas, self.relationships)

    def _mark_alarms(self) -> None:
        rollup = self.alarms.rollup()
        self.showing.alarms = rollup.mark if rollup is not None else None
        self.showing.holders = self.alarms.places.holders(
            self.scene.parent if self.scene is not None else None
        )
        self.showing.abnormal = self.alarms.places.abnormal()
        self.showing.wanted = True

    def _ask_record(self, message: object, callback: Callable[[object], None], limit_s: float) -> None:
        """Ask whoever remembers the world that is shown: an exercise remembers itself."""
        is_exercise = self.away and self.kind is WorldKind.TRAINING
        self._ask(WORLD if is_exercise else RECORDER, message, callback, limit_s)

    def record_until(self) -> int:
        """Return up to which time the world that is shown knows the record, 0 = all of it."""
        from_ns = self.cursor.from_ns if self.cursor is not None else 0
        return record_until(self.mirror.kind, self.mirror.t_ns, from_ns)

    def journal_export(self, journal: Journal) -> Export:
        """Return what writes lines of a journal into a file."""
        return Export(journal.of, self._ask_record, self._work, lambda: self.alarms.specs)

    def _show_exercise(self) -> None:
        """Let the time bar show the whole exercise: from now on it can be scrubbed."""
        if self.cursor is not None and self.cursor.to_ns > self.cursor.from_ns:
            self.timebar.show(self.cursor.from_ns, self.cursor.to_ns)

    # ------------------------------------------------------------ requests

    def _woken(self) -> None:
        self.wake()  # looked up now: the owner may set it after `open`

    def _new_feed(self) -> Line:
        return Feed(self._clock, self._woken, actor=self.actor, desk=self.desk)
