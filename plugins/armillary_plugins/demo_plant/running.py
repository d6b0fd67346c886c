"""The pumping station as the simulator runs it: its physics, and what it says and hears by MQTT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from armillary_plugins.demo_plant import messages
from armillary_plugins.demo_plant.signals import TREE
from armillary_plugins.demo_plant.station import STEP_S, Station


class RunningStation(Station):
    """A station with one broker."""

    step_s = STEP_S
    tree = TREE
    topics: tuple[str, ...] = messages.COMMANDS

    def due(self, t_ms: int) -> Iterator[tuple[str, str, bytes]]:
        """Yield (broker, topic, payload) of everything that is published at this step."""
        for topic, payload in messages.due(self, t_ms):
            yield "broker", topic, payload

    def heard(self, topic: str, payload: bytes) -> Mapping[str, float]:
        """Return the setpoints in a message. Raises ValueError in words."""
        return messages.setpoints(topic, payload)
