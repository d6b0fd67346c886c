"""A project as one frozen record: what was read, with absolute paths and slots given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from armillary.model.alarm import AlarmSpec, Suppression
from armillary.model.area import AreaSpec
from armillary.model.binding import ColourMap
from armillary.model.command import Interlock, Template
from armillary.model.link import DecoderSpec, LinkSpec, TopicTemplate
from armillary.model.message import OpenScene
from armillary.model.motion import SceneTime
from armillary.model.notice import Receiver
from armillary.model.position import PositionSpec
from armillary.model.rule import RuleSpec
from armillary.model.scene import SceneProblem
from armillary.model.shift import USUAL, FigureSpec, ShiftSpec
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance

SCHEMA = 1
PROJECT_FILE, TWINS_FILE = "project.toml", "twins.json"
BINDINGS_FILE, COMPOSED_FILE = "bindings.usda", "composed.usda"
SCENE_SUFFIXES = (".usd", ".usda", ".usdc", ".usdz")
# What the project hash covers: neither users, keys, caches nor what is recorded.
_HASHED = (
    PROJECT_FILE,
    TWINS_FILE,
    BINDINGS_FILE,
    COMPOSED_FILE,
    "rules.toml",
    "commands.toml",
    "loops.toml",
    "notify.toml",
    "bindings/*.usda",
    "model/*.json",
    "simulation/*.fmu",
    "simulation/*.py",
    "scenarios/*.toml",
    "procedures/*.toml",
)
# What a LIVE world was started with: when one of these is another, it runs the old project.
WORLD_FILES = (PROJECT_FILE, TWINS_FILE, "rules.toml", "commands.toml", "loops.toml", "notify.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Tags that are kept for a shorter time than the others."""

    tags: tuple[str, ...]  # patterns: * and ? stand for any
    days: int  # then samples and roll-ups go
    personal: bool = False  # tags by name, that tell of a person: to the hour, not by whole days


