"""A simulator as the supply of a world's core: what instruments show, link by link, in simulated time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.model.arrays import B1, F8, I8, U1, U2
from armillary.model.clock import NS
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.model.sample import SampleBatch, batch_of, empty_batch
from armillary.model.simulation import ModelInfo
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Signs
from armillary.telemetry.watch import Watch

AGAIN_NS = NS  # what did not change is told this often, as a real link would


class SimulatedSupply:
    """A `world.core.Supply`. `offer` puts what is shown now; the core takes it in its tick."""

    def __init__(self, specs: Sequence[TagSpec], links: Sequence[LinkSpec]) -> None:
        self._specs, self._links = tuple(specs), tuple(links)
        self._told: F8 = np.full(len(specs), np.nan)
        self._told_quality: U2 = np.zeros(len(specs), np.uint16)
        self._told_ns: I8 = np.full(len(specs), -(2**62), np.int64)
        self._derived: B1 = np.array([bool(s.expression) for s in specs], np.bool_)
        self._batch = empty_batch()
        self._lost: dict[str, int] = {}  # link → mono ns since when
        self._mono_ns = 0
        self._watch = Watch(specs, links)

    def offer(
        self, value: F8, quality: U2, silent: B1, lost: frozenset[str], t_ns: int, mono_ns: int
    ) -> None:
        """Take what instruments show, (N,) each: what changed, and once a second what did not, is told."""
        self._mono_ns = mono_ns
        self._lost = {link: self._lost.get(link, mono_ns) for link in sorted(lost)}
        known = np.isfinite(value) & ~silent & ~self._derived
        news = (value != self._told) | (quality != self._told_quality) | (mono_ns - self._told_ns >= AGAIN_NS)
        slot = np.flatnonzero(known & news).astype(np.uint32)
        self._told[slot], self._told_quality[slot], self._told_ns[slot] = value[slot], quality[slot], mono_ns
        times = np.full(len(slot), t_ns, np.int64)
        self._batch = batch_of(slot, value[slot], times, t_ns, mono_ns, quality=quality[slot])

    def freeze(self) -> object:
        """Return what was told when, and what is lost; `thaw` goes on from it exactly."""
        told = (self._told.copy(), self._told_quality.copy(), self._told_ns.copy())
        return *told, dict(self._lost), self._mono_ns, self._watch.freeze()

    def thaw(self, frozen: object) -> None:
        """Go on from what `freeze` returned; may be done again and again."""
        if not isinstance(frozen, tuple):
            raise TypeError("thaw takes what freeze returned")
        told, quality, told_ns, lost, self._mono_ns, watched = frozen
        self._told, self._told_quality, self._told_ns = told.copy(), quality.copy(), told_ns.copy()
        self._lost, self._batch = dict(lost), empty_batch()
        self._watch.thaw(watched)

    def resume(self, value: F8, quality: U2, told_ns: I8, mono_ns: int) -> None:
        """Go on from a state, (N,) each, that was told at times of the monotonic clock."""
        self.restart()
        self._told, self._told_quality, self._told_ns = value.copy(), quality.copy(), told_ns.copy()
        self._mono_ns = mono_ns

    def restart(self) -> None:
        """Tell everything anew: time went back."""
        self._told_ns[:] = -(2**62)
        self._lost = {}
        self._watch = Watch(self._specs, self._links)

    def take(self) -> SampleBatch:
        """Return what is shown now, once."""
        batch, self._batch = self._batch, empty_batch()
        return batch

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        """Nothing is counted: there is no link."""

    def age(self, table: TagTable, now_mono_ns: int) -> None:
        """Mark what has become stale, as a LIVE world does."""
        self._watch.look(table, self._signs(), now_mono_ns)

    def statuses(self, since_ns: int) -> tuple[LinkStatus, ...]:
        """Return the rows of the plant's links as they seem to be."""
        return tuple(
            LinkStatus(
                name=link.name,
                kind=link.kind,
                url="simulated plant",
                state=LinkState.BACKOFF if link.name in self._lost else LinkState.UP,
                since_ns=since_ns,
                detail="No answer." if link.name in self._lost else "",
                delivery="silent" if link.name in self._lost else "flowing",
            )
            for link in self._links
        )

    def _signs(self) -> Mapping[str, Signs]:
        now = self._mono_ns
        return {
            link.name: Signs(lost_mono_ns=self._lost[link.name])
            if link.name in self._lost
            else Signs(arrival_mono_ns=now, alive_mono_ns=now)
            for link in self._links
        }


class Wiring:
    """Which tag is which variable of a model: outputs to slots, tags to inputs. Identity unless mapped."""

    def __init__(self, specs: Sequence[TagSpec], info: ModelInfo, names: Mapping[str, str]) -> None:
        """names: tag → variable, from the scenario; a variable's own `tag` comes second, its name last."""
        own = {v.name: v.tag or v.name for v in info.variables}
        tag_of = {**own, **{variable: tag for tag, variable in names.items()}}
        slot = {spec.name: spec.slot for spec in specs}
        outputs = info.outputs
        pairs = [(slot[tag_of[v]], i) for i, v in enumerate(outputs) if tag_of.get(v) in slot]
        self.slot: I8 = np.array([s for s, _ in pairs], np.int64)  # (k,)
        self.column: I8 = np.array([c for _, c in pairs], np.int64)  # (k,) of the outputs
        self.input_of = {
            tag_of[v.name]: v.name for v in info.variables if v.causality == "input" and not v.fault
        }
        self.variable_of = {
            tag_of[v.name]: v.name for v in info.variables if v.causality in ("output", "local")
        }
        self.inputs = frozenset(v.name for v in info.variables if v.causality == "input")

    def spread(self, outputs: F8, into: F8) -> None:
        """Write one member's outputs (k,) into the values of the tags (N,)."""
        into[self.slot] = outputs[self.column]

    def unmapped(self, specs: Sequence[TagSpec]) -> tuple[TagSpec, ...]:
        """Return the measured tags that no output gives; they hold their value at the start."""
        given = set(self.slot.tolist())
        return tuple(s for s in specs if not s.expression and s.slot not in given)
