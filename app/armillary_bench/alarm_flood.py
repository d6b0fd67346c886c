"""A flood: ten thousand alarms raised in one second, in a real world, on a real desk that lists them.

How late the desk's timers fire meanwhile, beside the same desk idle, and whether the journal has every one.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from armillary_bench import desk as desks
from armillary_bench import hall
from armillary_bench.figure import figure, plain
from armillary_bench.load import TOPIC
from armillary_bench.load_of_machine import Load
from armillary_bench.process import Driven

BOXES, EACH = desks.BOXES, 5
ALARMS = BOXES * EACH
FLOOD_S, STEPS, AFTER_S = 1.0, 20, 3.0
LATER_MS = 5.0  # p99 in the flood may be this much later than idle
RATE = 2_000  # values a second, so that pictures are drawn as in every plant
_READY_S, _ALL_S = 150.0, 60.0


def benches() -> list[dict[str, object]]:
    """Return the lateness in a flood and idle, and how many alarms the journals have; about a minute."""
    with tempfile.TemporaryDirectory(prefix="armb-") as name:
        folder = Path(name)
        scene = folder / "bare" / "scene.usda"
        scene.parent.mkdir()
        scene.write_text(hall.scene_text(BOXES), "utf-8")
        with desks._desk(scene, folder / "idle") as desk:  # noqa: SLF001  a bench of the same desk
            desks._until(desk, desks._is_settled, _READY_S, "the desk shows the boxes")  # noqa: SLF001
            desk.ask("panel", name="alarms")
            before = _idle(desk, desks.TICK_HZ)
            with Load() as machine:
                flooded, books = _flooded(folder)
            after = _idle(desk, flooded["frames"] / flooded["seconds"])
    idle = min((before, after), key=lambda run: float(run["p99_ms"]))
    rates = [run["frames"] / run["seconds"] for run in (flooded, idle)]
    work = (
        f"{ALARMS} alarms of {BOXES} tags raised within {books['seconds']:.2f} s, listed by the desk; "
        f"measured from the first on for {flooded['seconds']:.1f} s; pictures/s {rates[0]:.1f} and idle "
        f"{rates[1]:.1f}; timer ticks {flooded['ticks']} and {idle['ticks']}; in the flood {machine.words}"
    )
    return [
        figure(
            "alarm_flood_lateness_p99",
            flooded["p99_ms"],
            "ms",
            against=f"idle p99 + {LATER_MS:g} ms",
            against_value=idle["p99_ms"] + LATER_MS,
            bar=1.0,
            work=work,
        ),
        plain("alarm_flood_lateness_p99_idle", idle["p99_ms"], "ms", work),
        figure(
            "alarm_flood_held_p99",
            flooded["held_p99_ms"],
            "ms",
            against=f"idle p99 + {LATER_MS:g} ms",
            against_value=idle["held_p99_ms"] + LATER_MS,
            bar=1.0,
            work="CPU time of the desk's own thread between two ticks of a 5 ms timer: other programs do not "
            f"count; worst {flooded['held_worst_ms']:.1f}, idle {idle['held_worst_ms']:.1f}; in all "
            f"{_share(flooded):.0%} of a core, idle {_share(idle):.0%}",
        ),
        plain("alarm_flood_lateness_worst", flooded["worst_ms"], "ms", work),
        plain("alarm_flood_lateness_worst_idle", idle["worst_ms"], "ms", work),
        *(
            figure(
                f"alarm_flood_{where}",
                books[where],
                "alarms",
                against="alarms raised",
                against_value=ALARMS,
                bar=1.0,
                work=f"lines RAISE of the {where}, each of another alarm",
                better="higher",
            )
            for where in ("journal", "record")
        ),
    ]


def _idle(desk: Driven, hz: float) -> dict[str, Any]:
    """Return the lateness of a desk whose boxes a script recolours, so many times a second."""
    desk.ask("script", hz=hz, changes_per_s=RATE)
    time.sleep(desks.WARM_S)
    run = _measured(desk, lambda: None)
    desk.ask("script", hz=0.0, changes_per_s=0)
    return run


def _share(run: dict[str, Any]) -> float:
    """Return how much of a core the desk's own thread took."""
    return float(run["cpu_s"] / run["seconds"])


def _measured(desk: Driven, during: Any) -> dict[str, Any]:
    desk.ask("begin")
    began = time.monotonic()
    during()
    time.sleep(max(0.0, FLOOD_S + AFTER_S - (time.monotonic() - began)))
    run = desk.ask("end", _READY_S)
    if not run["frames"] or run["ticks"] < 10:
        raise AssertionError(f"nothing was measured: {run}")
    return run


def _rules() -> str:
    """Return five alarms of each tag: raised by a value that the load never sends, and kept."""
    return "schema = 1\n" + "".join(
        f'\n[[alarm]]\nid = "box{box}-{n}"\ntag = "{hall.tag_name(box)}"\nlimit = {2.0 + n / 10}\n'
        f"priority = {2 + (box + n) % 3}\noff_delay_s = 600\n"
        'consequence = "none"\noperator_action = "none"\n'
        for box in range(BOXES)
        for n in range(EACH)
    )


def _flooded(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with hall.running_broker(folder / "broker") as port:
        project = hall.write_project(folder / "project", BOXES, port)
        (project / "rules.toml").write_text(_rules(), "utf-8")
        count = round(RATE * (2 * desks.WARM_S + FLOOD_S + AFTER_S + _ALL_S))
        job = json.dumps({"port": port, "tags": BOXES, "rate": RATE, "count": count})
        with (
            desks._desk(project, folder / "load") as desk,  # noqa: SLF001
            Driven("armillary_bench.load", [job], folder / "load.log") as source,
        ):
            source.line(_READY_S)
            desks._until(desk, desks._is_live, _READY_S, "the desk is live on the boxes")  # noqa: SLF001
            desk.ask("panel", name="alarms")
            source.send("go")
            time.sleep(desks.WARM_S)
            took: list[float] = []
            run = _measured(desk, lambda: took.append(_publish(port)))
            _until_listed(desk)
            return run, {"seconds": took[0], "journal": _journal(project), "record": _record(desk)}


def _publish(port: int) -> float:
    """Send a value beyond every limit to all tags within a second; return how long it took."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-flood")
    client.connect("127.0.0.1", port)
    client.loop_start()
    began = time.monotonic()
    for step in range(STEPS):
        time.sleep(max(0.0, began + step * FLOOD_S / STEPS - time.monotonic()))
        for box in range(step * BOXES // STEPS, (step + 1) * BOXES // STEPS):
            client.publish(TOPIC % box, b'{"v":3.0}')
    took = time.monotonic() - began
    client.disconnect()
    client.loop_stop()
    return took


def _until_listed(desk: Driven) -> None:
    desks._until(desk, lambda s: s["alarms"] == ALARMS, _ALL_S, "every alarm is listed")  # noqa: SLF001


def _journal(project: Path) -> int:
    """Return how many alarms the world's journal saw raised."""
    found = set()
    for path in (project / ".armillary" / "journal").glob("live-*.jsonl"):
        for line in path.read_bytes().splitlines():
            record = orjson.loads(line)
            if record.get("event") == "RAISE":
                found.add(record["alarm_id"])
    return len(found)


def _record(desk: Driven) -> int:
    """Return how many raises the recorder has, asked until it has them or the time is over."""
    end, n = time.monotonic() + _ALL_S, 0
    while n < ALARMS and time.monotonic() < end:
        desk.ask("record")
        time.sleep(0.5)
        n = int(desk.ask("state", _READY_S)["raised"])
    return n
