"""The difference of two runs in the picture: each part coloured by value(run) − value(baseline), one unit.

Colours come from a diverging map whose middle is the grey of what does not differ, so that the eye finds
what does; what has no value in the unit is equipment grey.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from armillary.encoding import maps
from armillary.encoding.maps import Legend
from armillary.model.arrays import F8, I8
from armillary.model.binding import ColourMap
from armillary.model.clock import NS, Clock
from armillary.model.control import AskRunFrame
from armillary.model.frame import Frame
from armillary.model.look import Look
from armillary.model.quality import BAD, rank
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.session.mirror import Mirror
from armillary.session.scenery import Scenery
from armillary.session.showing import GREYS, Showing
from armillary.session.signal import Signal
from armillary.session.whatif import BASELINE, Futures, Host

DIVERGING = ColourMap(
    name="difference",
    kind="linear",
    stops=((0.0, "#3d7fd6"), (0.25, "#8fb1dd"), (0.5, "#c4c8cc"), (0.75, "#dfae84"), (1.0, "#c86f28")),
    title="Difference",
)
ASK_NS = NS // 10  # frames of the other run: at most so often
ASK_S = 5.0
_GROUND = 255.0  # what parts without a value fade to in the light theme; 0 in the dark one
_DULL = 0.55  # share of the equipment grey that what has no value in the unit is drawn with


@dataclass(frozen=True, slots=True)
class Targets:
    """Which prim shows the difference of which tag: (k,) prims ascending, and their slots."""

    prim: I8
    slot: I8


def units_of(scenery: Scenery, specs: Sequence[TagSpec]) -> tuple[str, ...]:
    """Return the units that parts of the scene have values in, the commonest first."""
    slots = scenery.program.binding_slot.tolist()
    units = [specs[s].unit for s in slots if specs[s].unit]
    return tuple(sorted(dict.fromkeys(units), key=lambda u: (-units.count(u), u)))


def targets(scenery: Scenery, specs: Sequence[TagSpec], twins: Sequence[TwinInstance], unit: str) -> Targets:
    """Return what is coloured for a unit; a part inside another one wins, a colour binding wins on a prim.

    Parts that are bound to nothing in the unit take their twin's first tag in it.
    """
    program = scenery.program
    own: dict[int, int] = {}
    by_path = {path: prim for prim, path in enumerate(scenery.scene.prim_path)}
    for twin in twins:
        slot = next((s.slot for s in specs if s.twin == twin.id and s.unit == unit), None)
        if slot is not None and twin.prim in by_path:
            own[by_path[twin.prim]] = slot
    rows = list(zip(program.bindings, program.binding_slot.tolist(), program.binding_prims, strict=True))
    rows.sort(key=lambda row: row[0].channel == "displayColor")  # the last one stays
    for _, slot, prims in rows:
        if specs[slot].unit == unit:
            own.update(dict.fromkeys(prims, slot))
    owner = np.full(len(scenery.scene), -1, np.int64)
    for prim in sorted(own):
        owner[prim : int(program.ends[prim])] = own[prim]
    shown = np.flatnonzero(owner >= 0)
    return Targets(shown, owner[shown])


def nice(x: float) -> float:
    """Return the next of 1, 2, 5 × 10ⁿ at or above a positive number."""
    if not (math.isfinite(x) and x > 0):
        return 1.0
    power = 10.0 ** math.floor(math.log10(x))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= x * (1 - 1e-9))


class Pictured(Host, Protocol):
    """A host with a picture."""

    twins: tuple[TwinInstance, ...]
    showing: Showing


class Difference:
    """Colours the picture by what a run does other than the baseline, at the cursor."""

    def __init__(self, host: Pictured, futures: Futures, clock: Clock) -> None:
        self.changed: Signal[()] = Signal()  # on, off, another unit or range: legends differ
        self.unit = ""
        self.span = 1.0  # the ends of the map are − and + this
        self._host, self._futures, self._clock = host, futures, clock
        self._targets: Targets | None = None
        self._made_for: object = None
        self._base: F8 = np.zeros(0)  # (N,) values of the baseline at `_base_at`
        self._base_at = ("", 0)  # its run and time
        self._asked_ns = 0
        self._waits = False
        host.frame_arrived.connect(lambda _slots: self.follow())
        host.visited.connect(self.off)

    @property
    def _showing(self) -> Showing:
        return self._host.showing

    @property
    def is_on(self) -> bool:
        """Whether the picture shows differences."""
        return self._showing.tint is not None

    def on(self, unit: str) -> None:
        """Show differences in a unit."""
        self.unit, self.span = unit, 0.0
        self._base_at, self._made_for = ("", 0), None
        self._showing.tint = self.tint
        self._showing.wanted = True
        self.follow()
        self.changed.emit()

    def off(self) -> None:
        """Show the colours of the bindings again."""
        self._waits = False
        if not self.is_on:
            return
        self._showing.tint, self._showing.tint_legends = None, ()
        self._showing.wanted = True
        self.changed.emit()

    def why_not(self) -> str:
        """Return why there is no difference to show, "" when there is."""
        shown = self._futures.shown
        if shown is None:
            return "No what-if is shown."
        if shown.id in (BASELINE, self._base_id):
            return "The baseline is shown itself: show another run."
        return "" if self._showing.scenery is not None else "No scene is shown."

    def follow(self) -> None:
        """Ask what the baseline does at the cursor, where that is not known."""
        mirror = self._host.mirror
        now = self._clock.now_mono_ns()
        if (
            not self.is_on
            or self._waits
            or (self._base_id, mirror.t_ns) == self._base_at
            or now - self._asked_ns < ASK_NS
        ):
            return
        self._waits, self._asked_ns = True, now
        t_ns, world, base = mirror.t_ns, mirror.world, self._base_id

        def answered(answer: object) -> None:
            self._waits = False
            if isinstance(answer, Frame) and self.is_on and self._host.mirror.world == world:
                self._base = np.full(len(self._host.specs), np.nan)
                fine = rank(answer.quality) < BAD
                self._base[answer.slot[fine]] = answer.value[fine]
                self._base_at = (base, t_ns)
                self._showing.wanted = True

        self._host.ask_world(AskRunFrame(id=base, t_ns=t_ns), answered, ASK_S)

    def values(self, mirror: Mirror) -> F8:
        """Return run − baseline of all tags, (N,); NaN where one of them is not known."""
        if len(self._base) != len(mirror):
            return np.full(len(mirror), np.nan)
        out: F8 = mirror.table.value - self._base
        out[rank(mirror.table.quality) >= BAD] = np.nan
        return out

    def tint(self, look: Look, mirror: Mirror) -> Look:
        """Return a look with the colours of the difference."""
        scenery = self._showing.scenery
        if scenery is None or len(scenery.specs) != len(mirror):
            return look
        key = (id(scenery), self.unit)
        if self._targets is None or self._made_for != key:
            self._targets = targets(scenery, scenery.specs, self._host.twins, self.unit)
            self._made_for = key
        found = self._targets
        difference = self.values(mirror)[found.slot]
        most = float(np.nanmax(np.abs(difference), initial=0.0)) if len(difference) else 0.0
        if most > self.span or not self.span:
            self.span = nice(most)  # only grows: while it plays, a colour means one thing
            self._showing.tint_legends = (self.legend(),)
            self.changed.emit()
        ground = _GROUND if self._showing.grey == GREYS["light"] else 0.0
        grey = (np.array(self._showing.grey) * _DULL + ground * (1.0 - _DULL)).astype(np.uint8)
        rgba = look.rgba.copy()
        rgba[:, :3] = grey
        row = np.clip(np.rint((difference / self.span + 1.0) * 127.5), 0, 255)
        known = np.isfinite(row)
        table = maps.table(DIVERGING)
        rgba[found.prim[known], :3] = table[row[known].astype(np.int64), :3]
        rgba.setflags(write=False)
        emissive = np.zeros_like(look.emissive)
        emissive.setflags(write=False)
        return replace(look, rgba=rgba, emissive=emissive)

    def legend(self) -> Legend:
        """Return the legend of the colours: `difference, %`."""
        return maps.legend(
            DIVERGING, (-self.span, self.span), self.unit, f"Difference to '{self._base_title}'"
        )

    @property
    def _base_id(self) -> str:
        shown = self._futures.shown
        return self._futures.baseline_of(shown.id) if shown is not None else BASELINE

    @property
    def _base_title(self) -> str:
        card = self._futures.card(self._base_id)
        return card.title if card is not None else BASELINE
