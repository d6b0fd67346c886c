"""What compiling collects, and the arrays of a Program made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.encoding import channels, maps
from armillary.encoding.field_rows import Surface, shape_of
from armillary.encoding.moves import Motion, moves
from armillary.encoding.pose_bindings import Pose, poses
from armillary.encoding.program import Coded, Derived, Pairs, Program, Spins, Words
from armillary.encoding.rows import PairList, Straight, Tableau, Tables, pairs
from armillary.encoding.spread import Reach
from armillary.model.arrays import B1, I8, frozen
from armillary.model.binding import Binding
from armillary.model.expression import Expression
from armillary.model.look import base_look
from armillary.model.scene import PURPOSES, SceneArrays
from armillary.model.tags import TagSpec

_OWN_ROWS = ("spin", "pose")  # motions whose row is no row of numbers


@dataclass(slots=True)
class Group:
    """Expression bindings that share one text."""

    expression: Expression
    inputs: dict[str, int]
    rows: list[tuple[int, float, float, int]] = field(default_factory=list)  # x, factor, offset, target


class Collected:
    """Rows of maps, pairs and motions, in the order of the bindings.

    A source ≥ 0 is a tag; until all are known, strict ones count down from -1 and results from RESULT - 1.
    """

    def __init__(self, scene: SceneArrays, specs: Sequence[TagSpec], reach: Reach) -> None:
        self.scene, self.specs, self.reach = scene, specs, reach
        self.tableau = Tableau()
        self.ramp, self.line = Straight(), Straight()
        self.swatches, self.picks = Tables(of_colours=True), Tables(of_colours=False)
        self.pairs = {name: PairList() for name in channels.PAIRED}
        self.second = {name: PairList() for name in channels.PAIRED}  # pairs with rows of tables
        self.motions: list[Motion] = []
        self.poses: list[Pose] = []  # sources not yet final
        self.spin_rows: list[tuple[int, int, float, float]] = []  # row, prim, scale, fastest
        self.labels: list[Words] = []
        self.variants: list[Words] = []
        self.strict: list[tuple[int, int]] = []
        self.groups: dict[str, Group] = {}
        self.coded: list[tuple[int, dict[str, float], int]] = []
        self.results = 0
        self.marks: list[tuple[int, int, bool]] = []  # prim, entry, whole subtree
        self.done: list[tuple[Binding, int, tuple[int, ...]]] = []
        self.surfaces: list[Surface] = []  # sources not yet final
        self.legends: dict[tuple[str, tuple[float, float], str], maps.Legend] = {}

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
        spin = np.array([(row, prim) for row, prim, *_ in self.spin_rows], np.int64).reshape(-1, 2)
        spin_row = np.where(spin[:, 0] >= 0, spin[:, 0], lines - spin[:, 0] - 1)
        motions = [
            m if m.what in _OWN_ROWS or m.row >= 0 else replace(m, row=lines - m.row - 1)
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
            spins=Spins(
                row=frozen(spin_row),
                prim=frozen(spin[:, 1]),
                scale=frozen(np.array([scale for *_, scale, _ in self.spin_rows], np.float64)),
                fastest=frozen(np.array([fastest for *_, fastest in self.spin_rows], np.float64)),
            ),
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
            fields=tuple(replace(f, source=frozen(self._entries(f.source))) for f in self.surfaces),
            field_shape=shape_of(self.surfaces),
            poses=poses(self.poses, self._entries),
            **paired,
        )

    def _settled(self, words: Words) -> Words:
        return channels.with_source(words, self._entry(words.source))

    def _derived(self, group: Group) -> Derived:
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
