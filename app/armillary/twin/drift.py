"""Drift rules over what was counted: model against plant, by the codes of `model.drift`.

Pure but for its counters; used by one thread; reads no clock. What is found is an array first, and words only
for the few that differ. A difference counts when two judgements in a row have seen it, so that none comes of
one odd minute; what a value itself proves (type, state, unit) needs three samples instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import B1, F8, I8
from armillary.model.clock import NS
from armillary.model.drift import LEVELS, DriftItem
from armillary.model.fault import ProjectFault
from armillary.model.link import BrowseItem
from armillary.model.sample import SampleBatch, taken
from armillary.model.tags import TagSpec
from armillary.model.units import conversion, same
from armillary.twin.drift_counts import Counts
from armillary.twin.drift_model import Modelled

MISSING_S, MISSING_FACTOR = 600.0, 10  # never seen in max(10 × interval, 10 min)
RATE = 3.0
OUT_S = 864.0  # 1 % of a day
DEBOUNCE, ROUNDS = 3, 2
ODD_NS = 900 * NS  # an odd value that did not come again for so long is over
MOST_ODD, MOST_ITEMS = 200, 2_000
SIGMAS, BASE, BASE_EVERY_NS = 5.0, 48, 1_800 * NS
MOST_STATES = 64
INT32 = 2**31 - 1
NO_MODEL = Modelled()
_MAD = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a world knows at a moment, beside the samples."""

    now_ns: int
    now_mono_ns: int
    up: Mapping[str, int] = field(default_factory=dict)  # link → monotonic time since when it is up
    never: I8 = field(default_factory=lambda: np.zeros(0, np.int64))  # slots that have had no value at all
    described: Mapping[str, Mapping[str, BrowseItem]] = field(default_factory=dict)  # link → address → item
    types: Mapping[str, str] = field(default_factory=dict)  # tag → definition that is known of it
    types_version: int = 0  # another one whenever `types` changes
    more: Sequence[DriftItem] = ()  # found by others: new fields and topics, relationships


@dataclass(slots=True)
class _Odd:
    code: str
    words: str
    count: int
    last_mono_ns: int


