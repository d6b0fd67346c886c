"""Figures of runs: what names mean in a result, measures over all members at once, and who is best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model import expression
from armillary.model.arrays import F8
from armillary.model.control import Measure, RunCard
from armillary.model.scenario import MeasureSpec, Score
from armillary.model.simulation import Trajectory
from armillary.model.tags import TagSpec

LOW, HIGH = 5.0, 95.0  # percentiles of a band
HOUR_S = 3600.0
_OVER_TIME = ("max", "min", "mean", "final", "integral", "energy")


@dataclass(slots=True)
class Signals:
    """What names mean in one result: (m, n) for each tag, model variable and derived tag."""

    run: Trajectory
    columns: Mapping[str, tuple[str, float, float]]  # tag → (variable, factor, offset)
    specs: Mapping[str, TagSpec]
    held: Mapping[str, float]  # tags without a variable keep their value
    _made: dict[str, F8] = field(default_factory=dict)

    @property
    def known(self) -> frozenset[str]:
        """All names that an expression may use."""
        return frozenset((*self.columns, *self.specs, *self.run.names))

    @property
    def seconds(self) -> F8:
        """Times (n,) since the fork."""
        t = self.run.t_ns
        return (t - t[0]) / 1e9 if len(t) else np.zeros(0)

    def of(self, name: str) -> F8:
        """Return the values of a name, (m, n). Raises KeyError for one that is not known."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def evaluate(self, text: str, where: str) -> F8:
        """Return an expression over time, (m, n). Raises ProjectFault for one that is refused."""
        made = expression.compile(text, self.known, where)
        m, n, _ = self.run.values.shape
        value, _ = made.evaluate({name: self.of(name) for name in made.names})
        return np.broadcast_to(value, (m, n))

    def _make(self, name: str) -> F8:
        m, n, _ = self.run.values.shape
        variable, factor, offset = self.columns.get(name, (name, 1.0, 0.0))
        if variable in self.run.names:
            return self.run.values[:, :, self.run.names.index(variable)] * factor + offset
        spec = self.specs[name]
        if spec.expression:
            self._made[name] = np.full((m, n), np.nan)  # a circle ends here
            return self.evaluate(spec.expression, spec.origin) * spec.factor + spec.offset
        return np.full((m, n), self.held.get(name, math.nan))


def value_of(kind: str, x: F8, seconds: F8, limit: float = math.nan) -> F8:
    """Return the figure (m,) of values (m, n) at times (n,): in the expression's unit, × s, kWh or s."""
    area = np.trapezoid(x, seconds, axis=1) if x.shape[1] else np.full(len(x), np.nan)
    if x.shape[1] == 0:
        out = area
    elif kind in ("time_above", "time_below"):
        out = _time_above(x - limit if kind == "time_above" else limit - x, seconds)
    elif kind == "mean":
        out = area / seconds[-1] if seconds[-1] > 0 else x.mean(axis=1)
    else:
        by = {"energy": area / HOUR_S, "integral": area, "final": x[:, -1]}
        out = by[kind] if kind in by else x.max(axis=1) if kind == "max" else x.min(axis=1)
    return np.array(out, np.float64)


def _time_above(x: F8, seconds: F8) -> F8:
    """Return for how long (m,) values (m, n) are above 0, taken as straight between their times."""
    a, b, span = x[:, :-1], x[:, 1:], np.diff(seconds)
    with np.errstate(invalid="ignore", divide="ignore"):
        crossing = np.where(a != b, np.maximum(a, b) / np.abs(a - b), 0.0)
    share = np.where((a > 0) & (b > 0), 1.0, np.where((a > 0) | (b > 0), np.clip(crossing, 0, 1), 0.0))
    total: F8 = np.where(np.isnan(x).any(axis=1), np.nan, (share * span).sum(axis=1))
    return total


def figures(specs: Sequence[MeasureSpec], signals: Signals, where: str) -> dict[str, F8]:
    """Return each measure's value of each member, (m,). Raises ProjectFault for an expression refused."""
    return {
        spec.name: value_of(
            spec.kind, signals.evaluate(spec.of, f"{where}: {spec.name}"), signals.seconds, spec.limit
        )
        for spec in specs
    }


def measured(specs: Sequence[MeasureSpec], values: Mapping[str, F8]) -> tuple[Measure, ...]:
    """Return measures with the nominal member's value, and the 5–95 % band where there are several."""
    out = []
    for spec in specs:
        each = values[spec.name]
        good = each[np.isfinite(each)]
        low = high = math.nan
        if len(good) > 1:
            low, high = (float(v) for v in np.percentile(good, (LOW, HIGH)))
        out.append(Measure(name=spec.name, value=float(each[0]), unit=spec.unit, low=low, high=high))
    return tuple(out)


# ---------------------------------------------------------------- score


def cost(score: Score, signals: Signals, values: Mapping[str, F8], where: str) -> F8:
    """Return what each member costs, (m,); NaN when the scenario minimises nothing."""
    m = signals.run.values.shape[0]
    if not score.minimise:
        return np.full(m, np.nan)
    return _scalar(score.minimise, signals, dict(values), f"{where}: minimise", m)


def violated(score: Score, signals: Signals, values: Mapping[str, F8], where: str) -> dict[str, float]:
    """Return constraint → share of the members that break it at any time, where any does."""
    out: dict[str, float] = {}
    m = signals.run.values.shape[0]
    for text in score.constraint:
        place = f"{where}: constraint"
        if _calls(text) or _reads(text, values, signals):
            held = _scalar(text, signals, dict(values), place, m) == 1.0
        else:
            held = (signals.evaluate(text, place) == 1.0).all(axis=1)
        share = float((~held).mean())
        if share:
            out[text] = share
    return out


