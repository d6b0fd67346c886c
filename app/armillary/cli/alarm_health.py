"""`armillary alarms health`: how the alarms of a project do, from its journal, against the standard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from armillary.alarms.health import Health, Noted, health
from armillary.alarms.health_page import number, paper
from armillary.alarms.journal_lines import noted
from armillary.alarms.links import link_alarms
from armillary.alarms.positions import members
from armillary.alarms.system import system_alarms
from armillary.cli.answer import emit_json, finite, table, tell
from armillary.cli.paper import write
from armillary.model.clock import WallClock, iso
from armillary.model.fault import Fault
from armillary.model.times import parse_time
from armillary.project import folder as projects
from armillary.security import export

USUAL = "-30d"
PATTERN = "live-*.jsonl"


def run(
    project: str,
    from_: str,
    to: str,
    html: Path | None,
    pdf: Path | None = None,
    *,
    as_json: bool,
    position: str = "",
) -> int:
    """Judge, print or write. Status 1 where a figure is over its maximum. Raises Fault."""
    now_ns = WallClock().now_ns()
    from_ns, to_ns = parse_time(from_ or USUAL, now_ns), parse_time(to, now_ns) if to else now_ns
    if to_ns <= from_ns:
        raise Fault("The span ends before it begins.", where=f"{from_} … {to}", remedy="Turn them round.")
    path = Path(project).expanduser().resolve()
    folder = path.parent if path.is_file() else path
    lines = transitions(folder)
    if position:
        own = _own(path, position)
        lines = (line for line in lines if line.event.id in own)
    found = health(lines, from_ns, to_ns)
    if as_json:
        emit_json(({"position": position} if position else {}) | _entry(found))
    else:
        if position:
            tell(f"Position {position}")
        _print(found)
    write(paper(found, f"{folder.name} · {position}" if position else folder.name), html, pdf, quiet=as_json)
    return 1 if any(metric.verdict == "over maximum" for metric in found.metrics) else 0


def _own(path: Path, position: str) -> frozenset[str]:
    """Return the ids of a position's alarms as the project is now. Raises Fault where there is none."""
    project = projects.read(path)
    every = (*project.alarms, *link_alarms(project.links, project.specs), *system_alarms())
    of = members(project.positions, every, project.specs, project.areas, project.relationships)
    if position not in of:
        remedy = f"Name one of {', '.join(of)}." if of else "Write it as [[position]] in project.toml."
        raise Fault(f"There is no position '{position}'.", where=str(path), remedy=remedy)
    return of[position]


def transitions(folder: Path) -> Iterator[Noted]:
    """Yield the transitions of all areas' journals; what hides an alarm holds until it is told anew."""
    private = folder / ".armillary"
    journals = [private / "journal", *sorted(private.glob("areas/*/journal"))]
    there = [journal for journal in journals if journal.is_dir()]
    if not there:
        raise Fault(
            "There is no journal of alarms here yet.",
            where=str(folder),
            remedy="Run the project's world; its journal is written from then on.",
        )
    for journal in there:
        yield from noted(export.rows(journal, PATTERN))


def _print(found: Health) -> None:
    tell(f"{iso(found.from_ns)} … {iso(found.to_ns)}")
    if found.is_indicative:
        tell(f"Indicative: {found.days:.1f} days are too few to judge by.")
    table(
        [
            (m.name, number(m.value, m.unit), number(m.target, m.unit), number(m.maximum, m.unit), m.verdict)
            for m in found.metrics
        ],
        ("FIGURE", "VALUE", "TARGET", "MAXIMUM", "JUDGEMENT"),
    )
    if found.top:
        tell("")
        table(
            [(a.id, str(a.priority), str(a.raises), f"{100 * a.share:.1f} %") for a in found.top],
            ("MOST FREQUENT", "P", "RAISES", "SHARE"),
        )


def _entry(found: Health) -> dict[str, object]:
    return {
        "from": iso(found.from_ns),
        "to": iso(found.to_ns),
        "indicative": found.is_indicative,
        "metrics": [
            {
                "name": m.name,
                "value": finite(m.value),
                "unit": m.unit,
                "target": finite(m.target),
                "maximum": finite(m.maximum),
                "verdict": m.verdict,
            }
            for m in found.metrics
        ],
        "by_priority": {str(p): n for p, n in found.by_priority.items()},
        "median_answer_s": {str(p): s for p, s in found.answer_s.items()},
        "top": [asdict(actor) for actor in found.top],
        "chattering": found.chattering,
        "standing": found.standing,
        "floods": [{"from": iso(f.from_ns), "to": iso(f.to_ns), "count": f.count} for f in found.floods],
        "hidden": found.hidden,
    }
