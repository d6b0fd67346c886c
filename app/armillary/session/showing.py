"""The look of the scene now: mirror and a person's wishes → `encoding.resolve`; phases of what spins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from armillary.encoding.maps import Legend
from armillary.encoding.resolve import Options, resolve, spin_rates
from armillary.model.arrays import F8, I8, U1, U4
from armillary.model.clock import NS
from armillary.model.look import ALARM_SHIFT, Label, Look, Marks, base_look, no_marks
from armillary.model.motion import Motion, SceneTime, advance, posed
from armillary.model.quality import MANUAL, RANK_MASK, STALE, SUBSTITUTED
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagTable
from armillary.session import ghosting, qualities
from armillary.session.explode import exploded, spread
from armillary.session.marking import Marked
from armillary.session.mirror import Mirror
from armillary.session.scenery import Scenery

GREYS = {"dark": (0x7A, 0x82, 0x8A), "light": (0x9A, 0xA1, 0xA8)}
_SHIFT = np.uint8(ALARM_SHIFT)
MOST_PLATES = 200  # of values given by hand: more would hide the scene that they are tested on
LONGEST_STEP_S = 0.5  # of the phase: after a pause of the desk nothing jumps


class Showing:
    """One scene as it is shown. `look` is always the newest; `resolve` makes the next."""

    def __init__(self) -> None:
        self.scenery: Scenery | None = None
        self.look: Look | None = None
        self.hidden: set[int] = set()
        self.isolated: tuple[int, ...] = ()
        self.ghost = self.ghost_normal = False
        self.abnormal: I8 = np.zeros(0, np.int64)  # prims with an alarm that is shown
        self.explode = 0.0  # share of their way that parts are moved out
        self._way: F8 | None = None
        self.grey = GREYS["dark"]
        self.alarms: U1 | None = None  # (M,) marks of alarms, None when there are none
        self.holders: I8 = np.zeros(0, np.int64)  # prims of whose parts some have alarms that are hidden
        self.tint: Callable[[Look, Mirror], Look] | None = None  # other colours than those of the bindings
        self.marked: Marked | None = None  # prims that answer a query
        self.tint_legends: tuple[Legend, ...] = ()
        self.trial: tuple[float, int] | None = None  # (value, quality) of the tag on trial, behind all others
        self.overlay: tuple[I8, F8] | None = None  # (slots, values) shown in place of the plant's, here alone
        self.camera = ""  # of the scene, that was looked through last
        self.playing = False  # the scene's own time goes on
        self.stage_at = 0.0  # time code of the scene that is shown
        self.scene_time: SceneTime | None = None  # how it follows the world's time, where the project says so
        self.follows = True  # it does: a person may let go of it
        self._motion = Motion()
        self.wanted = True  # something that the look depends on has changed
        self._phase: F8 = np.zeros(0)
        self._rate: F8 = np.zeros(0)  # rad/s
        self._turned_mono_ns = 0

    def show(self, scenery: Scenery | None) -> None:
        """Show another scene, as authored until the first resolve."""
        self.scenery, self.trial, self.overlay, self.marked = scenery, None, None, None
        self.look = base_look(scenery.scene) if scenery is not None else None
        self.hidden, self.isolated = set(), ()
        self.explode, self._way = 0.0, None
        self.holders = self.abnormal = np.zeros(0, np.int64)
        self._motion = Motion.of(scenery.scene) if scenery is not None else Motion()
        self.playing = False
        self.stage_at = scenery.scene.time_range[0] if scenery is not None else 0.0
        self._set_spins()

    def recompiled(self, scenery: Scenery) -> None:
        """Show the same scene for other tags or bindings: a person's wishes stay."""
        self.scenery = scenery
        self._set_spins()

    def _set_spins(self) -> None:
        """Keep phases where the same number of prims spins: another variant must not jerk them back."""
        spins = len(self.scenery.program.spins) if self.scenery is not None else 0
        if spins != len(self._phase):
            self._phase = np.zeros(spins)
        self._rate = np.zeros(spins)
        self.wanted = True

    def note(self, slots: U4) -> None:
        """Note that tags changed; only those that the picture depends on make a new look wanted."""
        if self.scenery is not None and not self.wanted and len(slots):
            self.wanted = bool(self.scenery.bound_slot[slots].any())

    @property
    def is_moving(self) -> bool:
        """Whether something spins, so that the look changes with time alone."""
        return bool((self._rate != 0.0).any())

    @property
    def plays(self) -> bool:
        """Whether the scene has something that moves or appears with its own time."""
        scene = self.scenery.scene if self.scenery is not None else None
        more = () if scene is None else (scene.bend_time, scene.camera_time, scene.tint_time)
        return bool(self._motion) or any(len(times) for times in more)

    @property
    def is_led(self) -> bool:
        """Whether the scene's own time is that of the world that is shown."""
        return self.scene_time is not None and self.follows and self.plays

    def play(self, on: bool) -> None:
        """Let the scene's own time go on from where it is, or hold it; at its end it begins anew."""
        self.playing = on and self.plays and not self.is_led

    def follow(self, t_ns: int) -> None:
        """Go to the scene's time at a world time, where the project ties one to the other."""
        if self.scene_time is None or not self.is_led or self.scenery is None or not t_ns:
            return
        at = self.scene_time.at(t_ns, self.scenery.scene.time_range)
        if at != self.stage_at:
            self.stage_at, self.wanted = at, True

    def rewind(self) -> None:
        """Show the scene at its start time."""
        if self.scenery is not None:
            self.go_to(self.scenery.scene.time_range[0])

    def go_to(self, at: float) -> None:
        """Show the scene at a time code of its own, unless the world's time leads it."""
        if self.scenery is not None and not self.is_led:
            start, end, _ = self.scenery.scene.time_range
            self.stage_at, self.wanted = min(max(at, start), max(start, end)), True

    @property
    def ages(self) -> bool:
        """Whether a binding has an age limit of its own, so that time alone can make it stale."""
        return self.scenery is not None and len(self.scenery.program.strict_source) > 0

    def turn(self, now_mono_ns: int, moves: bool) -> None:
        """Turn what spins to now; `moves` False holds it (paused, silent)."""
        step_s = min((now_mono_ns - self._turned_mono_ns) / NS, LONGEST_STEP_S)
        self.playing &= not self.is_led
        self._turned_mono_ns = now_mono_ns
        if moves and self.is_moving and step_s > 0:
            self._phase = np.mod(self._phase + self._rate * step_s, 2 * math.pi)
            self.wanted = True
        if self.playing and step_s > 0 and self.scenery is not None:
            self.stage_at = advance(self.stage_at, step_s, self.scenery.scene.time_range)
            self.wanted = True

    def resolve(self, mirror: Mirror, selection: tuple[int, ...], now_mono_ns: int) -> Look | None:
        """Return the new look, None when there is no scene or the mirror is of other tags."""
        scenery = self.scenery
        if scenery is None:
            return None
        table, held = mirror.table, mirror.held
        if self.trial is not None and scenery.program.tags == len(scenery.specs) + 1 == len(mirror) + 1:
            table, held = tried(table, *self.trial), np.append(held, self.trial[0])
        if self.overlay is not None:
            table, held = overlaid(table, held, *self.overlay)
        if len(table) < scenery.program.tags:
            return None
        options = Options(
            seq=mirror.seq,
            live=mirror.live,
            now_mono_ns=mirror.world_mono_ns(now_mono_ns),
            t_s=mirror.t_ns / NS,
            hidden=tuple(sorted(self.hidden)),
            isolated=self.isolated,
            solid=selection,
            ghost=self.ghost and bool(selection) and not self.ghost_normal,
            phase=self._phase,
            held=held,
            grey=self.grey,
        )
        self._rate = spin_rates(scenery.program, table, options)
        self.follow(mirror.t_ns)
        self.wanted = False
        look = resolve(scenery.program, table, options)
        if self.playing or self.stage_at != scenery.scene.time_range[0]:
            look = posed(look, scenery.scene, self._motion, self.stage_at)
        if self.explode > 0:
            if self._way is None or len(self._way) != len(scenery.scene):
                self._way = spread(scenery.scene)
            look = exploded(look, scenery.scene, self._way, self.explode)
        if self.trial is not None and self.trial[1] & int(RANK_MASK) == SUBSTITUTED:
            look = self._marked(look, scenery, np.array([len(scenery.specs)]), np.array([self.trial[0]]))
        if self.overlay is not None:
            look = self._marked(look, scenery, *self.overlay)
        look = qualities.with_parents(scenery.program, look)
        if self.ghost_normal:
            kept = np.array(selection, np.int64) if self.ghost else np.zeros(0, np.int64)
            chosen = np.union1d(self.abnormal, kept)
            look = ghosting.ghosted(look, ghosting.solid(look, scenery.program.ends, chosen))
        if self.tint is not None:
            look = self.tint(look, mirror)
        if self.marked is not None:
            look = self.marked.over(look, scenery.program.ends)
        if self.alarms is not None and len(self.alarms) == len(look.state):
            look = replace(look, state=look.state | (self.alarms << _SHIFT))
        self.look = look
        return self.look

    def second(self) -> None:
        """Want another look where one tells an age: a second has passed."""
        if self.look is not None:
            self.wanted |= any(label.quality == STALE for label in self.look.label)

    def marks(self, mirror: Mirror, now_mono_ns: int) -> Marks:
        """Return the signs of quality of the newest look."""
        scenery, look = self.scenery, self.look
        if scenery is None or look is None or len(mirror) < scenery.program.tags:
            return no_marks()
        found = qualities.marks(scenery.program, look, mirror, now_mono_ns)
        return qualities.with_dots(found, self.holders[look.visible[self.holders]])

    def _marked(self, look: Look, scenery: Scenery, slots: I8, values: F8) -> Look:
        """Return the look with a plate "S" at the parts that values given by hand drive."""
        order = np.argsort(slots)
        driven = scenery.program.binding_slot
        if not len(driven) or not len(slots):
            return look
        place = np.minimum(np.searchsorted(slots[order], driven), len(slots) - 1)
        at = order[place]
        rows = np.flatnonzero(slots[at] == driven)
        told = {label.prim for label in look.label if label.quality == SUBSTITUTED}
        prims = {
            int(scenery.program.binding_prims[row][0]): float(values[at[row]])
            for row in rows.tolist()[:MOST_PLATES]
        }
        plates = tuple(
            Label(prim=prim, text=f"{value:.4g}", quality=SUBSTITUTED)
            for prim, value in sorted(prims.items())
            if prim not in told
        )
        return replace(look, label=(*look.label, *plates))


