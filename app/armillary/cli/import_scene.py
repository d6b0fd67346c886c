"""`armillary import`: a foreign file into a USD layer, by an importer plugin in an expendable process."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from armillary.cli.answer import emit_json, tell
from armillary.cli.scenes import ask_child, scene_child
from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, SceneFault, WorldFault
from armillary.model.message import Json, WriteTree
from armillary.wire import child

LIMIT_S = 300.0
MEMORY_BYTES = 4 << 30  # address space of the process that reads the file, as that of a scene's
WRITE_S = 300.0
LOOK_S = 0.2
UNITS: Mapping[str, float] = {
    "m": 1.0,
    "dm": 0.1,
    "cm": 0.01,
    "mm": 0.001,
    "um": 1e-6,
    "km": 1000.0,
    "in": 0.0254,
    "ft": 0.3048,
    "yd": 0.9144,
}
_TAKEN = (".usd", ".usda", ".usdc", ".usdz")


@click.command("import")
@click.argument("file")
@click.option("-o", "--output", default="", metavar="OUT", help="A .usda or .usdc; else FILE.usdc.")
@click.option("--up", "up_axis", default="", type=click.Choice(["", "Y", "Z"]), help="The file's up axis.")
@click.option("--units", default="", type=click.Choice(["", *UNITS]), help="The unit of the file's numbers.")
@click.option("--tolerance", default=0.0, metavar="M", help="Metres that facets may be off a curved surface.")
@click.option("--timeout", default=LIMIT_S, metavar="S", show_default=True, help="Seconds to read the file.")
@click.option("--force", is_flag=True, help="Replace OUT where it is there already.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def import_(
    file: str,
    output: str,
    up_axis: str,
    units: str,
    tolerance: float,
    timeout: float,
    force: bool,
    as_json: bool,
) -> int:
    """Turn glTF, OBJ, STL, PLY, IFC or STEP into a USD layer, and say what did not come over."""
    source = Path(file).expanduser().resolve()
    out = Path(output).expanduser().resolve() if output else source.with_suffix(".usdc")
    _refuse(source, out, force)
    with folder() as work:
        tree = work / "tree"
        args = {"file": str(source), "tree": str(tree), "tolerance": tolerance}
        read(source, args, work, timeout)
        with scene_child() as (line, process):
            wish = WriteTree(
                tree=str(tree),
                output=str(out),
                up_axis=up_axis,
                meters_per_unit=UNITS.get(units, 0.0),
                force=force,
            )
            answer = ask_child(line, process, wish, WRITE_S, str(source))
    if not isinstance(answer, Json):
        raise WorldFault("The scene reader answered something else.", where="import", remedy="Update it.")
    report = {"source": str(source), **json.loads(answer.text)}
    if as_json:
        emit_json(report)
    else:
        _print(report)
    return 0


def _refuse(source: Path, out: Path, force: bool) -> None:
    """Raise SceneFault for what can be seen without reading anything."""
    if not source.is_file():
        raise SceneFault("There is no such file.", where=str(source), remedy="Check the path.")
    if source.suffix.lower() in _TAKEN:
        raise SceneFault(
            "This is OpenUSD already.",
            where=str(source),
            remedy="Open it as it is.",
        )
    if out == source:
        raise SceneFault("A file is never written over.", where=str(source), remedy="Choose another name.")
    if not out.parent.is_dir():
        raise SceneFault("There is no such folder.", where=str(out.parent), remedy="Make it first.")
    if out.exists() and not force:
        raise SceneFault(
            "The file is there already.", where=str(out), remedy="Choose another name (-o), or use --force."
        )


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder for what is read, and remove it with all that is in it."""
    made = Path(tempfile.mkdtemp(prefix="import-", dir=places.runtime()))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def read(source: Path, args: Mapping[str, object], work: Path, limit_s: float) -> None:
    """Have a process of its own read a file. Raises SceneFault when it says so, dies, or takes too long."""
    process = child.start(
        "extend.importer",
        args,
        places.logs() / "import.log",
        memory_bytes=MEMORY_BYTES,
        cpu_s=int(2 * limit_s) + 10,
    )
    clock = WallClock()
    end = clock.now_mono_ns() + int(limit_s * NS)
    try:
        while _word(process, source) is None:
            if clock.now_mono_ns() > end:
                raise SceneFault(
                    f"Reading the file took more than {limit_s:g} s.",
                    where=str(source),
                    remedy="Give it more time (--timeout), or import a part of it.",
                )
    finally:
        process.kill()


def _word(process: child.Child, source: Path) -> Mapping[str, Any] | None:
    """Return what the process says when it is done, None while it works."""
    try:
        return process.poll_ready(LOOK_S)
    except SceneFault:
        raise
    except Fault as fault:
        if process.alive:
            raise
        how = process.exit_words()
        why = child.refusal(how)
        raise SceneFault(
            f"The file was refused: {why}." if why else f"The file crashed its importer, which {how}.",
            where=str(source),
            remedy=f"The file is damaged or hostile, or too big; export it again. Log: {fault.where}",
        ) from fault


def _print(report: Mapping[str, Any]) -> None:
    """Print the report for a person."""
    tell(f"{report['output']}")
    counts = ("prims", "meshes", "instances", "triangles", "points", "materials")
    tell("  " + ", ".join(f"{report[key]:,} {key}" for key in counts))
    tell(f"  {report['up_axis']} up, {report['meters_per_unit']:g} m per unit")
    for picture in report["pictures"]:
        tell(f"  picture {picture}")
    for sentence in report["assumed"]:
        tell(f"  {sentence}")
    for dropped in report["dropped"]:
        example = f" (e.g. {dropped['example']})" if dropped["example"] else ""
        tell(f"  left out: {dropped['count']:,} {dropped['what']}{example}")
