"""Unpacks an FMU, which is a zip from a stranger: no path leads out, no bomb goes off."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from armillary.model.fault import Fault, WorldFault

MAX_BYTES = 500 * 1024 * 1024  # unpacked
MAX_RATIO = 100  # unpacked to packed; a small archive may be denser
MAX_ENTRIES = 50_000
_SMALL = 16 * 1024 * 1024  # below this a ratio says nothing: tables of zeros are common
_CHUNK = 1 << 20


def unzip(file: Path, folder: Path) -> None:
    """Unpack a file into an empty folder. Raises WorldFault before anything is written outside of it."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check(file, entries)
            left = MAX_BYTES  # what the archive says of its sizes may be wrong, so what comes out is counted
            for entry in entries:
                left = _unpack(archive, entry, folder, left, file)
    except FileNotFoundError as error:
        raise _fault(file, "There is no such file.", "Look at the path in the scenario.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _fault(
            file, f"The file is no sound FMU: {error}.", "Export it again, or copy it once more."
        ) from error
    except OSError as error:
        raise _fault(
            file, f"The FMU cannot be unpacked: {error.strerror or error}.", "Look at rights and free space."
        ) from error


def _check(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        name = entry.filename
        if "\\" in name or ":" in name or name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise _fault(
                file, f"The FMU holds a path that leads out of it: {name!r}.", "Do not use this file."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _fault(file, f"The FMU holds a link: {name!r}.", "Do not use this file.")
    packed = sum(e.compress_size for e in entries)
    unpacked = sum(e.file_size for e in entries)
    if len(entries) > MAX_ENTRIES or unpacked > MAX_BYTES:
        raise _too_big(file)
    if unpacked > _SMALL and unpacked > MAX_RATIO * max(packed, 1):
        raise _fault(
            file,
            f"The FMU unpacks to {unpacked // max(packed, 1)} times its size; {MAX_RATIO} is the limit.",
            "Do not use this file.",
        )
    if not any(e.filename == "modelDescription.xml" for e in entries):
        raise _fault(file, "The file is no FMU: it has no modelDescription.xml.", "Give an .fmu file.")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int, file: Path) -> int:
    target = folder.joinpath(*PurePosixPath(entry.filename).parts)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return left
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as packed, target.open("wb") as out:
        while chunk := packed.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                shutil.rmtree(folder, ignore_errors=True)
                raise _too_big(file)
            out.write(chunk)
    target.chmod(0o700)  # a library must be executable to be loaded where /tmp is strict
    return left


def _too_big(file: Path) -> Fault:
    return _fault(file, f"The FMU is larger than {MAX_BYTES >> 20} MiB unpacked.", "Do not use this file.")


def _fault(file: Path, what: str, remedy: str) -> Fault:
    return WorldFault(what, where=str(file), remedy=remedy)
