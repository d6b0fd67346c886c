"""`armillary audit`: whether the chain holds, what is in it, a copy for others."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import click
import orjson

from armillary.cli.answer import emit_json, table
from armillary.model.fault import Fault
from armillary.project.folder import write_atomic
from armillary.security import chain, export
from armillary.security.audit import PATTERN

_HEX = 64
FOOTER = (
    "This finds silent editing, removal and re-ordering of records before the last head that was noted\n"
    "elsewhere. It cannot find: records never written; records cut off the end after the last noted head;\n"
    "a whole chain made anew by somebody who can also change every noted head; false input data."
)
TITLES = {
    "live": "What was done in the live world",
    "users": "Changes of accounts",
    "recorder": "What the recorder erased",
    "versions": "Versions of the project",
    "journal": "The journal of alarms",
    "logbook": "The logbook: notes and hand-overs",
}
CHAINS = {
    "live": "audit",
    "users": "audit-users",
    "recorder": "audit-recorder",
    "versions": "audit-versions",
    "journal": "journal",
    "logbook": "logbook",
}
OF_WORLDS = ("live", "journal", "logbook")  # each area of a project that is shared out has its own
PATTERNS = {"journal": "live-*.jsonl", "logbook": "live-*.jsonl"}
_chain = click.option(
    "--chain",
    "which",
    type=click.Choice([name for name in CHAINS if name not in PATTERNS]),
    default="live",
    show_default=True,
)
_area = click.option(
    "--area", default="", metavar="NAME", help="Of a project that is shared out: its world's."
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def audit() -> None:
    """Verify, show and export what was done, by whom and with what outcome."""


@audit.command("verify")
@click.argument("project")
@click.option("--seal", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="F")
@click.option("--anchor", default="", metavar="HEX", help="A head noted elsewhere: 64 hexadecimal digits.")
@click.option("--chain", "which", type=click.Choice(tuple(CHAINS)), default=None, help="This one alone.")
@_area
@_json
def verify(project: str, seal: Path | None, anchor: str, which: str | None, area: str, as_json: bool) -> int:
    """Walk every chain there is: 0 they hold, 1 one is broken, 2 one cannot be read.

    A seal and an anchor are of the one that is named, without --chain of the live world's.
    """
    seq, head = _seal(seal) if seal is not None else (0, "")
    heads = [_anchor(anchor, "--anchor")] if anchor else []
    if which is None and not area and not head and not heads:
        chains = _every(project)
    else:
        chains = {which or "live": _folder(project, which or "live", area)}
    verdicts = {name: _verdict(folder, heads, seq, head, seal) for name, folder in chains.items()}
    holds = all(verdict["holds"] for verdict in verdicts.values())
    if as_json:
        first = next(iter(verdicts.values()))
        found = [each for verdict in verdicts.values() for each in verdict["findings"]]
        named = {"chains": verdicts} if len(verdicts) > 1 else {}
        emit_json({**first, "holds": holds, "findings": found, **named, "limits": FOOTER.replace("\n", " ")})
        return 0 if holds else 1
    for name, verdict in verdicts.items():
        if len(verdicts) > 1:
            click.echo(f"{TITLES.get(name, name)}:")
        last, count = verdict["last"], verdict["count"]
        click.echo(f"records 1 to {last} ({count})" if count else "no records")
        click.echo(f"head {verdict['head']}")
        for each in verdict["findings"]:
            click.echo(f"{each['kind']} at record {each['seq']} ({each['where']}): {each['text']}")
        click.echo("The chain holds." if verdict["holds"] else "THE CHAIN IS BROKEN.")
    click.echo(f"\n{FOOTER}")
    return 0 if holds else 1


def _every(project: str) -> dict[str, Path]:
    """Return the chains that a project has, the live world's or those of its areas first. Raises Fault."""
    path = Path(project).expanduser().resolve()
    private = (path.parent if path.is_file() else path) / ".armillary"
    areas = sorted(each for each in (private / "areas").glob("*/") if (each / CHAINS["live"]).is_dir())
    found = {name: private / folder for name, folder in CHAINS.items() if (private / folder).is_dir()}
    of_areas = {f"area {each.name}": each / CHAINS["live"] for each in areas}
    of_areas |= {
        f"{name} of area {each.name}": each / CHAINS[name]
        for each in areas
        for name in PATTERNS
        if (each / CHAINS[name]).is_dir()
    }
    if not found and not of_areas:
        return {"live": _folder(project, "live", "")}  # there is none: that is told
    return {name: found[name] for name in ("live",) if name in found} | of_areas | found


