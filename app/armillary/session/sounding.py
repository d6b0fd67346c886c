"""When a desk sounds and for which priority, and the tones themselves as a wave. Qt-free, without a clock."""

from __future__ import annotations

import io
import wave

import numpy as np

from armillary.alarms.nuisance import CHATTER_COUNT
from armillary.model.arrays import F8
from armillary.session.alarm_table import AlarmTable
from armillary.session.nuisance import Nuisance

REPEAT_S = {1: 5.0, 2: 15.0}  # priority 3 sounds once (operations: priorities)
TONES = {1: 3, 2: 2, 3: 1}
PITCH_HZ = {1: 988.0, 2: 740.0, 3: 523.0}  # far apart: nobody needs an ear for music
TONE_S, GAP_S, FADE_S = 0.14, 0.09, 0.012
RATE = 44_100
IN_FLOOD = 2  # in a flood only priorities up to this one sound


class Sounding:
    """Of one desk. Ask `due` whenever alarms differ and a few times a second while something is loud."""

    def __init__(self) -> None:
        self._last_s: dict[int, float] = {}  # priority → when it sounded last

    def due(self, table: AlarmTable, nuisance: Nuisance, now_s: float) -> int:
        """Return the priority that sounds now, 0 for none. now_s: of any clock that only goes on."""
        limit = IN_FLOOD if nuisance.flood_since_ns else max(TONES)
        loud = table.loud() & (table.priority <= limit)
        found = np.bincount(table.priority[loud], minlength=5)
        fresh = np.flatnonzero(loud & table.fresh).tolist()
        table.fresh[:] = False
        for priority in (p for p in tuple(self._last_s) if not found[p]):
            del self._last_s[priority]
        new = {int(table.priority[row]) for row in fresh if not _is_old(table.specs[row].id, nuisance)}
        again = {
            p for p, every_s in REPEAT_S.items() if found[p] and now_s - self._last_s.get(p, now_s) >= every_s
        }
        worst = min(new | again, default=0)
        for priority in new | again:
            self._last_s[priority] = now_s  # the more urgent tone stands for the others
        return worst


def _is_old(name: str, nuisance: Nuisance) -> bool:
    """Return whether an alarm chatters and has sounded since it began to."""
    return nuisance.chatter(name) > CHATTER_COUNT


def samples(priority: int) -> F8:
    """Return the tones of a priority, (n,) at RATE, −1…1; they begin and end in silence: nothing clicks."""
    t = np.arange(int(TONE_S * RATE)) / RATE
    fade = np.clip(np.minimum(t, t[-1] - t) / FADE_S, 0.0, 1.0)
    tone = fade * (
        np.sin(2 * np.pi * PITCH_HZ[priority] * t) + 0.3 * np.sin(4 * np.pi * PITCH_HZ[priority] * t)
    )
    gap = np.zeros(int(GAP_S * RATE))
    out: F8 = np.concatenate([np.concatenate([tone, gap])] * TONES[priority]) / 1.3
    return out


def wave_bytes(priority: int, volume: float = 0.6) -> bytes:
    """Return the tones as a WAV file, 16 bits, one channel."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples(priority) * volume, -1, 1) * 32_767).astype("<i2").tobytes())
    return file.getvalue()
