"""`armillary bindings export` and `import`: OPC UA–OpenUSD Bindings in files, of a server, in a USD."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.seconds import Seconds
from armillary.encoding import openusd_json, openusd_nodeset
from armillary.encoding.openusd_out import Loss, offered
from armillary.model import files
from armillary.model.fault import Fault, ProjectFault
from armillary.model.openusd import SceneOffer, Trouble
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session import carried, offers
from armillary.session.offers import Wanted

FORMATS = {".json": "json", ".xml": "nodeset"}
_SHOWN = 40  # notes that are printed


@click.command("export")
@click.argument("project", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE"
)
@click.option(
    "--format", "form", default="", type=click.Choice(["", "json", "nodeset"]), help="Else by FILE's end."
)
@click.option(
    "--twin", is_flag=True, help="Write a twin.usda for other tools: scene and bindings in one root."
)
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def export(project: Path, output: Path, form: str, twin: bool, force: bool, as_json: bool) -> int:
    """Write a project's bindings as OPC UA–OpenUSD Bindings, and list what another reader does not see."""
    read = projects.read(project.resolve())
    if output.exists() and not force:
        raise Fault("The file is there already.", where=str(output), remedy="Use another name, or --force.")
    if twin:
        carried.write_twin(read, output.resolve())
        _answer(as_json, output, "twin", 0, ())
        return 0
    form = form or FORMATS.get(output.suffix.lower(), "")
    if not form:
        raise click.UsageError("Name the file .json or .xml, or give --format.")
    found = offers.bindings_of(read)
    kinds = {link.name: link.kind for link in read.links}
    offer, losses = offered(found, read.specs, kinds, read.name)
    model = f"urn:armillary:project:{read.id or read.name}"
    text = openusd_json.text_of(offer) if form == "json" else openusd_nodeset.text_of(offer, model)
    try:
        files.replace(output.resolve(), text.encode(), 0o644)
    except OSError as error:
        raise Fault(
            f"It cannot be written ({error.strerror}).", where=str(output), remedy="Choose another folder."
        ) from error
    _answer(as_json, output, form, len(found), losses)
    return 0


def _answer(as_json: bool, output: Path, form: str, count: int, losses: Sequence[Loss]) -> None:
    if as_json:
        rows = [{"binding": loss.where, "field": loss.field, "what": loss.what} for loss in losses]
        emit_json({"output": str(output), "format": form, "bindings": count, "losses": rows})
        return
    tell(f"{output}: {count} bindings" if form != "twin" else f"{output}")
    if losses:
        tell("What a reader that does not know ArmillaryExtra does not see:")
        table([(loss.where, loss.what) for loss in losses[:_SHOWN]], ("binding", "what"))
        if len(losses) > _SHOWN:
            tell(f"… {len(losses) - _SHOWN} more; --json tells all")


@click.command("import")
@click.argument("project", type=click.Path(exists=True, path_type=Path))
@click.argument("source")
@click.option(
    "--link", default="", metavar="NAME", help="The source of project.toml that the nodes belong to."
)
@click.option(
    "--insecure", is_flag=True, help="Trust the network between here and a server without security."
)
@click.option("--dry-run", is_flag=True, help="Say what would come, and write nothing.")
@click.option("--watch", is_flag=True, help="Stay, and take in what a server changes in its model.")
@click.option(
    "--history",
    "history_s",
    type=Seconds(),
    default=0.0,
    metavar="S",
    help="Of a server: the last seconds of history bindings, as time samples in history.usda.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def import_(
    project: Path,
    source: str,
    link: str,
    insecure: bool,
    dry_run: bool,
    watch: bool,
    history_s: float,
    as_json: bool,
) -> int:
    """Take bindings in from JSON, NodeSet2 XML, a live server (opc.tcp://…), or a USD file that carries some.

    Status 1 when something was left out.
    """
    folder = project.resolve()
    read = projects.read(folder)
    if not read.saved or read.bindings is None:
        raise Fault(
            "There is no binding layer to write.", where=str(folder), remedy="Save it as a project first."
        )
    if offers.is_server(source):
        wanted = Wanted(
            url=source,
            name=link or next((one.name for one in read.links if one.url == source), offers.LINK),
            settings={"insecure": True} if insecure else _settings_of(read, source),
            history_s=history_s,
        )
        if watch:
            return _watch(read.folder, wanted)
        with offers.read(wanted) as (offer, _):
            return _take(read, offer, wanted, wanted.name, dry_run, as_json)
    path = Path(source).expanduser().resolve()
    if path.suffix.lower() in carried.USD:
        return _carried(read, path, dry_run, as_json)
    known = [one.name for one in read.links]
    if link and link not in known:
        raise Fault(f"There is no source '{link}'.", where=str(folder), remedy=f"Use {', '.join(known)}.")
    return _take(read, _file(path), None, link or _only_opcua(read), dry_run, as_json)


