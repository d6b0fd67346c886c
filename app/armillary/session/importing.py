"""A foreign file into a USD layer: an importer reads it in a process of its own, the scene child writes.

The desk runs this in a thread (`Import`), the command line as it is (`run`).
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, FaultRecord, SceneFault, WorldFault, record
from armillary.model.message import Json, WriteTree
from armillary.session.reading import ask_child, scene_child
from armillary.wire import child

log = logging.getLogger(__name__)

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
_USD = (".usd", ".usda", ".usdc", ".usdz")
_MOST_NAMES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format; units and up_axis are those that are taken where it does not say its own, else ""."""

    name: str
    units: str = ""
    up_axis: str = ""


FORMATS: Mapping[str, Format] = {
    **dict.fromkeys((".gltf", ".glb"), Format(name="glTF")),
    ".obj": Format(name="OBJ", units="m", up_axis="Y"),
    ".stl": Format(name="STL", units="mm", up_axis="Z"),
    ".ply": Format(name="PLY", units="m", up_axis="Z"),
    ".ifc": Format(name="IFC"),
    **dict.fromkeys((".step", ".stp"), Format(name="STEP")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to import and how. up_axis "" and units "" leave what the file says, or its format's custom."""

    source: Path
    output: Path
    up_axis: str = ""
    units: str = ""
    tolerance: float = 0.0  # metres that facets may be off a curved surface; 0: the importer's own
    force: bool = False
    limit_s: float = LIMIT_S  # to read the file


def is_foreign(path: str) -> bool:
    """Tell whether a file must be imported before it can be shown."""
    return Path(path).suffix.lower() in FORMATS


def proposal(source: Path) -> Path:
    """Return a name beside a file that is not taken: pump.usdc, else pump-2.usdc and so on."""
    first = source.with_suffix(".usdc")
    others = (source.with_name(f"{source.stem}-{n}.usdc") for n in range(2, _MOST_NAMES))
    return first if not first.exists() else next((path for path in others if not path.exists()), first)


def refuse(wish: Wish) -> None:
    """Raise SceneFault for what can be seen without reading anything."""
    source, out = wish.source, wish.output
    if not source.is_file():
        raise SceneFault("There is no such file.", where=str(source), remedy="Check the path.")
    if source.suffix.lower() in _USD:
        raise SceneFault("This is OpenUSD already.", where=str(source), remedy="Open it as it is.")
    if out == source:
        raise SceneFault("A file is never written over.", where=str(source), remedy="Choose another name.")
    if not out.parent.is_dir():
        raise SceneFault("There is no such folder.", where=str(out.parent), remedy="Make it first.")
    if out.exists() and not wish.force:
        raise SceneFault(
            "The file is there already.", where=str(out), remedy="Choose another name (-o), or use --force."
        )


def run(
    wish: Wish,
    tell: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Mapping[str, Any]:
    """Import a file and return the report: counts, what was assumed and what was dropped. Raises Fault.

    tell: gets what is being done, with a share from 0 to 1.
    """
    refuse(wish)
    told = tell or (lambda _text, _share: None)
    with folder() as work:
        tree = work / "tree"
        args = {"file": str(wish.source), "tree": str(tree), "tolerance": wish.tolerance}
        told(f"Reading {wish.source.name}", 0.1)
        read(wish.source, args, work, wish.limit_s, cancelled)
        told(f"Writing {wish.output.name}", 0.6)
        with scene_child() as (line, process):
            ask = WriteTree(
                tree=str(tree),
                output=str(wish.output),
                up_axis=wish.up_axis,
                meters_per_unit=UNITS.get(wish.units, 0.0),
                force=wish.force,
            )
            answer = ask_child(line, process, ask, WRITE_S, str(wish.source), cancelled)
    if not isinstance(answer, Json):
        raise WorldFault("The scene reader answered something else.", where="import", remedy="Update it.")
    return {"source": str(wish.source), **json.loads(answer.text)}


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder for what is read, and remove it with all that is in it."""
    made = Path(tempfile.mkdtemp(prefix="import-", dir=places.runtime()))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def read(
    source: Path,
    args: Mapping[str, object],
    work: Path,
    limit_s: float,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
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
            if cancelled():
                raise SceneFault("It was cancelled.", where=str(source), remedy="Nothing was written.")
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


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return a report for a person, line by line."""
    counts = ("prims", "meshes", "instances", "triangles", "points", "materials")
    out = [", ".join(f"{report[key]:,} {key}" for key in counts)]
    out.append(f"{report['up_axis']} up, {report['meters_per_unit']:g} m per unit")
    out += [f"picture {picture}" for picture in report["pictures"]]
    out += report["assumed"]
    for dropped in report["dropped"]:
        example = f" (e.g. {dropped['example']})" if dropped["example"] else ""
        out.append(f"left out: {dropped['count']:,} {dropped['what']}{example}")
    return out


class Import:
    """One import in a thread of its own; the owner looks at `progress` and `ended` from time to time."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.progress: tuple[str, float] = ("Starting", 0.0)
        self.report: Mapping[str, Any] | None = None
        self.fault: FaultRecord | None = None
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="import", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether there is a report or a fault."""
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """End it soon; nothing is written."""
        self._cancelled.set()

    def wait(self, limit_s: float) -> bool:
        """Wait until it has ended; return whether it has."""
        self._thread.join(limit_s)
        return self.ended

    def _tell(self, text: str, share: float) -> None:
        self.progress = (text, share)

    def _run(self) -> None:
        try:
            self.report = run(self.wish, self._tell, self._cancelled.is_set)
        except Fault as fault:
            self.fault = record(fault)
        except Exception as error:  # a border: a defect must be shown, not lost with its thread
            log.exception("an import failed")
            self.fault = FaultRecord(
                kind="Fault",
                what=f"An inner step failed: {error}.",
                where=str(self.wish.source),
                remedy="See the log file of the desk.",
            )
