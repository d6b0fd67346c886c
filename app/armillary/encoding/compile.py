"""Bindings, scene, tags and colour maps → a Program of index arrays; what cannot run is named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.encoding import channels, flows, maps, pose_bindings, surfaces
from armillary.encoding.assemble import Collected, Group
from armillary.encoding.moves import Motion
from armillary.encoding.program import Program, Words
from armillary.encoding.rows import policy_code
from armillary.encoding.search import NothingToDriveError, RefusedError, Search, refuse, where
from armillary.encoding.strictness import limit_ns
from armillary.encoding.stripes import FASTEST, Flow, is_bright
from armillary.model import expression, units
from armillary.model.arrays import frozen
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import Fault
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.model.tags import TagSpec

__all__ = ["Program", "compiled"]

_OWN_NAMES = ("x", "t", "q")


def compiled(
    bindings: Sequence[Binding],
    scene: SceneArrays,
    specs: Sequence[TagSpec],
    colormaps: Sequence[ColourMap] = (),
    pipes: flows.Pipes | None = None,
) -> tuple[Program, tuple[SceneProblem, ...]]:
    """Return the program and what is wrong; a binding that cannot run is named and left out.

    pipes: what earlier compilations for this scene found out of its pipes; what this one does is added.

    Channels of colour, opacity and light on a prim without geometry go to its drawn descendants.
    Where two bindings drive one channel of one prim the later one wins, with a warning.
    """
    find = Search(bindings, scene, specs, maps.named(colormaps))
    work = _Work(find, {} if pipes is None else pipes)
    for binding in bindings:
        if not binding.enabled or binding.intent == "command":  # that one drives the plant, not the scene
            continue
        try:
            work.add(binding)
        except NothingToDriveError:
            continue  # every unknown prim has been named
        except RefusedError as refused:
            find.problem(binding, refused.code, refused.what, refused.remedy)
        except Fault as fault:
            find.problem(binding, channels.code_of(fault), fault.what, fault.remedy)
    return work.rows.program(), tuple(find.problems)


@dataclass(slots=True)
class _Bound:
    """One binding while it is added."""

    binding: Binding
    slot: int
    source: int  # entry of the value vector that is x (or y, for an expression)
    prims: list[int]
    factor: float  # x = factor · value + offset
    offset: float
    x_unit: str
    is_result: bool  # the source already is y


class _Work:
    """The collected rows of a program."""

    def __init__(self, find: Search, pipes: flows.Pipes) -> None:
        self.find, self.specs, self.scene, self.pipes = find, find.specs, find.scene, pipes
        self.known: set[str] | None = None
        self.rows = Collected(find.scene, find.specs, find.reach)

    # ------------------------------------------------------------ one binding

    def add(self, binding: Binding) -> None:
        channel = channels.CHANNELS.get(binding.channel)
        if channel is None:
            remedy = f"Use one of {', '.join(channels.CHANNELS)}."
            refuse("B07", f"The channel '{binding.channel}' is not drawn.", remedy)
        channels.check_map(binding)
        if channel == "surface":
            surfaces.add(self.find, self.rows, binding)
            return
        if channel == "pose":
            self._pose(binding)
            return
        bound = self._bound(binding)
        # build first, register last: a binding that is refused half-way leaves nothing behind
        if channel == "colour" or (binding.channel == "highlight" and binding.colormap):
            self._colour(bound)
        elif channel == "number":
            self._number(bound)
        elif channel == "flow":
            self._flow(bound)
        else:
            self._words(bound)
        whole = binding.channel in channels.WHOLE
        self.rows.marks.extend((p, bound.source, whole) for p in bound.prims)
        self.rows.done.append((binding, bound.slot, tuple(bound.prims)))

    def _bound(self, binding: Binding) -> _Bound:
        slot = self.find.slot(binding)
        spec = self.specs[slot]
        if spec.kind == "array" and binding.channel != "label":
            what = f"The tag '{spec.name}' is a list of numbers, which {binding.channel} does not take."
            refuse("B07", what, "Bind it to the channel primvar.")
        prims = self.find.prims(binding)
        factor, offset = units.conversion(spec.unit, binding.unit, where(binding))
        source, x_unit = slot, binding.unit or spec.unit
        if limit := limit_ns(binding, (spec,)):
            self.rows.strict.append((slot, limit))
            source = -len(self.rows.strict)  # numbered once it is known how many there are
        if (
            spec.kind == "text"
            and binding.map.kind == "states"
            and channels.CHANNELS[binding.channel] != "words"
        ):
            self.rows.results += 1
            source = channels.RESULT - self.rows.results
            self.rows.coded.append((slot, channels.text_rows(binding), source))
            return _Bound(binding, slot, source, prims, 1.0, 0.0, "", False)
        if binding.map.kind == "expr":
            source = self._expression(binding, source, factor, offset)
            return _Bound(binding, slot, source, prims, 1.0, 0.0, "", True)
        return _Bound(binding, slot, source, prims, factor, offset, x_unit, False)

    def _expression(self, binding: Binding, source: int, factor: float, offset: float) -> int:
        """Return the entry that the expression's result will have: below all strict ones, as -1e9 - n."""
        group = self.rows.groups.get(binding.map.expr)
        if group is None:
            if self.known is None:
                self.known = {*self.find.slot_of, *_OWN_NAMES}
            compiled = expression.compile(binding.map.expr, self.known, where(binding))
            inputs = {n: self.find.slot_of[n] for n in compiled.names if n not in _OWN_NAMES}
            group = self.rows.groups[binding.map.expr] = Group(compiled, inputs)
        self.rows.results += 1
        target = channels.RESULT - self.rows.results
        group.rows.append((source, factor, offset, target))
        return target

    # ------------------------------------------------------------ kinds of rows

    def _colour(self, bound: _Bound) -> None:
        binding, spec = bound.binding, self.specs[bound.slot]
        name = binding.colormap or maps.FALLBACK.name
        colourmap = self.find.colourmap(name)
        row_of, table = channels.colour_row(binding, spec, colourmap, bound.is_result)
        pair = "paint" if binding.channel == "displayColor" else "glow"
        pair = "lit_colour" if binding.channel == "highlight" else pair
        if table is not None:
            key, pick, exact, (a, b, low, high) = table
            of_x = (a * bound.factor, a * bound.offset + b, low, high)
            row = self.rows.swatches.add(bound.source, of_x, key, exact, [float(p) for p in pick])
            self.rows.swatches.policies.add(binding)
            self.rows.second[pair].add(bound.prims, row)
        else:
            a, b, low, high = row_of
            base = self.rows.tableau.first_row(colourmap)
            row = self.rows.ramp.add(bound.source, a * bound.factor, a * bound.offset + b, low, high, base)
            self.rows.ramp.policies.add(binding)
            self.rows.pairs[pair].add(bound.prims, row)
        if binding.map.kind not in ("states", "steps") or binding.colormap:
            unit = binding.target_unit or (bound.x_unit if channels.keeps_unit(binding) else "")
            key3 = (colourmap.name, binding.ends, unit)
            if key3 not in self.rows.legends:
                title = colourmap.title or spec.title
                self.rows.legends[key3] = maps.legend(colourmap, binding.ends, unit, title)

    def _number(self, bound: _Bound) -> None:
        binding = bound.binding
        to_natural, shift = channels.natural(
            binding, bound.x_unit, self.scene.meters_per_unit, where(binding)
        )
        row, second = self._figure(bound, to_natural, shift)
        number = -1 - row if second else row  # rows of tables are numbered once all lines are known
        if binding.channel in channels.MOTIONS:
            axis = channels.axis_of(binding)
            for prim in bound.prims:
                index = number
                if binding.channel == "spin":
                    index = len(self.rows.spin_rows)
                    self.rows.spin_rows.append((number, prim, 1.0, math.inf))
                self.rows.motions.append(Motion(prim, binding.channel, axis, index))
        else:
            target = self.rows.second if second else self.rows.pairs
            target[channels.PAIR_OF[binding.channel]].add(bound.prims, row)

    def _figure(self, bound: _Bound, to_natural: float, shift: float) -> tuple[int, bool]:
        """Add a row of numbers; return it, and whether it is one of a table."""
        binding = bound.binding
        line, table = channels.number_row(binding, self.specs[bound.slot], bound.is_result)
        if table is not None:
            key, pick, exact, (a, b, low, high) = table
            picked = [p * to_natural + shift for p in pick]
            of_x = (a * bound.factor, a * bound.offset + b, low, high)
            row = self.rows.picks.add(bound.source, of_x, key, exact, picked)
            self.rows.picks.policies.add(binding, to_natural)
            return row, True
        a, b, low, high = line
        ends = sorted((low * to_natural + shift, high * to_natural + shift))
        row = self.rows.line.add(
            bound.source,
            a * bound.factor * to_natural,
            (a * bound.offset + b) * to_natural + shift,
            ends[0],
            ends[1],
        )
        self.rows.line.policies.add(binding, to_natural)
        return row, False

    def _flow(self, bound: _Bound) -> None:
        binding = bound.binding
        factor, offset, is_volume = flows.speed(self.find, binding, bound.x_unit)
        axis = None if binding.axis == "none" else channels.axis_of(binding)
        _, drawn = self.find.reach.painted(np.array(bound.prims, np.int64))
        found = [(p, pipe) for p in drawn.tolist() if (pipe := self._pipe(p, axis)) is not None]
        if not found:
            what = "What the flow is bound to has no surface of its own."
            refuse("B07", what, "Bind it to a pipe, a cylinder or a curve; copies of an instance have none.")
        row, second = self._figure(bound, factor, offset)
        for prim, pipe in found:
            spin = len(self.rows.spin_rows)
            turns, fastest = flows.turns(pipe, is_volume), 2 * math.pi * FASTEST
            self.rows.spin_rows.append((-1 - row if second else row, prim, turns, fastest))
            self.rows.surfaces.append(
                Flow(
                    prim=np.array([prim], np.int64),
                    point=pipe.point,
                    along=frozen((pipe.along / pipe.stripe).astype(np.float32)),
                    tag=np.array([bound.slot], np.int64),
                    source=np.array([bound.source], np.int64),
                    is_bright=is_bright(self.scene.rgba[prim, :3]),
                    spin=spin,
                )
            )

    def _pipe(self, prim: int, axis: int | None) -> flows.Pipe | None:
        if (prim, axis) not in self.pipes:
            self.pipes[prim, axis] = flows.pipe(self.scene, prim, axis, self.find.surface(prim))
        return self.pipes[prim, axis]

    def _pose(self, binding: Binding) -> None:
        slots = pose_bindings.tags(self.find, binding)
        prims = self.find.prims(binding)
        source = list(slots)
        if limit := limit_ns(binding, [self.specs[slot] for slot in slots]):
            first = len(self.rows.strict)
            self.rows.strict.extend((slot, limit) for slot in slots)
            source = [-1 - first - i for i in range(len(slots))]
        row = len(self.rows.poses)
        self.rows.poses.append(pose_bindings.made(self.find, binding, source))
        self.rows.motions.extend(Motion(prim, "pose", 0, row) for prim in prims)
        self.rows.marks.extend((prim, s, True) for prim in prims for s in source)
        self.rows.done.append((binding, slots[0], tuple(prims)))

    def _words(self, bound: _Bound) -> None:
        binding, spec = bound.binding, self.specs[bound.slot]
        kind = "variants" if binding.channel == "variant" else "labels"
        if kind == "variants" and not binding.property_name:
            refuse("B07", "The binding names no variant set.", "Write it in `property`.")
        keys, texts, text_keys, otherwise, exact = channels.word_table(binding, spec)
        a, b, low, high = channels.straight(binding, bound.is_result)
        for prim in bound.prims:
            words = Words(
                prim=prim,
                source=bound.source,
                tag=bound.slot,
                a=a * bound.factor,
                b=a * bound.offset + b,
                low=low,
                high=high,
                unit=binding.target_unit or (bound.x_unit if channels.keeps_unit(binding) else ""),
                keys=keys,
                texts=texts,
                text_keys=text_keys,
                exact=exact,
                otherwise=otherwise,
                on_stale=policy_code(binding.on_stale),
                on_bad=policy_code(binding.on_bad),
                fallback=binding.fallback,
                property_name=binding.property_name,
            )
            (self.rows.variants if kind == "variants" else self.rows.labels).append(words)
