"""What is recorded of a person or asset: taken out as files for people and machines, or erased."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from armillary.history import exchange_write
from armillary.history.exchange import Stage, quoted
from armillary.model import files
from armillary.model.clock import iso
from armillary.model.fault import Fault, ProjectFault
from armillary.model.message import Erase, Erased
from armillary.project.record import Project, concerning
from armillary.session import history_export
from armillary.session.recorders import recorder

ERASE_S = 600.0
SAMPLES, RECORDS, INDEX = "samples.parquet", "records.parquet", "index.md"
_CHAINS = (
    "alarms",
    "audit",
    "audit-users",
    "audit-recorder",
    "audit-versions",
)  # folders of lines, in the private folder


@dataclass(slots=True)
class Taken:
    """What was written about an asset."""

    folder: Path
    samples: int = 0
    tags: list[str] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)  # by where they stand


def export(project: Project, asset: str, folder: Path) -> Taken:
    """Write all samples of an asset, and the lines of alarms and audit that name it. Raises Fault."""
    specs = concerning(project, asset)
    if not specs:
        raise ProjectFault(
            f"No tag tells of '{asset}'.",
            where=str(project.folder),
            remedy="Name a subject, or the id of a twin.",
        )
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise Fault(
            f"The folder cannot be made: {error.strerror}.", where=str(folder), remedy="Name one that is new."
        ) from error
    taken = Taken(folder, tags=[spec.name for spec in specs])
    with Stage() as stage, recorder(project.folder, read_only=True) as line:
        info = history_export.ask_info(line)
        known = set(info.tags)
        old = [name for name in info.tags if name.rpartition(" [")[0] in set(taken.tags)]
        wanted = [*(tag for tag in taken.tags if tag in known), *old]
        units = history_export.units_of(project)
        history_export.fill(
            stage, line, wanted, units, info.first_ns, info.last_ns + 1, lambda _text, _share: None
        )
        about = exchange_write.About(project=project.name, project_id=project.id)
        taken.samples = exchange_write.write(stage, folder / SAMPLES, "parquet", about)
        first_last = stage.extent()[1:]
        taken.records = _records(stage, project, asset, taken.tags, folder / RECORDS)
    words = _index(project, asset, taken, first_last)
    files.replace(folder / INDEX, words.encode(), 0o644)
    return taken


def erase(project: Project, message: Erase) -> Erased:
    """Have the recorder erase. Raises Fault, among them who may not, and where samples are still found."""
    with recorder(project.folder, read_only=False) as line:
        got = line.ask(message, ERASE_S)
        if not isinstance(got, Erased):
            raise history_export.odd(line)
        return got


def remaining(project: Project, asset: str) -> dict[str, int]:
    """Return how many lines of chains name an asset: they are sealed, so an erasure leaves them."""
    tags = [spec.name for spec in concerning(project, asset)]
    counts: dict[str, int] = {}
    for where, _ in _lines(project, asset, tags):
        counts[where] = counts.get(where, 0) + 1
    return counts


def _records(stage: Stage, project: Project, asset: str, tags: list[str], path: Path) -> dict[str, int]:
    """Write the lines that name an asset as one table; return how many by where they stand."""
    rows = [(where, str(line.get("t", "")), json.dumps(line)) for where, line in _lines(project, asset, tags)]
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []]
    stage.connection.execute(
        "CREATE OR REPLACE TEMP TABLE records AS SELECT unnest($1::VARCHAR[]) AS source, "
        "unnest($2::VARCHAR[]) AS t, unnest($3::VARCHAR[]) AS line",
        columns,
    )
    whole = "SELECT * FROM records ORDER BY t, source"
    stage.run(f"COPY ({whole}) TO {quoted(path)} (FORMAT parquet)")
    return {name: columns[0].count(name) for name in dict.fromkeys(columns[0])}


def _lines(project: Project, asset: str, tags: list[str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield (where, line) of the chains that name the asset, one of its tags or one of their alarms."""
    names = {asset, *tags, *(alarm.id for alarm in project.alarms if alarm.tag in tags)}
    for chain in _CHAINS:
        for file in sorted((project.private / chain).rglob("*.jsonl")):
            with file.open("rb") as stream:
                for raw in stream:
                    try:
                        line = orjson.loads(raw)
                    except orjson.JSONDecodeError:
                        continue  # a torn line: `armillary audit verify` tells of it
                    if isinstance(line, dict) and any(
                        value in names for value in line.values() if isinstance(value, str)
                    ):
                        yield chain, line


def _index(project: Project, asset: str, taken: Taken, span: tuple[int, int]) -> str:
    """Return what a person reads first."""
    records = "\n".join(f"| {where} | {count:,} |" for where, count in taken.records.items())
    tags = "\n".join(
        f"| {spec.name} | {spec.title} | {spec.unit} | {spec.personal} |"
        for spec in concerning(project, asset)
    )
    when = f"{iso(span[0])} to {iso(span[1])}" if taken.samples else "none"
    return (
        f"# What is recorded of {asset}\n\nProject {project.name} ({project.id}).\n\n"
        f"- `{SAMPLES}`: {taken.samples:,} samples of {len(taken.tags)} tags, {when}. Columns: signal, "
        "t_src (time of measurement, UTC), t_arr (arrival), v (number), s (text), q (quality), raw.\n"
        f"- `{RECORDS}`: lines of alarms and of who did what that name {asset} or its tags. "
        "Columns: source, t, line (JSON).\n\n"
        f"| tag | title | unit | personal |\n| --- | --- | --- | --- |\n{tags}\n\n"
        f"| source | lines |\n| --- | --- |\n{records}\n"
    )
