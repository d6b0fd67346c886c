"""What an exercise leaves behind: its report, its log of deeds, its result and its track, as files."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

from armillary._version import __version__
from armillary.model.clock import iso
from armillary.model.fault import ProjectFault
from armillary.model.lesson import Deed, Lesson
from armillary.simulate.debrief import report
from armillary.world.drill import Drill

SCHEMA = 1
FOLDER = "training"  # in the project's private folder


def write(folder: Path, lesson: Lesson, drill: Drill, now_ns: int) -> Path:
    """Write all that is left of an exercise; return the report's path. Raises ProjectFault."""
    people = dict.fromkeys(d.actor for d in drill.deeds if d.kind in ("command", "ack") and d.actor)
    page = report(
        lesson,
        [*drill.left, drill.attempt()],
        trainee=", ".join(people),
        instructor="",
        when=iso(now_ns),
        versions=f"Armillary {__version__}, model {drill.info.name} {drill.info.version}",
    )
    path = folder / "report.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page, "utf-8")
        (folder / "log.jsonl").write_text("".join(_line(d) for d in drill.deeds), "utf-8")
        (folder / "result.json").write_text(json.dumps(result(lesson, drill), indent=1), "utf-8")
        drill.memory.save(folder / "track.npz")
    except OSError as error:
        raise ProjectFault(
            f"The report cannot be written: {error.strerror}.",
            where=str(folder),
            remedy="Free some space.",
        ) from error
    return path


def result(lesson: Lesson, drill: Drill) -> dict[str, object]:
    """Return score and outcome as JSON holds them; the same lesson, seed and deeds give the same."""
    score = drill.exercise.score(drill.progress)
    return {
        "schema": SCHEMA,
        "scenario": lesson.id,
        "scenario_sha256": lesson.digest,
        "seed": lesson.seed,
        "total": score.total,
        "most": score.most,
        "passed": score.passed,
        "ended": drill.progress.ended,
        "failed": drill.progress.failed,
        "t_s": drill.t_s,
        "stream_sha256": drill.digest,
        "branches": len(drill.left) + 1,
        "rows": [{"id": r.id, "points": r.points, "most": r.most, "state": r.state} for r in score.rows],
    }


def _line(deed: Deed) -> str:
    data = asdict(deed)
    if math.isnan(deed.value):
        data["value"] = None
    return json.dumps(data, ensure_ascii=False) + "\n"


def read_deeds(path: Path) -> tuple[Deed, ...]:
    """Return recorded deeds, one JSON object a line, by their time. Raises ProjectFault with the line."""
    out = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            "The inputs cannot be read.", where=str(path), remedy="Give a file of JSON lines."
        ) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            value = data.get("value")
            data["value"] = math.nan if value is None else float(value)
            out.append(Deed(**data))
        except (ValueError, TypeError, AttributeError) as error:
            raise ProjectFault(
                f"This is no deed: {error}.",
                where=f"{path}:{number}",
                remedy='Write {"t_s": 1.5, "kind": "command", "what": "P-101B.run", "value": 1}.',
            ) from error
    return tuple(sorted(out, key=lambda deed: deed.t_s))
