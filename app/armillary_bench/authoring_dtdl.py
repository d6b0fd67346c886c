"""A model of a thousand DTDL interfaces with inheritance: read, checked and made into records."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import orjson

from armillary.model.dtdl import Model
from armillary.twin import dtdl
from armillary_bench.figure import BAR, figure

INTERFACES, OWN = 1_000, 8  # contents that each declares; it inherits more
TIMES = 3
LIMIT_S = 1.0
_QUANTITIES = (
    ("Temperature", "degreeCelsius"),
    ("Pressure", "bar"),
    ("Length", "metre"),
    ("Velocity", "metrePerSecond"),
)


def documents() -> list[dtdl.Document]:
    """Return interfaces in families of ten, each deeper by one, with units, enums, commands, relations."""
    return [dtdl.Document(where=f"{n}.json", data=orjson.dumps(_interface(n))) for n in range(INTERFACES)]


def _interface(n: int) -> dict[str, object]:
    family, depth = divmod(n, 10)
    contents: list[dict[str, object]] = []
    for i in range(OWN - 3):
        quantity, unit = _QUANTITIES[i % len(_QUANTITIES)]
        contents.append(
            {
                "@type": ["Telemetry", quantity, "Historized"],
                "name": f"signal_{depth}_{i}",
                "displayName": {"en": f"Signal {i}", "nb": f"Signal {i}"},
                "schema": "double",
                "unit": unit,
            }
        )
    states = [{"name": name, "enumValue": i} for i, name in enumerate(("stopped", "running", "tripped"))]
    contents.append(
        {
            "@type": "Property",
            "name": f"state_{depth}",
            "schema": {"@type": "Enum", "valueSchema": "integer", "enumValues": states},
        }
    )
    fields = [{"name": axis, "schema": "double"} for axis in "xyz"]
    contents.append(
        {
            "@type": "Command",
            "name": f"move_{depth}",
            "request": {"name": "to", "schema": {"@type": "Object", "fields": fields}},
        }
    )
    target = f"dtmi:bench:kind{(family + 1) % (INTERFACES // 10) * 10};1"
    contents.append({"@type": "Relationship", "name": f"feeds_{depth}", "target": target})
    made: dict[str, object] = {
        "@context": [
            "dtmi:dtdl:context;3",
            "dtmi:dtdl:extension:quantitativeTypes;1",
            "dtmi:dtdl:extension:historization;1",
        ],
        "@id": f"dtmi:bench:kind{n};1",
        "@type": "Interface",
        "displayName": f"Kind {n}",
        "contents": contents,
    }
    if depth:
        made["extends"] = f"dtmi:bench:kind{n - 1};1"
    return made


def _best(work: Callable[[], object]) -> float:
    """Return the shortest of a few runs in seconds."""
    found = []
    for _ in range(TIMES):
        before = time.perf_counter()
        work()
        found.append(time.perf_counter() - before)
    return min(found)


def benches() -> list[dict[str, object]]:
    """Return the seconds of a model, held against its limit and beside the reading of the same bytes."""
    given = documents()
    verdict = dtdl.judge("bench", given)
    model = verdict.model or Model()
    inherited = sum(len(i.contents) for i in model.interfaces.values())
    if inherited != INTERFACES // 10 * OWN * sum(range(1, 11)):
        raise ValueError(f"{inherited} contents are not what was made: {verdict.findings[:3]}")
    took = _best(lambda: dtdl.judge("bench", given))
    floor = _best(lambda: [json.loads(d.data) for d in given])
    size = sum(len(d.data) for d in given)
    work = (
        f"{INTERFACES} interfaces in {size / 1e6:.1f} MB, ten deep in inheritance, {inherited} contents with "
        f"those inherited; read, resolved, checked and made into records; best of {TIMES}"
    )
    return [
        figure(
            "dtdl_1000_interfaces",
            took,
            "s",
            against=BAR,
            against_value=LIMIT_S,
            bar=1.0,
            work=work,
        ),
        figure(
            "dtdl_1000_interfaces_over_json",
            took,
            "s",
            against="floor: json.loads of the same bytes",
            against_value=floor,
            bar=None,
            work=work,
        ),
    ]
