"""What a desk knows at this moment: project, scene, world, selection, and questions about them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from armillary.encoding.maps import Legend
from armillary.encoding.program import Program
from armillary.model.arrays import U4
from armillary.model.binding import Binding, ColourMap
from armillary.model.clock import Clock
from armillary.model.command import Template
from armillary.model.control import Cursor
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event, Kept, Tally
from armillary.model.link import LinkStatus
from armillary.model.look import Look
from armillary.model.scene import SceneArrays, SceneProblem, index_of
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.project.record import Project
from armillary.session import rows, scenery
from armillary.session.boarding import Boarding, WorldState
from armillary.session.mirror import Mirror
from armillary.session.restarts import Restarts
from armillary.session.rows import BindingRow, LinkRow, TagRow
from armillary.session.scenery import Scenery
from armillary.session.showing import Showing
from armillary.session.signal import Signal

EVENTS_KEPT = 2_000
IDLE = ("", 1.0)


class Standing:
    """State and its signals; changed by `session.workspace.Workspace` only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._twin_of: tuple[object, dict[str, TwinInstance]] = ((), {})  # those with a prim, by id
        # all emitted inside `pump`, or inside the method that caused them
        self.scene_changed: Signal[()] = Signal()  # a new `scene` (or None), with its base look
        self.look_changed: Signal[Look, Look] = Signal()  # (old, new)
        self.frame_arrived: Signal[U4] = Signal()  # slots that changed; none: only ages did
        self.selection_changed: Signal[tuple[int, ...]] = Signal()
        self.links_changed: Signal[()] = Signal()
        self.event_added: Signal[Event] = Signal()
        self.events_changed: Signal[()] = Signal()  # all of `events`: those of another time
        self.order_changed: Signal[()] = Signal()
        self.world_changed: Signal[()] = Signal()  # `world_state`, `world_text`, specs, twins
        self.problems_changed: Signal[()] = Signal()
        self.bindings_changed: Signal[()] = Signal()  # the same scene, compiled anew
        self.tags_compiled: Signal[()] = Signal()  # the same scene, compiled for other tags
        self.project_changed: Signal[()] = Signal()  # something else is open
        self.reopened: Signal[str] = Signal()  # the desk before did not end in order: a sentence
        self.opening_changed: Signal[()] = Signal()  # `progress`, `opening`: how far a scene is being read
        self._forget()

    def _forget(self) -> None:
        """Return to the state of a desk with nothing open."""
        self._plan: Boarding | None = None
        self.colormaps: tuple[ColourMap, ...] = ()
        self.coming_tags: frozenset[str] = frozenset()  # tags saved here that the world does not run yet
        self.mirror = Mirror()
        self.specs: tuple[TagSpec, ...] = ()
        self.twins: tuple[TwinInstance, ...] = ()
        self.relationships: tuple[Relationship, ...] = ()
        self.links: tuple[LinkStatus, ...] = ()
        self.tally: Mapping[str, Tally] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)  # newest last
        self.recording = ""  # "" = recorded, else why not
        self._no_recorder: FaultRecord | None = None  # why ours is not there
        self.history = Kept()
        self.history_store, self.history_lacks = "", tuple[str, ...]()  # as the recorder's store says
        self._restarts = Restarts()
        self.stopped_mono_ns = 0  # since when live data have stopped; 0 = they have not, or never came
        self._followed_mono_ns = 0
        self.world_state = WorldState.NONE
        self.world_text = "No world: this is a scene without telemetry."
        self.role = ""
        self.about = ""  # what a world that is not LIVE shows, for its ribbon
        self.cursor: Cursor | None = None  # of a world that is not LIVE
        self.templates: tuple[Template, ...] = ()  # commands that the shown world offers
        self.silent = ""  # of several worlds shown as one those that say nothing
        self.stopped = ""  # why all commands are stopped; "" = they are not
        self.selection: tuple[int, ...] = ()  # prims, in the order selected
        self.paused = False
        self.still = False  # reduced motion: nothing turns or flows by itself
        self.problems: tuple[SceneProblem, ...] = ()  # of project, scene, binding layer and compilation
        self.progress: tuple[str, float] = IDLE  # what is going on, 0…1
        self.showing = Showing()

    # ------------------------------------------------------------ what is open

    @property
    def project(self) -> Project | None:
        return self._plan.project if self._plan is not None else None

    @property
    def path(self) -> Path | None:
        """Project folder or scene file."""
        return self._plan.path if self._plan is not None else None

    @property
    def title(self) -> str:
        return self._plan.title if self._plan is not None else ""

    @property
    def scenery(self) -> Scenery | None:
        """The scene with its bindings and program, when it is loaded."""
        return self.showing.scenery

    @property
    def scene(self) -> SceneArrays | None:
        return self.scenery.scene if self.scenery is not None else None

    @property
    def look(self) -> Look | None:
        return self.showing.look

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return self.scenery.bindings if self.scenery is not None else ()

    @property
    def program(self) -> Program | None:
        return self.scenery.program if self.scenery is not None else None

    @property
    def legends(self) -> tuple[Legend, ...]:
        """Legends of the colour maps that the bindings use, or of what colours the picture instead."""
        if self.showing.tint is not None:
            return self.showing.tint_legends
        return scenery.legends_for(self.scenery, self.selection) if self.scenery is not None else ()

    @property
    def hidden(self) -> set[int]:
        """Prims that a person switched off; their subtrees go with them."""
        return self.showing.hidden

    @property
    def isolated(self) -> tuple[int, ...]:
        """Subtrees shown alone; empty = all."""
        return self.showing.isolated

    @property
    def ghost(self) -> bool:
        return self.showing.ghost

    @property
    def ghost_normal(self) -> bool:
        """Whether everything that is normal is drawn faintly."""
        return self.showing.ghost_normal

    # ------------------------------------------------------------ how things hang together

    def prim_named(self, path: str) -> int | None:
        """Return the index of a prim by its path."""
        return index_of(self.scene.prim_path).get(path) if self.scene is not None else None

    def tags_of_prim(self, prim: int) -> tuple[int, ...]:
        """Return the slots shown by a prim or its subtree: through bindings, then through its twin."""
        if self.scenery is None:
            return ()
        return tuple(scenery.tags_of_prim(self.scenery, prim, self.twins, self.specs))

    def tags_of_selection(self) -> tuple[int, ...]:
        """Return the slots shown by all selected prims, each once."""
        return tuple(dict.fromkeys(slot for prim in self.selection for slot in self.tags_of_prim(prim)))

    def prim_of_tag(self, slot: int) -> int | None:
        """Return the prim that shows a tag, through bindings, then through its twin."""
        if self.scenery is None or not 0 <= slot < len(self.specs):
            return None
        spec = self.specs[slot]
        if self._twin_of[0] is not self.twins:  # asked for every alarm of a world in a row
            self._twin_of = (self.twins, {twin.id: twin for twin in reversed(self.twins) if twin.prim})
        twin = self._twin_of[1].get(spec.twin)
        return scenery.prim_of_tag(self.scenery, slot, (twin,) if twin is not None else (), spec)

    def twin_of_prim(self, prim: int) -> TwinInstance | None:
        """Return the twin whose prim is this one or its nearest ancestor."""
        return scenery.twin_of_prim(self.scene, prim, self.twins) if self.scene is not None else None

    # ------------------------------------------------------------ texts

    def tag_rows(self, slots: Sequence[int], now_mono_ns: int) -> tuple[TagRow, ...]:
        """Return the texts of these tags; ask for what is visible only."""
        return rows.tag_rows(self.mirror, self.specs, slots, now_mono_ns)

    def link_rows(self) -> tuple[LinkRow, ...]:
        """Return the texts of all links."""
        now_ns = self._clock.now_ns()
        return tuple(rows.link_row(link, self.tally.get(link.name), now_ns) for link in self.links)

    def bindings_of_prim(self, prim: int) -> tuple[BindingRow, ...]:
        """Return the bindings carried by a prim or driving it, with live values."""
        if self.scenery is None:
            return ()
        found = scenery.bindings_of_prim(self.scenery, prim)
        slot_of = self.scenery.slot_of
        slots = [slot_of.get(b.where, -1) for b in found]
        live = self.tag_rows([s for s in slots if s >= 0], self._clock.now_mono_ns())
        by_slot = {row.slot: row for row in live}
        return tuple(rows.binding_row(b, by_slot.get(s)) for b, s in zip(found, slots, strict=True))
