"""Child entry: reads one foreign file by an importer plugin, and writes what it holds for `scene.foreign`.

The process has no network (`wire.isolation`), sees the folder of the file and its own folder, has limits of
memory and processor, and is given up when it takes too long: the file may be anything.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from armillary.api.ports import Importer, ImporterContext
from armillary.extend.discover import discover
from armillary.model.fault import Fault, SceneFault
from armillary.model.tree import SceneTree, cleaned
from armillary.wire import isolation, tree_file

log = logging.getLogger("armillary")

MAX_FILE_BYTES = 8 << 30  # of what is written: twice the memory that a scene may take
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
    *("/sys/devices/system/cpu", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/random"),
)
_DEVICES = ("/dev/null", "/dev/zero")
_RECURSION = "The file is nested too deeply."


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Read `args["file"]` into `args["tree"]`, a file of the folder that is ours. Raises SceneFault."""
    file, out = Path(args["file"]), Path(args["tree"])
    importer = chosen(file, ImporterContext(tolerance=float(args.get("tolerance", 0.0))))
    _limit(file, out.parent)
    tree = cleaned(read(importer, file), str(file))
    try:
        tree_file.write(tree, out)
    except OSError as error:
        raise SceneFault(
            f"What was read of the file cannot be kept ({error.strerror}).",
            where=str(out.parent),
            remedy="Make room on that disk.",
        ) from error
    say({"tree": str(out), "isolation": isolation.current()})


def chosen(file: Path, context: ImporterContext, found: Iterable[EntryPoint] | None = None) -> Importer:
    """Return the importer of a file, by the end of its name. Raises SceneFault that lists what there is."""
    registry = discover(["importers"], found)
    known: set[str] = set()
    for name, make in sorted(registry.of("importers").items()):
        try:
            importer = make(context)
            suffixes = tuple(importer.suffixes)
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything
            registry.skip("importers", name, f"it cannot be made ({type(error).__name__}: {error})")
            continue
        if file.suffix.lower() in suffixes:
            made: Importer = importer
            return made
        known.update(suffixes)
    skipped = " ".join(p.what for p in registry.problems)
    raise SceneFault(
        f"There is no importer for '{file.suffix or file.name}' files. {skipped}".strip(),
        where=str(file),
        remedy=f"Use one of {', '.join(sorted(known))}; .usd, .usda, .usdc and .usdz need no import.",
    )


def read(importer: Importer, file: Path) -> SceneTree:
    """Return the tree of a file. Raises SceneFault, whatever the importer or its library raises."""
    try:
        return importer.read(file)
    except Fault:
        raise
    except MemoryError as error:
        raise SceneFault(
            "The file was refused: reading it needs more memory than an importer may use.",
            where=str(file),
            remedy="Import a part of it.",
        ) from error
    except PermissionError as error:
        raise SceneFault(
            f"The file asks for something outside its folder: {error.filename or error}.",
            where=str(file),
            remedy="Put the files that it refers to beside it.",
        ) from error
    except Exception as error:  # the border of a process: libraries raise anything for a bad file
        log.exception("%s could not be read", file)
        text = _RECURSION if isinstance(error, RecursionError) else f"{type(error).__name__}: {error}"[:300]
        raise SceneFault(
            f"The file is damaged, or not what its name says. {text}",
            where=str(file),
            remedy="Export it again from where it came.",
        ) from error


def _limit(file: Path, folder: Path) -> None:
    """Leave this process the folder of the file for reading, its own for writing, and nothing else."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    os.environ["TMPDIR"] = str(folder)  # for libraries that write beside what they read
    ours = Path(__file__).resolve().parents[2]
    plugins = [Path(path) for path in sys.path if path]
    read_only = [*map(Path, _SYSTEM), *plugins, Path(sys.prefix), Path(sys.base_prefix), ours, file.parent]
    if not isolation.confine(read_only, [folder, *map(Path, _DEVICES)]):
        log.warning("this system cannot keep an importer from the user's files")