def _reads(text: str, values: Mapping[str, F8], signals: Signals) -> bool:
    """Return whether an expression is one of measures."""
    made = expression.compile(text, {*values, *signals.known})
    return bool(made.names) and all(name in values for name in made.names)


def _scalar(text: str, signals: Signals, values: dict[str, F8], where: str, m: int) -> F8:
    """Return an expression of measures and of max(x), min(x), … over time, (m,)."""
    calls = _calls(text)
    for i, (start, end, kind, inner) in enumerate(reversed(calls)):
        name = f"over_time_{len(calls) - i}"
        values[name] = value_of(kind, signals.evaluate(inner, where), signals.seconds)
        text = f"{text[:start]}{name}{text[end:]}"
    made = expression.compile(text, set(values), where)
    value, _ = made.evaluate({name: values[name] for name in made.names})
    return np.broadcast_to(value, (m,)).astype(np.float64)


def _calls(text: str) -> list[tuple[int, int, str, str]]:
    """Return (start, end, function, argument) of each function over time: one that has one argument."""
    found: list[tuple[int, int, str, str]] = []
    at = 0
    while at < len(text):
        kind = next((k for k in _OVER_TIME if text.startswith(f"{k}(", at)), "")
        before = text[at - 1] if at else " "
        if not kind or before.isalnum() or before in "_.":
            at += 1
            continue
        start, depth, commas, end = at, 0, 0, -1
        for i in range(at + len(kind), len(text)):
            depth += {"(": 1, ")": -1}.get(text[i], 0)
            commas += text[i] == "," and depth == 1
            if depth == 0:
                end = i
                break
        if end < 0:
            return found  # the compiler says what is wrong
        if not commas:
            found.append((start, end + 1, kind, text[start + len(kind) + 1 : end]))
            at = end + 1
        else:
            at += len(kind)
    return found


def check(specs: Sequence[MeasureSpec], score: Score, signals: Signals, where: str) -> None:
    """Compile everything once, before anything is computed. Raises ProjectFault."""
    values = figures(specs, signals, where)
    cost(score, signals, values, where)
    violated(score, signals, values, where)


def ranked(cards: Sequence[RunCard], specs: Sequence[MeasureSpec]) -> tuple[RunCard, ...]:
    """Return cards with ranks, reasons and best and worst marks: violations first, then the cost.

    Runs are compared with those of the same horizon only: more time is more energy.
    """
    horizons = dict.fromkeys(_horizon(card) for card in cards)
    alike = ([c for c in cards if _horizon(c) == horizon] for horizon in horizons)
    done = {
        card.id: card if len(group) > 1 or len(horizons) == 1 else replace(card, rank=0, reason="")
        for group in alike
        for card in _ranked(group, specs)
    }
    return tuple(done[card.id] for card in cards)


def _horizon(card: RunCard) -> float:
    return card.request.horizon_s if card.request is not None else 0.0


def _ranked(cards: Sequence[RunCard], specs: Sequence[MeasureSpec]) -> tuple[RunCard, ...]:
    over = [c for c in cards if c.state == "done"]
    order = sorted(over, key=lambda c: (bool(c.violations), len(c.violations), _cost(c)))
    marks = _marks(over, {spec.name: spec.kind for spec in specs})
    rank = {card.id: i + 1 for i, card in enumerate(order)}
    scored = any(c.violations or math.isfinite(c.score) for c in over)
    out = []
    order = [replace(card, measures=marks(card)) for card in order]
    for one in cards:
        card = replace(one, measures=marks(one))
        if card.id not in rank or not scored:
            out.append(replace(card, rank=0, reason=""))
            continue
        out.append(replace(card, rank=rank[card.id], reason=_reason(card, order)))
    return tuple(out)


def _cost(card: RunCard) -> float:
    return card.score if math.isfinite(card.score) else math.inf


def _marks(over: Sequence[RunCard], kinds: Mapping[str, str]) -> Callable[[RunCard], tuple[Measure, ...]]:
    """Return how to mark a card's measures.

    Of a minimum the highest is best, of energy, times, integrals and maxima the lowest; a mean and a final
    value are only named.
    """
    ends: dict[str, tuple[float, float]] = {}  # measure → (best, worst)
    for name, kind in kinds.items():
        values = [m.value for c in over for m in c.measures if m.name == name and math.isfinite(m.value)]
        if kind not in ("mean", "final") and values and min(values) < max(values):
            low, high = min(values), max(values)
            ends[name] = (high, low) if kind == "min" else (low, high)

    def marked(card: RunCard) -> tuple[Measure, ...]:
        found = [(m, *ends.get(m.name, (math.nan, math.nan))) for m in card.measures]
        return tuple(
            replace(m, is_best=m.value == best, is_worst=m.value == worst) for m, best, worst in found
        )

    return marked


def _reason(card: RunCard, order: Sequence[RunCard]) -> str:
    words: list[str] = []
    if card.violations:
        words.append(f"breaks {'; '.join(card.violations)}")
    elif math.isfinite(card.score):
        clean = [c for c in order if not c.violations]
        is_first = card.id == clean[0].id
        words.append("lowest cost" if is_first else f"cost {card.score:.4g}")
        if not is_first and clean[0].score:
            more = 100.0 * (card.score - clean[0].score) / abs(clean[0].score)
            words.append(f"{more:+.0f} % over the best")
    else:
        words.append("keeps all constraints")
    best = [m.name for m in card.measures if m.is_best]
    if best:
        words.append(f"best {', '.join(best)}")
    return "; ".join(words)
