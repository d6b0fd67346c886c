"""Bindings, scene, tags and colour maps → a Program of index arrays; what cannot run is named."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from armillary.encoding import channels, maps
from armillary.encoding.moves import Motion, moves
from armillary.encoding.program import Coded, Derived, Pairs, Program, Spins, Words
from armillary.encoding.rows import PairList, Straight, Tableau, Tables, pairs, policy_code
from armillary.encoding.spread import Reach, reach
from armillary.model import expression, units
from armillary.model.arrays import B1, I8, frozen
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import Fault
from armillary.model.look import base_look
from armillary.model.scene import PURPOSES, SceneArrays, SceneProblem, index_of
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
    work = _Work(scene, specs, maps.named(colormaps))
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
    return work.program(), tuple(work.problems)


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


@dataclass(slots=True)
class _Group:
    """Expression bindings that share one text."""

    expression: expression.Expression
    inputs: dict[str, int]
    rows: list[tuple[int, float, float, int]] = field(default_factory=list)  # x, factor, offset, target


class _Work:
    """The collected rows of a program."""

    def __init__(self, scene: SceneArrays, specs: Sequence[TagSpec], colormaps: dict[str, ColourMap]) -> None:
        self.scene, self.specs, self.colormaps = scene, specs, colormaps
        self.reach: Reach = reach(scene)
        self.slot_of = {s.name: s.slot for s in specs}
        self.by_address: dict[str, int] | None = None
        self.known: set[str] | None = None
        self.prim_of = index_of(scene.prim_path)
        self.problems: list[SceneProblem] = []
        self.tableau = Tableau()
        self.ramp, self.line = Straight(), Straight()
        self.swatches, self.picks = Tables(of_colours=True), Tables(of_colours=False)
        self.pairs = {name: PairList() for name in channels.PAIRED}
        self.second = {name: PairList() for name in channels.PAIRED}  # pairs with rows of tables
        self.motions: list[Motion] = []
        self.spin_rows: list[tuple[int, int]] = []  # (row, prim)
        self.labels: list[Words] = []
        self.variants: list[Words] = []
        self.strict: list[tuple[int, int]] = []
        self.groups: dict[str, _Group] = {}
        self.coded: list[tuple[int, dict[str, float], int]] = []
        self.results = 0
        self.marks: list[tuple[int, int, bool]] = []  # prim, entry, whole subtree
        self.driven: dict[tuple[int, str], str] = {}
        self.done: list[tuple[Binding, int, tuple[int, ...]]] = []
        self.legends: dict[tuple[str, tuple[float, float], str], maps.Legend] = {}
        self.suggested = 0

    # ------------------------------------------------------------ one binding

    def add(self, binding: Binding) -> None:
        channel = channels.CHANNELS.get(binding.channel)
        if channel is None:
            remedy = f"Use one of {', '.join(channels.CHANNELS)}."
            _refuse("B07", f"The channel '{binding.channel}' is not drawn.", remedy)
        channels.check_map(binding)
        bound = self._bound(binding)
        # build first, register last: a binding that is refused half-way leaves nothing behind
        if channel == "colour" or (binding.channel == "highlight" and binding.colormap):
            self._colour(bound)
        elif channel == "number":
            self._number(bound)
        else:
            self._words(bound)
        whole = binding.channel in channels.WHOLE
        self.marks.extend((p, bound.source, whole) for p in bound.prims)
        self.done.append((binding, bound.slot, tuple(bound.prims)))

    def _bound(self, binding: Binding) -> _Bound:
        slot = self._slot(binding)
        spec = self.specs[slot]
        prims = self._prims(binding)
        factor, offset = units.conversion(spec.unit, binding.unit, self._where(binding))
        source, x_unit = slot, binding.unit or spec.unit
        if binding.stale_after_s > 0:
            self.strict.append((slot, int(binding.stale_after_s * 1e9)))
            source = -len(self.strict)  # numbered once it is known how many there are
        if (
            spec.kind == "text"
            and binding.map.kind == "states"
            and channels.CHANNELS[binding.channel] != "words"
        ):
            self.results += 1
            source = channels.RESULT - self.results
            self.coded.append((slot, channels.text_rows(binding), source))
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
        group = self.groups.get(binding.map.expr)
        if group is None:
            if self.known is None:
                self.known = {*self.slot_of, *_OWN_NAMES}
            compiled = expression.compile(binding.map.expr, self.known, self._where(binding))
            inputs = {n: self.slot_of[n] for n in compiled.names if n not in _OWN_NAMES}
            group = self.groups[binding.map.expr] = _Group(compiled, inputs)
        self.results += 1
        target = channels.RESULT - self.results
        group.rows.append((source, factor, offset, target))
        return target

    # ------------------------------------------------------------ kinds of rows

    def _colour(self, bound: _Bound) -> None:
        binding, spec = bound.binding, self.specs[bound.slot]
        name = binding.colormap or maps.FALLBACK.name
        colourmap = self.colormaps.get(name)
        if colourmap is None:
            remedy = self._near(name, list(self.colormaps)) or f"Use one of {', '.join(self.colormaps)}."
            _refuse("B12", f"The colour map '{name}' is not known.", remedy)
        row_of, table = channels.colour_row(binding, spec, colourmap, bound.is_result)
        pair = "paint" if binding.channel == "displayColor" else "glow"
        pair = "lit_colour" if binding.channel == "highlight" else pair
        if table is not None:
            key, pick, exact, (a, b, low, high) = table
            of_x = (a * bound.factor, a * bound.offset + b, low, high)
            row = self.swatches.add(bound.source, of_x, key, exact, [float(p) for p in pick])
            self.swatches.policies.add(binding)
            self.second[pair].add(bound.prims, row)
        else:
            a, b, low, high = row_of
            base = self.tableau.first_row(colourmap)
            row = self.ramp.add(bound.source, a * bound.factor, a * bound.offset + b, low, high, base)
            self.ramp.policies.add(binding)
            self.pairs[pair].add(bound.prims, row)
        if binding.map.kind not in ("states", "steps") or binding.colormap:
            unit = binding.target_unit or (bound.x_unit if channels.keeps_unit(binding) else "")
            key3 = (colourmap.name, binding.ends, unit)
            if key3 not in self.legends:
                title = colourmap.title or spec.title
                self.legends[key3] = maps.legend(colourmap, binding.ends, unit, title)

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
            row = self.picks.add(bound.source, of_x, key, exact, picked)
            self.picks.policies.add(binding, to_natural)
            target, second = self.second, True
        else:
            a, b, low, high = line
            ends = sorted((low * to_natural + shift, high * to_natural + shift))
            row = self.line.add(
                bound.source,
                a * bound.factor * to_natural,
                (a * bound.offset + b) * to_natural + shift,
                ends[0],
                ends[1],
            )
            self.line.policies.add(binding, to_natural)
            target, second = self.pairs, False
        number = -1 - row if second else row  # rows of tables are numbered once all lines are known
        if binding.channel in channels.MOTIONS:
            axis = channels.axis_of(binding)
            for prim in bound.prims:
                index = number
                if binding.channel == "spin":
                    index = len(self.spin_rows)
                    self.spin_rows.append((number, prim))
                self.motions.append(Motion(prim, binding.channel, axis, index))
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
            (self.variants if kind == "variants" else self.labels).append(words)

    # ------------------------------------------------------------ problems

    @staticmethod
    def _where(binding: Binding) -> str:
        return binding.origin or binding.where

    def problem(self, binding: Binding, code: str, what: str, remedy: str, severity: str = "error") -> None:
        self.problems.append(
            SceneProblem(code=code, severity=severity, where=self._where(binding), what=what, remedy=remedy)
        )

    # ------------------------------------------------------------ the program

    def _entry(self, source: int) -> int:
        """Return the final entry of the value vector: tags, then strict ones, then results."""
        n, d = len(self.specs), len(self.strict)
        if source >= 0:
            return source
        if source > channels.RESULT:
            return n - source - 1
        return n + d + (channels.RESULT - source) - 1

    def _entries(self, sources: I8) -> I8:
        n, d = len(self.specs), len(self.strict)
        late = np.where(sources > channels.RESULT, n - sources - 1, n + d + channels.RESULT - sources - 1)
        return np.where(sources >= 0, sources, late)

    def _pairs(self, name: str, first_table_row: int) -> Pairs:
        prim, row = self.pairs[name].targets()
        prim2, row2 = self.second[name].targets()
        prim, row = np.concatenate([prim, prim2]), np.concatenate([row, row2 + first_table_row])
        which, reached = (self.reach.below if name == "show" else self.reach.painted)(prim)
        if name == "show":  # all of them count: a prim under a hidden one stays hidden
            return Pairs(prim=frozen(reached), row=frozen(row[which]))
        return pairs(reached, row[which])

    def _can_show(self) -> B1:
        """Return which prims a binding may show: no guide or proxy, nor what the scene hides deeper."""
        can = self.scene.visible.copy()
        target = np.concatenate([self.pairs["show"].targets()[0], self.second["show"].targets()[0]])
        _, below = self.reach.below(target[~self.scene.visible[target]])
        can[below] |= self.scene.purpose[below] <= PURPOSES.index("render")
        return frozen(can)

    def program(self) -> Program:
        self.ramp.source = self._entries(np.array(self.ramp.source, np.int64)).tolist()
        self.line.source = self._entries(np.array(self.line.source, np.int64)).tolist()
        for tables in (self.swatches, self.picks):
            tables.source = self._entries(np.array(tables.source, np.int64)).tolist()
        lines, ramps = len(self.line.source), len(self.ramp.source)
        coloured = ("paint", "glow", "lit_colour")
        paired = {n: self._pairs(n, ramps if n in coloured else lines) for n in channels.PAIRED}
        spin = np.array(self.spin_rows, np.int64).reshape(-1, 2)
        spin_row = np.where(spin[:, 0] >= 0, spin[:, 0], lines - spin[:, 0] - 1)
        motions = [
            m if m.what == "spin" or m.row >= 0 else Motion(m.prim, m.what, m.axis, lines - m.row - 1)
            for m in channels.last_of_each(self.motions)
        ]
        mark_prim, mark_start, mark_source = self._marks()
        strict = np.array(self.strict, np.int64).reshape(-1, 2)
        n = len(self.specs)
        return Program(
            scene=self.scene,
            base=base_look(self.scene),
            ends=frozen(self.reach.ends),
            tags=n,
            strict_source=frozen(strict[:, 0]),
            strict_ns=frozen(strict[:, 1]),
            derived=tuple(self._derived(g) for g in self.groups.values() if g.rows),
            coded=tuple(
                Coded(slot=slot, row_of=row_of, target=self._entry(target))
                for slot, row_of, target in self.coded
            ),
            entries=n + len(strict) + self.results,
            lut=self.tableau.lut(),
            ramp=self.ramp.ramp(),
            swatches=self.swatches.choice(),
            line=self.line.line(),
            picks=self.picks.choice(),
            moves=moves(motions, self.scene, self.reach.ends),
            spins=Spins(row=frozen(spin_row), prim=frozen(spin[:, 1])),
            labels=tuple(self._settled(w) for w in self.labels),
            variants=tuple(self._settled(w) for w in self.variants),
            mark_prim=mark_prim,
            mark_start=mark_start,
            mark_source=mark_source,
            bindings=tuple(b for b, _, _ in self.done),
            binding_slot=frozen(np.array([s for _, s, _ in self.done], np.int64)),
            binding_prims=tuple(p for _, _, p in self.done),
            legends=tuple(self.legends.values()),
            can_show=self._can_show(),
            **paired,
        )

    def _settled(self, words: Words) -> Words:
        return channels.with_source(words, self._entry(words.source))

    def _derived(self, group: _Group) -> Derived:
        columns = np.array(group.rows, np.float64).reshape(-1, 4)
        return Derived(
            expression=group.expression,
            x=frozen(self._entries(columns[:, 0].astype(np.int64))),
            factor=frozen(columns[:, 1]),
            offset=frozen(columns[:, 2]),
            inputs=group.inputs,
            target=frozen(self._entries(columns[:, 3].astype(np.int64))),
        )

    def _marks(self) -> tuple[I8, I8, I8]:
        """Return (prim, start, source): which entries' quality each prim shows, grouped by prim."""
        marks = np.array(self.marks, np.int64).reshape(-1, 3)
        source = self._entries(marks[:, 1])
        whole = marks[:, 2] > 0
        row_a, prim_a = self.reach.painted(marks[~whole, 0])
        row_b, prim_b = self.reach.below(marks[whole, 0])
        prim = np.concatenate([prim_a, prim_b])
        entry = np.concatenate([source[~whole][row_a], source[whole][row_b]])
        both = np.unique(np.column_stack([prim, entry]), axis=0) if len(prim) else np.zeros((0, 2), np.int64)
        unique, start = np.unique(both[:, 0], return_index=True)
        return frozen(unique), frozen(start), frozen(both[:, 1])