# Any: what is printed as JSON
def _verdict(folder: Path, heads: list[str], seq: int, head: str, seal: Path | None) -> dict[str, Any]:
    """Return what one chain is like, as it is printed. Raises Fault for one that cannot be read."""
    pattern, grows = PATTERNS.get(folder.name, PATTERN), folder.name in PATTERNS
    found = [chain.verify(folder, each, pattern, grows=grows) for each in (*heads, head) if each]
    found = found or [chain.verify(folder, pattern=pattern, grows=grows)]
    verdict = next((v for v in found if not v.holds), found[0])
    findings = [_named(f) for f in verdict.findings]
    if seq > verdict.last_seq and verdict.holds:
        text = f"The seal is of {seq} records, the audit has {verdict.last_seq}."
        findings.append({"seq": verdict.last_seq + 1, "kind": "truncated", "where": str(seal), "text": text})
    return {
        "holds": verdict.holds and not (seq > verdict.last_seq),
        "first": 1 if verdict.count else 0,
        "last": verdict.last_seq,
        "count": verdict.count,
        "head": verdict.head,
        "findings": findings,
    }


@audit.command("show")
@click.argument("project")
@click.option("--last", "count", type=click.IntRange(1, 100_000), default=20, show_default=True, metavar="N")
@_chain
@_area
@_json
def show(project: str, count: int, which: str, area: str, as_json: bool) -> int:
    """Print the newest records, oldest first."""
    found = export.last(_folder(project, which, area), count)
    if as_json:
        emit_json({"records": found})
        return 0
    table(
        [
            tuple(
                _text(r.get(k))
                for k in ("seq", "t", "actor", "role", "action", "object", "before", "after", "reason")
            )
            for r in found
        ],
        ("SEQ", "TIME", "WHO", "ROLE", "ACTION", "OBJECT", "BEFORE", "AFTER", "REASON"),
    )
    return 0


@audit.command("export")
@click.argument("project")
@click.option(
    "-o", "out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="F.jsonl|.csv"
)
@_chain
@_area
def export_(project: str, out: Path, which: str, area: str) -> int:
    """Write the whole audit as JSON lines, or as CSV in which no cell is a formula."""
    if out.suffix not in (".jsonl", ".csv"):
        raise Fault("An audit is exported as .jsonl or .csv.", where=str(out), remedy="Name the file so.")
    lines: list[str] = []
    if out.suffix == ".csv":
        lines.append(export.csv_line(None))
    write = export.csv_line if out.suffix == ".csv" else export.jsonl
    lines += [write(record) for record in export.rows(_folder(project, which, area))]
    try:
        write_atomic(out.resolve(), "".join(lines))
    except OSError as error:
        raise Fault(
            f"The export cannot be written: {error.strerror}.", where=str(out), remedy="Give another path."
        ) from error
    click.echo(f"{len(lines) - (out.suffix == '.csv')} records: {out}")
    return 0


def _folder(project: str, which: str, area: str) -> Path:
    path = Path(project).expanduser().resolve()
    private = (path.parent if path.is_file() else path) / ".armillary"
    areas = sorted(each.name for each in (private / "areas").glob("*/") if (each / "audit").is_dir())
    if area and area not in areas:
        raise Fault(
            f"There is no audit of an area '{area}'.",
            where=str(private / "areas"),
            remedy=f"Give one of: {', '.join(areas)}." if areas else "Leave --area out.",
        )
    if area and which in OF_WORLDS:
        return private / "areas" / area / CHAINS[which]
    if areas and which in OF_WORLDS and not (private / CHAINS[which]).is_dir():
        raise Fault(
            "Each area of this project has an audit of its own.",
            where=str(private),
            remedy=f"Give --area with one of: {', '.join(areas)}.",
        )
    return private / CHAINS[which]


def _seal(path: Path) -> tuple[int, str]:
    """Return (sequence number, head) of a seal: JSON with `seq` and `head`."""
    try:
        held: Any = orjson.loads(path.read_bytes())  # Any: parsed JSON
        return int(held["seq"]), _anchor(str(held["head"]), str(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault(
            "The seal cannot be read.", where=str(path), remedy='It is JSON: {"seq": 12, "head": "…"}.'
        ) from error


def _anchor(text: str, where: str) -> str:
    if len(text) != _HEX or not set(text.lower()) <= set(string.hexdigits):
        raise Fault("A head has 64 hexadecimal digits.", where=where, remedy="Copy it whole.")
    return text.lower()


def _named(finding: chain.Finding) -> dict[str, object]:
    return {"seq": finding.seq, "kind": finding.kind, "where": finding.where, "text": finding.text}


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("\n", " ")
