"""The line as the simulator runs it: what it says and hears by MQTT. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from armillary_plugins.demo_plant.line.line import STEP_S, Line
from armillary_plugins.demo_plant.line.signals import EVERY, LINE, PACKING, TREE
from armillary_plugins.demo_plant.line.telling import by_mqtt


class RunningLine(Line):
    """A line with two brokers: its own, and the packing cell's."""

    step_s = STEP_S
    tree = TREE
    topics: tuple[str, ...] = ("line2/+/set", "line2/oven/+/set")

    def due(self, t_ms: int) -> Iterator[tuple[str, str, bytes]]:
        """Yield (broker, topic, payload) of everything that is published at this step."""
        due = {every for every, steps in EVERY.items() if self.steps % steps == 0}
        said = by_mqtt(self)
        for broker, told in (("broker", LINE), ("packing-broker", PACKING)):
            texts: dict[str, dict[str, object]] = {}
            for one in told:
                if one.every not in due:
                    continue
                place = texts.setdefault(one.topic, {"t": t_ms})
                *inner, last = one.path.split(".")
                for name in inner:
                    place = place.setdefault(name, {})  # type: ignore[assignment]  # a document in a document
                place[last] = said[one.tag]
            for topic, text in texts.items():
                yield broker, topic, json.dumps(text, separators=(",", ":")).encode()

    def heard(self, topic: str, payload: bytes) -> Mapping[str, float]:
        """Return the setpoints in a message to `<topic>/set`, `{"sp": 60}`. Raises ValueError in words."""
        there = {told.path: told.tag for told in LINE if told.writable and f"{told.topic}/set" == topic}
        try:
            said = json.loads(payload)
        except ValueError as error:
            raise ValueError(f"{topic}: the payload is not JSON") from error
        pairs = said if isinstance(said, dict) else {}
        out = {}
        for path, tag in there.items():
            value = pairs.get(path)
            if isinstance(value, int | float) and math.isfinite(value):
                out[tag] = float(value)
        if not out:
            raise ValueError(f"{topic}: there is no setpoint in it")
        return out
