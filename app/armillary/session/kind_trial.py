"""How often an alarm of any kind would have been raised by what was recorded of all its tags. One thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from armillary.alarms.suggest import told
from armillary.alarms.suggest_kinds import suggest
from armillary.alarms.trial import KINDS as OF_LIMITS
from armillary.alarms.trial import Past, raised
from armillary.alarms.trial_kinds import KINDS, Record, as_level, inputs, signal
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.session import limits_trial
from armillary.session.limits_trial import DAY_S, SPAN_S, Ask

_HOURS = 90  # minutes from which hours are told
_WATCHED = ("window_s", "two_sided", "reference", "setpoint", "values", "normal", "expression")


class Trial:
    """The last day of the tags that an alarm needs; another tag is asked for when it is first named."""

    def __init__(
        self, ask: Ask, tag: str, tags: Mapping[str, TagSpec], now_ns: int, done: Callable[[], None]
    ) -> None:
        self._ask, self._tags, self._now_ns, self._done = ask, tags, now_ns, done
        self._pasts: dict[str, limits_trial.Past] = {}
        self._signals: dict[tuple[object, ...], Past] = {}
        self._asking = ""
        self.tag = tag
        self._need(tag)

    def told(self, spec: AlarmSpec | None, old: AlarmSpec | None) -> str:
        """Return in a sentence how often an alarm would have been raised, and how often as it is now."""
        if spec is not None and spec.kind in OF_LIMITS and (old is None or old.kind in OF_LIMITS):
            return self._need(self.tag).told(spec, old)
        seen = self._seen(spec)
        if spec is None or seen is None:
            return ""
        minutes = min(SPAN_S, (self._now_ns - self._first_ns(spec)) / NS) / 60
        since = (
            f"last {minutes / 60:.0f} h" if minutes >= _HOURS else f"{max(1, round(minutes))} min recorded"
        )
        text = f"In the {since} it would have been raised {_times(len(raised(as_level(spec), seen)))}"
        before = self._seen(old)
        if old is None or before is None:
            return f"{text}."
        return f"{text}, as it is now {_times(len(raised(as_level(old), before)))}."

    def suggestion(self, spec: AlarmSpec | None, span: float, unit: str) -> tuple[str, Mapping[str, float]]:
        """Return what would quieten an alarm, proved on this past, and the keys it changes; "" = nothing.

        span: of the tag's range; 0 = not known.
        """
        if spec is not None and spec.kind in OF_LIMITS:
            return self._need(self.tag).suggestion(spec, span, unit)
        if spec is None or spec.levels or self._seen(spec) is None:
            return "", {}
        names = inputs(spec, self._tags)
        found = suggest(spec, self._records(names), self._tags, span).suggestions
        if not found:
            return "", {}
        days = min(SPAN_S, (self._now_ns - self._first_ns(spec)) / NS) / DAY_S
        return told(found[0], days, unit), dict(found[0].changes)

    def _need(self, name: str) -> limits_trial.Past:
        if name not in self._pasts:
            self._asking = name  # whoever answers at once need not be told of it
            self._pasts[name] = limits_trial.Past(self._ask, name, self._now_ns, self._came)
            self._asking = ""
        return self._pasts[name]

    def _came(self, past: limits_trial.Past) -> None:
        self._signals.clear()
        if past.tag != self._asking:
            self._done()

    def _records(self, names: tuple[str, ...]) -> dict[str, Record]:
        pasts = {name: self._pasts[name] for name in names}
        return {name: Record(past.t_ns, past.value, past.quality) for name, past in pasts.items()}

    def _first_ns(self, spec: AlarmSpec) -> int:
        records = self._records(inputs(spec, self._tags)).values()
        return min((int(one.t_ns[0]) for one in records if len(one.t_ns)), default=self._now_ns)

    def _seen(self, spec: AlarmSpec | None) -> Past | None:
        """Return what an alarm watched in this day, None while it is not known or cannot be."""
        if spec is None or spec.kind not in KINDS:
            return None
        try:
            names = inputs(spec, self._tags)
            if any(name not in self._tags for name in names):
                return None
            pasts = [self._need(name) for name in names]
            if not all(past.is_known for past in pasts) or not any(len(past.t_ns) for past in pasts):
                return None
            key = (spec.kind, spec.tag, *(getattr(spec, name) for name in _WATCHED))
            if key not in self._signals:
                self._signals[key] = signal(spec, self._records(names), self._tags)
            return self._signals[key]
        except ProjectFault:
            return None  # a condition that is being typed


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times" if n else "not once"
