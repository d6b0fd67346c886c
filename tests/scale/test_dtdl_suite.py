"""Our verdicts on DTDL against the official parser's own test cases, and on public ontologies.

The cases are not ours and not here: DTDL_SUITE names the folder `test-cases` of a checkout of the parser's
repository, DTDL_ONTOLOGIES folders of DTDL, separated by `:`. Four scores for each folder and version: A, the
verdict; B, the rules that are named (a part of those expected, and not none: where a document breaks more
than one, the suite lists all that a parser may name first); C, values against schemas; D, the elements.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from armillary.model.dtdl import Model, Schema, Verdict
from armillary.twin import dtdl, dtdl_text
from armillary.twin.dtdl_context import Options
from armillary.twin.dtdl_elements import Element, Link, Reading
from armillary.twin.dtdl_reader import Reader
from armillary.twin.dtdl_terms import core
from armillary.twin.dtdl_values import conforms

pytestmark = pytest.mark.scale
Json = Any  # a case is JSON of no one type
FOLDERS = ("doc-examples", "generated", "solecisms", "specification")
# percent that must at least agree, by folder and version: they may only rise
FLOOR = {
    "A": {folder: dict.fromkeys("234", 100.0) for folder in FOLDERS},
    "B": {"doc-examples": dict.fromkeys("234", 100.0), "generated": dict.fromkeys("234", 99.5)},
    "C": {"generated": {"2": 100.0, "3": 100.0, "4": 99.0}},
    "D": {"generated": dict.fromkeys("234", 100.0)},
}
KINDS = {
    "contents": "",
    "telemetries": "Telemetry",
    "properties": "Property",
    "commands": "Command",
    "relationships": "Relationship",
    "components": "Component",
}
OTHER = ("quirks", "partialResolution")  # cases of a parser that we do not have: named, counted, passed over


def suite() -> Path:
    """Return the folder of the cases, or say that it is absent."""
    named = os.environ.get("DTDL_SUITE", "")
    if not named or not Path(named).is_dir():
        pytest.skip("suite absent: DTDL_SUITE names no folder")
    return Path(named)


def cases(folder: str) -> Iterator[tuple[str, Json]]:
    """Yield the cases of a folder, each with its name."""
    for path in sorted((suite() / folder).glob("*.json")):
        found = json.loads(path.read_text("utf-8-sig"))
        for index, case in enumerate(found if isinstance(found, list) else [found]):
            yield f"{path.stem}[{index}]", case


def options(case: Json) -> Options:
    named = case.get("options", [])
    undefined = True if "AllowUndefinedExtensions" in named else None
    return Options(
        undefined=False if "DisallowUndefinedExtensions" in named else undefined,
        newest=case.get("maxDtdlVersion", 4),
        limits=tuple(case.get("acceptableLimits", [])),
    )


def documents(values: Json, where: str) -> list[dtdl.Document]:
    return [
        dtdl.Document(where=f"{where}/{i}", data=json.dumps(v).encode()) for i, v in enumerate(values or [])
    ]


def judged(case: Json) -> Verdict:
    def resolve(ids: Any) -> list[dtdl.Document]:
        answers = [r["response"] for r in case.get("resolution") or [] if set(r["request"]) & set(ids)]
        return [d for answer in answers for d in documents(answer, "resolved")]

    return dtdl.judge("case", documents(case["input"], "input"), options(case), resolve)


def version(name: str, case: Json) -> str:
    found = re.search(r"context;(\d)", json.dumps(case["input"])) or re.search(r"V(\d)\[", name)
    return found[1] if found and found[1] in "234" else "2"


def expected_rules(case: Json) -> set[str]:
    return {e["ValidationID"].rpartition(":")[2] for e in case.get("expect", {}).get("parsingErrors", [])}


def agrees(case: Json, verdict: Verdict) -> bool:
    missing = case.get("expect", {}).get("unresolvedIdentifiers")
    if missing:
        return verdict.valid and not verdict.complete and set(verdict.unresolved) == set(missing)
    return (verdict.valid and verdict.complete) == case["valid"]


@cache
def standards() -> dict[str, str]:
    """Return the schemas of the language by id."""
    return {
        i: s.element.name for v in (2, 3, 4) for i, s in core(v)[1].items() if s.element and i.count(":") > 2
    }


def schema_of(subject: str, model: Model) -> Schema | None:
    if subject in model.schemas:
        return model.schemas[subject]
    name = standards().get(subject)
    return Schema(kind=name, id=subject) if name else None


def instances(case: Json, verdict: Verdict) -> Iterator[tuple[bool, str]]:
    """Yield whether we agree on a value, and what it is."""
    model = verdict.model or Model()
    for one in case.get("instances", []):
        schema = schema_of(one["subject"], model)
        told = f"{one['subject']} {one['submit']}"
        if schema is None:
            yield bool(one.get("throws")), told
            continue
        value = dtdl_text.load(one["submit"].encode())
        fine = not isinstance(value, dtdl_text.Broken) and conforms(schema, value, model.schemas)
        yield not one.get("throws") and fine == bool(one.get("conforms")), told


def read(case: Json) -> Reading:
    reading = Reading()
    reader = Reader(reading, options(case))
    answers = [r["response"] or [] for r in case.get("resolution") or []]
    for index, value in enumerate([*case["input"], *(d for answer in answers for d in answer)]):
        reader.document(value, (index,))
    return reading


def target(link: Link) -> str:
    return link.inner.id if link.inner else link.target


def shown(reading: Reading, element: Element, name: str) -> Json:
    """Return a property as the suite writes it: texts, numbers, ids, lists and maps of ids."""
    if name in KINDS and element.cls == "Interface":
        found: dict[str, str] = {}
        rest = [element]
        while rest:
            one = rest.pop()
            rest += [parent for _, parent in reading.targets(one, "extends")]
            inside = [inner for _, inner in reading.targets(one, "contents")]
            found |= {inner.name: inner.id for inner in inside if KINDS[name] in {"", inner.cls}}
        return found
    if name in element.links:
        ids = [target(link) for link in element.links[name]]
        return ids if name in {"extends", "schemas", "fields", "enumValues", "properties"} else ids[0]
    if name == "extendedBy":
        others = reading.elements.values()
        return [o.id for o in others if any(p is element for _, p in reading.targets(o, "extends"))]
    if name == "languageMajorVersion":
        return element.version
    if name == "definedIn":
        return element.interface if element.cls != "Interface" else None
    if name in {"writable", "nullable"}:
        return element.values.get(name, False)
    if name in {"extends", "schemas", "fields", "enumValues", "properties"}:
        return []
    if name in {"displayName", "description"}:
        return element.values.get(name, {})
    return element.values.get(name)


def same(expected: Json, found: Json) -> bool:
    if isinstance(expected, list) and isinstance(found, list):
        return sorted(map(str, expected)) == sorted(map(str, found))
    return bool(expected == found)


def elements(case: Json) -> Iterator[tuple[bool, str]]:
    """Yield whether we read an element as the suite says, and which one."""
    reading = read(case)
    for one in case.get("expect", {}).get("elements", []):
        element = reading.elements.get(one["id"])
        if element is None:
            yield one["id"] in standards() or ":extension:" in one["id"] or ":unit:" in one["id"], one["id"]
            continue
        wrong = [] if element.cls == one["type"] else ["type"]
        for name, expected in one.get("properties", {}).items():
            if not same(expected, shown(reading, element, name)):
                wrong.append(f"{name}: {expected} {shown(reading, element, name)}")
        if not same(
            one.get("supplementalTypes", [c.id for c in element.cotypes]), [c.id for c in element.cotypes]
        ):
            wrong.append("supplementalTypes")
        if not same(one.get("undefinedTypes", list(element.unknown)), list(element.unknown)):
            wrong.append("undefinedTypes")
        if one.get("undefinedProperties", element.others) != element.others:
            wrong.append("undefinedProperties")
        # a duration, and the name of a property, are kept as they are written
        written = {x.id for c in element.cotypes for x in c.extras if x.kind in {"duration", "member"}}
        extras = dict(element.extras) | {i: target(ls[0]) for i, ls in element.extra_links.items()}
        wanted = dict(one.get("supplementalProperties", extras))
        wanted |= {i: extras[i] for i in written & wanted.keys() & extras.keys()}
        if wanted != extras:
            wrong.append(f"supplementalProperties {wanted} {extras}")
        yield not wrong, f"{one['id']}: {', '.join(wrong)}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_our_verdicts_agree_with_the_official_suite(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    good: Counter[tuple[str, str]] = Counter()
    all_of: Counter[tuple[str, str]] = Counter()
    equal, passed_over = 0, Counter[str]()
    missed: dict[str, list[str]] = defaultdict(list)

    def count(score: str, of: str, right: bool, what: str) -> None:
        all_of[score, of] += 1
        good[score, of] += right
        if not right:
            missed[score].append(what)

    for name, case in cases(folder):
        other = [key for key in OTHER if case.get(key)]
        if "input" not in case or other:
            passed_over.update(other or ["no input"])
            continue
        of, verdict = version(name, case), judged(case)
        count("A", of, agrees(case, verdict), name)
        wanted, named = expected_rules(case), {f.rule for f in verdict.findings}
        if wanted:
            count("B", of, bool(named) and named <= wanted, f"{name} {named} {wanted}")
            equal += named == wanted
        for right, what in instances(case, verdict):
            count("C", of, right, f"{name} {what}")
        if verdict.valid:
            for right, what in elements(case):
                count("D", of, right, f"{name} {what}")
    share = {key: 100 * good[key] / all_of[key] for key in sorted(all_of)}
    with capsys.disabled():
        print(f"\nDTDL suite, {folder}; passed over: {dict(passed_over)}")  # noqa: T201 - the score is the answer
        for (score, of), percent in share.items():
            print(f"  {score} version {of}: {percent:6.2f} % of {all_of[score, of]}")  # noqa: T201
        print(f"  the very same rules: {equal}")  # noqa: T201
        for score, names in missed.items():
            print(f"  {score} misses {len(names)}:", *names[:8], sep="\n    ")  # noqa: T201
    for (score, of), percent in share.items():
        assert percent >= FLOOR[score].get(folder, {}).get(of, 0.0), (score, of, missed[score][:5])


def test_public_ontologies_open_without_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    named = [f for f in os.environ.get("DTDL_ONTOLOGIES", "").split(":") if f]
    if not named:
        pytest.skip("ontologies absent: DTDL_ONTOLOGIES names no folder")
    for folder in named:
        files = sorted(Path(folder).rglob("*.json"))
        given = [dtdl.Document(where=str(p), data=p.read_bytes()) for p in files]
        before = time.perf_counter()
        verdict = dtdl.judge(folder, given, Options(undefined=False))
        took = time.perf_counter() - before
        assert verdict.model is not None, verdict.findings[:5]
        with capsys.disabled():
            print(f"\n{folder}: {len(verdict.model.interfaces)} interfaces in {took:.2f} s")  # noqa: T201
        assert verdict.complete, verdict.unresolved[:5]
