"""Areas without a world: one of those that live says so, as an alarm, since the dead one cannot.

By the heartbeats of their leases alone: nothing is locked, asked or ended for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from armillary.alarms.system import area_alarm
from armillary.model.area import AreaSpec
from armillary.model.clock import NS
from armillary.wire.lease import beat_ns

LOOK_NS = NS
GONE_NS = 5 * NS  # without a heartbeat, of which there is one a second
BEGIN_NS = 20 * NS  # worlds of one project are started one after the other


class Neighbours:
    """The other areas of a project, as the world of one of them sees them. Looked at from one thread."""

    def __init__(self, folder: Path, areas: Sequence[AreaSpec], own: str, now_mono_ns: int) -> None:
        """`folder`: of the leases; `own`: this world's area, "" = there are none."""
        self._folder, self._areas, self._own = folder, tuple(areas) if own else (), own
        self._beat: dict[str, tuple[int, int]] = {}  # area -> (heartbeat, when we saw it come)
        self._begun_ns, self._looked_ns = now_mono_ns, 0
        self._troubles: Mapping[str, str] = {}

    def troubles(self, now_mono_ns: int) -> Mapping[str, str]:
        """Return what is to be told, by alarm: only the first area that has a world tells it."""
        if self._areas and now_mono_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns = now_mono_ns
            gone = [area for area in self._areas if self._is_gone(area.name, now_mono_ns)]
            first = next((area.name for area in self._areas if area not in gone), self._own)
            self._troubles = {area_alarm(area.name): _words(area) for area in gone if first == self._own}
        return self._troubles

    def _is_gone(self, area: str, now_mono_ns: int) -> bool:
        if area == self._own:
            return False
        beat = beat_ns(self._folder, area)
        known = self._beat.get(area)
        if known is None:  # the first look tells nothing: a file that lies there may be an old one
            self._beat[area] = (beat, self._begun_ns + BEGIN_NS - GONE_NS)
        elif beat != known[0]:
            self._beat[area] = (beat, now_mono_ns)
        elif now_mono_ns - known[1] > GONE_NS:
            return True
        return False


def _words(area: AreaSpec) -> str:
    return f"Area {area.title or area.name} has no world: its tags are stale"