class Drift:
    """The drift of one world's tags."""

    def __init__(
        self, specs: Sequence[TagSpec], *, missing_s: float = MISSING_S, model: Modelled = NO_MODEL
    ) -> None:
        """model: what the types of twins say of tags, beside what the tags say themselves."""
        self._specs = {s.slot: s for s in specs if s.link and not s.expression}
        own = list(self._specs.values())
        self.counts = Counts(specs)
        n = len(self.counts.last_ns)
        self._missing_s = missing_s
        self._watched = np.array([s.slot for s in own], np.int64)
        self._links = tuple(dict.fromkeys(s.link for s in own))
        number = {name: i for i, name in enumerate(self._links)}
        self._link: I8 = np.array([number[s.link] for s in own], np.int64)
        self._at: dict[tuple[str, str], list[TagSpec]] = {}
        for s in own:
            self._at.setdefault((s.link, s.address), []).append(s)
        self._told: tuple[object, tuple[DriftItem, ...]] = (None, ())  # what servers said last, judged
        self._firsts: list[BrowseItem | None] = []
        paced = [s for s in own if s.liveness == "tag" and s.expected_ms and s.interval != "default"]
        self._expected_s: F8 = np.full(n, np.nan)
        for s in paced:
            self._expected_s[s.slot] = (s.usual_ms or s.expected_ms) / 1000
        for s in own:
            self.counts.low[s.slot], self.counts.high[s.slot] = s.low, s.high
        self._model = model
        self._enums(own)
        self._whole: B1 = np.zeros(n, np.bool_)
        self._whole[list(model.whole)] = True
        self._int32: B1 = np.zeros(n, np.bool_)
        self._int32[list(model.int32)] = True
        self._free = np.array(
            [s.slot for s in own if s.kind == "number" and math.isinf(s.low) and math.isinf(s.high)], np.int64
        )
        self._base = np.full((len(self._free), BASE), np.nan, np.float32)
        self._based, self._based_ns = 0, 0
        self._kinds = np.array([s.slot for s in own if s.kind == "number"], np.int64)
        self._odd: dict[int, _Odd] = {}
        self._begun_ns = 0
        self._seen: dict[str, tuple[int, int]] = {}  # key → (judgements in a row, since when)
        self.left_out = 0

    def _enums(self, own: Sequence[TagSpec]) -> None:
        said = {s.slot: s.states or self._model.states.get(s.slot, ()) for s in own}
        kinds = {s.slot: s.kind == "enum" or s.slot in self._model.states for s in own}
        named = [s for s in own if kinds[s.slot] and 0 < len(said[s.slot]) <= MOST_STATES]
        self._enum_row: I8 = np.full(len(self.counts.last_ns), -1, np.int64)
        self._states: F8 = np.full((len(named), max((len(said[s.slot]) for s in named), default=0)), np.nan)
        for row, s in enumerate(named):
            self._enum_row[s.slot] = row
            self._states[row, : len(said[s.slot])] = [value for value, _ in said[s.slot]]

    # ------------------------------------------------------------ every tick

    def see(self, batch: SampleBatch) -> None:
        """Take all samples of a tick; those of tags that no link brings, computed ones, are left out."""
        n = len(self.counts.last_ns)
        if len(batch) and int(batch.slot.max()) >= n:
            batch = taken(batch, np.flatnonzero(batch.slot < n))
        if not len(batch):
            return
        self.counts.see(batch)
        if batch.why:
            self._see_words(batch)
        if len(self._states):
            self._see_states(batch)
        if len(self._model.whole):
            self._see_whole(batch)

    def learnt(self, slot: int, usual_s: float) -> None:
        """Learn how often a tag comes of which nobody said it."""
        if slot in self._specs and self._specs[slot].liveness == "tag":
            self._expected_s[slot] = usual_s

    def _see_words(self, batch: SampleBatch) -> None:
        for row in list(batch.why)[:MOST_ODD]:
            words = batch.why[row]
            code = _code_of(words)
            if code:
                self._note(int(batch.slot[row]), code, words, int(batch.arrival_mono_ns[row]))

    def _see_states(self, batch: SampleBatch) -> None:
        row = self._enum_row[batch.slot]
        at = np.flatnonzero((row >= 0) & np.isfinite(batch.value))
        known = (self._states[row[at]] == batch.value[at][:, None]).any(axis=1)
        for i in at[~known][:MOST_ODD].tolist():
            words = f"the state {batch.value[i]:g} is not known"
            self._note(int(batch.slot[i]), "D04", words, int(batch.arrival_mono_ns[i]))

    def _see_whole(self, batch: SampleBatch) -> None:
        at = np.flatnonzero(self._whole[batch.slot] & np.isfinite(batch.value))
        value = batch.value[at]
        wide = self._int32[batch.slot[at]] & (np.abs(value) > INT32)
        for i in at[(value != np.rint(value)) | wide][:MOST_ODD].tolist():
            words = f"{batch.value[i]:g} instead of a whole number" + (" of 32 bits" if wide.any() else "")
            self._note(int(batch.slot[i]), "D03", words, int(batch.arrival_mono_ns[i]))

    def _note(self, slot: int, code: str, words: str, mono_ns: int) -> None:
        odd = self._odd.get(slot)
        if odd is None or odd.code != code:
            self._odd[slot] = _Odd(code, words, 1, mono_ns)
        else:
            odd.words, odd.count, odd.last_mono_ns = words, odd.count + 1, mono_ns

    # ------------------------------------------------------------ a judgement

    def judge(self, heard: Heard) -> tuple[DriftItem, ...]:
        """Return what differs now, worst first, at most 2,000; `left_out` says how many more."""
        self._begun_ns = self._begun_ns or heard.now_mono_ns
        self.counts.hour(heard.now_mono_ns)
        self._rebase(heard)
        slow = [*self._missing(heard), *self._ranges(heard), *self._rates(heard), *self._twice()]
        sure = [*self._odd_values(heard), *self._said(heard), *self._model.items, *heard.more]
        found = {item.key: (item, ROUNDS) for item in slow} | {item.key: (item, 1) for item in sure}
        self._seen = {
            key: (self._seen.get(key, (0, heard.now_ns))[0] + 1, self._seen.get(key, (0, heard.now_ns))[1])
            for key in found
        }
        held = [
            replace(item, since_ns=self._seen[key][1])
            for key, (item, need) in found.items()
            if self._seen[key][0] >= need
        ]
        held.sort(key=lambda item: (LEVELS.index(item.level), item.code, item.key))
        self.left_out = max(0, len(held) - MOST_ITEMS)
        return tuple(held[:MOST_ITEMS])

    def _missing(self, heard: Heard) -> Iterator[DriftItem]:
        """D02: nothing for max(10 × interval, 10 min) though the link is up all that time."""
        slot = self._watched
        if not len(slot):
            return
        ups = np.array([heard.up.get(name, 0) for name in self._links], np.int64)[self._link]
        last, expected = self.counts.last_ns[slot], np.nan_to_num(self._expected_s[slot], nan=0.0)
        never = np.isin(slot, heard.never)
        since = np.maximum(np.where(last > 0, last, self._begun_ns), ups)
        limit_s = np.maximum(MISSING_FACTOR * expected, self._missing_s)
        silent = (heard.now_mono_ns - since) / NS > limit_s
        judged = (ups > 0) & ((expected > 0) | never)
        for i in np.flatnonzero(silent & judged).tolist():
            spec = self._specs[int(slot[i])]
            span = f"for {_span(float(limit_s[i]))} while {spec.link} was up"
            yield _item(
                "D02",
                spec,
                f"{spec.name} has never come {span}." if never[i] else f"{spec.name} has not come {span}.",
                level="error" if never[i] else "warning",
                model=f"every {expected[i]:g} s" if expected[i] else "there",
                plant="nothing",
            )

    def _ranges(self, heard: Heard) -> Iterator[DriftItem]:
        """D06: outside its range, or of what is usual where it has none, for more than 1 % of a day."""
        if not len(self._watched):
            return
        out_s = self.counts.out_s(heard.now_mono_ns)
        for slot in self._watched[out_s[self._watched] > OUT_S].tolist():
            spec = self._specs[slot]
            low, high = float(self.counts.low[slot]), float(self.counts.high[slot])
            worst = float(self.counts.worst[slot])
            known = math.isfinite(spec.low) or math.isfinite(spec.high)
            yield _item(
                "D06",
                spec,
                f"{spec.name} was {'outside its range' if known else 'far from what is usual'} for "
                f"{_span(float(out_s[slot]))} of the last day: up to {worst:g} {spec.unit}".rstrip()
                + ".",
                model=f"{low:g} … {high:g} {spec.unit}".strip(),
                plant=f"{worst:g} {spec.unit}".strip(),
                low=min(low, worst) if math.isfinite(low) else low,
                high=max(high, worst) if math.isfinite(high) else high,
            )

    def _rates(self, heard: Heard) -> Iterator[DriftItem]:
        """D07: the median of the last gaps is off by more than three times."""
        gap = self.counts.median_gap_s()
        expected = self._expected_s
        with np.errstate(invalid="ignore", divide="ignore"):
            off = (gap > RATE * expected) | (gap < expected / RATE)
        fresh = (heard.now_mono_ns - self.counts.last_ns) / NS < np.fmax(MISSING_FACTOR * gap, 60.0)
        for slot in np.flatnonzero(off & fresh).tolist():
            spec, now_s, said_s = self._specs[slot], float(gap[slot]), float(expected[slot])
            often = "as often" if now_s < said_s else "as rarely"
            ratio = max(now_s / said_s, said_s / max(now_s, 1e-6))
            yield _item(
                "D07",
                spec,
                f"{spec.name} comes every {now_s:.3g} s, {ratio:.2g} times {often} as every {said_s:g} s.",
                model=f"every {said_s:g} s",
                plant=f"every {now_s:.3g} s",
                interval_s=_rounded(now_s),
            )

    def _twice(self) -> Iterator[DriftItem]:
        """D11: two tags of different links that took the very same values."""
        group = self.counts.alike()
        own = self._kinds[group[self._kinds] >= 0] if len(self._kinds) else self._kinds
        own = own[np.argsort(group[own], kind="stable")]
        for a, b in zip(own[:-1].tolist(), own[1:].tolist(), strict=True):
            one, two = self._specs[a], self._specs[b]
            if group[a] == group[b] and one.link != two.link and same(one.unit, two.unit):
                yield replace(
                    _item("D11", two, f"{two.name} takes the very same values as {one.name}."),
                    key=f"D11 {one.name} {two.name}",
                    other=one.name,
                    model=f"{one.link} and {two.link}",
                    plant="one signal",
                )

    def _odd_values(self, heard: Heard) -> Iterator[DriftItem]:
        """D03, D04, D05: what values themselves proved."""
        for slot in [s for s, o in self._odd.items() if heard.now_mono_ns - o.last_mono_ns > ODD_NS]:
            del self._odd[slot]
        for slot, odd in self._odd.items():
            spec = self._specs.get(slot)
            if spec is not None and odd.count >= DEBOUNCE:
                yield _odd_item(spec, odd.code, odd.words)

    def _said(self, heard: Heard) -> Iterator[DriftItem]:
        """D05, D06, D08, D10: what servers say of their nodes; judged when they say something else."""
        firsts = [next(iter(of.values()), None) for of in heard.described.values()]
        sizes = [(name, len(of)) for name, of in heard.described.items()]
        key = (tuple(sizes), tuple(map(id, firsts)), heard.types_version)
        if key != self._told[0]:
            found: list[DriftItem] = []
            for link, items in heard.described.items():
                for address, item in items.items():
                    for spec in self._at.get((link, address), ()):
                        found += _differences(spec, item, heard.types.get(spec.name, ""))
            self._told = (key, tuple(found))
            self._firsts = firsts  # held, so that no other object gets the id of one of them
        yield from self._told[1]

    def _rebase(self, heard: Heard) -> None:
        """Take one more value of the tags without a range, each half hour; a day of them tells what is usual.

        Median ± 5 robust sigmas are their range then. A tag that never moves gets none.
        """
        if not len(self._free) or heard.now_mono_ns - self._based_ns < BASE_EVERY_NS:
            return
        self._based_ns = heard.now_mono_ns
        self._base[:, self._based % BASE] = self.counts._value[self._free]  # noqa: SLF001  its own counters
        self._based += 1
        if self._based < BASE:
            return
        whole = np.isfinite(self._base).all(axis=1)
        rows, slots = self._base[whole], self._free[whole]
        middle = np.median(rows, axis=1)
        sigma = _MAD * np.median(np.abs(rows - middle[:, None]), axis=1)
        moves = sigma > 0
        self.counts.low[slots] = np.where(moves, middle - SIGMAS * sigma, -np.inf)
        self.counts.high[slots] = np.where(moves, middle + SIGMAS * sigma, np.inf)


