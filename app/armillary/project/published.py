"""Published versions of a project: what its own text files said, kept so that it can be had again.

`.armillary/versions/` holds a record of each version and the texts by their key. The customer's scene, FMUs,
accounts and secrets are not kept; of scene and FMUs a digest is, so that another one is noticed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from armillary.model import files
from armillary.model.clock import iso
from armillary.model.fault import ProjectFault
from armillary.project import version as documents
from armillary.project.record import PROJECT_FILE, Project

SCHEMA = 1
FOLDER = "versions"
TEXTS = (
    "*.toml",
    "*.json",
    "bindings.usda",
    "composed.usda",
    "bindings/*.usda",
    "model/*.json",
    "scenarios/*.toml",
    "procedures/*.toml",
    "simulation/*.py",
)
BINARIES = ("simulation/*.fmu",)
PRIVATE = frozenset({"users.toml"})
NUMBER = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
PERSONS = 2  # at most: who publishes, and a second one
NOTE_CHARS = 500
_BEFORE = "before-"  # begins the name of what a restore put aside


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One version that is kept."""

    schema: int
    version: str  # `1.5.0`, or `before-1.4.0-…` of what a restore put aside
    key: str
    t_ns: int
    by: tuple[str, ...]
    note: str = ""
    words: str = ""  # what differed from the version before
    binaries: dict[str, str] = {}  # path -> SHA-256 of what belongs to it and is not kept

    @property
    def is_published(self) -> bool:
        """False for what a restore put aside."""
        return not self.version.startswith(_BEFORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    kept: Record  # what was there before, as it can be restored itself
    written: tuple[str, ...]
    removed: tuple[str, ...]
    others: tuple[str, ...]  # scene and FMUs that are other ones than those of the version


def texts(folder: Path) -> dict[str, str]:
    """Return the texts of a project as they are on disk, by path in it. Raises ProjectFault."""
    out = {}
    for path in _found(folder, TEXTS):
        name = path.relative_to(folder).as_posix()
        if name in PRIVATE:
            continue
        try:
            out[name] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectFault(
                f"{name} cannot be read: {error}.", where=str(path), remedy="Make it readable, as UTF-8."
            ) from error
    return out


def digests(project: Project) -> dict[str, str]:
    """Return what belongs to a version and is not kept, by path, with its SHA-256."""
    paths = [*_found(project.folder, BINARIES)]
    if project.entry is not None and project.entry.is_file():
        paths.append(project.entry)
    return {_relative(path, project.folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _found(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


# ---------------------------------------------------------------- what is kept
def kept(folder: Path) -> tuple[Record, ...]:
    """Return what is kept of a project, oldest first; a record that cannot be read is left out."""
    out = []
    for path in (folder / ".armillary" / FOLDER).glob("*.json"):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            continue
        if record.schema == SCHEMA:
            out.append(record)
    return tuple(sorted(out, key=lambda record: (record.t_ns, record.version)))


def published(folder: Path) -> tuple[Record, ...]:
    """Return the published versions of a project, oldest first."""
    return tuple(record for record in kept(folder) if record.is_published)


def record_of(folder: Path, name: str) -> Record:
    """Return one that is kept. Raises ProjectFault with those that there are."""
    known = kept(folder)
    found = next((record for record in known if record.version == name), None)
    if found is None:
        names = ", ".join(record.version for record in known) or "none: publish one"
        raise ProjectFault(f"There is no version {name}.", where=str(folder), remedy=f"There are: {names}.")
    return found


def texts_of(folder: Path, record: Record) -> dict[str, str]:
    """Return the texts of a version. Raises ProjectFault when they are gone, or not what they were."""
    path = _document(folder, record.key)
    try:
        held = documents.unpacked(path.read_bytes())
    except OSError as error:
        raise ProjectFault(
            f"The texts of version {record.version} are not there: {error.strerror}.",
            where=str(path),
            remedy="Take them from a backup, or from version control.",
        ) from error
    if documents.key_of(held) != record.key:
        raise ProjectFault(
            f"The texts of version {record.version} are not what they were.",
            where=str(path),
            remedy="Take them from a backup, or from version control.",
        )
    return held


def is_published(folder: Path) -> Record | None:
    """Return the published version that the files on disk are, None when they are another state."""
    key = documents.key_of(texts(folder))
    return next((record for record in reversed(published(folder)) if record.key == key), None)


def _document(folder: Path, key: str) -> Path:
    return folder / ".armillary" / FOLDER / f"{key}.texts"


# ---------------------------------------------------------------- making one
def next_version(now: str, known: Sequence[Record]) -> str:
    """Return the version that is proposed: one minor step above the newest."""
    newest = max(
        (_number(each) for each in (now, *(r.version for r in known if r.is_published))), default=(0, 0, 0)
    )
    return f"{newest[0]}.{newest[1] + 1}.0" if any(newest) or known else "1.0.0"


def _number(text: str) -> tuple[int, int, int]:
    match = NUMBER.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def must_follow(version: str, known: Sequence[Record]) -> None:
    """Raise ProjectFault unless a version can be the next one."""
    if not NUMBER.fullmatch(version):
        raise ProjectFault(
            f"'{version}' is no version.", where="version", remedy="Write three numbers, such as 1.5.0."
        )
    newest = max((_number(record.version) for record in known if record.is_published), default=(-1, 0, 0))
    if _number(version) <= newest:
        raise ProjectFault(
            f"Version {version} does not follow {'.'.join(map(str, newest))}.",
            where="version",
            remedy="Give a higher one; an older state is had again by `armillary versions restore`.",
        )


def with_version(text: str, version: str) -> str:
    """Return project.toml with its version; all else stays. Raises ProjectFault."""
    try:
        document = tomlkit.parse(text)
        cast("Table", document["project"])["version"] = version
    except (TOMLKitError, KeyError, TypeError) as error:
        raise ProjectFault(
            f"{PROJECT_FILE} cannot be edited: {error}.", where=PROJECT_FILE, remedy="Correct it first."
        ) from error
    return tomlkit.dumps(document)


def keep(folder: Path, held: Mapping[str, str], record: Record) -> None:
    """Keep the texts of a version, then its record. Raises ProjectFault when the disk does not take them."""
    home = folder / ".armillary" / FOLDER
    try:
        home.mkdir(parents=True, exist_ok=True)
        files.replace(_document(folder, record.key), documents.packed(held))
        files.replace(home / f"{record.version}.json", msgspec.json.encode(record) + b"\n")
    except OSError as error:
        raise ProjectFault(
            f"The version cannot be kept: {error.strerror}.",
            where=str(error.filename or home),
            remedy="Make room, or make that folder writable.",
        ) from error


def restored(project: Project, record: Record, by: Sequence[str], now_ns: int) -> Restored:
    """Put the texts of a version in the place of those on disk; what was there is kept, and can be had again.

    Raises ProjectFault before anything is written, or names the file at which it stopped.
    """
    folder = project.folder
    wanted, present = texts_of(folder, record), texts(folder)
    aside = Record(
        schema=SCHEMA,
        version=f"{_BEFORE}{record.version}-{iso(now_ns)[:19].replace(':', '')}",
        key=documents.key_of(present),
        t_ns=now_ns,
        by=tuple(by),
        note=f"before {record.version} was restored",
        binaries=digests(project),
    )
    keep(folder, present, aside)
    written = tuple(name for name, text in wanted.items() if present.get(name) != text)
    removed = tuple(name for name in present if name not in wanted)
    try:
        # project.toml last: what it names is there by then
        for name in sorted(written, key=lambda name: name == PROJECT_FILE):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            mode = (folder / name).stat().st_mode & 0o777 if (folder / name).exists() else 0o644
            files.replace(folder / name, wanted[name].encode(), mode)
        for name in removed:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise ProjectFault(
            f"The version is restored in part only: {error.strerror}.",
            where=str(error.filename or folder),
            remedy=f"Make room, then restore {aside.version}, which is all as it was, or try again.",
        ) from error
    now = digests(project)
    others = tuple(name for name, digest in record.binaries.items() if now.get(name) != digest)
    return Restored(kept=aside, written=written, removed=removed, others=others)