def _settings_of(project: Project, url: str) -> dict[str, Any]:  # Any: plain TOML values
    return next((dict(one.settings) for one in project.links if one.url == url), {})


def _only_opcua(project: Project) -> str:
    found = [one.name for one in project.links if one.kind == "opcua"]
    return found[0] if len(found) == 1 else ""


def _file(path: Path) -> SceneOffer:
    try:
        if path.stat().st_size > openusd_json.MOST_BYTES:
            raise ProjectFault("The file is too long.", where=str(path), remedy="Give a part of it.")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        what = f"The file cannot be read: {error.strerror}."
        raise ProjectFault(what, where=str(path), remedy="Check the path.") from error
    except UnicodeDecodeError as error:
        raise ProjectFault("The file is not UTF-8.", where=str(path), remedy="Save it as UTF-8.") from error
    read = openusd_nodeset.read if text.lstrip()[:1] == "<" else openusd_json.read
    return read(text, str(path))


def _take(
    read: Project, offer: SceneOffer, wanted: Wanted | None, link: str, dry_run: bool, as_json: bool
) -> int:
    if dry_run:
        found = offers.understood(read, offer, link)
        counts = {"bindings": len(found.bindings), "tags": len(found.tags), "parts": 0, "removed": 0}
        notes = found.notes
    else:
        report = offers.take_in(read.folder, offer, wanted, link)
        counts = {
            "bindings": report.bindings,
            "tags": report.tags,
            "parts": report.parts,
            "removed": report.removed,
        }
        notes = report.notes
    _told(as_json, str(read.folder), counts, notes, dry_run)
    return 1 if any(note.code in LEFT_OUT for note in notes) else 0


LEFT_OUT = frozenset(
    {"unresolved", "wrong-path", "wrong-extra", "too-many", "no-link", "digest", "integrity", "unsafe-path"}
)


def _told(
    as_json: bool, project: str, counts: dict[str, int], notes: Sequence[Trouble], dry_run: bool
) -> None:
    if as_json:
        rows = [{"where": note.where, "code": note.code, "what": note.what} for note in notes]
        emit_json({"project": project, "written": not dry_run, **counts, "notes": rows})
        return
    text = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "bindings")
    tell(f"{text}{' would come' if dry_run else ''}")
    if notes:
        table([(n.where, n.what) for n in notes[:_SHOWN]], ("where", "note"))
    if len(notes) > _SHOWN:
        tell(f"… {len(notes) - _SHOWN} more; --json tells all")


def _watch(folder: Path, wanted: Wanted) -> int:
    """Take in each offer of a server until Ctrl-C, one JSON line each."""
    import threading

    pause = threading.Event()
    watch = offers.Watch(wanted)
    try:
        while True:
            found = watch.newest()
            if found is None:
                pause.wait(0.2)
                continue
            report = offers.take_in(folder, found[0], wanted)
            line = {"bindings": report.bindings, "parts": report.parts, "removed": report.removed}
            tell(json.dumps(line))
    finally:
        watch.close()


def _carried(read: Project, path: Path, dry_run: bool, as_json: bool) -> int:
    found = carried.read(path)
    taken = carried.understood(read, found)
    if not dry_run:
        carried.take_in(read.folder, taken)
    counts = {"bindings": len(taken.bindings), "tags": len(taken.tags), "sources": len(taken.sources)}
    _told(as_json, str(read.folder), counts, taken.notes, dry_run)
    return 1 if any(note.code in LEFT_OUT for note in taken.notes) else 0
