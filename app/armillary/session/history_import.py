"""Files of samples into a project's historian: read by columns, sent through the recorder, resumable.

The same files with the same choices are one session of the recorder: what was stored of it by an import that
was killed is not stored again. What another file brought already is found by the store itself.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from armillary.history import exchange_cells, exchange_read
from armillary.history.exchange import Rows, Stage
from armillary.history.exchange_cells import How
from armillary.model.arrays import F8, U4
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, ProjectFault, StoreFault
from armillary.model.message import Append, AskHistory, Enroll, Enrolled, HistoryInfo, Stored
from armillary.model.quality import BAD, RANK_MASK, REASON_MASK
from armillary.model.sample import DUPLICATE, SampleBatch
from armillary.model.tags import TagSpec
from armillary.model.units import conversion
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session.recorders import asked, recorder
from armillary.wire import runs
from armillary.wire.bus import Line

PIECE = 50_000  # samples in one message: as many as the recorder likes to write at once
ANSWER_S = 120.0
DAY_NS = 86_400 * NS
FOR_EVER_DAYS = 36_500
_DAYS = ("retention_days", "minute_days", "rollup_days")  # of samples and of their roll-ups
_HASHED = 1 << 20
_BAD_NAME = re.compile(r"[\s!`#'\"]+")
_LOOSE = "imported"  # the twin of signals whose names have no dot
READ_SHARE = 0.5  # of the progress
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to import and how."""

    project: Path
    files: tuple[Path, ...]
    how: How = field(default_factory=How)
    create: bool | None = None  # unknown signals become tags; None: where the project has no tags
    names: Mapping[str, str] = field(default_factory=dict)  # signal -> tag
    rejects: Path | None = None  # None: in the project's private folder
    skips: bool = False  # a file that cannot be read is left out where another can


