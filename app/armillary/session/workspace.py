"""What a desk has open: project, scene, mirror of a world, selection. Qt-free; lives on the Qt thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from armillary.encoding.compile import Program
from armillary.encoding.maps import Legend
from armillary.model.arrays import U4
from armillary.model.binding import Binding, ColourMap
from armillary.model.clock import Clock
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event, Tally
from armillary.model.link import BrowseItem, LinkStatus
from armillary.model.look import Look
from armillary.model.message import Attributes
from armillary.model.order import Receipt
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.project.folder import Project
from armillary.session.feed import Mirror
from armillary.session.orders import Orders
from armillary.session.rows import BindingRow, LinkRow, TagRow
from armillary.session.signal import Signal
from armillary.session.timeline import Timeline

__all__ = ["Legend", "Program", "Workspace", "WorldState"]


class WorldState(StrEnum):
    """How the desk stands with its world; `Workspace.world_text` says it in a sentence."""

    NONE = "NONE"  # a bare scene: no telemetry
    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    NOT_LIVE = "NOT_LIVE"  # silent for more than a second: the picture stands still and is drawn stale


class Workspace:
    """Everything a desk knows. Every method is for one thread (Qt's); `wake` alone is called from another.

    The owner sets `wake` to something that queues one `pump` on its thread, and calls `pump` again after
    `due_s` seconds when that is not None.
    """

    wake: Callable[[], None]  # called from the wire thread, once per batch

    # signals, all emitted inside `pump` or inside the method that caused them
    scene_changed: Signal[()]  # a new `scene` (or None), with its base look
    look_changed: Signal[Look, Look]  # (old, new)
    frame_arrived: Signal[U4]  # slots that changed; also after the world went silent, with none
    selection_changed: Signal[tuple[int, ...]]
    links_changed: Signal[()]
    event_added: Signal[Event]
    order_changed: Signal[()]
    world_changed: Signal[()]  # `world_state`, `world_text`, specs, twins, run
    problems_changed: Signal[()]
    project_changed: Signal[()]  # title, project, specs: something else is open

    # what is open
    project: Project | None
    path: Path | None  # project folder or scene file
    title: str
    scene: SceneArrays | None
    look: Look | None
    bindings: tuple[Binding, ...]
    colormaps: tuple[ColourMap, ...]
    program: Program
    legends: tuple[Legend, ...]  # of the colour maps that the program uses
    mirror: Mirror
    specs: tuple[TagSpec, ...]
    twins: tuple[TwinInstance, ...]
    relationships: tuple[Relationship, ...]
    links: tuple[LinkStatus, ...]
    tally: Mapping[str, Tally]
    events: deque[Event]  # newest last, bounded
    receipts: Mapping[str, Receipt]  # order id -> newest receipt
    recording: str  # "" = recorded, else why not
    world_state: WorldState
    world_text: str
    role: str
    selection: tuple[int, ...]  # prims, in the order selected
    hidden: set[int]  # prims that a person switched off (their subtrees go with them)
    isolated: tuple[int, ...]  # show only these subtrees; empty = all
    ghost: bool  # draw what is not selected faintly
    paused: bool
    problems: tuple[SceneProblem, ...]  # of project, scene, binding layer and compilation
    progress: tuple[str, float]  # what is going on, 0…1; ("", 1.0) when nothing is
    orders: Orders
    timeline: Timeline

    def __init__(self, clock: Clock, *, actor: str = "") -> None: ...

    # ------------------------------------------------------------ opening and closing
    def open(self, path_or_address: str, progress: Callable[[str, float], None] | None = None) -> None:
        """Open a project folder, a bare scene or the address of a running world; returns at once.

        What was open is closed first. Children start and the scene loads in the background; results arrive
        through `pump`. Raises a Fault when the path is nothing that can be opened; the workspace is then
        as before.
        """

    def close(self) -> None:
        """Stop what was started for this workspace, within 3 s; safe to call twice."""

    def restart_world(self) -> None:
        """Start our own world anew when it ended, or connect to a foreign one again."""

    # ------------------------------------------------------------ the loop
    def pump(self, now_ns: int, now_mono_ns: int) -> None:
        """Take what the wire thread has, resolve when something changed, emit."""

    def due_s(self, now_mono_ns: int) -> float | None:
        """Return after how many seconds `pump` must be called though nothing wakes it; None: not at all.

        Spinning prims, ages of stale values and countdowns need that.
        """

    # ------------------------------------------------------------ what a person does
    def select(self, prims: Sequence[int]) -> None:
        """Select prims, in this order."""

    def toggle_visible(self, prim: int) -> None:
        """Hide a prim with its subtree, or show it again."""

    def isolate(self, prims: Sequence[int]) -> None:
        """Show only these subtrees; none shows everything again."""

    def set_ghost(self, ghost: bool) -> None:
        """Draw everything but the selection faintly, or no longer."""

    def set_paused(self, paused: bool) -> None:
        """Hold the picture (frames are still taken, tables go on)."""

    def retry_link(self, link: str, action: str = "retry") -> None:
        """Ask the world to connect a link now (`retry`), switch it `off` or `on`."""

    def browse(
        self, link: str, under: str, callback: Callable[[tuple[BrowseItem, ...] | FaultRecord], None]
    ) -> None:
        """Ask for the children of an address of a link."""

    def attributes(self, path: str, callback: Callable[[Attributes | FaultRecord], None]) -> None:
        """Ask the scene child for a prim's attributes; an answer for an older request is discarded."""

    # ------------------------------------------------------------ how things hang together
    def tags_of_prim(self, prim: int) -> tuple[int, ...]:
        """Return the slots shown by a prim or its subtree: through bindings, then through twins."""

    def prim_of_tag(self, slot: int) -> int | None:
        """Return the prim that shows a tag, through bindings, then through its twin."""

    def twin_of_prim(self, prim: int) -> TwinInstance | None:
        """Return the twin whose prim is this one or its nearest ancestor."""

    def bindings_of_prim(self, prim: int) -> tuple[BindingRow, ...]:
        """Return the bindings carried by a prim or driving it, with live values."""

    def tag_rows(self, slots: Sequence[int], now_mono_ns: int) -> tuple[TagRow, ...]:
        """Return the texts of these tags; format only what is visible."""

    def link_rows(self) -> tuple[LinkRow, ...]:
        """Return the texts of all links."""

    def prim_named(self, path: str) -> int | None:
        """Return the index of a prim by its path."""
