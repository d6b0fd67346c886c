"""What a line tells, by tag: of its control system and of both brokers together. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.cell import status
from armillary_plugins.demo_plant.line.line import BATCH, Line
from armillary_plugins.demo_plant.line.signals import SIGNALS

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _tag(node: str) -> str:
    unit, _, name = node.rpartition(".")
    return f"{'Line2' if unit == 'Line' else unit}.{_WORDS.sub('_', name).lower()}"


NODE_OF = {_tag(signal.name): signal.name for signal in SIGNALS}


def by_mqtt(line: Line) -> Mapping[str, float | str | bool]:
    """Return the values of all tags that go by MQTT."""
    zones = line.zones
    out: dict[str, float | str | bool] = {}
    for i, tag in enumerate(at.ZONES):
        out[f"{tag}.value"] = round(zones[i], 2)
        out[f"O-210.zone{i + 1}.sp"] = float(line.oven.sp[i])
        out[f"O-210.zone{i + 1}.output"] = round(float(line.oven.output[i]), 2)
    out |= {
        "BV-212.position": round(line.oven.valve, 2),
        "BV-212.flame": line.oven.valve > 1.0,
        "D-210.position": round(line.oven.damper, 2),
        "D-210.sp": line.oven.damper_sp,
        "Line2.batch": line.batch,
        "Line2.recipe": line.recipe,
        "Line2.batch_number": line.number,
        "Line2.batch_done": line.done,
        "Line2.batch_size": BATCH,
        "Line2.good": int(line.good),
        "Line2.scorched": int(line.scorched),
        "Line2.gas": round(line.gas_kw, 2),
        "Line2.run_s": round(line.run_s, 1),
        "Line2.planned_s": round(line.planned_s, 1),
    }
    return {**out, **status(line)}


def told(line: Line) -> Mapping[str, float | str | bool]:
    """Return the values of all tags that the plant serves."""
    nodes = line.values()
    return {**{tag: nodes[node] for tag, node in NODE_OF.items()}, **by_mqtt(line)}
