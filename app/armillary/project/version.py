"""A version of a project as a document: what a replay needs to show a time as it was authored then.

The document holds the texts of what a world runs and of the binding layer. Accounts, secrets and the
customer's scene are never in it. Equal versions are equal bytes, so that their key is a digest.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project.record import WORLD_FILES, Project

KIND = "project"  # of the documents that the historian keeps
SCHEMA = 1
MAX_BYTES = 32 * 1024 * 1024  # of all texts of one version
_KEY_CHARS = 32
_COMPRESSION = 6
_MODELS = "model/*.json"


def world_part(project: Project) -> dict[str, str]:
    """Return the texts of what a world runs, by path in the project. Raises OSError, UnicodeDecodeError."""
    paths = [project.folder / name for name in WORLD_FILES]
    return _texts(project.folder, [*paths, *sorted(project.folder.glob(_MODELS))])


def scene_part(project: Project) -> dict[str, str]:
    """Return the texts of the binding layer and of what was composed. Raises OSError, UnicodeDecodeError."""
    return _texts(project.folder, scene_files(project))


def scene_files(project: Project) -> list[Path]:
    """Return the files of the binding layer, those that are there or not."""
    if project.bindings is None:
        return []
    branches = project.bindings.with_suffix("")
    more = sorted(branches.glob("*.usda")) if branches.is_dir() else []
    return [project.bindings, *more, *([project.composed] if project.composed is not None else [])]


def _texts(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    found = {p.relative_to(folder).as_posix(): p for p in paths if p.is_relative_to(folder) and p.is_file()}
    return {name: path.read_text("utf-8") for name, path in found.items()}


def packed(files: Mapping[str, str]) -> bytes:
    """Return the document of some texts. Raises ProjectFault when they are too large."""
    total = sum(map(len, files.values()))
    if total > MAX_BYTES:
        raise ProjectFault(
            f"The project's own files hold {total / 1e6:.0f} MB of text; a version of that is not kept.",
            where="history",
            remedy="Replays of this time show the bindings as they are now.",
        )
    text = json.dumps({"schema": SCHEMA, "files": dict(sorted(files.items()))}, ensure_ascii=False)
    return zlib.compress(text.encode(), _COMPRESSION)


def key_of(files: Mapping[str, str]) -> str:
    """Return the key of a version: equal for equal texts, whatever packed them."""
    digest = hashlib.sha256()
    for name, text in sorted(files.items()):
        digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
    return digest.hexdigest()[:_KEY_CHARS]


def unpacked(data: bytes) -> dict[str, str]:
    """Return the texts of a document. Raises ProjectFault for one that is damaged or of a newer Armillary."""
    try:
        plain = zlib.decompressobj().decompress(data, 2 * MAX_BYTES)
        document = json.loads(plain)
        schema = int(document["schema"])
        files = {str(name): str(text) for name, text in document["files"].items()}
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProjectFault(
            f"A version of the project that history kept cannot be read ({error}).",
            where="history",
            remedy="This time is shown as the project is now.",
        ) from error
    strange = [name for name in files if not _is_inside(name)]
    if schema > SCHEMA or strange:
        raise ProjectFault(
            f"A version of the project that history kept is not ours ({strange[:1] or schema}).",
            where="history",
            remedy="Update Armillary; this time is shown as the project is now.",
        )
    return files


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def unfolded(data: bytes, key: str, cache: Path) -> Path:
    """Return the folder with the files of a version, written when it is not there. Raises ProjectFault."""
    files = unpacked(data)
    if key_of(files) != key:
        raise ProjectFault(
            "A version of the project that history kept is not what it was.",
            where=f"history, {key}",
            remedy="This time is shown as the project is now.",
        )
    folder = cache / key
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=cache, prefix=f".{key}."))
        for name, text in files.items():
            path = making / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        try:
            making.rename(folder)
        except OSError:
            shutil.rmtree(making, ignore_errors=True)
            if not folder.is_dir():  # else somebody was faster
                raise
    except OSError as error:
        raise ProjectFault(
            f"A version of the project cannot be laid out: {error.strerror or error}.",
            where=str(folder),
            remedy="Make room, or make that folder writable; the time is shown as the project is now.",
        ) from error
    return folder


def project_of(folder: Path, now: Project) -> Project:
    """Return the project of a version in the place of today's: its record, scene and accounts are now's.

    Raises ProjectFault when the version cannot be read by this Armillary.
    """
    then = projects.read(folder)
    return replace(
        then,
        folder=now.folder,
        entry=now.entry,
        bindings=now.bindings,
        composed=now.composed,
        roots=now.roots,
    )