@dataclass(slots=True)
class Report:
    """What became of it."""

    samples: int = 0  # of the files, good, each time of a signal once
    already: int = 0  # of these, stored by an import before this one
    twice: int = 0  # said again by a later row, which counts
    rejected: int = 0  # lines
    rejects: Path | None = None
    first_ns: int = 0
    last_ns: int = 0
    created: list[str] = field(default_factory=list)  # tags
    unknown: dict[str, int] = field(default_factory=dict)  # signal -> samples that were left out
    told: list[str] = field(default_factory=list)  # units that differ, and what else a person must know


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Signals of the stage by id (row 0 is nobody's) as they go to the recorder."""

    tags: list[str]
    units: list[str]
    place: U4  # (ids,) row of `tags`; the number of tags: left out
    factor: F8
    offset: F8


def run(wish: Wish, tell: Tell | None = None, cancelled: Callable[[], bool] = lambda: False) -> Report:
    """Import files. Raises Fault for what cannot be done, and where it was ended before all was stored.

    The same import then takes up where it ended.

    tell: gets what is being done, with a share from 0 to 1.
    """
    told = tell or (lambda _text, _share: None)
    project = projects.read(wish.project)
    if not project.saved:
        raise ProjectFault(
            "A bare scene has no history.",
            where=str(wish.project),
            remedy="Give a folder with a project.toml.",
        )
    report = Report()
    with Stage(_folder(project)) as stage:
        _read(stage, wish, report, told, cancelled)
        _rejects(stage, wish, project, report)
        _check_age(stage, project, WallClock().now_ns())
        project, plan = _planned(stage, project, wish, report)
        session = _session(wish, plan)
        with recorder(project.folder, read_only=False) as line:
            _send(line, stage, plan, session, report, told, cancelled)
    return report


def _folder(project: Project) -> Path:
    """Return a folder for what is being prepared, without what a killed import left there."""
    folder = project.private / "import"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.name.isdigit() and not runs.alive(int(old.name)):
                shutil.rmtree(old, ignore_errors=True)
        own = folder / str(os.getpid())
        own.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreFault(
            f"The project's folder cannot be used: {error.strerror}.",
            where=str(folder),
            remedy="Check its permissions and free space.",
        ) from error
    return own


def _read(stage: Stage, wish: Wish, report: Report, tell: Tell, cancelled: Callable[[], bool]) -> None:
    done, total = 0, max(sum(f.stat().st_size for f in wish.files if f.is_file()), 1)
    unread: list[StoreFault] = []
    for file in wish.files:
        tell(f"Reading {file.name}", READ_SHARE * done / total)
        try:
            loaded = exchange_read.load(stage, file, wish.how)
        except StoreFault as fault:
            if not wish.skips:
                raise
            unread.append(fault)
            report.told.append(f"{file.name} is left out: {fault.what}")
            continue
        report.told += loaded.told
        report.rejected += loaded.rejected
        done += file.stat().st_size
        if cancelled():
            raise Fault("The import was cancelled.", where=file.name, remedy="Nothing was stored.")
    if unread and len(unread) == len(wish.files):
        raise unread[0]


def _rejects(stage: Stage, wish: Wish, project: Project, report: Report) -> None:
    """Write the rows that were refused."""
    if report.rejected:
        report.rejects = wish.rejects or project.private / f"rejects-{wish.files[0].stem}.csv"
        stage.save_rejects(report.rejects)


def _check_age(stage: Stage, project: Project, now_ns: int) -> None:
    """Raise ProjectFault where the recorder would forget at once what is stored; not for an empty project."""
    samples, first_ns, _ = stage.extent()
    days = -(-(now_ns - first_ns) // DAY_NS)
    if samples and project.specs and days > project.historian.retention_days:
        raise ProjectFault(
            f"The samples begin {days:,} days ago; the project keeps {project.historian.retention_days:,}.",
            where=str(project.folder),
            remedy=f"Set historian.retention_days in project.toml to more than {days}, then import again.",
        )


# ---------------------------------------------------------------- signals and tags
def _planned(stage: Stage, project: Project, wish: Wish, report: Report) -> tuple[Project, _Plan]:
    """Find the tag of each signal; make those that are wanted and not there. Raises ProjectFault."""
    signals = stage.signals()
    known = {spec.imported: spec for spec in project.specs if spec.imported}
    known |= {spec.name: spec for spec in project.specs}
    missing = sorted(
        t for s, t in wish.names.items() if t not in known and any(s == n for _, n, _ in signals)
    )
    create = not project.specs if wish.create is None else wish.create
    if missing and not create:
        raise ProjectFault(
            f"The project has no tag '{missing[0]}'.", where="--map", remedy="Correct it, or give --create."
        )
    found = {name: known.get(wish.names.get(name, name)) for _, name, _ in signals}
    lost = [name for _, name, _ in signals if found[name] is None]
    if lost and create:
        units = {name: unit for _, name, unit in signals}
        project, made = _created(project, lost, wish.names, units, exchange_cells.texts(stage))
        report.created = [spec.name for spec in made.values()]
        found |= made
    elif lost:
        if len(lost) == len(signals):
            raise ProjectFault(
                f"None of the signals is a tag of the project: {', '.join(lost[:8])}.",
                where=str(project.folder),
                remedy="Make tags of them with --create, or name the tag of each in a file for --map.",
            )
        report.unknown = {name: stage.count(name) for name in lost}
    return project, _plan(signals, found, report)


def _plan(signals: list[tuple[int, str, str]], found: Mapping[str, TagSpec | None], report: Report) -> _Plan:
    tags = sorted({spec.name for spec in found.values() if spec is not None})
    row = {tag: i for i, tag in enumerate(tags)}
    unit_of = {spec.name: spec.unit for spec in found.values() if spec is not None}
    n = max((id_ for id_, _, _ in signals), default=0) + 1
    place = np.full(n, len(tags), np.uint32)
    factor, offset = np.ones(n), np.zeros(n)
    for id_, name, unit in signals:
        spec = found[name]
        if spec is None:
            continue
        place[id_] = row[spec.name]
        if unit and spec.unit and unit != spec.unit:
            try:
                factor[id_], offset[id_] = conversion(unit, spec.unit)
            except ProjectFault as fault:
                raise ProjectFault(
                    f"{name} is in {unit} in the file and in {spec.unit} in the project.",
                    where=spec.origin or spec.name,
                    remedy=f"Give them units that fit: {fault.what}",
                ) from fault
            report.told.append(f"{name}: converted from {unit} to {spec.unit}.")
        elif unit and not spec.unit:
            report.told.append(f"{name}: is in {unit} in the file; the tag {spec.name} has no unit.")
    return _Plan(tags=tags, units=[unit_of[tag] for tag in tags], place=place, factor=factor, offset=offset)


def _created(
    project: Project, lost: list[str], names: Mapping[str, str], units: Mapping[str, str], texts: set[str]
) -> tuple[Project, dict[str, TagSpec]]:
    """Write tags for signals into the project; return it as read again, and the tag of each."""
    docs = projects.documents(project.folder)
    if not project.specs:  # nothing but what is imported: it stays
        kept = docs.project.setdefault("historian", {})
        kept.update(dict.fromkeys(_DAYS, FOR_EVER_DAYS))
    twins = docs.twins.setdefault("twins", [])
    by_id = {str(twin.get("id", "")): twin for twin in twins}
    made: dict[str, str] = {}
    taken = {spec.name for spec in project.specs}
    for signal in lost:
        tag = _tag_name(names.get(signal, signal))
        if tag in taken:
            raise ProjectFault(
                f"The signals '{signal}' and another would be one tag, '{tag}'.",
                where=str(project.folder),
                remedy="Name their tags in a file for --map.",
            )
        taken.add(tag)
        twin, _, key = tag.rpartition(".")
        holder = by_id.get(twin)
        if holder is None:
            holder = by_id[twin] = {"id": twin, "tags": {}}
            twins.append(holder)
        entry: dict[str, object] = {"imported": signal}
        if signal in texts:
            entry["kind"] = "text"
        if units.get(signal):
            entry["unit"] = units[signal]
        holder.setdefault("tags", {})[key] = entry
        made[signal] = tag
    read = projects.save(project.folder, docs, WallClock().now_ns())
    specs = {spec.name: spec for spec in read.specs}
    return read, {signal: specs[tag] for signal, tag in made.items()}


def _tag_name(signal: str) -> str:
    """Return a name that a tag can have: `twin.key`."""
    clean = _BAD_NAME.sub("_", signal.strip()).strip(".").lstrip("~") or "signal"
    return clean if "." in clean else f"{_LOOSE}.{clean}"


# ---------------------------------------------------------------- sending
def _session(wish: Wish, plan: _Plan) -> str:
    """Return the name of this import for the recorder: the same files with the same choices have one."""
    total = hashlib.sha256()
    for file in wish.files:
        with file.open("rb") as stream:
            while part := stream.read(_HASHED):
                total.update(part)
        total.update(b"\0")
    choices = (wish.how, sorted(wish.names.items()), plan.tags, plan.units, plan.place.tolist(), PIECE)
    total.update(repr(choices).encode())
    return f"import:{total.hexdigest()[:32]}"


def _send(
    line: Line,
    stage: Stage,
    plan: _Plan,
    session: str,
    report: Report,
    tell: Tell,
    cancelled: Callable[[], bool],
) -> None:
    if not plan.tags:
        return
    got = asked(line, Enroll(tags=tuple(plan.tags), units=tuple(plan.units)), ANSWER_S)
    info = asked(line, AskHistory(session=session), ANSWER_S)
    if not isinstance(got, Enrolled) or not isinstance(info, HistoryInfo):
        raise _odd(line)
    ids = np.append(np.asarray(got.ids, np.uint32), np.uint32(0))  # the last: of signals that are left out
    total = max(stage.extent()[0], 1)
    passed = 0
    for seq, rows in enumerate(stage.in_order(PIECE)):
        batch = _batch(rows, plan, ids)
        passed += len(rows)
        report.samples += len(batch)
        if len(batch):
            report.first_ns = report.first_ns or int(batch.source_ns[0])
            report.last_ns = int(batch.source_ns[-1])
        if seq <= info.stored_seq:
            report.already += len(batch)
            continue
        if cancelled():
            raise Fault(
                "The import was cancelled.", where=session, remedy="The same import takes up where it ended."
            )
        stored = asked(line, Append(seq=seq, batch=batch, session=session), ANSWER_S)
        if not isinstance(stored, Stored):
            raise _odd(line)
        tell(f"{passed:,} of {total:,} samples", READ_SHARE + (1 - READ_SHARE) * passed / total)
    report.twice = stage.twice


def _batch(rows: Rows, plan: _Plan, ids: U4) -> SampleBatch:
    """Return rows as samples of the recorder; what has no number and no text is BAD."""
    place = plan.place[rows.signal]
    kept = np.flatnonzero(place < len(plan.tags))
    signal = rows.signal[kept]
    value = rows.value[kept] * plan.factor[signal] + plan.offset[signal]
    row_of = {int(old): new for new, old in enumerate(kept.tolist())} if rows.text else {}
    text = {row_of[row]: words for row, words in rows.text.items() if row in row_of}
    quality = rows.quality[kept].copy()
    nothing = np.isnan(value) & ((quality & RANK_MASK) < BAD)
    nothing[list(text)] = False
    quality[nothing] = (quality[nothing] & REASON_MASK) | BAD
    n = len(kept)
    return SampleBatch(
        slot=ids[place[kept]],
        value=value,
        source_ns=rows.t_ns[kept],
        arrival_ns=rows.arrival_ns[kept],
        arrival_mono_ns=np.zeros(n, np.int64),
        quality=quality,
        flags=np.full(n, DUPLICATE, np.uint8),  # it may have come before: the store looks
        status=rows.status[kept],
        text=text,
    )


def names_of(path: Path) -> dict[str, str]:
    """Return signal -> tag of a file with two columns. Raises Fault with the line that cannot be read."""
    out: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.reader(stream), 1):
                if not row or row[0].startswith("#") or (number == 1 and row[:2] == ["signal", "tag"]):
                    continue
                if len(row) != len(("signal", "tag")) or not row[0] or not row[1]:
                    raise Fault(
                        "This is no pair of a signal and its tag.",
                        where=f"{path}:{number}",
                        remedy="Write: signal,tag",
                    )
                out[row[0]] = row[1]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Fault(
            f"The map cannot be read: {error}.", where=str(path), remedy="Give a CSV file."
        ) from error
    return out


def _odd(line: Line) -> StoreFault:
    return StoreFault(
        "The recorder answered something else.", where=line.address, remedy="Update both sides."
    )
