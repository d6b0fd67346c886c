"""The past of the pumping station: its model at rest by the hour, and hours that went wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from armillary.api import F8, I8, PastPiece
from armillary_plugins.demo_plant.outputs import FACTORS, TAGS, UNMEASURED, measured
from armillary_plugins.demo_plant.past import (
    DAY_MIN,
    Kind,
    Story,
    Tape,
    add_wave,
    befall,
    counted,
    drawn,
    told_of,
)
from armillary_plugins.demo_plant.station import Station

NS = 1_000_000_000
MINUTE_NS = 60 * NS
_HOUR_S, _HOURS = 3_600, 24
_OF_HOUR = 97  # moments of each hour of the day on the tape
_KEPT = np.array([i for i, tag in enumerate(TAGS) if tag not in UNMEASURED])
_TAGS = tuple(TAGS[i] for i in _KEPT)
_STOPPED_A = {"P-101A.speed": 0.0, "P-101A.run": 0.0, "P-101A.state": 2.0, "P-101A.flow": 0.0,
              "P-101A.current": 0.0, "P-101A.power": 0.0}  # fmt: skip
_STOPPED_B = {name.replace("P-101A", "P-102A"): value for name, value in _STOPPED_A.items()}
_T101 = ("T-101.depth", "T-101.volume", "LIC-101.pv")
_T102 = ("T-102.depth", "T-102.volume", "LIC-102.pv")
_PUMPS = ("P-101A", "P-101B", "P-102A", "P-102B")
_COUNTERS = (
    *("FT-101.total", "FT-102.total", "FT-103.total", "Station.energy", "DS-201.dosed"),
    *(f"{pump}.{what}" for pump in _PUMPS for what in ("hours", "energy")),
)
_STEPS = ("Station.heartbeat", "Station.beat")

# What an operator of this station meets, about twelve a day.
KINDS: tuple[Kind, ...] = (
    Kind(tag="TT-111.value", peak=(85.8, 88.0), minutes=(11, 18), per_day=0.25),
    Kind(tag="T-102.level", peak=(7.5, 9.5), minutes=(8, 18), per_day=0.35, follow=_T102),
    Kind(tag="P-101A.vibration_de", peak=(5.5, 6.5), minutes=(6, 15), per_day=0.55, sets=_STOPPED_A,
         sets_after=3),
    Kind(tag="P-102A.vibration_de", peak=(5.5, 6.5), minutes=(6, 15), per_day=0.55, sets=_STOPPED_B,
         sets_after=3),
    Kind(tag="T-101.level", peak=(12.0, 14.5), minutes=(8, 20), per_day=0.75, follow=_T101),
    Kind(tag="T-101.level", peak=(92.8, 95.0), minutes=(6, 25), per_day=1.0, follow=_T101),
    Kind(tag="T-102.level", peak=(92.8, 95.0), minutes=(6, 25), per_day=1.0, follow=_T102),
    Kind(tag="PT-103.value", peak=(1.5, 1.9), minutes=(3, 9), per_day=1.3),
    Kind(tag="PT-103.value", peak=(6.1, 6.6), minutes=(3, 9), per_day=1.3),
    *(Kind(tag=f"TT-1{n}1.value", peak=(85.6, 87.0), minutes=(9, 18), per_day=0.3) for n in (2, 3, 4)),
    Kind(tag="TT-113.value", peak=(121.0, 128.0), minutes=(4, 15), per_day=0.5),
    Kind(tag="P-101A.vibration_de", peak=(7.4, 9.5), minutes=(3, 12), per_day=1.2),
    Kind(tag="P-102A.vibration_de", peak=(7.4, 9.5), minutes=(3, 12), per_day=1.0),
    Kind(tag="DS-201.chlorine", peak=(0.03, 0.08), minutes=(5, 15), per_day=0.8),
    Kind(tag="DS-201.level", peak=(4.0, 9.0), minutes=(5, 20), per_day=0.5),
)  # fmt: skip


# What goes wrong in the hours in full: (second, what is done, to what, value).
_STORIES: tuple[Story, ...] = (
    (  # the bearing of P-101A wears and runs hot; the other pump is started and this one stopped
        (420, "fail", "P-101A.wear", 0.65),
        (1_080, "set", "P-101B.Run", 1.0),
        (1_140, "set", "P-101A.Run", 0.0),
        (1_500, "fail", "P-101A.wear", 0.0),
    ),
    (  # the mains fail: the drives trip, the network loses its pressure
        (900, "fail", "power", 1.0),
        (960, "fail", "power", 0.0),
        *((1_500, "set", f"{pump}.Run", 0.0) for pump in ("P-101A", "P-102A")),
        *((1_510, "set", f"{pump}.Run", 1.0) for pump in ("P-101A", "P-102A")),
    ),
    (  # the inlet main loses its pressure for a quarter of an hour
        (900, "fail", "main.pressure_loss", 0.6),
        (1_800, "fail", "main.pressure_loss", 0.0),
    ),
)


def past(
    seed: int, from_ns: int, to_ns: int, hours_ns: Sequence[int], offset_s: int = 0
) -> Iterator[PastPiece]:
    """Yield what the station told from ≤ t < to, a day or an hour at a time; see `TellsPast`."""
    minutes = -(-(to_ns - from_ns) // MINUTE_NS)
    tape, episodes = _recorded(seed), drawn(np.random.default_rng(seed + 101), minutes, KINDS)
    at = from_ns
    for number, hour in [*sorted(enumerate(hours_ns), key=lambda each: each[1]), (0, to_ns)]:
        while at < min(hour, to_ns):
            end = min(at + DAY_MIN * MINUTE_NS, hour, to_ns)
            first = (at - from_ns) // MINUTE_NS
            piece = _calm(tape, first + np.arange(-(-(end - at) // MINUTE_NS)), from_ns, offset_s)
            befall(piece.value, {tag: i for i, tag in enumerate(_TAGS)}, episodes, int(first))
            yield piece
            at = end
        if hour < to_ns:
            end = min(hour + _HOUR_S * NS, to_ns)
            local_h = (hour // NS + offset_s) % 86_400
            yield _hour(seed + number, hour, end, float(local_h), _STORIES[number % len(_STORIES)])
            at = hour + _HOUR_S * NS


def _now(station: Station) -> F8:
    value: F8 = (measured(station.physics) * FACTORS)[_KEPT, 0]
    return value


def _hour(seed: int, from_ns: int, to_ns: int, day_s: float, story: Story) -> PastPiece:
    """Return an hour of the real model in full, a moment a second."""
    station, columns = Station(seed, day_s), []
    seconds = (to_ns - from_ns) // NS
    for t in range(seconds):
        told_of(story, t, station)
        station.step(1.0)
        columns.append(_now(station))
    return PastPiece(
        t_ns=from_ns + np.arange(seconds, dtype=np.int64) * NS,
        tags=_TAGS,
        value=np.ascontiguousarray(np.array(columns).T),
        text={},
    )


def _recorded(seed: int) -> Tape:
    """Return moments of a station at rest in each hour of the day, _OF_HOUR of each."""
    columns = []
    for hour in range(_HOURS):
        station = Station(seed, hour * 3_600.0)
        for _ in range(_OF_HOUR):
            station.step(1.0)
            columns.append(_now(station))
    return Tape(tags=_TAGS, value=np.ascontiguousarray(np.array(columns).T))


def _calm(tape: Tape, minutes: I8, from_ns: int, offset_s: int) -> PastPiece:
    """Return one moment a minute, of the hour of the day that it is."""
    local = (from_ns // NS + minutes * 60 + offset_s).astype(np.float64)
    hour = (local // 3_600).astype(np.int64) % _HOURS
    value = tape.value[:, hour * _OF_HOUR + minutes % _OF_HOUR].copy()
    share = (local % 3_600.0) / 3_600.0  # from hour to hour without a step
    following = tape.value[:, (hour + 1) % _HOURS * _OF_HOUR + minutes % _OF_HOUR]
    smooth = [i for i, tag in enumerate(_TAGS) if tag.endswith((".flow", ".value", ".power", ".demand"))]
    value[smooth] += (following[smooth] - value[smooth]) * share
    add_wave(value[_TAGS.index("Station.ambient")], local, 1.5)
    for tag in _COUNTERS:
        row = _TAGS.index(tag)
        line = tape.value[row].reshape(_HOURS, _OF_HOUR)
        rate = float((line[:, -1] - line[:, 0]).mean()) / _OF_HOUR
        value[row] = counted(
            float(line[0, 0]), max(rate, 0.0), (minutes * 60.0).astype(np.float64), is_whole=False
        )
    for tag in _STEPS:
        value[_TAGS.index(tag)] = minutes * (600.0 if tag == _STEPS[0] else 60.0)
    return PastPiece(t_ns=from_ns + minutes * MINUTE_NS, tags=_TAGS, value=value, text={})