def overlaid(table: TagTable, held: F8, slots: I8, values: F8) -> tuple[TagTable, F8]:
    """Return copies of a table, and of what is held of it, with values given by hand on this desk alone."""
    keep = slots < len(table)
    slots, values = slots[keep], values[keep]
    out = TagTable(len(table))
    for name in ("value", "source_ns", "arrival_ns", "arrival_mono_ns", "alive_mono_ns", "quality", "seq"):
        getattr(out, name)[:] = getattr(table, name)
    out.value[slots], out.quality[slots] = values, SUBSTITUTED | MANUAL
    out.alive_mono_ns[slots] = np.iinfo(np.int64).max // 2  # it does not age
    out.text, out.array = table.text, table.array
    held = held.copy()
    held[slots] = values
    return out, held


def tried(table: TagTable, value: float, quality: int) -> TagTable:
    """Return a copy of a table with one tag more, which no world has."""
    n = len(table)
    out = TagTable(n + 1)
    for name in ("value", "source_ns", "arrival_ns", "arrival_mono_ns", "alive_mono_ns", "quality", "seq"):
        getattr(out, name)[:n] = getattr(table, name)
    out.value[n], out.quality[n] = value, quality
    out.alive_mono_ns[n] = np.iinfo(np.int64).max // 2  # it does not age
    out.text, out.array = table.text, table.array
    return out


def variants_wanted(look: Look, scene: SceneArrays) -> tuple[tuple[str, str, str], ...]:
    """Return (prim path, set, choice) of all live choices, () when the scene shows them already."""
    sets = {(v.prim, v.name): v for v in scene.variants}
    known = [(p, n, c) for p, n, c in look.variant if (v := sets.get((p, n))) is not None and c in v.choices]
    if all(sets[p, n].selection == c for p, n, c in known):
        return ()
    return tuple(sorted((scene.prim_path[p], n, c) for p, n, c in known))


def same(old: Look, new: Look) -> bool:
    """Return whether two looks show the same; their sequence numbers may differ."""
    return (
        old.label == new.label
        and old.variant == new.variant
        and old.stage_at == new.stage_at
        and np.array_equal(old.moved, new.moved)
        and np.array_equal(old.rgba, new.rgba)
        and np.array_equal(old.state, new.state)
        and np.array_equal(old.visible, new.visible)
        and np.array_equal(old.emissive, new.emissive)
        and np.array_equal(old.matrix, new.matrix)
        and old.fields is new.fields
        and np.array_equal(old.field_value, new.field_value, equal_nan=True)
    )