@dataclass(frozen=True, slots=True, kw_only=True)
class Historian:
    """How samples are kept."""

    store: str = "duckdb"  # a plugin's id
    retention_days: int = 400  # samples
    minute_days: int = 1_200  # their minutes; hours and days:
    rollup_days: int = 3_660
    quota_gb: float = 0.0  # the oldest samples go when it is full; 0 = none
    keep: tuple[Keeping, ...] = ()
    rollups: tuple[str, ...] = ("1m", "1h", "1d")
    record: str = "historized"  # all | historized | listed
    compression: str = "none"  # none | deadband | line: what a line tells within a tag's bound is left out
    deadband_percent: float = 0.0  # of a tag's range: its bound where it has no deadband of its own
    max_interval_s: float = 600.0  # between two samples that are recorded, while some come
    personal_days: int = 30  # of tags that tell of a person directly
    url: str = ""  # of the server of a store that has one
    space: str = ""  # what keeps this project apart in it; "" = made from the project's id
    secret: str = ""  # name of its password or token in the secret store


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifting:
    """How the LIVE world compares what comes with the model."""

    every_s: float = 60.0
    missing_s: float = 600.0  # a tag that did not come for so long, or for 10 intervals, is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanding:
    """Whether and how orders may leave this project's LIVE world."""

    enabled: bool = False
    max_age_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Where an edge sends what its sources bring (`armillary edge`)."""

    link: str  # the source that is the way up
    topic: str  # data go to `topic/data`, health to `topic/health`
    format: str = "json"  # json | cbor: of the SenML packs
    batch_s: float = 0.25
    store_mb: int = 256
    store_days: float = 7.0
    late_per_s: int = 5_000  # samples that had to wait
    health_s: float = 10.0
    origin: str = ""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project as it was read. Paths are absolute; slots are 0 … n-1 in the order of the file."""

    folder: Path
    saved: bool  # False: a bare scene was opened, there is no project.toml
    read_only: bool  # a newer Armillary wrote it
    schema: int
    id: str
    name: str
    version: str = ""
    timezone: str = "UTC"  # display only
    entry: Path | None = None  # the scene; None: the project has none
    bindings: Path | None = None  # None for a bare scene; it need not exist yet
    composed: Path | None = None  # None when there is no such file
    roots: tuple[Path, ...] = ()
    load: str = "all"
    purposes: tuple[str, ...] = ("default", "render")
    default_camera: str = ""
    scene_time: SceneTime | None = None  # how the scene's own time follows the world's
    limits: Mapping[str, int] = field(default_factory=dict)  # of the scene: layers, bytes, prims, …
    model_files: tuple[str, ...] = ()  # patterns
    links: tuple[LinkSpec, ...] = ()
    decoders: tuple[DecoderSpec, ...] = ()
    areas: tuple[AreaSpec, ...] = ()  # () = one LIVE world does it all
    positions: tuple[PositionSpec, ...] = ()  # of operators; () = one answers for all
    topics: tuple[TopicTemplate, ...] = ()  # of fleets, with their named parts
    specs: tuple[TagSpec, ...] = ()
    twins: tuple[TwinInstance, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    colormaps: tuple[ColourMap, ...] = ()
    historian: Historian = Historian()
    drifting: Drifting = Drifting()
    commanding: Commanding = Commanding()
    publish_persons: int = 1  # 2: a version is published by an engineer and a second person
    forward: Forward | None = None  # of an edge
    templates: tuple[Template, ...] = ()  # of commands
    interlocks: tuple[Interlock, ...] = ()
    alarms: tuple[AlarmSpec, ...] = ()
    shifts: tuple[ShiftSpec, ...] = USUAL
    figures: tuple[FigureSpec, ...] = ()  # that a shift's report tells
    receivers: tuple[Receiver, ...] = ()  # who is told of alarms away from a desk
    suppressions: tuple[Suppression, ...] = ()
    rules: tuple[RuleSpec, ...] = ()  # on streams; their tags are among `specs`
    tick_hz: int = 20
    tag_limit: int = 200_000
    problems: tuple[SceneProblem, ...] = ()  # warnings; an error would have kept it from being read

    @property
    def private(self) -> Path:
        """The folder of what is never in version control: caches, historian, locks, backups."""
        return self.folder / ".armillary"

    @property
    def homes(self) -> tuple[Path, ...]:
        """The folders in which this project's LIVE worlds write journal and audit: one for each area too."""
        return self.private, *sorted((self.private / "areas").glob("*"))

    @property
    def history_file(self) -> Path:
        """The historian's file."""
        return self.private / "history.duckdb"

    @property
    def derived(self) -> tuple[TagSpec, ...]:
        """The tags that are computed by an expression."""
        return tuple(spec for spec in self.specs if spec.expression)

    @property
    def recorded(self) -> tuple[TagSpec, ...]:
        """The tags that go to the historian."""
        return self.specs if self.historian.record == "all" else tuple(s for s in self.specs if s.history)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the sorted (path, SHA-256) of the project's files, in hex; read when first asked."""
        files = {path for pattern in _HASHED for path in self.folder.glob(pattern) if path.is_file()}
        if self.entry is not None and self.entry.is_file():
            files.add(self.entry)
        return _digest(self.folder, files)

    @cached_property
    def world_hash(self) -> str:
        """The same over what a LIVE world reads at its start: scene and bindings are the desk's business."""
        return world_hash(self.folder)

    def scene_request(self, cache: str = "") -> OpenScene | None:
        """Return what to ask the scene child for, None when the project has no scene."""
        if self.entry is None:
            return None
        return OpenScene(
            entry=str(self.entry),
            bindings=str(self.bindings or ""),
            composed=str(self.composed or ""),
            roots=tuple(str(root) for root in (self.folder, *self.roots)),
            purposes=self.purposes,
            load="all" if self.load == "all" else "none",
            cache=cache,
            limits=self.limits,
        )


def concerning(project: Project, asset: str) -> tuple[TagSpec, ...]:
    """Return the tags that tell of a person or asset: by their subject, or by the twin they belong to."""
    return tuple(spec for spec in project.specs if asset and asset in (spec.subject, spec.twin))


def world_hash(folder: Path) -> str:
    """Return `Project.world_hash` of the files as they are on disk now. Raises OSError."""
    return _digest(folder, {folder / name for name in WORLD_FILES if (folder / name).is_file()})


def _digest(folder: Path, files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for name, path in sorted((_relative(path, folder), path) for path in files):
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{name}\0{digest}\n".encode())
    return total.hexdigest()


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
