"""Bindings, scene, tags and colour maps → a Program of index arrays; what cannot run is named."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from armillary.encoding import channels, field_rows, maps
from armillary.encoding.assemble import Collected, Group
from armillary.encoding.moves import Motion
from armillary.encoding.program import Program, Words
from armillary.encoding.rows import policy_code
from armillary.encoding.spread import Reach, reach
from armillary.model import expression, units
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import Fault
from armillary.model.scene import SceneArrays, SceneProblem, index_of
from armillary.model.tags import TagSpec

__all__ = ["Program", "compiled"]

_SUGGEST = 20  # unknown names that get a likely spelling; more would take seconds
_OWN_NAMES = ("x", "t", "q")


class _RefusedError(Exception):
    """One binding cannot run."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.code, self.what, self.remedy = code, what, remedy


class _NothingToDriveError(Exception):
    """All targets are unknown; each has been reported."""


def _refuse(code: str, what: str, remedy: str) -> NoReturn:
    raise _RefusedError(code, what, remedy)


def compiled(
    bindings: Sequence[Binding],
    scene: SceneArrays,
    specs: Sequence[TagSpec],
    colormaps: Sequence[ColourMap] = (),
) -> tuple[Program, tuple[SceneProblem, ...]]:
    """Return the program and what is wrong; a binding that cannot run is named and left out.

    Channels of colour, opacity and light on a prim without geometry go to its drawn descendants.
    Where two bindings drive one channel of one prim the later one wins, with a warning.
    """
    work = _Work(bindings, scene, specs, maps.named(colormaps))
    for binding in bindings:
        if not binding.enabled or binding.intent != "value":
            continue
        try:
            work.add(binding)
        except _NothingToDriveError:
            continue  # every unknown prim has been named
        except _RefusedError as refused:
            work.problem(binding, refused.code, refused.what, refused.remedy)
        except Fault as fault:
            work.problem(binding, channels.code_of(fault), fault.what, fault.remedy)
    return work.rows.program(), tuple(work.problems)


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

    def __init__(
        self,
        bindings: Sequence[Binding],
        scene: SceneArrays,
        specs: Sequence[TagSpec],
        colormaps: dict[str, ColourMap],
    ) -> None:
        self.bindings = bindings
        self.by_prim: dict[str, list[Binding]] | None = None  # those that run, made for the first field
        self.scene, self.specs, self.colormaps = scene, specs, colormaps
        self.reach: Reach = reach(scene)
        self.slot_of = {s.name: s.slot for s in specs}
        self.by_address: dict[str, int] | None = None
        self.known: set[str] | None = None
        self.prim_of = index_of(scene.prim_path)
        self.problems: list[SceneProblem] = []
        self.rows = Collected(scene, specs, self.reach)
        self.driven: dict[tuple[int, str], str] = {}
        self.suggested = 0

    # ------------------------------------------------------------ one binding

    def add(self, binding: Binding) -> None:
        channel = channels.CHANNELS.get(binding.channel)
        if channel is None:
            remedy = f"Use one of {', '.join(channels.CHANNELS)}."
            _refuse("B07", f"The channel '{binding.channel}' is not drawn.", remedy)
        channels.check_map(binding)
        if channel == "field":
            self._field(binding)
            return
        bound = self._bound(binding)
        # build first, register last: a binding that is refused half-way leaves nothing behind
        if channel == "colour" or (binding.channel == "highlight" and binding.colormap):
            self._colour(bound)
        elif channel == "number":
            self._number(bound)
        else:
            self._words(bound)
        whole = binding.channel in channels.WHOLE
        self.rows.marks.extend((p, bound.source, whole) for p in bound.prims)
        self.rows.done.append((binding, bound.slot, tuple(bound.prims)))

    def _bound(self, binding: Binding) -> _Bound:
        slot = self._slot(binding)
        spec = self.specs[slot]
        prims = self._prims(binding)
        factor, offset = units.conversion(spec.unit, binding.unit, self._where(binding))
        source, x_unit = slot, binding.unit or spec.unit
        if binding.stale_after_s > 0:
            self.rows.strict.append((slot, int(binding.stale_after_s * 1e9)))
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

    def _slot(self, binding: Binding) -> int:
        slot = self.slot_of.get(binding.signal) if binding.signal else None
        if slot is None and not binding.signal and binding.address:
            if self.by_address is None:
                self.by_address = {f"{s.link}!{s.address}": s.slot for s in self.specs}
            slot = self.by_address.get(binding.address)
        if slot is None:
            name = binding.signal or binding.address
            what = f"The tag '{name}' is not known." if name else "The binding names no signal."
            _refuse("B05", what, self._near(name, list(self.slot_of)) or "Add the tag to twins.json.")
        return slot

    def _prims(self, binding: Binding) -> list[int]:
        prims: list[int] = []
        for path in binding.targets or (binding.prim,):
            prim = self.prim_of.get(path)
            if prim is None:
                remedy = self._near(path, self.scene.prim_path) or "Bind another prim, or remove the binding."
                self.problem(binding, "B04", f"The scene has no prim '{path}'.", remedy)
                continue
            key = (prim, channels.channel_key(binding))
            if key in self.driven:
                what = f"'{self.driven[key]}' drives the same channel of {path}; the later one wins."
                self.problem(binding, "B10", what, "Disable one of the two.", "warning")
            self.driven[key] = binding.where
            prims.append(prim)
        if not prims:
            raise _NothingToDriveError
        return prims

    def _near(self, name: str, among: Sequence[str]) -> str:
        self.suggested += 1
        near = difflib.get_close_matches(name, among, 1) if self.suggested <= _SUGGEST else []
        return f"Did you mean '{near[0]}'?" if near else ""

    def _expression(self, binding: Binding, source: int, factor: float, offset: float) -> int:
        """Return the entry that the expression's result will have: below all strict ones, as -1e9 - n."""
        group = self.rows.groups.get(binding.map.expr)
        if group is None:
            if self.known is None:
                self.known = {*self.slot_of, *_OWN_NAMES}
            compiled = expression.compile(binding.map.expr, self.known, self._where(binding))
            inputs = {n: self.slot_of[n] for n in compiled.names if n not in _OWN_NAMES}
            group = self.rows.groups[binding.map.expr] = Group(compiled, inputs)
        self.rows.results += 1
        target = channels.RESULT - self.rows.results
        group.rows.append((source, factor, offset, target))
        return target

    # ------------------------------------------------------------ kinds of rows

    def _colour(self, bound: _Bound) -> None:
        binding, spec = bound.binding, self.specs[bound.slot]
        name = binding.colormap or maps.FALLBACK.name
        colourmap = self._colourmap(name)
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

    def _colourmap(self, name: str) -> ColourMap:
        colourmap = self.colormaps.get(name)
        if colourmap is None:
            remedy = self._near(name, list(self.colormaps)) or f"Use one of {', '.join(self.colormaps)}."
            _refuse("B12", f"The colour map '{name}' is not known.", remedy)
        return colourmap

    def _field(self, binding: Binding) -> None:
        if binding.map.kind not in ("none", "linear", "range"):
            _refuse("B07", f"A field has no map '{binding.map.kind}'.", "Use linear, or bind a derived tag.")
        colourmap = self._colourmap(binding.colormap or maps.FALLBACK.name)
        if colourmap.kind == "states":
            _refuse("B07", "A field has no colour map of states.", "Use one that is linear or has steps.")
        if binding.ends[0] == binding.ends[1]:
            _refuse("B02", "The range of the colours is empty.", "Give two different ends in `range`.")
        slots, prims = self._sensors(binding)
        unit = binding.unit or self.specs[slots[0]].unit
        where = self._where(binding)
        to_x = np.array([units.conversion(self.specs[s].unit, unit, where) for s in slots])
        _, drawn = self.reach.painted(np.array(self._prims(binding), np.int64))
        point, triangle = field_rows.surface(self.scene, drawn)
        if not len(point):
            what = "What the field is bound to has no mesh of its own."
            _refuse("B07", what, "Bind it to a mesh; copies of an instance share theirs.")
        made, vertex = field_rows.weighed(
            self.scene, binding, point, triangle, field_rows.places(self.scene, prims)
        )
        source = np.array(slots, np.int64)
        if binding.stale_after_s > 0:
            first = len(self.rows.strict)
            self.rows.strict.extend((s, int(binding.stale_after_s * 1e9)) for s in slots)
            source = -1 - first - np.arange(len(slots))
        scale, shift, low, high = channels.straight(binding, is_result=False)
        start, end = binding.ends
        span = end - start
        limits = sorted(((low - start) / span, (high - start) / span))
        self.rows.fields.append(
            field_rows.Field(
                prim=np.unique(self.scene.point_prim[point]).astype(np.int64),
                point=point,
                vertex=vertex,
                weights=made,
                tag=np.array(slots, np.int64),
                source=source,
                a=scale * to_x[:, 0] / span,
                b=(scale * to_x[:, 1] + shift - start) / span,
                low=limits[0],
                high=limits[1],
                colourmap=colourmap,
                lines=max(0, min(binding.field.iso_lines, field_rows.MOST_LINES)),
            )
        )
        shown = binding.target_unit or (unit if channels.keeps_unit(binding) else "")
        key = (f"{colourmap.name} field {binding.field.iso_lines}", binding.ends, shown)
        title = colourmap.title or self.specs[slots[0]].title
        self.rows.legends.setdefault(key, field_rows.legend(binding, colourmap, shown, title))
        self.rows.done.append((binding, slots[0], tuple(drawn.tolist())))

    def _sensors(self, binding: Binding) -> tuple[list[int], list[int]]:
        """Return slots and prims of the sensors of a field; one that cannot be read is named and left out."""
        if self.by_prim is None:
            self.by_prim = {}
            for b in self.bindings:
                if b.enabled:
                    self.by_prim.setdefault(b.prim, []).append(b)
        slots: list[int] = []
        prims: list[int] = []
        for target in binding.field.sensors:
            path = target.partition(".")[0]
            prim = self.prim_of.get(path)
            if prim is None:
                remedy = self._near(path, self.scene.prim_path) or "Correct the path in `sensors`."
                self.problem(binding, "B04", f"The scene has no prim '{path}'.", remedy)
                continue
            try:
                slot = self._slot(field_rows.sensor_binding(binding, target, self.by_prim))
            except _RefusedError as refused:
                self.problem(binding, refused.code, refused.what, refused.remedy)
                continue
            except Fault as fault:
                self.problem(binding, "B05", fault.what, fault.remedy)
                continue
            if self.specs[slot].kind == "text":
                what = f"The tag '{self.specs[slot].name}' is text, which cannot be spread."
                self.problem(binding, "B05", what, "Name a sensor whose tag is a number.")
                continue
            slots.append(slot)
            prims.append(prim)
        if not slots:
            _refuse("B05", "The field has no sensor that can be read.", "Name prims with a tag in `sensors`.")
        return slots, prims

    def _number(self, bound: _Bound) -> None:
        binding = bound.binding
        to_natural, shift = channels.natural(
            binding, bound.x_unit, self.scene.meters_per_unit, self._where(binding)
        )
        line, table = channels.number_row(binding, self.specs[bound.slot], bound.is_result)
        if table is not None:
            key, pick, exact, (a, b, low, high) = table
            picked = [p * to_natural + shift for p in pick]
            of_x = (a * bound.factor, a * bound.offset + b, low, high)
            row = self.rows.picks.add(bound.source, of_x, key, exact, picked)
            self.rows.picks.policies.add(binding, to_natural)
            target, second = self.rows.second, True
        else:
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
            target, second = self.rows.pairs, False
        number = -1 - row if second else row  # rows of tables are numbered once all lines are known
        if binding.channel in channels.MOTIONS:
            axis = channels.axis_of(binding)
            for prim in bound.prims:
                index = number
                if binding.channel == "spin":
                    index = len(self.rows.spin_rows)
                    self.rows.spin_rows.append((number, prim))
                self.rows.motions.append(Motion(prim, binding.channel, axis, index))
        else:
            target[channels.PAIR_OF[binding.channel]].add(bound.prims, row)

    def _words(self, bound: _Bound) -> None:
        binding, spec = bound.binding, self.specs[bound.slot]
        kind = "variants" if binding.channel == "variant" else "labels"
        if kind == "variants" and not binding.property_name:
            _refuse("B07", "The binding names no variant set.", "Write it in `property`.")
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

    # ------------------------------------------------------------ problems

    @staticmethod
    def _where(binding: Binding) -> str:
        return binding.origin or binding.where

    def problem(self, binding: Binding, code: str, what: str, remedy: str, severity: str = "error") -> None:
        self.problems.append(
            SceneProblem(code=code, severity=severity, where=self._where(binding), what=what, remedy=remedy)
        )