def definition(item: BrowseItem) -> str:
    """Return what a server says a node is, "" where it says nothing: its type definition and data type."""
    return " ".join(part for part in (item.type_definition, item.data_type) if part)


def _differences(spec: TagSpec, item: BrowseItem, known: str) -> Iterator[DriftItem]:
    expected = spec.source_unit or spec.unit
    if item.unit and expected and not same(item.unit, expected):
        yield _unit_item(spec, item.unit, expected)
    said, ours = (item.low, item.high), (spec.low, spec.high)
    if all(map(math.isfinite, (*said, *ours))) and item.low < item.high:
        shown = tuple(sorted(value * spec.factor + spec.offset for value in said))
        if not np.allclose(shown, ours, rtol=1e-3, atol=1e-3 * (ours[1] - ours[0])):
            yield _item(
                "D06",
                spec,
                f"The server says that {spec.name} goes {shown[0]:g} to {shown[1]:g} {spec.unit}".rstrip()
                + f", the model {ours[0]:g} to {ours[1]:g}.",
                level="note",
                model=f"{ours[0]:g} … {ours[1]:g}",
                plant=f"{shown[0]:g} … {shown[1]:g}",
                low=shown[0],
                high=shown[1],
            )
    if spec.writable and item.kind == "Variable" and not item.writable:
        what = f"The model lets {spec.name} be written, its server does not."
        yield _item("D08", spec, what, model="writable", plant="read only", writable=False)
    now = definition(item)
    if known and now and known != now:
        what = f"The type of {spec.name} at its server is {now}, and was {known}."
        yield _item("D10", spec, what, model=known, plant=now)


