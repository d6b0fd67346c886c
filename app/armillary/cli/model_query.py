"""`armillary model query`: find twins by what they are, how they relate and what their tags say now."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import click

from armillary.cli.answer import emit_json, finite, table, tell
from armillary.model import quality
from armillary.model.clock import iso
from armillary.model.fault import WorldFault
from armillary.model.frame import apply_frame
from armillary.model.message import Bye, Hello, Welcome
from armillary.model.tags import TagSpec, TagTable
from armillary.project import folder as projects
from armillary.session.alarm_table import AlarmTable
from armillary.session.area_lines import line_of
from armillary.session.history_export import ANSWER_S, ask_info, ids_of
from armillary.session.query_now import Reading, by_twin, reading, twins_of
from armillary.session.recorders import recorder
from armillary.session.twin_graph import vocabulary_of
from armillary.session.twin_model import model_at, model_of
from armillary.twin.query import Query
from armillary.twin.query_complete import candidates
from armillary.twin.query_now import Alarms, Now, Span
from armillary.twin.query_parse import parsed
from armillary.twin.vocabulary import Vocabulary
from armillary.wire.bus import Line

STRUCTURE_ONLY = "No world of this project runs: values are not known."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plant:
    words: Vocabulary
    specs: tuple[TagSpec, ...]
    values: TagTable
    folder: Path | None = None  # of the project
    alarms: Alarms | None = None  # None: no world runs
    world: str = ""  # "" = none runs
    t_ns: int = 0


@click.command("query")
@click.argument("project")
@click.argument("text", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--connect", default="", metavar="ADDR", help="The world at this address.")
@click.option("--complete", is_flag=True, help="List what the last word of TEXT can become.")
def query(project: str, text: str, as_json: bool, connect: str, complete: bool) -> int:
    """Find twins of PROJECT: "pumps feeding tank T-102 with vibration > 4 mm/s".

    Asks the running world for values; with none, structure alone is known. Values that are not GOOD make
    an answer unknown; those twins are listed apart.
    """
    plant = _plant(project, connect)
    if complete:
        found = candidates(text, plant.words)
        if as_json:
            emit_json({"candidates": [{"text": one.text, "kind": one.kind} for one in found]})
        else:
            table([(one.text, one.kind) for one in found], ("NEXT", "KIND"))
        return 0
    asked = parsed(text, plant.words)
    if as_json:
        emit_json(_answer(asked, plant))
    else:
        _print(asked, plant)
    return 0


def _plant(project: str, connect: str) -> _Plant:
    try:
        line = line_of(project, connect)
    except WorldFault:
        if connect or not Path(project).exists():
            raise
        return _at_rest(Path(project))
    try:
        welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="cli"))
        line.ask(Bye())
    finally:
        line.close()
    if not isinstance(welcome, Welcome):
        raise click.ClickException("the world answered something else; are both of one version?")
    values = TagTable(len(welcome.specs))
    apply_frame(values, welcome.frame)
    folder = Path(welcome.project)
    model = model_at(folder) if welcome.project and folder.is_dir() else None
    words = vocabulary_of(welcome.twins, welcome.specs, welcome.relationships, model)
    alarms = AlarmTable(welcome.alarms)
    alarms.take(welcome.frame.alarms)
    return _Plant(
        words=words,
        specs=welcome.specs,
        values=values,
        folder=folder if folder.is_dir() else None,
        alarms=by_twin(alarms, twins_of(welcome.alarms, words)),
        world=welcome.world,
        t_ns=welcome.frame.t_ns,
    )


def _at_rest(path: Path) -> _Plant:
    found = projects.read(path)
    words = vocabulary_of(found.twins, found.specs, found.relationships, model_of(found))
    return _Plant(words=words, specs=found.specs, values=TagTable(len(found.specs)), folder=path)


def _now(asked: Query, plant: _Plant) -> Now:
    """Return what the query is run on; the recorder is asked for a past that it needs."""
    now = Now(table=plant.values, alarms=plant.alarms)
    if not asked.spans_ns or plant.folder is None:
        return now
    past: dict[int, Span] = {}
    with recorder(plant.folder, read_only=True) as line:
        to_ns = plant.t_ns or ask_info(line).last_ns + 1
        for span_ns, slots in asked.looks_back(now).items():
            names = tuple(plant.specs[slot].name for slot in slots.tolist())
            numbers = zip(slots.tolist(), ids_of(line, names).tolist(), strict=True)
            ids = {slot: number for slot, number in numbers if number}
            past[span_ns] = _read(line, reading(plant.specs, slots, ids, to_ns - span_ns, to_ns))
    return replace(now, past=past)


def _read(line: Line, steps: Reading) -> Span:
    answer: object = None
    while True:
        try:
            question = steps.send(answer)
        except StopIteration as done:
            span: Span = done.value
            return span
        answer = line.ask(question, ANSWER_S)


def _answer(asked: Query, plant: _Plant) -> dict[str, object]:
    found = asked.run(_now(asked, plant))
    world = {"id": plant.world, "t": iso(plant.t_ns)} if plant.world else None
    return {
        "query": asked.text,
        "reads": asked.says,
        "world": world,
        "found": [_twin(row, found.slots[row], plant) for row in found.rows.tolist()],
        "unknown": [_twin(row, found.slots[row], plant) for row in found.unknown.tolist()],
    }


def _twin(row: int, slots: tuple[int, ...], plant: _Plant) -> dict[str, object]:
    graph = plant.words.graph
    return {
        "id": graph.ids[row],
        "title": graph.titles[row],
        "type": "" if graph.models[row] in graph.guessed else graph.models[row],
        "prim": graph.prims[row],
        "tags": [_tag(slot, plant) for slot in slots],
    }


def _tag(slot: int, plant: _Plant) -> dict[str, object]:
    spec, values = plant.specs[slot], plant.values
    return {
        "name": spec.name,
        "value": values.text.get(slot, finite(float(values.value[slot]))),
        "unit": spec.unit,
        "quality": quality.word(int(values.quality[slot])),
    }


def _print(asked: Query, plant: _Plant) -> None:
    tell(f"reads: {asked.says}")
    if not plant.world:
        tell(STRUCTURE_ONLY, err=True)
    found = asked.run(_now(asked, plant))
    graph = plant.words.graph
    for rows, head in ((found.rows.tolist(), "TWIN"), (found.unknown.tolist(), "UNKNOWN")):
        if not rows:
            continue
        table(
            [
                (
                    graph.ids[row],
                    graph.title_of(graph.models[row]),
                    graph.titles[row],
                    ", ".join(_said(slot, plant) for slot in found.slots[row]),
                )
                for row in rows
            ],
            (head, "TYPE", "TITLE", "BECAUSE"),
        )
    left = f", {len(found.unknown)} not known" if len(found.unknown) else ""
    tell(f"{len(found.rows)} found{left}")


def _said(slot: int, plant: _Plant) -> str:
    spec, values = plant.specs[slot], plant.values
    word = quality.word(int(values.quality[slot]))
    name = spec.name.rpartition(".")[2]
    if word == "NEVER":
        return f"{name} never came"
    told = values.text.get(slot) or next(
        (title for value, title in spec.states if value == values.value[slot]), f"{values.value[slot]:.4g}"
    )
    return f"{name} {told} {spec.unit}".strip() + (f" {word}" if word != "GOOD" else "")
