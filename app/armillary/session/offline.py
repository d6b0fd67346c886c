"""A folder of files as a project without a plant: its samples are imported beside, and replayed.

The project lies in the user's cache, one for each folder; nothing is written among the user's files. It is
made anew when the files are others than it was made of; bindings and rules that were added to it stay.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from zoneinfo import available_timezones

import tomlkit

from armillary.history.exchange_cells import How
from armillary.history.exchange_read import kind_of
from armillary.model import files as whole
from armillary.model import places
from armillary.model.fault import Fault, FaultRecord, ProjectFault, record
from armillary.project import folder as projects
from armillary.project.record import BINDINGS_FILE, PROJECT_FILE, SCENE_SUFFIXES
from armillary.session import history_import
from armillary.session.history_export import ask_info
from armillary.session.recorders import recorder
from armillary.wire import child, runs
from armillary.wire.bus import served

log = logging.getLogger(__name__)

MOST_FILES = 1_000
START_S, STOP_S = 60.0, 2.0  # a busy machine takes its time
_MADE_OF = "files.json"
_OURS = (BINDINGS_FILE, "composed.usda")
Tell = Callable[[str, float], None]


def is_offline(path: Path) -> bool:
    """Tell whether a path is samples without a project: a folder of such files, or one of them."""
    if path.is_file():
        return bool(kind_of(path))
    return path.is_dir() and not (path / PROJECT_FILE).exists() and bool(_samples(path))


def prepare(
    path: Path, how: How, tell: Tell | None = None, cancelled: Callable[[], bool] = lambda: False
) -> Path:
    """Return the project of a folder of files, or of one file, made or renewed where it has to be.

    Files that cannot be read are left out where others can. Raises Fault when none can.
    """
    path = path.resolve()
    files = [path] if path.is_file() else _samples(path)
    if len(files) > MOST_FILES:
        raise ProjectFault(
            f"The folder has {len(files):,} files of samples; {MOST_FILES:,} are opened at once.",
            where=str(path),
            remedy="Import them into a project: armillary history import.",
        )
    base = path.parent if path.is_file() else path
    project = home_of(path)
    made_of = _made_of(files, how)
    held = project / ".armillary" / _MADE_OF
    try:
        if held.is_file() and held.read_text("utf-8") == made_of and (project / PROJECT_FILE).is_file():
            return project
        _clear(project)
        _make(project, base, path.stem if path.is_file() else path.name)
    except OSError as error:
        raise ProjectFault(
            f"The project of these files cannot be made: {error.strerror}.",
            where=str(project),
            remedy="Make the cache writable, or set XDG_CACHE_HOME to a folder that is.",
        ) from error
    wish = history_import.Wish(project=project, files=tuple(files), how=how, create=True, skips=True)
    report = history_import.run(wish, tell, cancelled)
    for words in report.told:
        log.info("%s", words)
    whole.replace(held, made_of.encode())
    return project


def home_of(path: Path) -> Path:
    """Return the folder of the project that a folder of files has."""
    short = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    return places.cache() / "offline" / f"{path.stem[:40]}-{short}"


def _samples(folder: Path) -> list[Path]:
    """Return the files of samples in a folder and the folders in it, hidden ones left out."""
    inner = [f for each in sorted(folder.iterdir()) for f in ([each] if each.is_file() else _inside(each))]
    return sorted(f for f in inner if kind_of(f) and not f.name.startswith("."))


def _inside(folder: Path) -> list[Path]:
    if folder.name.startswith(".") or not folder.is_dir():
        return []
    try:
        return [f for f in folder.iterdir() if f.is_file()]
    except OSError:
        return []


def _made_of(files: list[Path], how: How) -> str:
    """Return what a project is made of, as text that differs when any of it does."""
    facts = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return json.dumps({"schema": 1, "how": repr(how), "files": facts}, indent=1)


def _clear(project: Path) -> None:
    """Remove what was imported. Raises ProjectFault while somebody shows it."""
    if served(runs.recorder_address(project)) or served(runs.reader_address(project)):
        raise ProjectFault(
            "These files have changed while their replay is open.",
            where=str(project),
            remedy="Close the other desk, then open them again.",
        )
    for old in (project / ".armillary").glob("history*"):
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()


def _make(project: Path, base: Path, name: str) -> None:
    """Write the project's own files: it shows the scene beside the samples, if there is one."""
    if (project / PROJECT_FILE).exists():
        return
    project.mkdir(parents=True, exist_ok=True)
    scenes = sorted(f for f in base.iterdir() if f.suffix.lower() in SCENE_SUFFIXES and f.name not in _OURS)
    projects.new(project, name or "files")
    if scenes:
        docs = projects.documents(project)
        entry = next((f for f in scenes if f.stem == "scene"), scenes[0])
        docs.project["scene"] = {
            "entry": Path(os.path.relpath(entry, project)).as_posix(),
            "bindings": BINDINGS_FILE,
            "roots": [Path(os.path.relpath(base, project)).as_posix()],
        }
        whole.replace(project / PROJECT_FILE, tomlkit.dumps(docs.project).encode(), 0o644)
        (project / "scene.usda").unlink(missing_ok=True)
        if (base / BINDINGS_FILE).is_file():
            shutil.copyfile(base / BINDINGS_FILE, project / BINDINGS_FILE)


def how_of(zone: str) -> How:
    """Return how files are read whose times without a zone are in this one."""
    return How(zone=zone)


def zones() -> list[str]:
    """Return the time zones that can be named."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))


class Replaying:
    """A REPLAY world of an offline project, from its beginning; its owner closes it."""

    def __init__(self, project: Path, speed: float = 1.0) -> None:
        with recorder(project, read_only=True) as line:
            info = ask_info(line)
        args = {"project": str(project), "at_ns": info.first_ns, "speed": speed}
        self._child = child.start("world.replay", args, places.logs() / f"offline-{os.getpid()}.log")
        self.address = str(self._child.ready(START_S)["address"])

    def close(self) -> None:
        """End it."""
        self._child.stop(STOP_S)


class Opening:
    """Prepares and starts a replay of files in a thread; the owner looks at it from time to time."""

    def __init__(self, path: Path, how: How) -> None:
        self.path = path
        self.progress: tuple[str, float] = ("Starting", 0.0)
        self.replaying: Replaying | None = None
        self.fault: FaultRecord | None = None
        self._how, self._cancelled = how, threading.Event()
        self._thread = threading.Thread(target=self._run, name="offline", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether there is a replay or a fault."""
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """End it soon."""
        self._cancelled.set()

    def _tell(self, text: str, share: float) -> None:
        self.progress = (text, share)

    def _run(self) -> None:
        try:
            project = prepare(self.path, self._how, self._tell, self._cancelled.is_set)
            self._tell("Starting the replay", 1.0)
            self.replaying = Replaying(project)
            if self._cancelled.is_set():
                self.replaying.close()
        except Fault as fault:
            self.fault = record(fault)
        except Exception as error:  # a border: a defect must be shown, not lost with its thread
            log.exception("files could not be opened")
            self.fault = FaultRecord(
                kind="Fault",
                what=f"An inner step failed: {error}.",
                where=str(self.path),
                remedy="See the log file of the desk.",
            )
