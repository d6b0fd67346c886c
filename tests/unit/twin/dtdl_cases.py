"""Documents for the DTDL tests, written short."""

from __future__ import annotations

import json
from typing import Any

from armillary.model.dtdl import Verdict
from armillary.twin import dtdl
from armillary.twin.dtdl_context import Options

Json = Any  # a JSON document is of no one type
QUANTITIES = "dtmi:dtdl:extension:quantitativeTypes;1"
ANNOTATION = "dtmi:dtdl:extension:annotation;2"
OVERRIDING = "dtmi:dtdl:extension:overriding;2"
MQTT = "dtmi:dtdl:extension:mqtt;4"


def context(version: int = 3, *extensions: str) -> Json:
    return [f"dtmi:dtdl:context;{version}", *extensions]


def interface(*contents: Json, version: int = 3, extensions: tuple[str, ...] = (), **more: Json) -> Json:
    made: Json = {
        "@context": context(version, *extensions),
        "@id": "dtmi:t:A;1",
        "@type": "Interface",
        "contents": list(contents),
        **more,
    }
    if not contents:
        del made["contents"]
    return {key: value for key, value in made.items() if value is not ...}


def telemetry(
    name: Json = "level", schema: Json = "double", kinds: tuple[str, ...] = (), **more: Json
) -> Json:
    made: Json = {"@type": ["Telemetry", *kinds], "name": name, "schema": schema, **more}
    return {key: value for key, value in made.items() if value is not ...}


def prop(name: Json = "setpoint", schema: Json = "double", kinds: tuple[str, ...] = (), **more: Json) -> Json:
    made: Json = {"@type": ["Property", *kinds], "name": name, "schema": schema, **more}
    return {key: value for key, value in made.items() if value is not ...}


def judged(*documents: Json, options: Options | None = None) -> Verdict:
    texts = [d if isinstance(d, bytes) else json.dumps(d).encode() for d in documents]
    given = [dtdl.Document(where=f"{i}.json", data=text) for i, text in enumerate(texts)]
    return dtdl.judge("model", given, options)


def rules(*documents: Json, options: Options | None = None) -> set[str]:
    return {f.rule for f in judged(*documents, options=options).findings}