def _odd_item(spec: TagSpec, code: str, words: str) -> DriftItem:
    if code == "D05":
        said = words.partition("it says ")[2].partition(",")[0]
        return _unit_item(spec, said, spec.source_unit or spec.unit)
    what = f"{spec.name}: {words}."
    if code == "D04":
        return _item("D04", spec, what, level="error", model=_names(spec), plant=words)
    kind = "text" if words.startswith("text") else "bool" if words.startswith(("true", "false")) else ""
    return _item("D03", spec, what, level="error", model=spec.kind, plant=words, kind=kind)


def _unit_item(spec: TagSpec, said: str, expected: str) -> DriftItem:
    try:
        conversion(said, expected)
        level, how = "warning", "another scale"
    except ProjectFault:
        level, how = "error", "another dimension"
    what = f"The source says {spec.name} is in {said}; {expected} is expected, which is {how}."
    is_error = level == "error"
    return _item(
        "D05", spec, what, level="error" if is_error else "warning", model=expected, plant=said, unit=said
    )


def _code_of(words: str) -> str:
    if words.startswith("unit conflict"):
        return "D05"
    if "instead of a known state" in words:
        return "D04"
    return "D03" if " instead of " in words else ""


def _names(spec: TagSpec) -> str:
    return ", ".join(f"{value:g} {name}" for value, name in spec.states[:6])


_item_of: Callable[..., DriftItem] = DriftItem


def _item(code: str, spec: TagSpec, what: str, **more: object) -> DriftItem:
    return _item_of(
        code=code,
        key=f"{code} {spec.name}",
        what=what,
        tag=spec.name,
        link=spec.link,
        address=spec.address,
        **more,
    )


def _span(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004  two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004  two hours


def _rounded(seconds: float) -> float:
    """Return an interval as an engineer writes it: two figures."""
    return float(f"{seconds:.2g}")
